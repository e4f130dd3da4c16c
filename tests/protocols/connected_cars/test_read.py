"""Reading one event: what is taken, what is refused and which field is blamed, and how a repeat is known."""

import json

import pytest

from postroad.errors import WireError
from postroad.protocols.connected_cars import ConnectedCarsSettings, read

AS_USUAL = ConnectedCarsSettings()
IGNITION = {"type": "car_ignition", "id": 1, "vehicleId": 7301, "time": "2024-03-05T06:41:12Z", "value": True}


def of(change: dict | None = None, without: str = "", **base) -> bytes:
    members = (base or IGNITION) | (change or {})
    return json.dumps({name: value for name, value in members.items() if name != without}).encode()


def refusal(raw: bytes) -> tuple[str, str | None]:
    with pytest.raises(WireError) as caught:
        read(raw, AS_USUAL)
    return caught.value.code, caught.value.field


@pytest.mark.parametrize("field", IGNITION)
def test_a_missing_field_is_named(field):
    assert refusal(of(without=field)) == ("missing", field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", 1),
        ("type", None),
        ("id", 2**63),
        ("id", 1.5),
        ("vehicleId", 2**31),
        ("vehicleId", "seven"),
        ("vehicleId", "99999999999999999999"),
        ("value", "true"),
        ("value", 1),
        ("time", 5),
        ("time", "2024-03-05"),
        ("time", "2024-03-05T06:41:12"),
        ("time", "1969-12-31T23:59:59Z"),
        ("time", "0001-01-01T00:00:00+14:00"),
        ("time", "9999-12-31T23:59:59-14:00"),
        ("time", "yesterday"),
    ],
)
def test_a_wrong_field_is_named(field, value):
    assert refusal(of({field: value})) == ("invalid", field)


def test_null_where_a_value_is_needed_is_a_missing_one():
    assert refusal(of({"value": None})) == ("missing", "value")


def test_an_unknown_type_needs_whose_it_is():
    assert refusal(b'{"type":"x","id":1,"time":"2024-03-05T06:41:12Z"}') == ("missing", "vehicleId")


@pytest.mark.parametrize("vehicle", ["7301", "007301", 7301])
def test_a_vehicle_is_the_same_as_text_and_as_a_number(vehicle):
    item = read(of({"vehicleId": vehicle}), AS_USUAL)
    assert item == read(of(), AS_USUAL)
    assert (item.namespace, item.identifier) == ("connected_cars.vehicle", "7301")


def test_only_the_daily_odometer_may_have_a_bare_date():
    daily = IGNITION | {"type": "daily_can_odometer_km", "value": 5, "time": "2024-03-05"}
    assert read(of(**daily), AS_USUAL).recorded_us == 1_709_596_800_000_000
    assert refusal(of({"time": "2024-13-05"}, **daily)) == ("invalid", "time")


def test_a_lamps_second_type_is_its_kind():
    raw = b'{"type":"can_mil_lamp","id":1,"vehicleId":7301,"time":"2024-03-05T06:41:12Z","value":true,"type":"exhaust"}'
    assert read(raw, AS_USUAL).wire.event.lamp_type == "exhaust"


def test_a_trouble_code_in_both_spellings_at_once_keeps_the_newer():
    raw = (
        b'{"type":"can_dtc","id":1,"vehicleId":7301,"time":"2024-03-05T06:41:12Z","code":"00430e","txId":"7E0",'
        b'"transport":"ISOTP","application":"UDS","sourceType":"j2012","type":"vag"}'
    )
    assert read(raw, AS_USUAL).wire.event.source_type == "j2012"


def test_a_type_in_a_nested_object_is_not_the_events():
    item = read(of({"unit": {"type": "vag"}}), AS_USUAL)
    assert item.wire.type == "car_ignition"
    assert bytes(item.wire.extra["unit"]) == b'{"type": "vag"}'


def test_a_repeat_is_known_by_id_and_what_makes_the_id_unique():
    key = read(of(), AS_USUAL).dedup
    assert read(of({"time": "2024-03-05T07:41:12.000+01:00", "new": 1}), AS_USUAL).dedup == key
    others = [
        {"id": 2},
        {"vehicleId": 7302},
        {"time": "2024-03-05T06:41:12.001Z"},
        {"organizationKey": "denmark"},
        {"type": "calc_vehicle_idle"},
        {"type": "unheard"},
    ]
    keys = [read(of(other), AS_USUAL).dedup for other in others]
    assert len({key, *keys}) == len(others) + 1


def test_numbers_of_two_markets_are_told_apart_only_when_asked():
    marked = of({"organizationKey": "denmark"})
    assert read(marked, AS_USUAL).identifier == "7301"
    apart = ConnectedCarsSettings(organization_in_ids=True)
    assert read(marked, apart).identifier == "denmark/7301"
    assert read(of(), apart).identifier == "7301"
