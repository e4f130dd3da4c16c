"""The catalogue of signals and occurrences, as data.

A *signal* is something with a value at an instant: a field of a position, or a reading of a report. An *occurrence* is
something that happened. For each the catalogue says what every protocol calls it; ``tests/model`` holds the names
against the protocols' own structs, so that neither can drift.

Paths are those of the COVESA Vehicle Signal Specification 6.0. A signal has one only where VSS means the same
quantity; where unit, type or reference differ, ``vss_note`` says how.
"""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

Unit = Literal["deg", "m", "km", "km/h", "s", "h", "days", "l", "V", "percent", "celsius", "ratio", "none"]
"""Every unit a signal can have; ``none`` for words, codes and truth values."""

UNITS: tuple[str, ...] = get_args(Unit)


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """Something with a value at an instant."""

    name: str
    """Of the field of ``Position``, or the key in ``Report.readings``. Ends with the unit where there is one."""
    place: Literal["position", "reading"]
    type: type[float] | type[int] | type[bool] | type[str]
    unit: Unit = "none"
    vss: str | None = None
    vss_note: str = ""
    names: Mapping[str, tuple[str, ...]] = {}
    """Protocol -> the fields or types by which it says this."""


class OccurrenceKind(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happens."""

    tag: str
    """Of the struct in ``postroad.model.events``."""
    names: Mapping[str, tuple[str, ...]]
    """Protocol -> the types by which it says this."""


MOTION_STATES = ("towed", "parked", "standing", "idling", "moving")
"""What ``motion_state`` says where the source's word is known: moved with the engine off; standing with the engine
off; standing with it on, for a short time; the same for longer; driving. Any other value is the source's own text."""


def _names(
    *, drivetech: str | None = None, connected_cars: tuple[str, ...] = (), legacy: tuple[str, ...] = ()
) -> dict[str, tuple[str, ...]]:
    """Leave out a protocol that has no name for it."""
    names = {
        "drivetech": (drivetech,) if drivetech else (),
        "connected_cars": connected_cars,
        "connected_cars_legacy": legacy,
    }
    return {protocol: said for protocol, said in names.items() if said}


def _number(
    name: str, unit: Unit, *connected_cars: str, legacy: str | None = None, vss: str | None = None, vss_note: str = ""
) -> Signal:
    """A number that only Connected Cars has a name for."""
    names = _names(connected_cars=connected_cars, legacy=(legacy,) if legacy else ())
    return Signal(name=name, place="reading", type=float, unit=unit, vss=vss, vss_note=vss_note, names=names)


def _fact(name: str, of: type[bool] | type[str], *connected_cars: str, vss: str | None = None) -> Signal:
    """A word or truth value that only Connected Cars has a name for."""
    return Signal(name=name, place="reading", type=of, vss=vss, names=_names(connected_cars=connected_cars))


def _temperature(sensor: int) -> Signal:
    return Signal(
        name=f"temperature_{sensor}_celsius",
        place="reading",
        type=float,
        unit="celsius",
        names=_names(drivetech=f"temperature{sensor}"),
    )


def _network(part: str) -> Signal:
    return Signal(name=f"mobile_{part}", place="reading", type=int, names=_names(drivetech=part))


SIGNALS: tuple[Signal, ...] = (
    Signal(
        name="latitude_deg",
        place="position",
        type=float,
        unit="deg",
        vss="Vehicle.CurrentLocation.Latitude",
        names=_names(drivetech="latitude", connected_cars=("gps_position.latitude",), legacy=("position.lat",)),
    ),
    Signal(
        name="longitude_deg",
        place="position",
        type=float,
        unit="deg",
        vss="Vehicle.CurrentLocation.Longitude",
        names=_names(drivetech="longitude", connected_cars=("gps_position.longitude",), legacy=("position.lon",)),
    ),
    Signal(
        name="altitude_m",
        place="position",
        type=float,
        unit="m",
        vss="Vehicle.CurrentLocation.Altitude",
        vss_note="VSS counts from the WGS 84 ellipsoid, we from sea level",
        names=_names(drivetech="altitude"),
    ),
    Signal(
        name="speed_kmh",
        place="position",
        type=float,
        unit="km/h",
        vss="Vehicle.Speed",
        vss_note="vehicle_speed_kmh is the same, as the vehicle tells it",
        names=_names(drivetech="speed", connected_cars=("gps_position.speed",), legacy=("position.speed",)),
    ),
    Signal(
        name="heading_deg",
        place="position",
        type=float,
        unit="deg",
        vss="Vehicle.CurrentLocation.Heading",
        names=_names(drivetech="azimuth", connected_cars=("gps_position.direction",), legacy=("position.direction",)),
    ),
    Signal(
        name="fix",
        place="position",
        type=bool,
        vss="Vehicle.CurrentLocation.GNSSReceiver.FixType",
        vss_note="VSS has words: NONE is our false, every other word our true",
        names=_names(drivetech="gps_status"),
    ),
    Signal(
        name="horizontal_error_m",
        place="position",
        type=float,
        unit="m",
        vss="Vehicle.CurrentLocation.HorizontalAccuracy",
        names=_names(connected_cars=("gps_position.eph",)),
    ),
    Signal(
        name="hdop",
        place="position",
        type=float,
        unit="ratio",
        names=_names(connected_cars=("gps_position.hdop",)),
    ),
    Signal(
        name="vehicle_speed_kmh",
        place="reading",
        type=float,
        unit="km/h",
        vss="Vehicle.Speed",
        vss_note="speed_kmh is the same, as the satellites tell it",
        names=_names(connected_cars=("can_vehicle_speed_kph",)),
    ),
    Signal(
        name="odometer_km",
        place="reading",
        type=float,
        unit="km",
        vss="Vehicle.TraveledDistance",
        vss_note="VSS counts whole metres",
        names=_names(
            drivetech="odometer",
            connected_cars=("car_odometer_km", "can_odometer_km"),
            legacy=("odometer.odometer", "can_odometer.odometer"),
        ),
    ),
    Signal(
        name="engine_hours_h",
        place="reading",
        type=float,
        unit="h",
        vss="Vehicle.Powertrain.CombustionEngine.EngineHours",
        names=_names(drivetech="hourmeter"),
    ),
    Signal(
        name="ignition",
        place="reading",
        type=bool,
        vss="Vehicle.LowVoltageSystemState",
        vss_note="VSS has words: ON and START are our true",
        names=_names(drivetech="ign_input"),
    ),
    Signal(name="motion_state", place="reading", type=str, names=_names(drivetech="state")),
    Signal(name="doors_open", place="reading", type=bool, names=_names(drivetech="doors")),
    Signal(
        name="device_battery_percent",
        place="reading",
        type=float,
        unit="percent",
        names=_names(drivetech="battery"),
    ),
    Signal(
        name="supply_voltage_v",
        place="reading",
        type=float,
        unit="V",
        vss="Vehicle.LowVoltageBattery.CurrentVoltage",
        vss_note="measured where the device is connected",
        names=_names(drivetech="power_supply", connected_cars=("car_battery_voltage",)),
    ),
    _temperature(1),
    _temperature(2),
    _temperature(3),
    Signal(
        name="fuel_level_percent",
        place="reading",
        type=float,
        unit="percent",
        vss="Vehicle.Powertrain.FuelSystem.RelativeLevel",
        vss_note="VSS has whole percents",
        names=_names(
            drivetech="fuel_percentage",
            connected_cars=("can_fuel_level_percent",),
            legacy=("fuel_level_percent.fuel_level_percent",),
        ),
    ),
    _number(
        "fuel_level_l",
        "l",
        "can_fuel_level_liters",
        legacy="fuel_level.fuel_level",
        vss="Vehicle.Powertrain.FuelSystem.AbsoluteLevel",
    ),
    _number(
        "traction_battery_charge_percent",
        "percent",
        "can_high_voltage_battery_charge_percent",
        legacy="charge_level_percent.percent",
        vss="Vehicle.Powertrain.TractionBattery.StateOfCharge.Current",
        vss_note="VSS keeps it apart from what the driver is shown; sources do not say which they mean",
    ),
    _number(
        "traction_battery_temperature_celsius",
        "celsius",
        "can_high_voltage_battery_temperature_celsius",
        legacy="high_voltage_battery_temperature.celsius",
        vss="Vehicle.Powertrain.TractionBattery.Temperature.Average",
        vss_note="sources do not say of which cells",
    ),
    _number("fuel_consumed_l", "l", legacy="fuel_consumed.fuel_consumed"),
    _number("idle_time_s", "s", legacy="idle_time.idle_time"),
    _number("range_km", "km", "can_range_total_km", vss="Vehicle.Powertrain.Range", vss_note="VSS counts whole metres"),
    _number(
        "adblue_range_km",
        "km",
        "can_adblue_remaining_distance_km",
        vss="Vehicle.Powertrain.CombustionEngine.DieselExhaustFluid.Range",
        vss_note="VSS counts whole metres",
    ),
    _number(
        "ambient_air_temperature_celsius",
        "celsius",
        "can_ambient_air_temperature_celsius",
        vss="Vehicle.Exterior.AirTemperature",
    ),
    _number(
        "engine_coolant_temperature_celsius",
        "celsius",
        "can_engine_coolant_temperature_celsius",
        vss="Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature",
    ),
    _number("device_battery_v", "V", "gpio_battery_internal_voltage"),
    _fact("malfunction_lamp", bool),
    _number("malfunction_lamp_distance_km", "km", "can_distance_with_mil_on_km"),
    _number("odometer_coarse_km", "km", "can_odometer10_km"),
    _number("odometer_of_day_km", "km", "daily_can_odometer_km"),
    _number(
        "next_service_days",
        "days",
        "can_next_service_days",
        vss="Vehicle.Service.TimeToService",
        vss_note="VSS counts seconds",
    ),
    _number("next_service_coarse_days", "days", "can_next_service_30days"),
    _number("next_service_km", "km", "can_next_service_km", vss="Vehicle.Service.DistanceToService"),
    _number("since_service_days", "days", "can_last_service_days"),
    _number("since_service_km", "km", "can_last_service_km"),
    _fact("last_service_date", str, "can_last_service_at_date"),
    _number("last_service_odometer_km", "km", "can_last_service_at_odometer"),
    _number("service_interval_days", "days", "can_service_interval_days"),
    _number("service_interval_km", "km", "can_service_interval_km"),
    _fact("service_reminder_date", str, "service_reminder_lead"),
    _fact("roadworthy_inspection_date", str, "car_roadworthy_inspection_date"),
    _number("next_oil_change_days", "days", "can_next_oil_change_days"),
    _number("next_oil_change_coarse_days", "days", "can_next_oil_change_30days"),
    _number("next_oil_change_km", "km", "can_next_oil_change_km"),
    _number("since_oil_change_days", "days", "can_last_oil_change_days"),
    _number("since_oil_change_km", "km", "can_last_oil_change_km"),
    _number("oil_change_overdue_days", "days", "can_exceeded_oil_change_days"),
    _number("oil_change_overdue_km", "km", "can_exceeded_oil_change_km"),
    _fact("oil_change_is_fixed", bool, "can_oil_change_type_is_fixed"),
    _number("oil_change_interval_fixed_days", "days", "can_oil_change_interval_fixed_days"),
    _number("oil_change_interval_fixed_km", "km", "can_oil_change_interval_fixed_km"),
    _number("oil_change_interval_variable_days", "days", "can_oil_change_interval_variable_days"),
    _number("oil_change_interval_variable_km", "km", "can_oil_change_interval_variable_km"),
    _number("oil_degradation_percent", "percent", "can_oil_degration_percent", "can_oil_degradation_percent"),
    _fact("engine_code", str, "can_engine_code", vss="Vehicle.Powertrain.CombustionEngine.EngineCode"),
    _fact("vin", str, "can_vin", vss="Vehicle.VehicleIdentification.VIN"),
    _network("mcc"),
    _network("mnc"),
    _network("lac"),
    _network("cid"),
)
"""Every signal, in the order in which a person wants to see them."""

READINGS: Mapping[str, Signal] = {signal.name: signal for signal in SIGNALS if signal.place == "reading"}
"""What may stand in ``Report.readings``, by name."""

OCCURRENCES: tuple[OccurrenceKind, ...] = (
    OccurrenceKind(
        tag="ignition",
        names=_names(drivetech="IGN", connected_cars=("car_ignition",), legacy=("ignition_on", "ignition_off")),
    ),
    OccurrenceKind(tag="idling", names=_names(drivetech="IDLING", connected_cars=("calc_vehicle_idle",))),
    OccurrenceKind(tag="overspeed", names=_names(drivetech="OVER_SPEED")),
    OccurrenceKind(tag="door", names=_names(drivetech="DOOR")),
    OccurrenceKind(tag="gnss_signal", names=_names(drivetech="GPS_SIGNAL")),
    OccurrenceKind(tag="panic_button", names=_names(drivetech="SOS")),
    OccurrenceKind(tag="device_battery_low", names=_names(drivetech="LOW_BATTERY")),
    OccurrenceKind(tag="driver_identified", names=_names(drivetech="DRIVER_ID")),
    OccurrenceKind(
        tag="harsh_manoeuvre",
        names=_names(drivetech="HARSH_BEHAVIOR", connected_cars=("car_profiling",), legacy=("profiling",)),
    ),
    OccurrenceKind(tag="malfunction_lamp", names=_names(connected_cars=("can_mil_lamp",))),
    OccurrenceKind(tag="external_power", names=_names(connected_cars=("gpio_battery_external_disconnect",))),
    OccurrenceKind(tag="trouble_code", names=_names(connected_cars=("can_dtc", "mapped_dtc"), legacy=("dtc",))),
    OccurrenceKind(tag="refuelled", names=_names(legacy=("refuel",))),
    OccurrenceKind(tag="service_booking", names=_names(connected_cars=("car_service_booking",))),
)
"""Every kind of occurrence. Drivetech's ``GPS`` is none: it says only where the vehicle is."""
