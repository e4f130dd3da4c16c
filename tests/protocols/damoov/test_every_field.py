"""All structs of the wire, whatever stands in their fields: written and read again they are equal."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from postroad.protocols import damoov
from postroad.protocols.base import Addressing
from postroad.protocols.damoov.read import decode

quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
WHEN = "2025-03-18T07:22:30.1000001Z"
DATASETS = {
    "removed_track": (damoov.RawTrack, lambda inner: {"Track": inner}),
    "received_track": (damoov.RawTrack, lambda inner: {"success": True, "result": {"TripData": inner}}),
    "processed_track": (damoov.RichTrack, lambda inner: {"Result": {"Track": inner, "Code": 200}}),
    "accident": (damoov.DrivingEvent, lambda inner: inner),
    "accident_extra": (damoov.AccidentExtra, lambda inner: {"Result": inner, "Status": 200}),
}
MINE = "0f7b6c58-2d94-4a1b-8e36-95c0d1f4a27e"
OPTIONS = damoov.Options(base_url="https://hub.example")
tokens = st.uuids().map(str)


def values(declared: inspect.Type, name: str = "") -> st.SearchStrategy[Any]:
    """JSON values of a field, as its type and bounds allow."""
    match declared:
        case inspect.Metadata(type=inner):
            return values(inner, name)
        case inspect.UnionType(types=types):
            return st.one_of(*(values(one, name) for one in types if not isinstance(one, inspect.NoneType)))
        case inspect.StructType(cls=struct):
            return objects(struct)
        case inspect.VarTupleType(item_type=inner) | inspect.ListType(item_type=inner):
            return st.lists(values(inner), max_size=2)
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return st.integers(-(2**53), 2**53)
        case inspect.FloatType(ge=least, le=most):
            return st.floats(least, most, allow_nan=False, allow_infinity=False)
        case inspect.StrType(min_length=least):
            if name == "Timestamp":
                return st.just(WHEN)
            return tokens if least else st.text(max_size=12)
    return st.none() | st.integers(0, 9) | st.dictionaries(st.text(max_size=3), st.booleans(), max_size=2)


def objects(struct: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    fields = inspect.type_info(struct).fields
    required = {one.encode_name: values(one.type, one.encode_name) for one in fields if one.required}
    optional = {one.encode_name: values(one.type, one.encode_name) for one in fields if not one.required}
    tag = struct.__struct_config__
    if tag.tag_field:
        required[tag.tag_field] = st.just(tag.tag)
    return st.fixed_dictionaries(required, optional=optional)


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_null(one) for key, one in value.items() if one is not None}
    return value


@pytest.mark.parametrize("event", damoov.EVENTS)
@quick
@given(data=st.data())
def test_every_notification_is_read_whole_and_written_the_same(event, data):
    struct = damoov.EVENTS[event]
    frame = data.draw(objects(struct))
    said = decode(json.dumps(frame).encode())
    assert damoov.undocumented(frame, struct) == {}
    again = decode(msgspec.json.encode(said.notification))
    assert again.notification == said.notification
    written = without_null(msgspec.json.decode(msgspec.json.encode(said.notification)))
    assert {key: written.get(key) for key in frame if frame[key] not in ({}, None)} == {
        key: without_null(value) for key, value in frame.items() if value not in ({}, None)
    }


@pytest.mark.parametrize("kind", DATASETS)
@quick
@given(data=st.data())
def test_every_dataset_is_read_whole_and_written_the_same(kind, data):
    struct, framed = DATASETS[kind]
    inner = data.draw(objects(struct))
    dataset = damoov.decode_dataset(kind, framed(inner))
    assert type(dataset) is struct
    assert damoov.undocumented(inner, struct) == {}
    written = msgspec.json.encode(dataset)
    assert damoov.decode_dataset(kind, framed(json.loads(written))) == dataset
    assert set(json.loads(written)) == {name for name, value in inner.items() if value is not None}


@pytest.mark.parametrize("kind", DATASETS)
@quick
@given(data=st.data())
def test_whatever_a_dataset_says_it_can_be_told(says, frames, kind, data):
    struct, framed = DATASETS[kind]
    event = next(event for event, of in damoov.DATASET_OF.items() if of == kind)
    told = next(frame for frame in frames.values() if frame.get("Event") == event)
    item = damoov.fetched(json.dumps(told).encode(), json.dumps(framed(data.draw(objects(struct)))).encode())
    for height in ("unknown", "cm", "mm"):
        for one in says(item, trips="both", height_unit=height):
            told = damoov.write(one, to=Addressing(driver_id=MINE), options=OPTIONS)
            assert [msgspec.json.decode(body.body)["Event"] for body in told] == [event]
            answer = damoov.dataset_of(one, kind, device_token=MINE)
            assert type(damoov.decode_dataset(kind, json.loads(answer))) is struct


@pytest.mark.parametrize("struct", [*damoov.EVENTS.values(), *dict.fromkeys(one for one, _ in DATASETS.values())])
def test_every_field_says_what_it_means(struct):
    _, components = msgspec.json.schema_components([struct])
    for name, schema in components.items():
        assert schema["description"], name
        for field, one in schema["properties"].items():
            assert field == "Event" or one.get("description"), f"{name}.{field}"
