import json

import pytest

from postroad.errors import WireError
from postroad.protocols.drivetech import answers


def test_the_documented_bodies_are_the_vendors_word_for_word():
    assert answers.SAVED == b'{"status": true, "description": "Successfully saved."}'
    assert answers.parameter_required("plate") == b'{"status": false, "description": "Parameter plate is required"}'
    assert answers.BY_STATUS[401] == b'{"status": false, "description": "Provider unauthorized"}'


def test_every_answer_has_the_two_keys():
    for status, body in answers.BY_STATUS.items():
        parsed = json.loads(body)
        assert list(parsed) == ["status", "description"]
        assert parsed["status"] is (status == 200)
    assert set(answers.BY_STATUS) == {200, 401, 404, 405, 413, 500, 503}


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (WireError("not_json"), "Invalid JSON body"),
        (WireError("missing", "event.type"), "Parameter event.type is required"),
        (WireError("invalid", "speed"), "Parameter speed is invalid"),
    ],
)
def test_a_refusal_names_the_field(error, description):
    assert json.loads(answers.refusal(error)) == {"status": False, "description": description}
