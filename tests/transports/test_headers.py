"""What is said of signatures that an attribute has no room for."""

import pytest

from postroad.transports.headers import SIGNED, lost_signature


@pytest.mark.parametrize("name", SIGNED)
def test_a_signature_is_lost_where_any_of_its_headers_is_too_long(name: str) -> None:
    whole = dict.fromkeys(SIGNED, "v" * 10)
    assert lost_signature(whole, max_bytes=10) is None
    assert "10 bytes" in (lost_signature(whole | {name: "v" * 11}, max_bytes=10) or "")


def test_what_is_not_signed_loses_no_signature() -> None:
    assert lost_signature({"x-other": "v" * 11}, max_bytes=10) is None
