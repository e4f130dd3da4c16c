"""From the common language to Connected Cars events: what the protocol can honestly say, and no more.

A position that the device only repeats (no fix) is not sent: to a receiver it would be a fresh one. Nor is the speed
that belongs to it. A turn without a side has no word in the protocol, and a magnitude without a unit no number.
"""

from datetime import datetime, timedelta

import msgspec

from postroad.model.events import Event, HarshManoeuvre, Idling, Ignition, Position, Report
from postroad.protocols.base import Outgoing, outgoing_id
from postroad.protocols.connected_cars.options import HARSH_FLOOR_G, Options
from postroad.protocols.connected_cars.slots import SLOTS
from postroad.protocols.connected_cars.wire import (
    CalcVehicleIdle,
    CanFuelLevelPercent,
    CanVehicleSpeedKph,
    CarBatteryVoltage,
    CarIgnition,
    CarOdometerKm,
    CarProfiling,
    GpsPosition,
    ProfilingDirection,
    VehicleEvent,
)

_IDLE = SLOTS["calc_vehicle_idle"]
_FUEL = SLOTS["can_fuel_level_percent"]
_SPEED = SLOTS["can_vehicle_speed_kph"]
_VOLTAGE = SLOTS["car_battery_voltage"]
_IGNITION = SLOTS["car_ignition"]
_ODOMETER = SLOTS["car_odometer_km"]
_PROFILING = SLOTS["car_profiling"]
_POSITION = SLOTS["gps_position"]

_BRAKE: tuple[ProfilingDirection, ...] = ("brake_low", "brake_medium", "brake_high")
_ACCELERATION: tuple[ProfilingDirection, ...] = ("acceleration_low", "acceleration_medium", "acceleration_high")
_LEFT: tuple[ProfilingDirection, ...] = ("turn_left_low", "turn_left_medium", "turn_left_high")
_RIGHT: tuple[ProfilingDirection, ...] = ("turn_right_low", "turn_right_medium", "turn_right_high")
_DIRECTIONS = {"braking": _BRAKE, "acceleration": _ACCELERATION, "turn_left": _LEFT, "turn_right": _RIGHT}

_INT16_MAX = 2**15 - 1
_UNIX_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - without a zone isoformat writes none, and we write Z
_encode = msgspec.json.Encoder().encode


def write(event: Event, *, vehicle_id: int, position: int, options: Options) -> list[Outgoing]:
    """The events that say what the report says, by ascending slot (so that ids ascend too). Pure."""
    if not isinstance(event, Report):
        return []
    first_id = outgoing_id(position, 0)
    time = timestamp(event.header.recorded_us)
    said: dict[int, VehicleEvent] = {}
    for occurrence in event.occurrences:
        match occurrence:
            case Ignition(on=on):
                said.setdefault(_IGNITION, CarIgnition(first_id | _IGNITION, on, vehicle_id, time))
            case Idling(begins=begins):
                said.setdefault(_IDLE, CalcVehicleIdle(first_id | _IDLE, begins, vehicle_id, time))
            case HarshManoeuvre() if (felt := profile(occurrence, options)) is not None:
                said.setdefault(_PROFILING, CarProfiling(first_id | _PROFILING, *felt, vehicle_id, time))
    if options.claim_can:
        _claim_can(said, event, first_id, vehicle_id, time)
    if (volts := _number(event, "supply_voltage_v")) is not None:
        said[_VOLTAGE] = CarBatteryVoltage(first_id | _VOLTAGE, volts, vehicle_id, time)
    if (odometer := _number(event, "odometer_km")) is not None:
        said[_ODOMETER] = CarOdometerKm(first_id | _ODOMETER, odometer, vehicle_id, time)
    if (place := _fresh_position(event)) is not None:
        said[_POSITION] = GpsPosition(
            first_id | _POSITION,
            vehicle_id,
            time,
            place.latitude_deg,
            place.longitude_deg,
            _speed(place.speed_kmh),
            _direction(place.heading_deg),
            None,
            None,
        )
    return [Outgoing(slot, _encode(said[slot])) for slot in sorted(said)]


def timestamp(us: int) -> str:
    """RFC 3339, UTC, three digits of fraction: microseconds are cut off, so that no time moves forward."""
    return (_UNIX_EPOCH + timedelta(microseconds=us)).isoformat(timespec="milliseconds") + "Z"


def whole(value: float) -> int:
    """The nearest whole number of a value that is not negative; a half goes up, exactly."""
    floor = int(value)
    return floor + (value - floor >= 0.5)


def profile(manoeuvre: HarshManoeuvre, options: Options) -> tuple[float, ProfilingDirection] | None:
    """``gForce`` (three decimals) and ``direction``; None when the protocol has no word or no number for it."""
    directions = _DIRECTIONS.get(manoeuvre.kind)
    if directions is None or manoeuvre.magnitude_g is None or manoeuvre.magnitude_g < HARSH_FLOOR_G:
        return None
    g_force = round(manoeuvre.magnitude_g, 3)
    return g_force, directions[(g_force >= options.harsh_medium_g) + (g_force >= options.harsh_high_g)]


def _claim_can(said: dict[int, VehicleEvent], report: Report, first_id: int, vehicle_id: int, time: str) -> None:
    if (fuel := _number(report, "fuel_level_percent")) is not None:
        said[_FUEL] = CanFuelLevelPercent(first_id | _FUEL, whole(fuel), vehicle_id, time)
    place = _fresh_position(report)
    if place is not None and place.speed_kmh is not None:
        said[_SPEED] = CanVehicleSpeedKph(first_id | _SPEED, place.speed_kmh, vehicle_id, time)


def _fresh_position(report: Report) -> Position | None:
    return None if report.position is None or report.position.fix is False else report.position


def _number(report: Report, signal: str) -> float | None:
    value = report.readings.get(signal)
    return value if isinstance(value, (float, int)) else None


def _speed(kmh: float | None) -> int | None:
    """Unknown rather than wrong when it does not fit 16 bits."""
    return None if kmh is None or not 0 <= kmh < _INT16_MAX else whole(kmh)


def _direction(degrees: float | None) -> int | None:
    return None if degrees is None else whole(degrees) % 360
