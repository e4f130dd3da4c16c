"""The structs against the vendor's page, and messages read and written back."""

import json
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.errors import WireError
from postroad.protocols import connected_cars_legacy as legacy
from postroad.protocols.connected_cars_legacy import Options

FOLDER = Path(__file__).parent
SAMPLES = json.loads((FOLDER / "published_samples.json").read_text())
"""The vendor's samples, their trailing commas mended."""
TABLES = json.loads((FOLDER / "published_tables.json").read_text())
"""The examples in the vendor's tables, put together to messages."""

EVERYTHING = frozenset(legacy.SCOPES)
IN = {"samples": Options(EVERYTHING, "samples"), "tables": Options(EVERYTHING, "tables")}

CAR = {"type": "odometer", "carId": "C", "time": "2017-01-01T12:30:10Z", "odometer": 1.5}
"""A smallest message of each feed."""
USER = {"type": "user_remove", "userId": "U"}


def of(message: dict, **changed: object) -> bytes:
    """The message with some members changed; ``...`` takes one out."""
    return json.dumps({key: value for key, value in (message | changed).items() if value is not ...}).encode()


def refusal(raw: bytes) -> tuple[str, str | None]:
    with pytest.raises(WireError) as caught:
        legacy.decode_message(raw)
    return caught.value.code, caught.value.field


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["type"])
def test_a_published_sample_comes_back_with_its_fields_in_order(sample):
    message = legacy.decode_message(json.dumps(sample).encode())
    written = json.loads(legacy.encode_message(message, IN["samples"]))
    assert list(written.items()) == list(sample.items())
    for car, given_car in zip(written.get("cars", ()), sample.get("cars", ()), strict=True):
        assert list(car.items()) == list(given_car.items())


@pytest.mark.parametrize("example", TABLES, ids=lambda example: example["type"])
def test_an_example_of_a_table_comes_back_in_the_spelling_of_the_tables(example):
    message = legacy.decode_message(json.dumps(example).encode())
    written = json.loads(legacy.encode_message(message, IN["tables"]))
    assert written == example | ({"time": message.time.isoformat().replace("+00:00", "Z")} if "time" in example else {})


def test_every_type_has_a_published_sample_or_an_example_of_its_table():
    assert {message["type"] for message in SAMPLES + TABLES} == set(legacy.STRUCTS)
    assert len(legacy.STRUCTS) == 18


def test_there_are_14_scopes_and_each_of_them_gates_something():
    gates = {struct.scope for struct in legacy.STRUCTS.values()}
    gates |= {field.scope for struct in (*legacy.STRUCTS.values(), legacy.Car) for field in legacy.facts(struct)}
    assert gates - {None} == EVERYTHING
    assert len(legacy.SCOPES) == 14


def test_what_each_scope_gates_is_what_the_page_says():
    gated = {name: struct.scope for name, struct in legacy.STRUCTS.items() if struct.scope}
    for struct in (*legacy.STRUCTS.values(), legacy.Car):
        gated |= {f"{struct.__name__}.{field.key}": field.scope for field in legacy.facts(struct) if field.scope}
    assert gated == {
        "UserSignup.firstName": "user_name",
        "UserSignup.lastName": "user_name",
        "UserSignup.email": "user_email",
        "UserSignup.phone": "user_phone",
        "Car.make": "vehicle_make",
        "Car.model": "vehicle_model",
        "Car.year": "vehicle_model",
        "Car.licensePlate": "vehicle_license_plate",
        "ignition_on": "vehicle_ignition",
        "ignition_off": "vehicle_ignition",
        "position": "vehicle_position",
        "odometer": "vehicle_odometer",
        "can_odometer": "vehicle_odometer",
        "fuel_level": "vehicle_fuel_level",
        "fuel_level_percent": "vehicle_fuel_level",
        "charge_level_percent": "vehicle_fuel_level",
        "high_voltage_battery_temperature": "vehicle_fuel_level",
        "refuel": "vehicle_fuel_level",
        "fuel_consumed": "vehicle_fuel_consumed",
        "profiling": "vehicle_profiling",
        "idle_time": "vehicle_idle_time",
        "dtc": "vehicle_dtc",
    }


def test_every_field_has_a_meaning_and_every_number_a_unit():
    for struct in (*legacy.STRUCTS.values(), legacy.Car):
        hints = get_type_hints(struct)
        for fact in legacy.facts(struct):
            hint = hints[fact.name]
            assert fact.meaning, (struct, fact.name)
            assert bool(fact.unit) == (float in (hint, *get_args(hint))), (struct, fact.name)


def test_a_schema_has_the_unit_meaning_and_scope_of_a_field():
    properties = msgspec.json.schema(legacy.PositionMessage)["$defs"]["PositionMessage"]["properties"]
    assert properties["speed"]["x-unit"] == "km/h"
    assert properties["lat"]["description"] == "latitude"
    signup = msgspec.json.schema(legacy.UserSignup)["$defs"]["UserSignup"]["properties"]
    assert signup["email"]["x-scope"] == "user_email"


@pytest.mark.parametrize(
    ("sample", "keys"),
    [
        ("position", ("lon", "long", "lng")),
        ("charge_level_percent", ("percent", "charge_level_percent")),
        ("high_voltage_battery_temperature", ("celsius", "high_voltage_battery_temperature")),
    ],
)
def test_every_spelling_is_read_and_that_of_the_samples_counts_first(sample, keys):
    (published,) = [one for one in SAMPLES if one["type"] == sample]
    value, others = published[keys[0]], dict.fromkeys(keys, ...)
    as_published = legacy.decode_message(json.dumps(published).encode())
    for number, key in enumerate(keys):
        worse = dict.fromkeys(keys[number + 1 :], 1.5)
        better = dict.fromkeys(keys[:number], None)
        assert legacy.decode_message(of(published, **(others | better | {key: value} | worse))) == as_published
    assert refusal(of(published, **others)) == ("missing", keys[0])
    assert refusal(of(published, **(others | {keys[-1]: "x"}))) == ("invalid", keys[-1])


@pytest.mark.parametrize(
    ("raw", "expect"),
    [
        (b"", ("not_json", None)),
        (b"{", ("not_json", None)),
        (b"[]", ("invalid", None)),
        (b"5", ("invalid", None)),
        (b"{}", ("missing", "type")),
        (of(CAR, type=None), ("missing", "type")),
        (of(CAR, type=5), ("invalid", "type")),
        (of(CAR, carId=...), ("missing", "carId")),
        (of(CAR, carId=""), ("invalid", "carId")),
        (of(CAR, carId="x" * 65), ("invalid", "carId")),
        (of(CAR, carId="é"), ("invalid", "carId")),
        (of(CAR, carId="a\u0000"), ("invalid", "carId")),
        (of(CAR, carId=7), ("invalid", "carId")),
        (of(CAR, time=None), ("missing", "time")),
        (of(CAR, time="2017-01-01"), ("invalid", "time")),
        (of(CAR, time="now and then"), ("invalid", "time")),
        (of(CAR, time=1483273810), ("invalid", "time")),
        (of(CAR, odometer=None), ("missing", "odometer")),
        (of(CAR, odometer=-1), ("invalid", "odometer")),
        (of(CAR, odometer="1.5"), ("invalid", "odometer")),
        (of(USER, userId=...), ("missing", "userId")),
        (of(USER, userId="ü"), ("invalid", "userId")),
        (of(USER, type="car_remove"), ("missing", "carId")),
        (of(USER, type="car_add"), ("missing", "cars")),
        (of(USER, type="car_add", cars={}), ("invalid", "cars")),
        (of(USER, type="car_add", cars=[{"carId": "a"}, {"carId": "å"}]), ("invalid", "cars[1].carId")),
        (of(CAR, type="news", carId=...), ("missing", "carId")),
        (of(CAR, type="news", carId="é"), ("invalid", "carId")),
        (of(CAR, type="news", time="x"), ("invalid", "time")),
    ],
)
def test_a_message_that_cannot_be_read_says_why(raw, expect):
    assert refusal(raw) == expect


@pytest.mark.parametrize("identifier", ["x", "x" * 64, "3bbcee75-3bbcee75", "A b/c~!"])
def test_an_id_is_any_ascii_text_of_1_to_64_characters(identifier):
    assert legacy.decode_message(of(CAR, carId=identifier)).car_id == identifier


@pytest.mark.parametrize(
    "written",
    [
        "2017-05-19T18:31:03.250Z",
        "2017-05-19T18:31:03.250000Z",
        "2017-05-19T18:31:03.25+00:00",
        "2017-05-19T20:31:03.250+02:00",
        "2017-05-19T20:31:03.250+02",
        "20170519T183103.250Z",
        "2017-05-19 18:31:03.250",
    ],
)
def test_spellings_of_one_instant_are_one_instant(written):
    item = legacy.read(of(CAR, time=written), legacy.LegacySettings())
    assert item.recorded_us == 1_495_218_663_250_000


@pytest.mark.parametrize("written", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_an_instant_before_1970_is_refused(written):
    with pytest.raises(WireError) as caught:
        legacy.read(of(CAR, time=written), legacy.LegacySettings())
    assert caught.value.field == "time"


def test_what_is_not_documented_is_kept_and_can_be_had():
    raw = of(CAR, source="obd", depth={"a": [1]})
    assert legacy.undocumented(raw) == {"source": msgspec.Raw(b'"obd"'), "depth": msgspec.Raw(b'{"a": [1]}')}
    unknown = legacy.decode_message(of(CAR, type="news"))
    assert isinstance(unknown, legacy.UnknownMessage)
    assert msgspec.json.encode(unknown.members) == msgspec.json.encode(msgspec.json.decode(of(CAR, type="news")))
    published = next(one for one in TABLES if one["type"] == "position")
    assert legacy.undocumented(json.dumps(published).encode()) == {}


def test_the_feed_is_told_from_the_type():
    account = {name for name, struct in legacy.STRUCTS.items() if issubclass(struct, legacy.AccountMessage)}
    assert account == {"user_signup", "user_remove", "car_add", "car_remove"}
    for message in SAMPLES + TABLES:
        feed = legacy.feed_of(legacy.decode_message(json.dumps(message).encode()))
        assert feed == ("account" if message["type"] in account else "car")
    assert legacy.feed_of(legacy.decode_message(of(CAR, type="news"))) == "car"
    assert legacy.feed_of(legacy.decode_message(of(USER, type="news"))) == "account"


each_type = pytest.mark.parametrize("struct", legacy.STRUCTS.values(), ids=legacy.STRUCTS)


@each_type
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_message_comes_back_from_bytes_in_both_spellings(messages, struct, data):
    message = data.draw(messages(struct))
    for options in IN.values():
        back = legacy.decode_message(legacy.encode_message(message, options))
        assert with_years_as_text(back) == with_years_as_text(message)


def with_years_as_text(message: msgspec.Struct) -> dict:
    """All of it; a year may be a number or the same as text."""
    members = msgspec.to_builtins(message)
    for car in members.get("cars", ()):
        if "year" in car:
            car["year"] = str(car["year"])
    return members


@each_type
@settings(max_examples=40, deadline=None)
@given(data=st.data(), scopes=st.frozensets(st.sampled_from(legacy.SCOPES)))
def test_nothing_leaves_that_its_scope_does_not_allow_and_everything_that_it_does(messages, struct, data, scopes):
    message = data.draw(messages(struct))
    body = legacy.encode_message(message, Options(scopes))
    if struct.scope is not None and struct.scope not in scopes:
        assert body is None
        return
    sent = json.loads(body)
    pairs = [(sent, message), *zip(sent.get("cars", ()), getattr(message, "cars", ()), strict=True)]
    for members, original in pairs:
        for field in legacy.facts(type(original)):
            value = getattr(original, field.name)
            if field.scope is not None and (field.scope not in scopes or value is None):
                assert field.key not in members
            elif field.name not in ("cars", "time"):
                assert str(members.get(field.key)) == str(value)
