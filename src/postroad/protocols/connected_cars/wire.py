"""The wire structs of the event types that we send, with their fields in the order of the vendor's samples.

Their ``time`` is text, RFC 3339. An integer without a stated width is read as 64 bits.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.errors import WireError

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Int16 = Annotated[int, Meta(ge=-(2**15), le=2**15 - 1)]


class CalcVehicleIdle(msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="calc_vehicle_idle"):
    """The vehicle began (true) or stopped idling."""

    id: Int64
    value: bool
    vehicle_id: Int32
    time: str


class CanFuelLevelPercent(msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="can_fuel_level_percent"):
    """Fuel in the tank, whole percents."""

    id: Int64
    value: Int64
    vehicle_id: Int32
    time: str


class CanVehicleSpeedKph(msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="can_vehicle_speed_kph"):
    """Speed, km/h."""

    id: Int64
    value: float
    vehicle_id: Int32
    time: str


class CarBatteryVoltage(msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="car_battery_voltage"):
    """Voltage of the car's battery, V."""

    id: Int64
    value: float
    vehicle_id: Int32
    time: str


class CarIgnition(msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="car_ignition"):
    """The ignition was turned on (true) or off."""

    id: Int64
    value: bool
    vehicle_id: Int32
    time: str


class CarOdometerKm(msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="car_odometer_km"):
    """Odometer from CAN or computed from positions, km."""

    id: Int64
    value: float
    vehicle_id: Int32
    time: str


ProfilingDirection = Literal[
    "acceleration_low",
    "acceleration_medium",
    "acceleration_high",
    "brake_low",
    "brake_medium",
    "brake_high",
    "turn_left_low",
    "turn_left_medium",
    "turn_left_high",
    "turn_right_low",
    "turn_right_medium",
    "turn_right_high",
]


class CarProfiling(msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="car_profiling"):
    """Harsh driving: the acceleration felt, as a ratio to g, with its direction and class."""

    id: Int64
    g_force: float
    direction: ProfilingDirection
    vehicle_id: Int32
    time: str


class GpsPosition(msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="gps_position"):
    """A position, WGS 84 degrees. At most one of ``eph`` and ``hdop`` is set."""

    id: Int64
    vehicle_id: Int32
    time: str
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    speed: Int16 | None
    """km/h."""
    direction: Annotated[int, Meta(ge=0, le=360)] | None
    """Degrees clockwise; 0 and 360 are north."""
    eph: Int16 | None
    """Estimated horizontal error, m."""
    hdop: Int32 | None
    """Horizontal dilution of precision times 100."""


VehicleEvent = (
    CalcVehicleIdle
    | CanFuelLevelPercent
    | CanVehicleSpeedKph
    | CarBatteryVoltage
    | CarIgnition
    | CarOdometerKm
    | CarProfiling
    | GpsPosition
)

# Lax: one of the vendor's own samples has its vehicleId as text.
_BULK = msgspec.json.Decoder(list[VehicleEvent], strict=False)


def bulk(bodies: Sequence[bytes]) -> bytes:
    """One request's body: a JSON array of events, also of one."""
    return b"[" + b",".join(bodies) + b"]"


def decode_bulk(body: bytes) -> list[VehicleEvent]:
    """Read a bulk back, for a receiver written in Python and for tests.

    Unknown fields are ignored; numbers and booleans may stand as text. Raises ``WireError``: ``not_json``, or
    ``invalid`` for anything but an array of the types above.
    """
    try:
        return _BULK.decode(body)
    except msgspec.ValidationError as exc:
        raise WireError("invalid") from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise WireError("not_json") from exc
