"""What every protocol promises, whichever it is: parametrised over the lists of sources and targets.

A protocol joins by its line in the list and by samples: for a source, frames beside what they say in
``tests/protocols/samples/in/<name>/``; for a target, reports, documents or account changes beside the events they
become in ``.../out/<name>/``.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroad.clock import to_us
from postroad.errors import WireError
from postroad.model.accounts import AccountChange
from postroad.model.catalogue import OCCURRENCES, READINGS
from postroad.model.documents import Document
from postroad.model.events import Event, Header, Report
from postroad.model.identifiers import kind_of
from postroad.protocols import READABLE, SOURCES, TARGETS
from postroad.protocols.base import (
    SLOT_BITS,
    Addressing,
    Item,
    SourceProtocol,
    outgoing_id,
    position_and_slot,
)

SAMPLES = Path(__file__).parent.parent / "protocols" / "samples"

LEGACY_TYPES = [
    "user_signup",
    "user_remove",
    "car_add",
    "car_remove",
    "ignition_on",
    "ignition_off",
    "position",
    "odometer",
    "fuel_level",
    "fuel_level_percent",
    "fuel_consumed",
    "charge_level_percent",
    "high_voltage_battery_temperature",
    "profiling",
    "idle_time",
    "dtc",
    "refuel",
    "can_odometer",
]

PINNED_KINDS = {
    "drivetech": (
        [
            "GPS",
            "IGN",
            "IDLING",
            "SOS",
            "OVER_SPEED",
            "LOW_BATTERY",
            "DOOR",
            "DRIVER_ID",
            "GPS_SIGNAL",
            "HARSH_BEHAVIOR",
        ]
    ),
    "connected_cars_legacy": ["unknown", *LEGACY_TYPES],
}
"""Logs hold indexes into these lists. Append when a protocol does; never change what is here."""

PINNED_SLOTS = {
    "connected_cars": [
        "calc_vehicle_idle",
        "can_adblue_remaining_distance_km",
        "can_ambient_air_temperature_celsius",
        "can_distance_with_mil_on_km",
        "can_dtc",
        "can_engine_code",
        "can_engine_coolant_temperature_celsius",
        "can_exceeded_oil_change_days",
        "can_exceeded_oil_change_km",
        "can_fuel_level_liters",
        "can_fuel_level_percent",
        "can_high_voltage_battery_charge_percent",
        "can_high_voltage_battery_temperature_celsius",
        "can_last_oil_change_days",
        "can_last_oil_change_km",
        "can_last_service_at_date",
        "can_last_service_at_odometer",
        "can_last_service_days",
        "can_last_service_km",
        "can_mil_lamp",
        "can_next_oil_change_30days",
        "can_next_oil_change_days",
        "can_next_oil_change_km",
        "can_next_service_30days",
        "can_next_service_days",
        "can_next_service_km",
        "can_odometer_km",
        "can_odometer10_km",
        "can_oil_change_interval_fixed_days",
        "can_oil_change_interval_fixed_km",
        "can_oil_change_interval_variable_days",
        "can_oil_change_interval_variable_km",
        "can_oil_change_type_is_fixed",
        "can_oil_degration_percent",
        "can_service_interval_days",
        "can_service_interval_km",
        "can_vehicle_speed_kph",
        "can_vin",
        "car_battery_voltage",
        "car_ignition",
        "car_odometer_km",
        "car_profiling",
        "daily_can_odometer_km",
        "gpio_battery_external_disconnect",
        "gpio_battery_internal_voltage",
        "gps_position",
        "access_granted_to_fleet",
        "access_granted_to_vehicle",
        "access_removed_from_fleet",
        "access_removed_from_vehicle",
        "vehicle_added_to_fleet",
        "vehicle_removed_from_fleet",
        "service_reminder_lead",
        "can_oil_degradation_percent",
        "car_service_booking",
        "can_range_total_km",
        "car_roadworthy_inspection_date",
        "mapped_dtc",
        "other",
    ],
    "connected_cars_legacy": LEGACY_TYPES,
    "drivequant": ["trip", "trip_deleted", "diagnosis", "crash", "crash_report", "driver_deleted"],
}
"""Customers hold ids made of these numbers. Append when a protocol does; never change what is here."""

PINNED_SLOTS["damoov"] = [
    "IncomingTrackRemoved",
    "IncomingTrackReceived",
    "TrackEnrichmentFinished",
    "AccidentEventReceived",
    "AccidentEventExtraReceived",
    "AccidentEventCompletePackageReceived",
    "AccidentEventFiltered",
    "HeartbeatReceived",
    "other",
]
PINNED_KINDS["damoov"] = [
    "other",
    *PINNED_SLOTS["damoov"][:-1],
    "removed_track",
    "received_track",
    "processed_track",
    "accident",
    "accident_extra",
    "track_withdrawn",
]
PINNED_KINDS["postroad"] = [
    "access_granted_to_vehicle",
    "access_removed_from_vehicle",
    "access_granted_to_fleet",
    "access_removed_from_fleet",
    "vehicle_added_to_fleet",
    "vehicle_removed_from_fleet",
    "user_signed_up",
    "user_removed",
    "vehicles_shared",
    "vehicle_unshared",
    "trip",
    "trip_deleted",
    "driver_deleted",
]
PINNED_KINDS["connected_cars"] = PINNED_SLOTS["connected_cars"]
PINNED_KINDS["drivequant"] = PINNED_SLOTS["drivequant"]
PINNED_SLOTS["drivetech"] = PINNED_KINDS["drivetech"]

MAY_BE_ABOUT_NOBODY = {"drivequant"}
"""Protocols with items that do not say whom they are about, a deleted trip for one."""

source_names = pytest.mark.parametrize("name", READABLE)
target_names = pytest.mark.parametrize("name", TARGETS)
damage = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@cache
def texts(seam: str, name: str) -> dict[str, str]:
    return {file.stem: file.read_text() for file in sorted((SAMPLES / seam / name).glob("*.json"))}


def sample(seam: str, name: str, stem: str) -> dict:
    """Parsed anew each time: some tests change it."""
    return json.loads(texts(seam, name)[stem])


def sample_ids(seam: str, names: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, stem) for name in names for stem in texts(seam, name)]


def samples(seam: str, name: str) -> list[dict]:
    found = [sample(seam, name, stem) for stem in texts(seam, name)]
    assert found, f"no samples for {name}"
    return found


def frame_bytes(frame: object) -> bytes:
    """A frame given as text is sent as it stands."""
    return frame.encode() if isinstance(frame, str) else json.dumps(frame).encode()


def header_of(item: Item) -> Header:
    return Header(
        subject_id=1,
        provider_id=2,
        recorded_us=item.recorded_us,
        received_us=item.recorded_us + 1_000_000,
        late=item.late,
    )


def settings_of(protocol: SourceProtocol, given_settings: dict) -> msgspec.Struct:
    return msgspec.convert(given_settings, protocol.settings_type)


def addressing_of(recorded: dict) -> Addressing:
    """Whichever numbers, ids and plates the protocol knows its subjects by."""
    return Addressing(**{name: recorded.get(name) for name in ("vehicle_id", "driver_id", "plate")})


def event_of(recorded: dict) -> Event:
    if "change" in recorded:
        header = {"subject_id": 1, "provider_id": 2, "recorded_us": 3, "received_us": 3}
        return msgspec.convert({"header": header} | recorded["change"], AccountChange)
    if "document" in recorded:
        return msgspec.convert(recorded["document"], Document)
    said = recorded["report"]
    us = to_us(datetime.fromisoformat(said["recorded"]))
    return Report(
        header=Header(subject_id=1, provider_id=2, recorded_us=us, received_us=us),
        **{
            field.name: msgspec.convert(said[field.name], field.type)
            for field in msgspec.structs.fields(Report)
            if field.name in said
        },
    )


def told(event: Event) -> dict:
    """What an event says, apart from its header and from the original: nothing that is empty or unknown."""
    fields = {
        name: without_none(msgspec.to_builtins(getattr(event, name)))
        for name in event.__struct_fields__
        if name not in ("header", "original")
    }
    if not fields.get("from_can"):
        fields.pop("from_can", None)
    return {"type": event.__struct_config__.tag} | {
        name: value for name, value in fields.items() if value not in (None, {}, [])
    }


def without_none(value: object) -> object:
    if isinstance(value, dict):
        return {name: without_none(one) for name, one in value.items() if one is not None and one != {}}
    return [without_none(one) for one in value] if isinstance(value, list | tuple) else value


def outcome(protocol: SourceProtocol, raw: bytes, choice: msgspec.Struct) -> Item | tuple[str, str | None]:
    try:
        return protocol.read(raw, choice)
    except WireError as error:
        return error.code, error.field


def hold_to_the_promise(protocol: SourceProtocol, raw: bytes, choice: msgspec.Struct) -> Item | None:
    """Read bytes of any sort: an item whose events can be had, or a ``WireError``. Twice the same."""
    item = outcome(protocol, raw, choice)
    assert outcome(protocol, raw, choice) == item
    if isinstance(item, tuple):
        assert item[0] in {"missing", "invalid", "not_json"}
        return None
    assert 0 <= item.kind < len(protocol.kinds)
    assert item.identifier or protocol.name in MAY_BE_ABOUT_NOBODY
    raw.decode()
    events = protocol.events(item, header_of(item), choice)
    assert events == protocol.events(item, header_of(item), choice)
    for event in events:
        if isinstance(event, Report):
            assert set(event.readings) <= set(READINGS)
            for signal, value in event.readings.items():
                assert type(value) is READINGS[signal].type, signal
        for target in TARGETS.values():
            to = Addressing(vehicle_id=1, fleet_id=2, driver_id="d", plate="A1")
            target.write(event, to=to, position=1, options=target.options_type())
    return item


def test_every_protocol_is_listed_by_its_own_name():
    for protocols in (SOURCES, TARGETS):
        for name, protocol in protocols.items():
            assert protocol.name == name


# Sources


@source_names
def test_kinds_are_stored_so_they_keep_their_places(name):
    assert list(READABLE[name].kinds) == PINNED_KINDS[name]
    assert len(set(READABLE[name].kinds)) == len(READABLE[name].kinds) <= 256


@pytest.mark.parametrize("name", SOURCES)
def test_vehicles_are_named_in_the_namespaces_that_the_protocol_tells_and_in_no_other(name):
    protocol, named = SOURCES[name], set()
    for recorded in samples("in", name):
        choice = settings_of(protocol, recorded["settings"])
        item = protocol.read(frame_bytes(recorded["frame"]), choice)
        told_of = [getattr(event, "vehicle", None) for event in protocol.events(item, header_of(item), choice)]
        named |= {item.namespace, *(vehicle.namespace for vehicle in told_of if vehicle is not None)}
    assert {namespace for namespace in named if kind_of(namespace) == "vehicle"} == {*protocol.vehicle_namespaces}


@source_names
def test_settings_have_a_default_for_everything_and_are_hashable(name):
    assert hash(READABLE[name].settings_type()) == hash(READABLE[name].settings_type())


@pytest.mark.parametrize(("name", "stem"), sample_ids("in", READABLE))
def test_a_recorded_frame_says_what_stands_beside_it(name, stem):
    protocol, recorded = READABLE[name], sample("in", name, stem)
    choice, expect = settings_of(protocol, recorded["settings"]), recorded["expect"]
    item = protocol.read(frame_bytes(recorded["frame"]), choice)
    assert protocol.kinds[item.kind] == expect["kind"]
    assert item.recorded_us == (to_us(datetime.fromisoformat(expect["recorded"])) if expect["recorded"] else 0)
    assert (item.late, item.identifier) == (expect["late"], expect["identifier"])
    header = header_of(item)
    events = protocol.events(item, header, choice)
    untimed = msgspec.structs.replace(header, recorded_us=header.received_us)
    assert all(event.header == (header if expect["recorded"] else untimed) for event in events)
    of_the_item = ("kind", "recorded", "late", "identifier", "warnings")
    one = {"type": "report"} | {k: v for k, v in expect.items() if v != {} and v != [] and k not in of_the_item}
    assert [told(event) for event in events] == expect.get("events", [one])


@source_names
def test_samples_show_every_kind(name):
    assert {recorded["expect"]["kind"] for recorded in samples("in", name)} == set(READABLE[name].kinds)


@source_names
def test_readings_are_of_the_catalogue_and_the_catalogue_knows_their_types(name):
    protocol = READABLE[name]
    for recorded in samples("in", name):
        assert hold_to_the_promise(
            protocol, frame_bytes(recorded["frame"]), settings_of(protocol, recorded["settings"])
        )


@source_names
@damage
@given(data=st.data())
def test_a_cut_frame_gives_an_item_or_a_wire_error(name, data):
    raw = frame_bytes(data.draw(st.sampled_from(samples("in", name)))["frame"])
    cut = raw[: data.draw(st.integers(0, len(raw)))]
    hold_to_the_promise(READABLE[name], cut, READABLE[name].settings_type())


@source_names
@damage
@given(data=st.data())
def test_a_frame_with_noise_in_it_gives_an_item_or_a_wire_error(name, data):
    raw = frame_bytes(data.draw(st.sampled_from(samples("in", name)))["frame"])
    at = data.draw(st.integers(0, len(raw)))
    noisy = raw[:at] + data.draw(st.binary(max_size=8)) + raw[at + data.draw(st.integers(0, 4)) :]
    hold_to_the_promise(READABLE[name], noisy, READABLE[name].settings_type())


@source_names
@damage
@given(data=st.data())
def test_a_frame_with_flipped_bits_gives_an_item_or_a_wire_error(name, data):
    raw = bytearray(frame_bytes(data.draw(st.sampled_from(samples("in", name)))["frame"]))
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[at] ^= 1 << data.draw(st.integers(0, 7))
    hold_to_the_promise(READABLE[name], bytes(raw), READABLE[name].settings_type())


@source_names
@damage
@given(data=st.data())
def test_a_frame_with_other_values_swapped_in_gives_an_item_or_a_wire_error(name, data):
    frames = [one["frame"] for one in samples("in", name) if isinstance(one["frame"], dict)]
    frame = data.draw(st.sampled_from([frame for frame in frames if frame]))
    objects = [frame, *(value for value in frame.values() if isinstance(value, dict))]
    for _ in range(data.draw(st.integers(1, 3))):
        struck = data.draw(st.sampled_from(objects))
        struck[data.draw(st.sampled_from(sorted(struck)))] = data.draw(json_values)
    hold_to_the_promise(READABLE[name], json.dumps(frame).encode(), READABLE[name].settings_type())


@source_names
@damage
@given(raw=st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_anything_else_gives_an_item_or_a_wire_error(name, raw):
    hold_to_the_promise(READABLE[name], raw, READABLE[name].settings_type())


@source_names
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"x": NaN}',
        b'{"x": 1e999}',
        b'{"x": "\\ud800"}',
        b'{"x": "\xed\xa0\x80"}',
        b'{"x": 1, "x": 2}',
        b'{"\xff": 1}',
        b"{} {}",
        b"9" * 5000,
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_hostile_json_gives_an_item_or_a_wire_error(name, raw):
    hold_to_the_promise(READABLE[name], raw, READABLE[name].settings_type())
    frame = frame_bytes(samples("in", name)[0]["frame"])
    if raw.startswith(b'{"'):
        hold_to_the_promise(READABLE[name], raw[:-1] + b", " + frame[1:], READABLE[name].settings_type())


# Targets


@target_names
def test_slots_are_in_ids_so_they_keep_their_numbers(name):
    assert dict(TARGETS[name].slots) == {wire_type: slot for slot, wire_type in enumerate(PINNED_SLOTS[name])}
    assert max(TARGETS[name].slots.values()) < 1 << SLOT_BITS
    assert len(set(TARGETS[name].slots.values())) == len(TARGETS[name].slots)


@target_names
def test_options_have_a_default_for_everything_and_are_hashable(name):
    assert hash(TARGETS[name].options_type()) == hash(TARGETS[name].options_type())


@target_names
def test_every_type_has_a_contract_and_all_have_one_order(name):
    contracts = TARGETS[name].contracts
    assert set(contracts) == set(TARGETS[name].slots)
    assert len({contract.order for contract in contracts.values()}) == 1


@pytest.mark.parametrize(
    ("name", "wire_type"), [(name, wire_type) for name, target in TARGETS.items() for wire_type in target.contracts]
)
def test_each_contract_can_be_kept(name, wire_type):
    contract = TARGETS[name].contracts[wire_type]
    assert contract.name.split(".")[0] == name
    assert 1 <= contract.max_items <= contract.item_ceiling
    assert 100 <= contract.success[0] <= contract.success[1] <= 599
    waits = [contract.retry.wait_s(failures) for failures in range(1, 100)]
    assert waits == sorted(waits)
    assert waits[0] > 0
    assert waits[-1] == contract.retry.cap_s


@pytest.mark.parametrize(("name", "stem"), sample_ids("out", TARGETS))
def test_a_report_becomes_the_events_that_stand_beside_it(name, stem):
    protocol, recorded = TARGETS[name], sample("out", name, stem)
    outgoing = protocol.write(
        event_of(recorded),
        to=addressing_of(recorded),
        position=recorded["position"],
        options=msgspec.convert(recorded["options"], protocol.options_type),
    )
    assert [json.loads(event.body) for event in outgoing] == recorded["expect"]
    assert {event.incomplete for event in outgoing} <= {recorded.get("incomplete", "")}


@pytest.mark.parametrize(("name", "stem"), sample_ids("out", TARGETS))
def test_each_event_has_its_own_slot_and_writing_twice_gives_the_same_bytes(name, stem):
    protocol, recorded = TARGETS[name], sample("out", name, stem)
    arguments = {
        "to": addressing_of(recorded),
        "position": recorded["position"],
        "options": msgspec.convert(recorded["options"], protocol.options_type),
    }
    event = event_of(recorded)
    twice = {"occurrences": event.occurrences * 2} if isinstance(event, Report) else {}
    outgoing = protocol.write(event, **arguments)
    assert outgoing == protocol.write(event, **arguments)
    for events in (outgoing, protocol.write(msgspec.structs.replace(event, **twice), **arguments)):
        slots = [event.slot for event in events]
        assert len(set(slots)) == len(slots)
        assert set(slots) <= set(protocol.slots.values())


@target_names
def test_a_bulk_holds_its_events_in_order(name):
    protocol, bodies = TARGETS[name], []
    for position, recorded in enumerate(samples("out", name), start=1):
        event, choice = event_of(recorded), msgspec.convert(recorded["options"], protocol.options_type)
        to = addressing_of(recorded)
        bodies += [e.body for e in protocol.write(event, to=to, position=position, options=choice)]
    assert protocol.content_type == "application/json"
    if all(contract.item_ceiling == 1 for contract in protocol.contracts.values()):
        assert [protocol.bulk([body]) for body in bodies] == bodies, "each goes as it is"
        return
    assert json.loads(protocol.bulk(bodies)) == [json.loads(body) for body in bodies]
    assert json.loads(protocol.bulk(bodies[:1])) == [json.loads(bodies[0])]
    assert json.loads(protocol.bulk([])) == []


@given(position=st.integers(1, 2**57 - 1), slot=st.integers(0, (1 << SLOT_BITS) - 1))
def test_an_id_gives_back_its_position_and_slot_and_fits_64_bits(position, slot):
    assert position_and_slot(outgoing_id(position, slot)) == (position, slot)
    assert outgoing_id(position, slot) < 2**63


# The two together


def test_every_occurrence_of_the_model_is_in_the_catalogue():
    tags = {occurrence.tag for occurrence in OCCURRENCES}
    said = {
        one["type"]
        for name in READABLE
        for recorded in samples("in", name)
        for event in recorded["expect"].get("events", [recorded["expect"]])
        for one in event.get("occurrences", ())
    }
    assert said == tags
