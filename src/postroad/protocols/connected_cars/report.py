"""From a report of the common language to vehicle events: what the protocol can honestly say, and no more.

A position that the device only repeats (no fix) is not sent: to a receiver it would be a fresh one. Nor is the speed
that belongs to it. A turn without a side has no word in the protocol, and a magnitude without a unit no number. A type
that claims the CAN bus is sent for what came from there, or as the subscription says.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from postroad.model.catalogue import READINGS
from postroad.model.events import (
    ExternalPower,
    HarshManoeuvre,
    Idling,
    Ignition,
    MalfunctionLamp,
    Occurrence,
    Position,
    Report,
    Value,
)
from postroad.protocols.base import outgoing_id
from postroad.protocols.connected_cars.envelope import Envelope
from postroad.protocols.connected_cars.harsh import profiling, whole
from postroad.protocols.connected_cars.options import Options
from postroad.protocols.connected_cars.slots import NEWER_TYPES, SLOTS
from postroad.protocols.connected_cars.vocabulary import SIGNAL_OF, from_can
from postroad.protocols.connected_cars.wire import EVENT_TYPES
from postroad.protocols.connected_cars.wire.fields import WireEvent

_INT16_MAX: Final = 2**15 - 1
_INT32_MAX: Final = 2**31 - 1
_INT64_END: Final = 2.0**63

_ONLY_2023 = frozenset({"can_oil_degration_percent", "gpio_battery_internal_voltage"})
_NEEDS_MORE = frozenset({"car_roadworthy_inspection_date"})
"""Types of one value whose other fields only this protocol's own events have."""


_Values = dict[str, Any]


class _Type(msgspec.Struct, frozen=True):
    """A type that can be said."""

    slot: int
    struct: type[WireEvent]
    whole: bool = False
    """Its value is a whole number."""
    daily: bool = False


def _type(name: str) -> _Type:
    struct = EVENT_TYPES[name]
    value = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"].get("value", {})
    return _Type(SLOTS[name], struct, value.get("type") == "integer", name == "daily_can_odometer_km")


_IGNITION = _type("car_ignition")
_IDLE = _type("calc_vehicle_idle")
_PROFILING = _type("car_profiling")
_DISCONNECT = _type("gpio_battery_external_disconnect")
_LAMP = _type("can_mil_lamp")
_SPEED = _type("can_vehicle_speed_kph")
_POSITION = _type("gps_position")


@cache
def _ways(profile: str, read_from_can: bool, claim_can: bool) -> Mapping[str, tuple[_Type, ...]]:
    """Signal -> the types by which a reading of it is said."""
    chosen = {}
    for signal in READINGS:
        ways = [name for name, said in SIGNAL_OF.items() if said.name == signal and name not in _NEEDS_MORE]
        ways = [name for name in ways if name not in (NEWER_TYPES if profile == "2023-08" else _ONLY_2023)]
        can = [name for name in ways if from_can(name)]
        others = [name for name in ways if not from_can(name)]
        if others:
            ways = can if read_from_can and can else others
        elif not (read_from_can or claim_can):
            ways = []
        chosen[signal] = tuple(map(_type, ways))
    return chosen


def say(report: Report, envelope: Envelope) -> list[tuple[int, WireEvent]]:
    """The events that say what the report says, with their slots, by ascending slot."""
    said: dict[int, WireEvent] = {}
    common = envelope.common(report.header)
    first_id = outgoing_id(envelope.position, 0)
    for one, values in _values(report, envelope.options):
        if one.slot in said:
            continue  # of two occurrences of one type the first is said
        if one.daily:
            values["time"] = envelope.day(report.header.recorded_us)
        said[one.slot] = one.struct(**{"id": first_id | one.slot} | common | values)
    return sorted(said.items())


def _values(report: Report, options: Options) -> Iterator[tuple[_Type, _Values]]:
    """Every type that can be said of the report, with its own fields; a type may come twice."""
    for occurrence in report.occurrences:
        yield from _happened(occurrence, report, options)
    ways = _ways(options.profile, report.from_can, options.claim_can)
    for signal, value in report.readings.items():
        for way in ways.get(signal, ()):
            if (number := _number(value, way)) is not None:
                yield way, {"value": number}
    place = report.position
    if place is None or place.fix is False:
        return
    yield _POSITION, _place(place)
    if options.claim_can and place.speed_kmh is not None:
        yield _SPEED, {"value": place.speed_kmh}


def _happened(occurrence: Occurrence, report: Report, options: Options) -> Iterator[tuple[_Type, _Values]]:
    match occurrence:
        case Ignition(on=on):
            yield _IGNITION, {"value": on}
        case Idling(begins=begins):
            yield _IDLE, {"value": begins}
        case HarshManoeuvre() if (felt := profiling(occurrence, options)) is not None:
            yield _PROFILING, dict(zip(("g_force", "direction"), felt, strict=True))
        case ExternalPower(connected=connected):
            yield _DISCONNECT, {"value": not connected}
        case MalfunctionLamp(on=on) if report.from_can or options.claim_can:
            yield _LAMP, {"value": on}


def _number(value: Value, way: _Type) -> Value | None:
    """The value as the type has it: rounded where it has whole numbers; None when it does not fit."""
    if not isinstance(value, float) or not way.whole:
        return value
    if not abs(value) < _INT64_END:  # nor is it a number at all
        return None
    return whole(value)


def _place(place: Position) -> _Values:
    """The fields of ``gps_position``. Of the two measures of error one may be said: the one in metres, if known."""
    eph = _fitting(place.horizontal_error_m, _INT16_MAX)
    hdop = None if eph is not None or place.hdop is None else _fitting(place.hdop * 100, _INT32_MAX)
    return {
        "latitude": place.latitude_deg,
        "longitude": place.longitude_deg,
        "speed": _fitting(place.speed_kmh, _INT16_MAX),
        "direction": None if place.heading_deg is None else whole(place.heading_deg) % 360,
        "eph": eph,
        "hdop": hdop,
    }


def _fitting(value: float | None, limit: int) -> int | None:
    """Rounded; unknown rather than wrong when it does not fit."""
    return None if value is None or not 0 <= value < limit else whole(value)
