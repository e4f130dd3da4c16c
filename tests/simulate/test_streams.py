"""The customer takes what is documented, and calls what is not by its name."""

import msgspec
import pytest

from postroad.simulate.streams import CarProfiling, GpsPosition, decode_bulk

POSITION = {
    "type": "gps_position",
    "id": 640,
    "vehicleId": 7301,
    "time": "2024-03-05T06:44:31.250Z",
    "latitude": 56.162937333,
    "longitude": 10.203921000000002,
    "speed": 47,
    "direction": 213,
    "eph": None,
    "hdop": None,
}
COMMON = {"id": 1, "vehicleId": 2, "time": "2024-03-05T06:44:31Z"}


def decode(*events: dict):
    return decode_bulk(msgspec.json.encode(events))


@pytest.mark.parametrize(
    "event",
    [
        POSITION,
        POSITION | {"speed": None, "direction": None, "hdop": 94},
        POSITION | {"direction": 360, "eph": 6},
        POSITION | {"id": 2**63 - 1, "vehicleId": 2**31 - 1},
        POSITION | {"time": "2024-03-05T08:44:31+02:00", "somethingNew": 1},
        COMMON | {"type": "car_ignition", "value": False},
        COMMON | {"type": "calc_vehicle_idle", "value": True},
        COMMON | {"type": "car_odometer_km", "value": 7},
        COMMON | {"type": "car_odometer_km", "value": 7.125},
        COMMON | {"type": "car_battery_voltage", "value": 12.6},
        COMMON | {"type": "can_vehicle_speed_kph", "value": 31.25},
        COMMON | {"type": "can_fuel_level_percent", "value": 53},
        COMMON | {"type": "car_profiling", "gForce": 0.37, "direction": "brake_medium"},
    ],
)
def test_an_event_as_documented_is_taken(event: dict):
    events, malformed = decode(event)
    assert malformed == []
    assert (events[0].type, events[0].id, events[0].vehicle_id) == (event["type"], event["id"], event["vehicleId"])


@pytest.mark.parametrize(
    "event",
    [
        POSITION | {"id": "640"},
        POSITION | {"id": 2**63},
        POSITION | {"vehicleId": "7301"},
        POSITION | {"vehicleId": 2**31},
        POSITION | {"time": "2024-03-05"},
        POSITION | {"time": "2024-03-05T06:44:31"},
        POSITION | {"latitude": 90.1},
        POSITION | {"longitude": None},
        POSITION | {"speed": 47.5},
        POSITION | {"speed": 2**15},
        POSITION | {"direction": 361},
        POSITION | {"eph": 6, "hdop": 94},
        POSITION | {"type": "gps_pos"},
        COMMON | {"type": "car_ignition", "value": 1},
        COMMON | {"type": "car_ignition"},
        COMMON | {"type": "car_profiling", "gForce": 0.19, "direction": "brake_low"},
        COMMON | {"type": "car_profiling", "gForce": 0.4, "direction": "brake"},
        {"id": 1},
    ],
)
def test_an_event_that_breaks_the_documented_shape_is_malformed_and_the_others_are_kept(event: dict):
    before, after = POSITION | {"id": 1}, POSITION | {"id": 3}
    events, malformed = decode(before, event, after)
    assert [each.id for each in events] == [1, 3]
    assert len(malformed) == 1


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"null", b'"\xff"', b"[1" + b",1" * 3])
def test_a_body_that_is_no_array_of_events_is_malformed(body: bytes):
    events, malformed = decode_bulk(body)
    assert events == []
    assert malformed


def test_an_empty_bulk_is_a_bulk():
    assert decode_bulk(b"[]") == ([], [])


def test_values_are_the_ones_that_were_sent():
    events, _ = decode(POSITION, COMMON | {"type": "car_profiling", "gForce": 0.37, "direction": "brake_medium"})
    position, profiling = events
    assert isinstance(position, GpsPosition)
    assert (position.latitude, position.longitude) == (56.162937333, 10.203921000000002)
    assert isinstance(profiling, CarProfiling)
    assert (profiling.g_force, profiling.direction) == (0.37, "brake_medium")
