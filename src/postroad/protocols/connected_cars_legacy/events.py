"""From messages to the common language."""

from typing import Literal

import msgspec

from postroad.model.accounts import SharedVehicle, User, UserRemoved, UserSignedUp, VehiclesShared, VehicleUnshared
from postroad.model.events import (
    Event,
    HarshManoeuvre,
    Header,
    Ignition,
    Occurrence,
    Position,
    Refuelled,
    Report,
    TroubleCode,
    Value,
)
from postroad.model.identifiers import LEGACY_CAR_ID, LEGACY_USER_ID, normalise
from postroad.protocols.base import Item
from postroad.protocols.connected_cars_legacy.account import Car, CarAdd, CarRemove, UserRemove, UserSignup
from postroad.protocols.connected_cars_legacy.car import (
    CanOdometer,
    ChargeLevelPercent,
    Dtc,
    FuelConsumed,
    FuelLevel,
    FuelLevelPercent,
    HighVoltageBatteryTemperature,
    IdleTime,
    IgnitionOff,
    IgnitionOn,
    Manoeuvre,
    OccurrenceMessage,
    Odometer,
    PositionMessage,
    Profiling,
    ReadingMessage,
    Refuel,
)
from postroad.protocols.connected_cars_legacy.messages import AnyAccountMessage, AnyCarMessage, Message, UnknownMessage
from postroad.protocols.connected_cars_legacy.options import LegacySettings

READINGS: dict[type[ReadingMessage], tuple[str, str]] = {
    Odometer: ("odometer", "odometer_km"),
    CanOdometer: ("odometer", "odometer_km"),
    FuelLevel: ("fuel_level", "fuel_level_l"),
    FuelLevelPercent: ("fuel_level_percent", "fuel_level_percent"),
    FuelConsumed: ("fuel_consumed", "fuel_consumed_l"),
    ChargeLevelPercent: ("percent", "traction_battery_charge_percent"),
    HighVoltageBatteryTemperature: ("celsius", "traction_battery_temperature_celsius"),
    IdleTime: ("idle_time", "idle_time_s"),
}
"""Messages that are one reading -> their field, and the signal. Writing goes the other way by the same table."""

FROM_CAN = (CanOdometer, FuelLevel, FuelLevelPercent, ChargeLevelPercent, HighVoltageBatteryTemperature)
"""Messages whose value is, in the vendor's words, what the car reports."""

MANOEUVRES: dict[Manoeuvre, Literal["acceleration", "braking", "turn_left", "turn_right"]] = {
    "acceleration": "acceleration",
    "brake": "braking",
    "turn_left": "turn_left",
    "turn_right": "turn_right",
}
"""``direction`` of ``profiling`` -> kind of ``HarshManoeuvre``."""


def events(item: Item, header: Header, settings: LegacySettings) -> tuple[Event, ...]:
    """One event; none for a message of an undocumented type."""
    message: Message = item.wire
    match message:
        case UnknownMessage():
            return ()
        case UserSignup() | UserRemove() | CarAdd() | CarRemove():
            return (_account_change(message, msgspec.structs.replace(header, recorded_us=header.received_us)),)
        case _:
            return (_report(message, header, settings),)


def _account_change(message: AnyAccountMessage, header: Header) -> Event:
    user = normalise(LEGACY_USER_ID, message.user_id)
    match message:
        case UserSignup():
            named = User(
                identifier=user,
                first_names=message.first_name,
                last_name=message.last_name,
                email=message.email,
                phone=message.phone,
            )
            return UserSignedUp(header=header, user=named, vehicles=_vehicles(message.cars))
        case UserRemove():
            return UserRemoved(header=header, user_identifier=user)
        case CarAdd():
            return VehiclesShared(header=header, user_identifier=user, vehicles=_vehicles(message.cars))
        case CarRemove():
            car = normalise(LEGACY_CAR_ID, message.car_id)
            return VehicleUnshared(header=header, user_identifier=user, vehicle_identifier=car)


def _vehicles(cars: tuple[Car, ...]) -> tuple[SharedVehicle, ...]:
    return tuple(
        SharedVehicle(
            identifier=normalise(LEGACY_CAR_ID, car.car_id),
            vin=car.vin,
            make=car.make,
            model=car.model,
            model_year=None if car.year is None else str(car.year),
            licence_plate=car.license_plate,
        )
        for car in cars
    )


def _report(message: AnyCarMessage, header: Header, settings: LegacySettings) -> Report:
    if isinstance(message, PositionMessage):
        place = Position(
            latitude_deg=message.lat,
            longitude_deg=message.lon,
            speed_kmh=message.speed,
            heading_deg=message.direction,
        )
        return Report(header=header, position=place)
    if isinstance(message, ReadingMessage):
        field, signal = READINGS[type(message)]
        readings: dict[str, Value] = {signal: getattr(message, field)}
        from_can = settings.reported_by_car == "can" and isinstance(message, FROM_CAN)
        return Report(header=header, readings=readings, from_can=from_can)
    return Report(header=header, occurrences=(_occurrence(message, settings),))


def _occurrence(message: OccurrenceMessage, settings: LegacySettings) -> Occurrence:
    match message:
        case IgnitionOn():
            return Ignition(True)
        case IgnitionOff():
            return Ignition(False)
        case Profiling():
            return HarshManoeuvre(MANOEUVRES[message.direction], message.g_force, message.g_force)
        case Dtc():
            return TroubleCode(
                message.code,
                change=_change(message, settings),
                vendor=message.vendor,
                meanings=message.description,
            )
        case Refuel():
            return Refuelled(before_l=message.liters_before, after_l=message.liters_after, added_l=message.liters_added)


def _change(code: Dtc, settings: LegacySettings) -> Literal["added", "removed"] | None:
    if code.enabled:
        return "added"
    return "removed" if settings.disabled_code == "removed" else None
