"""From the common language to requests: a whole record for each event.

A record says where the vehicle was, how fast and which way, its state, ignition and odometer, whatever the event is.
What the report does not say of these is filled with the newest of what was known as of its instant; what nobody knows
is named and never made up. The other fields are optional: they say what the report itself says, or nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from postroad.clock import from_us
from postroad.model.events import (
    DeviceBatteryLow,
    Door,
    DriverIdentified,
    Event,
    GnssSignal,
    HarshManoeuvre,
    Idling,
    Ignition,
    Occurrence,
    Overspeed,
    PanicButton,
    Report,
)
from postroad.model.levels import IDLING, IGNITION, POSITION
from postroad.protocols.base import Addressing, Outgoing
from postroad.protocols.drivetech.events import MANOEUVRES, STANDARD_GRAVITY_M_S2
from postroad.protocols.drivetech.options import Options
from postroad.protocols.drivetech.speeds import VEHICLE_SPEED, heading, places, speeds
from postroad.protocols.drivetech.state import state_of
from postroad.protocols.drivetech.wire import KINDS
from postroad.protocols.filling import Known

SLOTS: Mapping[str, int] = {name: slot for slot, name in enumerate(KINDS)}
FILLS = frozenset({POSITION, VEHICLE_SPEED, IGNITION, IDLING, "odometer_km"})
REQUIRED = ("plate", "latitude", "longitude", "speed", "azimuth", "ign_input", "state", "odometer")
"""What an event can lack, in the order in which it is named. The ignition goes first: ``state`` often lacks only it."""
OPTIONAL_READINGS: Mapping[str, str] = {
    "doors": "doors_open",
    "hourmeter": "engine_hours_h",
    "battery": "device_battery_percent",
    "power_supply": "supply_voltage_v",
    "temperature1": "temperature_1_celsius",
    "temperature2": "temperature_2_celsius",
    "temperature3": "temperature_3_celsius",
    "fuel_percentage": "fuel_level_percent",
    "mcc": "mobile_mcc",
    "mnc": "mobile_mnc",
    "lac": "mobile_lac",
    "cid": "mobile_cid",
}
"""Field -> the reading that it says."""

_ON_TIME, _LATE = b'"buff":false', b'"buff":true'
_STATUS = {kind: status for status, kind in enumerate(MANOEUVRES)} | {"turn_left": 2, "turn_right": 2}
_DIGITS = 6
"""Of a magnitude: what a conversion to g and back leaves behind them is noise."""

_Fields = dict[str, Any]


def write(event: Event, *, to: Addressing, options: Options, known: Known) -> list[Outgoing]:
    """The requests that say what a report says, by ascending slot, at most one of each type. Pure.

    A report of what happened becomes an event of each thing that happened; one of nothing but where the vehicle is
    becomes ``GPS``. Each has the position, so that no ``GPS`` is needed beside another event.
    """
    if not isinstance(event, Report):
        return []
    said: dict[str, _Fields] = {}
    for fields in _happened(event, options):
        said.setdefault(fields["type"], fields)
    if not said and event.position is not None:
        said["GPS"] = {"type": "GPS"}
    if not said:
        return []
    record = _record(event, to, options, known)
    missing = next((field for field in REQUIRED if record[field] is None), "")
    return [
        Outgoing(
            SLOTS[name],
            _encoded(record | {"event": said[name]}),
            recorded_us=event.header.recorded_us,
            incomplete=missing,
        )
        for name in sorted(said, key=SLOTS.__getitem__)
    ]


def late(body: bytes) -> bytes:
    """The same event, marked as sent late. No text in a body can look like the mark: its quotes are escaped."""
    return body.replace(_ON_TIME, _LATE, 1)


def _encoded(record: _Fields) -> bytes:
    return msgspec.json.encode({name: value for name, value in record.items() if value is not None})


def _record(report: Report, to: Addressing, options: Options, known: Known) -> _Fields:
    """All fields, in the order of the vendor's table; ``None`` where nothing is known."""
    recorded_us, readings, place = report.header.recorded_us, report.readings, report.position
    where = place or next((found for _, found in places(known, recorded_us)), None)
    fallback = options.fallback
    speed = _speed(report, known)
    ignition = _ignition(report, known)
    speed = fallback.speed if speed is None else speed
    ignition = fallback.ign_input if ignition is None else ignition
    state = state_of(report, ignition=ignition, speed=speed, known=known, options=options)
    course = place.heading_deg if place is not None else None
    return {
        "plate": to.plate,
        "buff": report.header.late,
        "datetime": _datetime(recorded_us),
        "latitude": where.latitude_deg if where is not None else None,
        "longitude": where.longitude_deg if where is not None else None,
        "speed": speed,
        "azimuth": _first(course, heading(known, recorded_us) if course is None else None, fallback.azimuth),
        "altitude": where.altitude_m if where is not None else None,
        "state": _first(state, fallback.state),
        "event": None,
        "ign_input": ignition,
        "doors": readings.get(OPTIONAL_READINGS["doors"]),
        "gps_status": _fix(report, known),
        "odometer": _first(readings.get("odometer_km"), _newest("odometer_km", known, recorded_us), fallback.odometer),
    } | {field: readings.get(signal) for field, signal in OPTIONAL_READINGS.items()}


def _speed(report: Report, known: Known) -> float | None:
    place, recorded_us = report.position, report.header.recorded_us
    if place is not None and place.speed_kmh is not None:
        return place.speed_kmh
    said = report.readings.get(VEHICLE_SPEED)
    if isinstance(said, float | int):
        return said
    return next((kmh for _, kmh in speeds(known, recorded_us)), None)


def _ignition(report: Report, known: Known) -> bool | None:
    """As the report says it: by its level, or by a change that leads to it. Nothing idles with the ignition off."""
    said = report.readings.get(IGNITION)
    if said is not None:
        return bool(said)
    for occurrence in report.occurrences:
        if isinstance(occurrence, Ignition):
            return occurrence.on
        if isinstance(occurrence, Idling) and occurrence.begins:
            return True
    on = _newest(IGNITION, known, report.header.recorded_us)
    return None if on is None else bool(on)


def _fix(report: Report, known: Known) -> bool | None:
    """Whether the device had GPS data: as the report says; of a filled place, false if the device has lost it since."""
    if report.position is not None:
        return report.position.fix
    newest = _newest(POSITION, known, report.header.recorded_us)
    return False if newest is not None and newest.fix is False else None


def _newest(signal: str, known: Known, recorded_us: int) -> Any:
    return next((value for _, value in known.before(signal, recorded_us)), None)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _datetime(recorded_us: int) -> str:
    """The first of the vendor's spellings: whole milliseconds, ``Z``."""
    return from_us(recorded_us).strftime("%Y-%m-%dT%H:%M:%S.") + f"{recorded_us // 1000 % 1000:03}Z"


def _happened(report: Report, options: Options) -> Iterator[_Fields]:
    """The ``event`` object of each thing that happened and that the protocol has a type for."""
    for occurrence in report.occurrences:
        fields = _event(occurrence, report, options)
        if fields is not None:
            yield {name: value for name, value in fields.items() if value is not None}


def _event(occurrence: Occurrence, report: Report, options: Options) -> _Fields | None:
    match occurrence:
        case Ignition(on=on, previous_state_s=duration):
            return {"type": "IGN", "status": on, "duration": duration}
        case Idling(begins=begins, duration_s=duration):
            return {"type": "IDLING", "status": begins, "duration": 0 if begins and duration is None else duration}
        case PanicButton():
            return {"type": "SOS"}
        case Overspeed(begins=begins):
            return {"type": "OVER_SPEED", "status": begins}
        case DeviceBatteryLow():
            return {"type": "LOW_BATTERY"}
        case Door(opened=opened):
            return {"type": "DOOR", "status": opened}
        case DriverIdentified(identifier=identifier):
            return {"type": "DRIVER_ID", "driver_id": identifier}
        case GnssSignal(regained=regained):
            return {"type": "GPS_SIGNAL", "status": regained}
        case HarshManoeuvre(kind=kind):
            magnitude = _magnitude(occurrence, report, options)
            return {"type": "HARSH_BEHAVIOR", "status": _STATUS[kind], "magnitude": magnitude}
        case _:
            return None


def _magnitude(harsh: HarshManoeuvre, report: Report, options: Options) -> float | None:
    """By the subscription's unit; of one whose unit nobody knows only what this protocol itself has said."""
    if harsh.magnitude_g is not None:
        return round(harsh.magnitude_g * (STANDARD_GRAVITY_M_S2 if options.harsh_unit == "m/s2" else 1.0), _DIGITS)
    same = report.original is not None and report.original.protocol == "drivetech"
    return harsh.magnitude if same else None
