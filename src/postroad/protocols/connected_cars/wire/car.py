"""Types that the device in the vehicle measures or derives."""

from typing import Annotated, Literal, get_args

from msgspec import Meta

from postroad.protocols.connected_cars.wire.fields import (
    DecimalKilometres,
    Int16,
    Int32,
    VehicleEvent,
    Volts,
    measure,
)


class CalcVehicleIdle(VehicleEvent, frozen=True, tag="calc_vehicle_idle"):
    """The vehicle began (true) or stopped idling."""

    value: bool


class CarBatteryVoltage(VehicleEvent, frozen=True, tag="car_battery_voltage"):
    """The voltage of the car's battery."""

    value: Volts


class CarIgnition(VehicleEvent, frozen=True, tag="car_ignition"):
    """The ignition was turned on (true) or off."""

    value: bool


class CarOdometerKm(VehicleEvent, frozen=True, tag="car_odometer_km"):
    """The odometer, from CAN or computed from positions. Deprecated on the newer page."""

    value: DecimalKilometres


class GpioBatteryExternalDisconnect(VehicleEvent, frozen=True, tag="gpio_battery_external_disconnect"):
    """The device lost its external power (true)."""

    value: bool


class GpioBatteryInternalVoltage(VehicleEvent, frozen=True, tag="gpio_battery_internal_voltage"):
    """The voltage of the device's own battery. Not on the newer page."""

    value: Volts


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
"""Direction and class of harsh driving: what the page has. Another word is read all the same."""


class CarProfiling(VehicleEvent, frozen=True, kw_only=True, tag="car_profiling"):
    """Harsh driving."""

    g_force: Annotated[float, measure("g"), Meta(description="acceleration felt; reported from 0.2 up")]
    direction: Annotated[str, Meta(examples=list(get_args(ProfilingDirection)), description="direction and class")]


class GpsPosition(VehicleEvent, frozen=True, kw_only=True, tag="gps_position"):
    """A position, WGS 84. At most one of ``eph`` and ``hdop`` is set; ``read`` drops both where both are."""

    latitude: Annotated[float, Meta(ge=-90, le=90), measure("degrees"), Meta(description="as the sensor gave it")]
    longitude: Annotated[float, Meta(ge=-180, le=180), measure("degrees"), Meta(description="as the sensor gave it")]
    speed: Annotated[Int16 | None, measure("km/h", "1 km/h")] = None
    direction: Annotated[
        Annotated[int, Meta(ge=0, le=360)] | None,
        measure("degrees", "1 degree"),
        Meta(description="clockwise; 0 and 360 are north; may be null while standing"),
    ] = None
    eph: Annotated[Int16 | None, measure("m", "1 m"), Meta(description="estimated horizontal error")] = None
    hdop: Annotated[
        Int32 | None, measure("1/100", "0.01"), Meta(description="horizontal dilution of precision, times 100")
    ] = None
