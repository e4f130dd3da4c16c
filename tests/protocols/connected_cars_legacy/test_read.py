"""Items: subjects, repeats, and whole bodies of which one message may be bad."""

import contextlib
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.errors import WireError
from postroad.model.identifiers import normalise
from postroad.protocols import connected_cars_legacy as legacy
from postroad.protocols.base import Item

NONE = legacy.LegacySettings()
SAMPLES = json.loads((Path(__file__).parent / "published_samples.json").read_text())
POSITION = next(sample for sample in SAMPLES if sample["type"] == "position")


def item_of(message: dict) -> Item:
    return legacy.read(json.dumps(message).encode(), NONE)


def body_of(*messages: object) -> bytes:
    return json.dumps(messages).encode()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["type"])
def test_an_id_in_other_letters_is_the_same_subject(sample):
    louder = {key: value.upper() if key in ("carId", "userId") else value for key, value in sample.items()}
    one, other = item_of(sample), item_of(louder)
    assert (one.namespace, one.identifier, one.dedup) == (other.namespace, other.identifier, other.dedup)
    assert normalise(one.namespace, sample.get("userId", sample.get("carId")).upper()) == one.identifier


def test_an_account_message_is_about_the_user_and_a_car_message_about_the_car():
    for sample in SAMPLES:
        kind = "user_id" if "userId" in sample else "car_id"
        assert item_of(sample).namespace == f"connected_cars_legacy.{kind}"
    both = {"type": "news", "userId": "U", "carId": "C"}
    assert item_of(both).identifier == "u"
    assert item_of({"type": "news", "carId": "C"}).identifier == "c"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["type"])
def test_only_car_messages_have_a_key_and_a_repeat_in_another_spelling_has_the_same(sample):
    others = {"lon": "long", "percent": "charge_level_percent", "celsius": "high_voltage_battery_temperature"}
    respelt = {others.get(key, key): sample[key] for key in reversed(sample)}
    if "time" in sample:
        respelt["time"] = "2017-01-01T13:30:10.000+01:00"
    assert bool(item_of(sample).dedup) == ("time" in sample)
    assert item_of(respelt).dedup == item_of(sample).dedup


@pytest.mark.parametrize(
    "change",
    [
        {"carId": "another"},
        {"time": "2017-01-01T12:30:10.000001Z"},
        {"lat": 51.123451},
        {"lon": 2.12345},
        {"speed": 0},
        {"speed": None},
        {"direction": None},
    ],
    ids=str,
)
def test_a_message_that_says_anything_else_is_no_repeat(change):
    assert item_of(POSITION | change).dedup != item_of(POSITION).dedup


def test_equal_payloads_of_different_types_are_no_repeats():
    odometer = {"carId": "C", "time": "2017-01-01T12:30:10Z", "odometer": 5.0}
    assert item_of({"type": "odometer"} | odometer).dedup != item_of({"type": "can_odometer"} | odometer).dedup


def test_an_undocumented_message_has_no_key_as_nobody_knows_what_a_repeat_of_it_is():
    assert item_of({"type": "news", "carId": "C", "time": "2017-01-01T12:30:10Z"}).dedup == b""


def test_a_body_is_split_into_the_very_bytes_of_its_messages():
    body = b' [ {"type":"user_remove",  "userId":"\xc3\xa9"}\n,\t{"a":[1,{"b":"],["}]} , 5 ] '
    assert legacy.split(body) == [b'{"type":"user_remove",  "userId":"\xc3\xa9"}', b'{"a":[1,{"b":"],["}]}', b"5"]
    assert legacy.split(b"[]") == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"[", "not_json"),
        (b"[{},]", "not_json"),
        (b"[{}] []", "not_json"),
        (b'["\xff"]', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"{}", "invalid"),
        (b"null", "invalid"),
        (json.dumps(POSITION).encode(), "invalid"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_only_a_body_that_cannot_be_read_as_a_whole_is_refused(body, code):
    with pytest.raises(WireError) as caught:
        legacy.read_bulk(body, NONE)
    assert (caught.value.code, caught.value.field) == (code, None)


def test_one_bad_message_does_not_touch_the_others():
    raws, items = legacy.read_bulk(body_of(POSITION, POSITION | {"lat": 91}, 5, POSITION), NONE)
    assert [json.loads(raw) for raw in raws] == [POSITION, POSITION | {"lat": 91}, 5, POSITION]
    assert items[0] == items[3] == item_of(POSITION)
    assert [(error.code, error.field) for error in items[1:3]] == [("invalid", "lat"), ("invalid", None)]
    assert all(error.__traceback__ is None for error in items[1:3]), "ten thousand of them would hold all their frames"


def test_a_full_bulk_of_both_feeds_is_read_as_message_by_message():
    many = (SAMPLES * 700)[:10_000]
    raws, items = legacy.read_bulk(body_of(*many), NONE)
    assert len(raws) == len(items) == 10_000
    assert items[: len(SAMPLES)] == [item_of(sample) for sample in SAMPLES]
    assert legacy.read_split(raws[15:30], NONE) == items[15:30]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_bytes_are_a_bulk_or_one_wire_error(data):
    body = body_of(*data.draw(st.lists(st.sampled_from(SAMPLES), max_size=3)))
    at, struck = data.draw(st.integers(0, len(body))), data.draw(st.integers(0, 6))
    for raw in (noise := data.draw(st.binary(max_size=30)), body[:at] + noise + body[at + struck :], body[:at]):
        raws, items = [], []
        with contextlib.suppress(WireError):
            raws, items = legacy.read_bulk(raw, NONE)
        for one, item in zip(raws, items, strict=True):
            assert one in raw
            assert isinstance(item, Item | WireError)
            one.decode()
            if isinstance(item, Item):
                assert legacy.read(one, NONE) == item
                assert isinstance(item.wire, msgspec.Struct)
