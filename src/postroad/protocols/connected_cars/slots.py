"""The fixed number of every wire type within an outgoing event's id.

Part of ids that customers have stored: append only, never renumber, below 64. Numbers are reserved for every type the
vendor has published, sent or not. One report says at most one event of each type.
"""

from collections.abc import Mapping

VEHICLE_TYPES: tuple[str, ...] = (
    "calc_vehicle_idle",
    "can_adblue_remaining_distance_km",
    "can_ambient_air_temperature_celsius",
    "can_distance_with_mil_on_km",
    "can_dtc",
    "can_engine_code",
    "can_engine_coolant_temperature_celsius",
    "can_exceeded_oil_change_days",
    "can_exceeded_oil_change_km",
    "can_fuel_level_liters",
    "can_fuel_level_percent",
    "can_high_voltage_battery_charge_percent",
    "can_high_voltage_battery_temperature_celsius",
    "can_last_oil_change_days",
    "can_last_oil_change_km",
    "can_last_service_at_date",
    "can_last_service_at_odometer",
    "can_last_service_days",
    "can_last_service_km",
    "can_mil_lamp",
    "can_next_oil_change_30days",
    "can_next_oil_change_days",
    "can_next_oil_change_km",
    "can_next_service_30days",
    "can_next_service_days",
    "can_next_service_km",
    "can_odometer_km",
    "can_odometer10_km",
    "can_oil_change_interval_fixed_days",
    "can_oil_change_interval_fixed_km",
    "can_oil_change_interval_variable_days",
    "can_oil_change_interval_variable_km",
    "can_oil_change_type_is_fixed",
    "can_oil_degration_percent",
    "can_service_interval_days",
    "can_service_interval_km",
    "can_vehicle_speed_kph",
    "can_vin",
    "car_battery_voltage",
    "car_ignition",
    "car_odometer_km",
    "car_profiling",
    "daily_can_odometer_km",
    "gpio_battery_external_disconnect",
    "gpio_battery_internal_voltage",
    "gps_position",
)
"""The 46 vehicle event types of the source document, in its order: slots 0 to 45."""

ADMIN_TYPES: tuple[str, ...] = (
    "access_granted_to_fleet",
    "access_granted_to_vehicle",
    "access_removed_from_fleet",
    "access_removed_from_vehicle",
    "vehicle_added_to_fleet",
    "vehicle_removed_from_fleet",
)
"""The six admin event types: slots 46 to 51."""

NEWER_TYPES: tuple[str, ...] = (
    "service_reminder_lead",
    "can_oil_degradation_percent",
    "car_service_booking",
    "can_range_total_km",
    "car_roadworthy_inspection_date",
    "mapped_dtc",
)
"""Types of the vendor's newer documentation, oldest first: slots 52 to 57. The second is the corrected spelling of
``can_oil_degration_percent``; the two names are two types here."""

OTHER = "other"
"""Stands for every type that is not known here: slot 58. An item says one event at most of it."""

SLOTS: Mapping[str, int] = {name: slot for slot, name in enumerate((*VEHICLE_TYPES, *ADMIN_TYPES, *NEWER_TYPES, OTHER))}
"""Wire type -> slot."""
