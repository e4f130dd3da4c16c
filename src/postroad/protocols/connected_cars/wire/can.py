"""Types of one value that is read from the vehicle's own network (CAN)."""

from postroad.protocols.connected_cars.wire.fields import (
    Celsius,
    Date,
    Days,
    DecimalCelsius,
    DecimalPercent,
    Kilometres,
    KilometresPerHour,
    Litres,
    Percent,
    TenKilometres,
    ThirtyDays,
    VehicleEvent,
)


class CanAdblueRemainingDistanceKm(VehicleEvent, frozen=True, tag="can_adblue_remaining_distance_km"):
    """The distance that the present AdBlue will last."""

    value: Kilometres


class CanAmbientAirTemperatureCelsius(VehicleEvent, frozen=True, tag="can_ambient_air_temperature_celsius"):
    """The air temperature outside."""

    value: DecimalCelsius


class CanDistanceWithMilOnKm(VehicleEvent, frozen=True, tag="can_distance_with_mil_on_km"):
    """The distance driven with the malfunction indicator lamp lit."""

    value: Kilometres


class CanEngineCode(VehicleEvent, frozen=True, tag="can_engine_code"):
    """The engine's code."""

    value: str


class CanEngineCoolantTemperatureCelsius(VehicleEvent, frozen=True, tag="can_engine_coolant_temperature_celsius"):
    """The temperature of the engine's coolant."""

    value: Celsius


class CanExceededOilChangeDays(VehicleEvent, frozen=True, tag="can_exceeded_oil_change_days"):
    """How long the oil service is overdue."""

    value: Days


class CanExceededOilChangeKm(VehicleEvent, frozen=True, tag="can_exceeded_oil_change_km"):
    """How far the oil service is overdue."""

    value: Kilometres


class CanFuelLevelLiters(VehicleEvent, frozen=True, tag="can_fuel_level_liters"):
    """Fuel in the tank."""

    value: Litres


class CanFuelLevelPercent(VehicleEvent, frozen=True, tag="can_fuel_level_percent"):
    """Fuel in the tank."""

    value: Percent


class CanHighVoltageBatteryChargePercent(VehicleEvent, frozen=True, tag="can_high_voltage_battery_charge_percent"):
    """The state of charge of the traction battery."""

    value: DecimalPercent


class CanHighVoltageBatteryTemperatureCelsius(
    VehicleEvent, frozen=True, tag="can_high_voltage_battery_temperature_celsius"
):
    """The temperature of the traction battery."""

    value: DecimalCelsius


class CanLastOilChangeDays(VehicleEvent, frozen=True, tag="can_last_oil_change_days"):
    """The time since the last oil service."""

    value: Days


class CanLastOilChangeKm(VehicleEvent, frozen=True, tag="can_last_oil_change_km"):
    """The distance since the last oil service."""

    value: Kilometres


class CanLastServiceAtDate(VehicleEvent, frozen=True, tag="can_last_service_at_date"):
    """The date of the last service."""

    value: Date


class CanLastServiceAtOdometer(VehicleEvent, frozen=True, tag="can_last_service_at_odometer"):
    """The odometer at the last service."""

    value: Kilometres


class CanLastServiceDays(VehicleEvent, frozen=True, tag="can_last_service_days"):
    """The time since the last service."""

    value: Days


class CanLastServiceKm(VehicleEvent, frozen=True, tag="can_last_service_km"):
    """The distance since the last service."""

    value: Kilometres


class CanNextOilChange30days(VehicleEvent, frozen=True, tag="can_next_oil_change_30days"):
    """The time until the next oil service, in coarse steps."""

    value: ThirtyDays


class CanNextOilChangeDays(VehicleEvent, frozen=True, tag="can_next_oil_change_days"):
    """The time until the next oil service."""

    value: Days


class CanNextOilChangeKm(VehicleEvent, frozen=True, tag="can_next_oil_change_km"):
    """The distance until the next oil service."""

    value: Kilometres


class CanNextService30days(VehicleEvent, frozen=True, tag="can_next_service_30days"):
    """The time until the next service, in coarse steps."""

    value: ThirtyDays


class CanNextServiceDays(VehicleEvent, frozen=True, tag="can_next_service_days"):
    """The time until the next service."""

    value: Days


class CanNextServiceKm(VehicleEvent, frozen=True, tag="can_next_service_km"):
    """The distance until the next service."""

    value: Kilometres


class CanOdometerKm(VehicleEvent, frozen=True, tag="can_odometer_km"):
    """The odometer."""

    value: Kilometres


class CanOdometer10Km(VehicleEvent, frozen=True, tag="can_odometer10_km"):
    """The odometer, in coarse steps."""

    value: TenKilometres


class CanOilChangeIntervalFixedDays(VehicleEvent, frozen=True, tag="can_oil_change_interval_fixed_days"):
    """The time between oil services of a fixed regime."""

    value: Days


class CanOilChangeIntervalFixedKm(VehicleEvent, frozen=True, tag="can_oil_change_interval_fixed_km"):
    """The distance between oil services of a fixed regime."""

    value: Kilometres


class CanOilChangeIntervalVariableDays(VehicleEvent, frozen=True, tag="can_oil_change_interval_variable_days"):
    """The longest time between oil services of a variable regime."""

    value: Days


class CanOilChangeIntervalVariableKm(VehicleEvent, frozen=True, tag="can_oil_change_interval_variable_km"):
    """The longest distance between oil services of a variable regime."""

    value: Kilometres


class CanOilChangeTypeIsFixed(VehicleEvent, frozen=True, tag="can_oil_change_type_is_fixed"):
    """Oil service follows a fixed (true) or a variable regime."""

    value: bool


class CanOilDegrationPercent(VehicleEvent, frozen=True, tag="can_oil_degration_percent"):
    """How far the oil has degraded. The spelling is the vendor's, until 2024."""

    value: Percent


class CanOilDegradationPercent(VehicleEvent, frozen=True, tag="can_oil_degradation_percent"):
    """How far the oil has degraded; the name since 2024."""

    value: Percent


class CanRangeTotalKm(VehicleEvent, frozen=True, tag="can_range_total_km"):
    """How far the vehicle gets with all its energy; newer page."""

    value: Kilometres


class CanServiceIntervalDays(VehicleEvent, frozen=True, tag="can_service_interval_days"):
    """The time between services."""

    value: Days


class CanServiceIntervalKm(VehicleEvent, frozen=True, tag="can_service_interval_km"):
    """The distance between services."""

    value: Kilometres


class CanVehicleSpeedKph(VehicleEvent, frozen=True, tag="can_vehicle_speed_kph"):
    """The speed."""

    value: KilometresPerHour


class CanVin(VehicleEvent, frozen=True, tag="can_vin"):
    """The VIN that the vehicle itself gives."""

    value: str


class DailyCanOdometerKm(VehicleEvent, frozen=True, tag="daily_can_odometer_km"):
    """The odometer of a day. ``time`` is a bare date in 2023, midnight UTC since."""

    value: Kilometres
