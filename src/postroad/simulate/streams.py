"""The Connected Cars vehicle events that a GPS unit's reports can become, as their receiver checks them.

Source   Connected Cars "Push integration (data streams)", common fields and vehicle event types: ranges, enumerations
         and nullability as documented there; ``id`` is a 64-bit and ``vehicleId`` a 32-bit integer.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
VehicleId = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Time = Annotated[datetime, Meta(tz=True)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Int16 = Annotated[int, Meta(ge=-(2**15), le=2**15 - 1)]
Degrees = Annotated[int, Meta(ge=0, le=360)]
GForce = Annotated[float, Meta(ge=0.2)]
"""Reported from 0.2 upward."""

Manoeuvre = Literal[
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


class StreamEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", rename="camel"):
    """What every vehicle event has; its type is the struct's tag."""

    id: Id
    vehicle_id: VehicleId
    time: Time

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.__struct_config__.tag)


class GpsPosition(StreamEvent, frozen=True, kw_only=True, gc=False, tag="gps_position"):
    """Where the vehicle is. Of ``eph`` and ``hdop`` one is null at least."""

    latitude: Latitude
    longitude: Longitude
    speed: Int16 | None
    direction: Degrees | None
    eph: Int16 | None
    hdop: int | None

    def __post_init__(self) -> None:
        """Hold the rule that no type can say."""
        if self.eph is not None and self.hdop is not None:
            raise ValueError("eph and hdop are both set")


class Switch(StreamEvent, frozen=True, kw_only=True, gc=False):
    """An event with a boolean."""

    value: bool


class CarIgnition(Switch, frozen=True, kw_only=True, gc=False, tag="car_ignition"):
    """The ignition was turned on or off."""


class CalcVehicleIdle(Switch, frozen=True, kw_only=True, gc=False, tag="calc_vehicle_idle"):
    """The vehicle idles, or no longer does."""


class Decimal(StreamEvent, frozen=True, kw_only=True, gc=False):
    """An event with a number."""

    value: float


class CarOdometerKm(Decimal, frozen=True, kw_only=True, gc=False, tag="car_odometer_km"):
    """The odometer in km."""


class CarBatteryVoltage(Decimal, frozen=True, kw_only=True, gc=False, tag="car_battery_voltage"):
    """The voltage of the car's battery in V."""


class CanVehicleSpeedKph(Decimal, frozen=True, kw_only=True, gc=False, tag="can_vehicle_speed_kph"):
    """The speed from CAN in km/h."""


class CanFuelLevelPercent(StreamEvent, frozen=True, kw_only=True, gc=False, tag="can_fuel_level_percent"):
    """The fuel level in %."""

    value: Annotated[int, Meta(ge=0, le=100)]


class CarProfiling(StreamEvent, frozen=True, kw_only=True, gc=False, tag="car_profiling"):
    """A harsh manoeuvre."""

    g_force: GForce
    direction: Manoeuvre


class AdminEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", gc=False):
    """Who gave or withdrew access: checked, and then set aside, because no vehicle said it."""

    id: Id
    time: Time


class AccessGrantedToFleet(AdminEvent, frozen=True, kw_only=True, gc=False, tag="access_granted_to_fleet"):
    """A fleet gave access."""

    fleet_id: VehicleId


class AccessRemovedFromFleet(AdminEvent, frozen=True, kw_only=True, gc=False, tag="access_removed_from_fleet"):
    """A fleet withdrew access."""

    fleet_id: VehicleId


class AccessGrantedToVehicle(AdminEvent, frozen=True, kw_only=True, gc=False, tag="access_granted_to_vehicle"):
    """A vehicle gave access."""

    vehicle_id: VehicleId


class AccessRemovedFromVehicle(AdminEvent, frozen=True, kw_only=True, gc=False, tag="access_removed_from_vehicle"):
    """A vehicle withdrew access."""

    vehicle_id: VehicleId


class VehicleAddedToFleet(AdminEvent, frozen=True, kw_only=True, gc=False, tag="vehicle_added_to_fleet"):
    """A vehicle joined a fleet."""

    fleet_id: VehicleId
    vehicle_id: VehicleId


class VehicleRemovedFromFleet(AdminEvent, frozen=True, kw_only=True, gc=False, tag="vehicle_removed_from_fleet"):
    """A vehicle left a fleet."""

    fleet_id: VehicleId
    vehicle_id: VehicleId


VehicleEvent = (
    GpsPosition
    | CarIgnition
    | CalcVehicleIdle
    | CarOdometerKm
    | CarBatteryVoltage
    | CanVehicleSpeedKph
    | CanFuelLevelPercent
    | CarProfiling
)

Told = (
    AccessGrantedToFleet
    | AccessRemovedFromFleet
    | AccessGrantedToVehicle
    | AccessRemovedFromVehicle
    | VehicleAddedToFleet
    | VehicleRemovedFromFleet
)

_bulk = msgspec.json.Decoder(list[VehicleEvent | Told])
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_event = msgspec.json.Decoder(VehicleEvent | Told)


def decode_bulk(body: bytes) -> tuple[list[VehicleEvent], list[str]]:
    """The good vehicle events of a bulk, in order, and one sentence for each that breaks the documented shape."""
    try:
        return [event for event in _bulk.decode(body) if not isinstance(event, AdminEvent)], []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _salvage(body)


def _salvage(body: bytes) -> tuple[list[VehicleEvent], list[str]]:
    """The slow way, taken only when something is wrong: each element by itself."""
    try:
        elements = _elements.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        return [], [f"not a JSON array: {exc}"]
    events: list[VehicleEvent] = []
    malformed: list[str] = []
    for element in elements:
        try:
            event = _event.decode(element)
            if not isinstance(event, AdminEvent):
                events.append(event)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            malformed.append(str(exc))
    return events, malformed
