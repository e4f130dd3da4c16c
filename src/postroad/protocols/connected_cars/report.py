"""From a report of the common language to vehicle events: what the protocol can honestly say, and no more.

A position that the device only repeats (no fix) is not sent: to a receiver it would be a fresh one. Nor is the speed
that belongs to it. A turn without a side has no word in the protocol, and a magnitude without a unit no number. A type
that claims the CAN bus is sent for what came from there, or as the subscription says.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

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
from postroad.protocols.connected_cars import times
from postroad.protocols.connected_cars.envelope import Envelope
from postroad.protocols.connected_cars.harsh import profiling, whole
from postroad.protocols.connected_cars.options import Options
from postroad.protocols.connected_cars.slots import NEWER_TYPES, SLOTS
from postroad.protocols.connected_cars.vocabulary import SIGNAL_OF, from_can, is_whole
from postroad.protocols.connected_cars.wire import EVENT_TYPES
from postroad.protocols.connected_cars.wire.car import CarProfiling, GpsPosition
from postroad.protocols.connected_cars.wire.fields import WireEvent

_INT16_MAX: Final = 2**15 - 1
_INT32_MAX: Final = 2**31 - 1
_INT64_END: Final = 2.0**63

_ONLY_2023 = frozenset({"can_oil_degration_percent", "gpio_battery_internal_voltage"})
_NEEDS_MORE = frozenset({"car_roadworthy_inspection_date"})
"""Types of one value whose other fields only this protocol's own events have."""


class _Type(msgspec.Struct, frozen=True):
    """A type that can be said."""

    slot: int
    struct: type[WireEvent]
    whole: bool = False
    """Its value is a whole number."""
    daily: bool = False


def _type(name: str) -> _Type:
    return _Type(SLOTS[name], EVENT_TYPES[name], is_whole(name), name == "daily_can_odometer_km")


_IGNITION = _type("car_ignition")
_IDLE = _type("calc_vehicle_idle")
_DISCONNECT = _type("gpio_battery_external_disconnect")
_LAMP = _type("can_mil_lamp")
_SPEED = _type("can_vehicle_speed_kph")
_PROFILING: Final = SLOTS["car_profiling"]
_POSITION: Final = SLOTS["gps_position"]


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
        if ways:
            chosen[signal] = tuple(map(_type, ways))
    return chosen


def say(report: Report, envelope: Envelope) -> list[tuple[int, WireEvent]]:
    """The events that say what the report says, with their slots, by ascending slot.

    Every report that is sent on goes through here, so events are made with plain keywords: twice as fast as out of a
    dictionary of what they share.
    """
    recorded_us, options = report.header.recorded_us, envelope.options
    first_id = outgoing_id(envelope.position, 0)
    time, vehicle_id = times.timestamp(recorded_us), envelope.vehicle_id
    vin, market = envelope.known_vin(), envelope.known_market()

    def of_value(one: _Type, value: Value) -> WireEvent:
        when = envelope.day(recorded_us) if one.daily else time
        return one.struct(  # type: ignore[call-arg]  # mypy knows the base's fields only
            id=first_id | one.slot, time=when, vehicle_id=vehicle_id, value=value, vin=vin, organization_key=market
        )

    said: dict[int, WireEvent] = {}
    for occurrence in report.occurrences:  # of two of one type the first is said
        if isinstance(occurrence, HarshManoeuvre):
            if _PROFILING not in said and (felt := profiling(occurrence, options)) is not None:
                g_force, direction = felt
                said[_PROFILING] = CarProfiling(
                    id=first_id | _PROFILING, time=time, vehicle_id=vehicle_id, g_force=g_force, direction=direction,
                    vin=vin, organization_key=market,
                )  # fmt: skip
        elif (change := _change(occurrence, report, options)) is not None and change[0].slot not in said:
            said[change[0].slot] = of_value(*change)
    ways = _ways(options.profile, report.from_can, options.claim_can)
    for signal in ways.keys() & report.readings.keys():  # few of many
        for way in ways[signal]:
            if (number := _number(report.readings[signal], way)) is not None:
                said[way.slot] = of_value(way, number)
    place = report.position
    if place is not None and place.fix is not False:
        eph, hdop = _error(place)
        said[_POSITION] = GpsPosition(
            id=first_id | _POSITION, time=time, vehicle_id=vehicle_id,
            latitude=place.latitude_deg,
            longitude=place.longitude_deg,
            speed=_fitting(place.speed_kmh, _INT16_MAX),
            direction=None if place.heading_deg is None else whole(place.heading_deg) % 360,
            eph=eph,
            hdop=hdop,
            vin=vin, organization_key=market,
        )  # fmt: skip
        if options.claim_can and place.speed_kmh is not None and _SPEED.slot not in said:
            said[_SPEED.slot] = of_value(_SPEED, place.speed_kmh)
    return sorted(said.items())


def _change(occurrence: Occurrence, report: Report, options: Options) -> tuple[_Type, bool] | None:
    """The type of one value that says the occurrence, and the value."""
    match occurrence:
        case Ignition(on=on):
            return _IGNITION, on
        case Idling(begins=begins):
            return _IDLE, begins
        case ExternalPower(connected=connected):
            return _DISCONNECT, not connected
        case MalfunctionLamp(on=on) if report.from_can or options.claim_can:
            return _LAMP, on
    return None


def _number(value: Value, way: _Type) -> Value | None:
    """The value as the type has it: rounded where it has whole numbers; None when it does not fit."""
    if not isinstance(value, float) or not way.whole:
        return value
    if not abs(value) < _INT64_END:  # nor is it a number at all
        return None
    return whole(value)


def _error(place: Position) -> tuple[int | None, int | None]:
    """``eph`` and ``hdop``. Of the two measures of error one may be said: the one in metres, if known."""
    eph = _fitting(place.horizontal_error_m, _INT16_MAX)
    return eph, None if eph is not None or place.hdop is None else _fitting(place.hdop * 100, _INT32_MAX)


def _fitting(value: float | None, limit: int) -> int | None:
    """Rounded; unknown rather than wrong when it does not fit."""
    return None if value is None or not 0 <= value < limit else whole(value)
