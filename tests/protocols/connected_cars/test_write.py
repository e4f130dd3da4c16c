"""What the samples do not show of the translation: rounding, times, limits, order."""

import json
from datetime import UTC, datetime
from fractions import Fraction
from math import floor, inf, nan

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.clock import to_us
from postroad.model.events import (
    AccessChanged,
    HarshManoeuvre,
    Header,
    Identifier,
    Idling,
    Ignition,
    MalfunctionLamp,
    MembershipChanged,
    Position,
    Report,
)
from postroad.protocols import connected_cars
from postroad.protocols.base import Addressing, position_and_slot
from postroad.protocols.connected_cars import Options
from postroad.protocols.connected_cars.harsh import profiling, whole
from postroad.protocols.connected_cars.times import timestamp

HEADER = Header(subject_id=1, provider_id=1, recorded_us=1_709_621_071_250_999, received_us=1_709_621_072_000_000)


def write(options: Options | None = None, **said) -> dict[str, dict]:
    """What a report becomes, by wire type."""
    report = Report(header=HEADER, **said)
    outgoing = connected_cars.write(report, to=Addressing(vehicle_id=7), position=12, options=options or Options())
    return {event["type"]: event for event in (json.loads(one.body) for one in outgoing)}


@given(st.floats(-1e6, 1e6))
def test_rounding_goes_to_the_nearest_and_up_at_a_half(value):
    assert whole(value) == floor(Fraction(value) + Fraction(1, 2))


@pytest.mark.parametrize(("value", "rounded"), [(0.49999999999999994, 0), (0.5, 1), (1.5, 2), (2.5, 3), (62.4, 62)])
def test_a_half_goes_up_and_nothing_less_does(value, rounded):
    assert whole(value) == rounded


@given(st.integers(0, to_us(datetime(9999, 12, 31, tzinfo=UTC))))
def test_a_time_is_utc_in_milliseconds_and_never_moves_forward(us):
    text = timestamp(us)
    assert len(text) == 24
    assert text.endswith("Z")
    assert 0 <= us - to_us(datetime.fromisoformat(text)) < 1000


@pytest.mark.parametrize(("heading", "direction"), [(0, 0), (359.4, 359), (359.5, 0), (360, 0), (None, None)])
def test_both_ends_of_the_compass_are_0(heading, direction):
    place = Position(latitude_deg=1.0, longitude_deg=2.0, heading_deg=heading)
    assert write(position=place)["gps_position"]["direction"] == direction


@pytest.mark.parametrize(("kmh", "speed"), [(None, None), (0.0, 0), (32766.4, 32766), (32767.0, None), (-1.0, None)])
def test_a_speed_that_does_not_fit_16_bits_is_unknown(kmh, speed):
    place = Position(latitude_deg=1.0, longitude_deg=2.0, speed_kmh=kmh)
    assert write(position=place)["gps_position"]["speed"] == speed


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_coordinates_are_the_numbers_that_were_given(latitude, longitude):
    place = Position(latitude_deg=latitude, longitude_deg=longitude)
    (event,) = connected_cars.write(
        Report(header=HEADER, position=place), to=Addressing(vehicle_id=7), position=1, options=Options()
    )
    read = json.loads(event.body)
    assert (read["latitude"], read["longitude"]) == (latitude, longitude)


@pytest.mark.parametrize("claim_can", [False, True])
def test_a_position_without_a_fix_says_neither_place_nor_speed(claim_can):
    stale = Position(latitude_deg=1.0, longitude_deg=2.0, speed_kmh=50.0, fix=False)
    said = write(Options(claim_can=claim_can), position=stale, readings={"odometer_km": 5.0})
    assert set(said) == {"car_odometer_km"}


def test_an_ignition_level_is_no_ignition_event():
    assert write(readings={"ignition": True}) == {}
    assert write(occurrences=(Ignition(True),))["car_ignition"]["value"] is True


def test_nothing_is_claimed_to_be_can_unless_asked():
    readings = {"fuel_level_percent": 53.5, "odometer_km": 10.0}
    assert set(write(readings=readings)) == {"car_odometer_km"}
    assert write(Options(claim_can=True), readings=readings)["can_fuel_level_percent"]["value"] == 54


@pytest.mark.parametrize(
    ("kind", "in_g", "felt"),
    [
        ("braking", 0.1999999, None),
        ("braking", 0.2, (0.2, "brake_low")),
        ("braking", 0.24, (0.24, "brake_medium")),
        ("acceleration", 0.3999, (0.4, "acceleration_high")),
        ("acceleration", 0.39, (0.39, "acceleration_medium")),
        ("braking", None, None),
        ("turn", 0.9, None),
        ("turn_left", 0.9, (0.9, "turn_left_high")),
        ("turn_right", 0.21, (0.21, "turn_right_low")),
    ],
)
def test_harsh_driving_is_classed_by_the_number_that_is_sent(kind, in_g, felt):
    assert profiling(HarshManoeuvre(kind, 1.0, in_g), Options()) == felt


def test_class_limits_that_do_not_rise_are_refused():
    for wrong in ({"harsh_medium_g": 0.1}, {"harsh_medium_g": 0.5}, {"harsh_high_g": 0.21}, {"harsh_max": 1}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, Options)


@given(position=st.integers(1, 2**57 - 1))
def test_ids_rise_within_a_report_and_name_position_and_type(position):
    report = Report(
        header=HEADER,
        position=Position(latitude_deg=1.0, longitude_deg=2.0, speed_kmh=3.0),
        readings={"odometer_km": 1.0, "supply_voltage_v": 12.0, "fuel_level_percent": 50.0},
        occurrences=(Ignition(True), Idling(False), HarshManoeuvre("braking", 3.0, 0.3)),
    )
    outgoing = connected_cars.write(
        report, to=Addressing(vehicle_id=7), position=position, options=Options(claim_can=True)
    )
    events = [json.loads(one.body) for one in outgoing]
    assert len(events) == 8
    assert [event["id"] for event in events] == sorted({event["id"] for event in events})
    for one, event in zip(outgoing, events, strict=True):
        assert position_and_slot(event["id"]) == (position, one.slot)
        assert connected_cars.SLOTS[event["type"]] == one.slot
        assert event["vehicleId"] == 7


def test_of_two_occurrences_of_one_type_the_first_is_said():
    assert write(occurrences=(Ignition(False), Ignition(True)))["car_ignition"]["value"] is False
    harsh = (HarshManoeuvre("braking", 5.0, 0.5), HarshManoeuvre("acceleration", 3.0, 0.3))
    assert write(occurrences=harsh)["car_profiling"]["direction"] == "brake_high"


def test_what_was_read_from_can_is_said_as_can_and_as_nothing_else():
    readings = {"odometer_km": 10.5, "fuel_level_percent": 53.5, "supply_voltage_v": 12.0}
    said = write(readings=readings, occurrences=(MalfunctionLamp(on=True),), from_can=True)
    assert {name: event["value"] for name, event in said.items()} == {
        "can_odometer_km": 11,
        "can_fuel_level_percent": 54,
        "can_mil_lamp": True,
        "car_battery_voltage": 12.0,
    }
    assert set(write(readings=readings, occurrences=(MalfunctionLamp(on=True),))) == {
        "car_odometer_km",
        "car_battery_voltage",
    }


def test_a_profile_has_its_own_names_and_types():
    readings = {"oil_degradation_percent": 5.0, "range_km": 300.0, "device_battery_v": 4.0, "odometer_of_day_km": 7.0}
    older, newer = (write(Options(profile=one), readings=readings, from_can=True) for one in ("2023-08", "2026-03"))
    assert set(older) == {"can_oil_degration_percent", "gpio_battery_internal_voltage", "daily_can_odometer_km"}
    assert set(newer) == {"can_oil_degradation_percent", "can_range_total_km", "daily_can_odometer_km"}
    assert older["daily_can_odometer_km"]["time"] == "2024-03-05"
    assert newer["daily_can_odometer_km"]["time"] == "2024-03-05T00:00:00.000Z"


def test_a_vin_and_a_market_that_are_not_known_are_left_out():
    said = write(
        options=Options(profile="2026-03"),
        readings={"supply_voltage_v": 12.0},
        occurrences=(Ignition(True), HarshManoeuvre("braking", 5.0, 0.5)),
        position=Position(latitude_deg=1.0, longitude_deg=2.0),
    )
    assert set(said) == {"car_battery_voltage", "car_ignition", "car_profiling", "gps_position"}
    assert not any({"vin", "organizationKey"} & set(event) for event in said.values())


def test_the_newer_profile_says_the_vin_and_the_market_where_they_are_known():
    report = Report(header=HEADER, readings={"odometer_km": 1.0})
    choice = Options(profile="2026-03", organization_key="denmark")
    (event,) = connected_cars.write(
        report, to=Addressing(vehicle_id=7, vin="ZAR94000007021883"), position=1, options=choice
    )
    assert json.loads(event.body).items() >= {"vin": "ZAR94000007021883", "organizationKey": "denmark"}.items()
    older = Options(organization_key="denmark")
    (event,) = connected_cars.write(
        report, to=Addressing(vehicle_id=7, vin="ZAR94000007021883"), position=1, options=older
    )
    assert {"vin", "organizationKey"}.isdisjoint(json.loads(event.body))


@pytest.mark.parametrize("value", [2.0**63, -(2.0**63), inf, -inf, nan])
def test_a_number_that_does_not_fit_is_not_said(value):
    assert write(readings={"next_service_km": value}, from_can=True) == {}


def test_a_negative_number_of_days_is_rounded_like_any_other():
    assert write(readings={"next_service_days": -1.5}, from_can=True)["can_next_service_days"]["value"] == -1


def test_of_two_measures_of_error_the_one_in_metres_is_said():
    for error, hdop, said in [(6.4, 0.94, (6, None)), (None, 0.944, (None, 94)), (None, None, (None, None))]:
        place = Position(latitude_deg=1.0, longitude_deg=2.0, horizontal_error_m=error, hdop=hdop)
        event = write(position=place)["gps_position"]
        assert (event["eph"], event["hdop"]) == said


def test_a_class_that_the_source_gave_stands_whatever_our_limits():
    manoeuvre = HarshManoeuvre("braking", 0.21, 0.21, "high")
    assert write(occurrences=(manoeuvre,))["car_profiling"]["direction"] == "brake_high"


def admin(event, **numbers) -> list[dict]:
    outgoing = connected_cars.write(event, to=Addressing(vehicle_id=7, **numbers), position=12, options=Options())
    assert [position_and_slot(json.loads(one.body)["id"]) for one in outgoing] == [(12, one.slot) for one in outgoing]
    return [{k: v for k, v in json.loads(one.body).items() if k not in ("id", "time")} for one in outgoing]


@pytest.mark.parametrize(("granted", "word"), [(True, "granted_to"), (False, "removed_from")])
def test_our_own_grants_are_told_with_our_own_numbers(granted, word):
    of_vehicle = AccessChanged(header=HEADER, of="vehicle", granted=granted)
    of_fleet = AccessChanged(header=HEADER, of="fleet", granted=granted)
    assert admin(of_vehicle) == [{"type": f"access_{word}_vehicle", "vehicleId": 7}]
    assert admin(of_fleet, fleet_id=3) == [{"type": f"access_{word}_fleet", "fleetId": 3}]
    assert admin(of_fleet) == []


@pytest.mark.parametrize(("joined", "name"), [(True, "vehicle_added_to_fleet"), (False, "vehicle_removed_from_fleet")])
def test_a_move_names_the_vehicle_and_a_fleet_that_has_a_number(joined, name):
    moved = MembershipChanged(header=HEADER, joined=joined, fleet=Identifier("connected_cars.fleet", "118"))
    assert admin(moved, fleet_id=3) == [{"type": name, "fleetId": 3, "vehicleId": 7}]
    assert admin(moved) == []
