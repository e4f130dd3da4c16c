"""What becomes of each fact in an injected event, and what of each is read. See ``postroad.protocols.fact_table``."""

from typing import Final

from postroad.protocols.drivetech.write import OPTIONAL_READINGS
from postroad.protocols.fact_table import FactTable, Way, because, both

_NO_FIELD: Final = "a record has no field for it"
_NO_TYPE: Final = "none of the ten event types is for it"
_NO_DOCUMENT: Final = "it has events of a vehicle only, and nothing that is summed up afterwards"
_NO_ACCOUNT: Final = "who may see whose data is not told: a token is for one provider's vehicles"

_WAYS: Final = {
    "report.recorded_us": both("datetime", conversion="whole milliseconds, cut off", within=1000),
    "report.late": both("buff", note="set for what was late, and for what is sent later than the contract's limit"),
    "position.latitude_deg": both("latitude"),
    "position.longitude_deg": both("longitude"),
    "position.altitude_m": both("altitude"),
    "position.speed_kmh": both(
        "speed",
        made_from=("reading.vehicle_speed_kmh",),
        note="the vendor states no unit: km/h, or as the setting `speed_unit` says",
    ),
    "position.heading_deg": both("azimuth", note="360 is read as 0"),
    "position.fix": both("gps_status"),
    "reading.vehicle_speed_kmh": Way(
        write=("speed",), becomes="position.speed_kmh", note="where the position has no speed"
    ),
    "reading.odometer_km": both("odometer"),
    "reading.ignition": both("ign_input", made_from=("ignition.on", "idling.begins")),
    "reading.motion_state": both(
        "state",
        conversion="one of the five documented words; another is read as it is, and not sent",
        made_from=("reading.ignition", "ignition.on", "idling.begins", "position.speed_kmh"),
    ),
    **{signal: both(field) for field, signal in ((f, f"reading.{s}") for f, s in OPTIONAL_READINGS.items())},
    "ignition": both("IGN"),
    "ignition.on": both("IGN.status"),
    "ignition.previous_state_s": both("IGN.duration"),
    "idling": both("IDLING"),
    "idling.begins": both("IDLING.status"),
    "idling.duration_s": both("IDLING.duration", made_from=("idling.begins",), note="0 where idling begins"),
    "overspeed": both("OVER_SPEED"),
    "overspeed.begins": both("OVER_SPEED.status"),
    "door": both("DOOR"),
    "door.opened": both("DOOR.status"),
    "gnss_signal": both("GPS_SIGNAL"),
    "gnss_signal.regained": both("GPS_SIGNAL.status"),
    "panic_button": both("SOS"),
    "device_battery_low": both("LOW_BATTERY"),
    "driver_identified": both("DRIVER_ID"),
    "driver_identified.identifier": both("DRIVER_ID.driver_id"),
    "harsh_manoeuvre": both("HARSH_BEHAVIOR"),
    "harsh_manoeuvre.kind": both(
        "HARSH_BEHAVIOR.status",
        conversion="0 braking, 1 acceleration, 2 turn",
        coarser={"turn_left": "turn", "turn_right": "turn"},
    ),
    "harsh_manoeuvre.magnitude": Way(
        read=("HARSH_BEHAVIOR.magnitude",),
        made_from=("harsh_manoeuvre.magnitude_g",),
        note="a number of an unknown unit goes back only to the protocol that it came by",
    ),
    "harsh_manoeuvre.magnitude_g": both(
        "HARSH_BEHAVIOR.magnitude",
        conversion="m/s² at 9.80665 to the g, or as `harsh_unit` says; six decimals",
        within=1e-6,
    ),
}

FACTS: Final = FactTable(
    ways=_WAYS,
    unsaid={
        "report.from_can": "a record does not say where its values come from",
        **because(_NO_FIELD, "position.horizontal_error_m", "position.hdop", "harsh_manoeuvre.severity"),
        **because(
            _NO_FIELD,
            "reading.fuel_level_l",
            "reading.traction_battery_charge_percent",
            "reading.traction_battery_temperature_celsius",
            "reading.fuel_consumed_l",
            "reading.idle_time_s",
            "reading.range_km",
            "reading.adblue_range_km",
            "reading.device_battery_v",
            "reading.malfunction_lamp",
            "reading.malfunction_lamp_distance_km",
            "reading.next_service_days",
            "reading.next_service_coarse_days",
            "reading.next_service_km",
            "reading.since_service_days",
            "reading.since_service_km",
            "reading.last_service_date",
            "reading.last_service_odometer_km",
            "reading.service_interval_days",
            "reading.service_interval_km",
            "reading.service_reminder_date",
            "reading.roadworthy_inspection_date",
            "reading.next_oil_change_days",
            "reading.next_oil_change_coarse_days",
            "reading.next_oil_change_km",
            "reading.since_oil_change_days",
            "reading.since_oil_change_km",
            "reading.oil_change_overdue_days",
            "reading.oil_change_overdue_km",
            "reading.oil_change_is_fixed",
            "reading.oil_change_interval_fixed_days",
            "reading.oil_change_interval_fixed_km",
            "reading.oil_change_interval_variable_days",
            "reading.oil_change_interval_variable_km",
            "reading.oil_degradation_percent",
            "reading.engine_code",
            "reading.vin",
        ),
        **because(
            "`temperature1` to `temperature3` are sensors that somebody placed; which measures what is not said",
            "reading.ambient_air_temperature_celsius",
            "reading.engine_coolant_temperature_celsius",
        ),
        **because(
            "`odometer` must not jump between a fine and a coarse or daily figure",
            "reading.odometer_coarse_km",
            "reading.odometer_of_day_km",
        ),
        **because(_NO_TYPE, "malfunction_lamp", "external_power", "trouble_code", "refuelled", "service_booking"),
        **because(_NO_DOCUMENT, "trip", "trip_deleted", "crash", "crash_report", "device_status", "driver_deleted"),
        **because(
            _NO_ACCOUNT,
            "access_changed",
            "membership_changed",
            "user_signed_up",
            "user_removed",
            "vehicles_shared",
            "vehicle_unshared",
        ),
    },
    needs={
        "report": (
            "position.latitude_deg",
            "position.longitude_deg",
            "position.speed_kmh",
            "position.heading_deg",
            "reading.ignition",
            "reading.motion_state",
            "reading.odometer_km",
        )
    },
)
