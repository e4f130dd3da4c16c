"""The wire structs against every sample of the vendor, read and written back."""

import json
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from postroad.protocols import connected_cars
from postroad.protocols.connected_cars import EVENT_TYPES, ConnectedCarsSettings, Said, encode, read

HERE = Path(__file__).parent
PUBLISHED = (HERE / "published.jsonl").read_text().splitlines()
"""Every sample of the vendor's page, its trailing commas mended, as text: one has a key twice."""
NEWER = (HERE / "newer.jsonl").read_text().splitlines()
"""One event of each type, and of each shape, that only the vendor's newer page has. The values are made up."""

EARLIEST, LATEST = datetime(1971, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - the zone is drawn apart
TIMES = st.builds(
    lambda moment, zone: moment.isoformat() + zone,
    st.datetimes(EARLIEST, LATEST),
    st.sampled_from(["Z", "+02:00", "-04:30"]),
)
EXTRA = st.dictionaries(
    st.text(max_size=5),
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
    min_size=1,
    max_size=3,
)


few = settings(max_examples=25, deadline=None)


def facts(text: str) -> dict:
    """The members of an object as the vendor means them: of two types the second is the trouble code's format."""
    pairs = json.loads(text, object_pairs_hook=list)
    second = [(key, value) for key, value in pairs if key == "type"][1:]
    members = json.loads(text) | ({"type": pairs[0][1], "sourceType": second[0][1]} if second else {})
    return members | ({"vehicleId": int(members["vehicleId"])} if "vehicleId" in members else {})


def values_of(declared: inspect.Type) -> st.SearchStrategy:
    """Whatever a field of that type may hold."""
    match declared:
        case inspect.Metadata(type=inner):
            return values_of(inner)
        case inspect.UnionType(types=types):
            return st.one_of(*(values_of(one) for one in types))
        case inspect.IntType(ge=low, le=high):
            return st.integers(low, high)
        case inspect.FloatType(ge=low, le=high):
            return st.floats(low, high, allow_nan=False, allow_infinity=False)
        case inspect.StructType(cls=cls):
            return events_of(cls)
    return {inspect.BoolType: st.booleans(), inspect.NoneType: st.none(), inspect.StrType: st.text(max_size=8)}[
        type(declared)
    ]


@cache
def events_of(struct: type[msgspec.Struct]) -> st.SearchStrategy:
    """Any event of a type, drawn from its struct; a field that may be absent sometimes is."""
    fields = inspect.type_info(struct).fields
    drawn = {field.name: TIMES if field.name == "time" else values_of(field.type) for field in fields}
    return st.fixed_dictionaries(
        {field.name: drawn[field.name] for field in fields if field.required},
        optional={field.name: drawn[field.name] for field in fields if not field.required},
    ).map(lambda values: struct(**values))


def as_read(event: msgspec.Struct) -> msgspec.Struct:
    """Of two measures of a position's error none is believed."""
    if isinstance(event, connected_cars.GpsPosition) and None not in (event.eph, event.hdop):
        return msgspec.structs.replace(event, eph=None, hdop=None)
    return event


@pytest.mark.parametrize("text", [*PUBLISHED, *NEWER], ids=lambda text: facts(text)["type"])
def test_a_sample_is_read_and_written_back_to_the_same_facts(text):
    said = read(text.encode(), ConnectedCarsSettings()).wire
    assert said.extra == {}
    assert json.loads(encode(said)) == facts(text)


def test_the_vendors_page_has_a_sample_of_each_of_its_52_types_and_ours_of_the_others():
    assert sorted(facts(text)["type"] for text in PUBLISHED) == sorted(
        connected_cars.VEHICLE_TYPES + connected_cars.ADMIN_TYPES
    )
    assert {facts(text)["type"] for text in NEWER} >= set(connected_cars.NEWER_TYPES)


def test_there_is_a_struct_for_each_published_type_and_a_slot_for_it_and_for_any_other():
    assert len(connected_cars.VEHICLE_TYPES) == 46
    assert len(connected_cars.ADMIN_TYPES) == 6
    assert len(connected_cars.NEWER_TYPES) == 6
    assert set(connected_cars.SLOTS) == {*EVENT_TYPES, connected_cars.OTHER}
    assert tuple(connected_cars.SLOTS) == connected_cars.KINDS


@pytest.mark.parametrize("name", EVENT_TYPES)
@few
@given(data=st.data())
def test_any_event_of_any_type_is_written_and_read_back_as_it_was(name, data):
    event = data.draw(events_of(EVENT_TYPES[name]))
    item = read(encode(Said(event)), ConnectedCarsSettings())
    assert item.wire == Said(as_read(event))
    assert connected_cars.KINDS[item.kind] == name


@pytest.mark.parametrize("name", EVENT_TYPES)
@few
@given(data=st.data())
def test_what_is_not_known_is_kept_beside_any_event(name, data):
    event = as_read(data.draw(events_of(EVENT_TYPES[name])))
    extra = {"x_" + key: value for key, value in data.draw(EXTRA).items()}
    raw = json.dumps(json.loads(encode(Said(event))) | extra).encode()
    said = read(raw, ConnectedCarsSettings()).wire
    assert said.event == event
    assert {key: json.loads(bytes(value)) for key, value in said.extra.items()} == extra
    assert json.loads(encode(said)) == json.loads(raw)
    assert read(encode(said), ConnectedCarsSettings()).wire == said


def test_a_number_keeps_all_its_digits():
    raw = (
        b'{"type":"gps_position","id":9007199254740993,"vehicleId":1,"time":"2022-10-12T07:06:45Z",'
        b'"latitude":60.613747999999994,"longitude":17.414016999999998}'
    )
    said = read(raw, ConnectedCarsSettings()).wire
    assert (said.event.id, said.event.latitude) == (9007199254740993, 60.613747999999994)
    assert b'"id":9007199254740993' in encode(said)
    assert b"60.613747999999994" in encode(said)
