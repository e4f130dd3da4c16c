"""The car feed: what a car did and measured.

Keys are those of the vendor's samples; where its tables have another, that one is read as well and can be written
(``Options.spelling``). The vendor states no ranges: the bounds are ours, wide enough for any road vehicle.
"""

import datetime as dt
from typing import Annotated, ClassVar, Literal

import msgspec

from postroad.protocols.connected_cars_legacy.fields import (
    Celsius,
    Degrees,
    Id,
    Latitude,
    Longitude,
    NotNegative,
    Percent,
    Scope,
    said,
)


class CarMessage(msgspec.Struct, frozen=True, tag_field="type"):
    """What every message of the car feed has."""

    scope: ClassVar[Scope]
    car_id: Annotated[Id, said("which car")] = msgspec.field(name="carId")
    time: Annotated[dt.datetime, said("when it was recorded, ISO 8601; without a zone it is UTC")]


class IgnitionOn(CarMessage, frozen=True, tag="ignition_on"):
    """The ignition was turned on."""

    scope: ClassVar[Scope] = "vehicle_ignition"


class IgnitionOff(CarMessage, frozen=True, tag="ignition_off"):
    """The ignition was turned off."""

    scope: ClassVar[Scope] = "vehicle_ignition"


class PositionMessage(CarMessage, frozen=True, tag="position"):
    """Where the car was."""

    scope: ClassVar[Scope] = "vehicle_position"
    lat: Annotated[Latitude, said("latitude", unit="deg")]
    lon: Annotated[Longitude, said("longitude", unit="deg", other_keys=("long", "lng"))]
    direction: Annotated[Degrees | None, said("where it was heading, clockwise from north", unit="deg")] = None
    speed: Annotated[NotNegative | None, said("speed", unit="km/h")] = None


class Odometer(CarMessage, frozen=True, tag="odometer"):
    """The odometer, from whichever source."""

    scope: ClassVar[Scope] = "vehicle_odometer"
    odometer: Annotated[NotNegative, said("distance travelled since new", unit="km")]


class FuelLevel(CarMessage, frozen=True, tag="fuel_level"):
    """Fuel in the tank; of some cars in whole litres only."""

    scope: ClassVar[Scope] = "vehicle_fuel_level"
    fuel_level: Annotated[NotNegative, said("fuel level", unit="l")]


class FuelLevelPercent(CarMessage, frozen=True, tag="fuel_level_percent"):
    """Fuel in the tank; of some cars in whole percents only."""

    scope: ClassVar[Scope] = "vehicle_fuel_level"
    fuel_level_percent: Annotated[Percent, said("fuel level", unit="percent")]


class FuelConsumed(CarMessage, frozen=True, tag="fuel_consumed"):
    """Fuel consumed since the unit was installed: a running total."""

    scope: ClassVar[Scope] = "vehicle_fuel_consumed"
    fuel_consumed: Annotated[NotNegative, said("fuel consumed", unit="l")]


class ChargeLevelPercent(CarMessage, frozen=True, tag="charge_level_percent"):
    """What is left in the high voltage battery of an electric or hybrid car."""

    scope: ClassVar[Scope] = "vehicle_fuel_level"
    percent: Annotated[Percent, said("charge level", unit="percent", other_keys=("charge_level_percent",))]


class HighVoltageBatteryTemperature(CarMessage, frozen=True, tag="high_voltage_battery_temperature"):
    """How warm the high voltage battery is."""

    scope: ClassVar[Scope] = "vehicle_fuel_level"
    celsius: Annotated[Celsius, said("temperature", unit="celsius", other_keys=("high_voltage_battery_temperature",))]


Manoeuvre = Literal["acceleration", "brake", "turn_left", "turn_right"]


class Profiling(CarMessage, frozen=True, tag="profiling"):
    """Harsh driving. Units report it from 0.2 g on."""

    scope: ClassVar[Scope] = "vehicle_profiling"
    g_force: Annotated[NotNegative, said("the force felt", unit="g")]
    direction: Annotated[Manoeuvre, said("what caused it")]


class IdleTime(CarMessage, frozen=True, tag="idle_time"):
    """How long the car has idled in all since the ignition was last turned on."""

    scope: ClassVar[Scope] = "vehicle_idle_time"
    idle_time: Annotated[NotNegative, said("idle time", unit="s")]


class Dtc(CarMessage, frozen=True, tag="dtc"):
    """A diagnostic trouble code began to show, or no longer does."""

    scope: ClassVar[Scope] = "vehicle_dtc"
    vendor: Annotated[str, said("whose codes these are")]
    code: Annotated[str, said("the code, of a standard or the vendor's own")]
    enabled: Annotated[bool, said("true: it began to show; false is read as cleared")]
    description: Annotated[
        dict[str, str | None], said("what it means by language: `german`, `english`, `swedish`; null: not known")
    ] = msgspec.field(default_factory=dict)


class Refuel(CarMessage, frozen=True, tag="refuel"):
    """The car was refuelled."""

    scope: ClassVar[Scope] = "vehicle_fuel_level"
    liters_before: Annotated[NotNegative, said("fuel level before", unit="l")]
    liters_after: Annotated[NotNegative, said("fuel level after", unit="l")]
    liters_added: Annotated[float, said("the difference of the two", unit="l")]


class CanOdometer(CarMessage, frozen=True, tag="can_odometer"):
    """The odometer as the CAN bus says it."""

    scope: ClassVar[Scope] = "vehicle_odometer"
    odometer: Annotated[NotNegative, said("distance travelled since new", unit="km")]


ReadingMessage = (
    Odometer
    | FuelLevel
    | FuelLevelPercent
    | FuelConsumed
    | ChargeLevelPercent
    | HighVoltageBatteryTemperature
    | IdleTime
    | CanOdometer
)
"""Messages that are one number."""

OccurrenceMessage = IgnitionOn | IgnitionOff | Profiling | Dtc | Refuel
"""Messages that something happened."""
