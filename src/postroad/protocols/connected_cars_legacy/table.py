"""What becomes of each fact in a message of either feed, and what is read. See ``postroad.protocols.fact_table``."""

from typing import Final

from postroad.model.catalogue import READINGS
from postroad.protocols.connected_cars_legacy.events import FROM_CAN
from postroad.protocols.connected_cars_legacy.write import HARSH_FLOOR_G
from postroad.protocols.fact_table import FactTable, Way, because, below, both

_SPEAKS = "connected_cars_legacy"
_NO_MESSAGE: Final = "no message is for it"
_CAR: Final = {
    "vin": both("cars.vin"),
    "make": both("cars.make", note="scope `vehicle_make`"),
    "model": both("cars.model", note="scope `vehicle_model`"),
    "model_year": both("cars.year", note="scope `vehicle_model`; a number, or text by the option `spelling`"),
    "licence_plate": both("cars.licensePlate", note="scope `vehicle_license_plate`"),
}
_REPORTED: Final = (
    "reading.fuel_level_percent",
    "reading.fuel_level_l",
    "reading.traction_battery_charge_percent",
    "reading.traction_battery_temperature_celsius",
)
_NO_TYPE: Final = frozenset(name for name, signal in READINGS.items() if _SPEAKS not in signal.names)

_WAYS: Final = {
    "report.recorded_us": both("time"),
    "report.from_can": Way(
        read=tuple(str(struct.__struct_config__.tag) for struct in FROM_CAN),
        write=("can_odometer",),
        made_from=_REPORTED,
        note="not as a field: of an odometer it is another message; what the vendor calls reported by the car is read "
        "as such, unless the setting `reported_by_car` says otherwise",
    ),
    "position.latitude_deg": both("position.lat"),
    "position.longitude_deg": both("position.lon"),
    "position.speed_kmh": both("position.speed"),
    "position.heading_deg": both("position.direction"),
    "reading.odometer_km": Way(
        read=("odometer.odometer", "can_odometer.odometer"),
        write=("odometer.odometer",),
        note="`can_odometer` for one that was read from the vehicle's own network",
    ),
    "reading.fuel_level_percent": both("fuel_level_percent.fuel_level_percent"),
    "reading.fuel_level_l": both("fuel_level.fuel_level"),
    "reading.fuel_consumed_l": both("fuel_consumed.fuel_consumed"),
    "reading.traction_battery_charge_percent": both("charge_level_percent.percent"),
    "reading.traction_battery_temperature_celsius": both("high_voltage_battery_temperature.celsius"),
    "reading.idle_time_s": both("idle_time.idle_time"),
    "ignition": both("ignition_on", "ignition_off"),
    "ignition.on": both("ignition_on", "ignition_off"),
    "harsh_manoeuvre": both("profiling"),
    "harsh_manoeuvre.kind": both("profiling.direction", note="a turn of which the side is not known is not sent"),
    "harsh_manoeuvre.magnitude": Way(
        read=("profiling.g_force",),
        made_from=("harsh_manoeuvre.magnitude_g",),
        note="a number of an unknown unit is not sent",
    ),
    "harsh_manoeuvre.magnitude_g": both(
        "profiling.g_force", note=f"below {HARSH_FLOOR_G} g nothing is sent: the vendor's rule"
    ),
    "trouble_code": both("dtc"),
    "trouble_code.code": both("dtc.code"),
    "trouble_code.change": both("dtc.enabled", note="true is added, false is removed; a code that changed is not sent"),
    "trouble_code.vendor": both("dtc.vendor"),
    "trouble_code.meanings": both("dtc.description"),
    "refuelled": both("refuel"),
    "refuelled.before_l": both("refuel.liters_before"),
    "refuelled.after_l": both("refuel.liters_after"),
    "refuelled.added_l": both("refuel.liters_added"),
    "user_signed_up": both("user_signup"),
    "user_signed_up.user.first_names": both("user_signup.firstName", note="scope `user_name`"),
    "user_signed_up.user.last_name": both("user_signup.lastName", note="scope `user_name`"),
    "user_signed_up.user.email": both("user_signup.email", note="scope `user_email`"),
    "user_signed_up.user.phone": both("user_signup.phone", note="scope `user_phone`"),
    "user_signed_up.vehicles": both("user_signup.cars"),
    **below("user_signed_up.vehicles", _CAR),
    "user_removed": both("user_remove"),
    "vehicles_shared": both("car_add"),
    "vehicles_shared.vehicles": both("car_add.cars"),
    **below("vehicles_shared.vehicles", _CAR),
    "vehicle_unshared": both("car_remove"),
}

FACTS: Final = FactTable(
    ways=_WAYS,
    unsaid={
        "report.late": "lateness is not said: a receiver looks at `time`",
        **because(
            "`position` has no field for it",
            "position.altitude_m",
            "position.horizontal_error_m",
            "position.hdop",
        ),
        "position.fix": "a position without a fix is an older one repeated, and not sent: it would look fresh",
        **{f"reading.{name}": _NO_MESSAGE for name in _NO_TYPE},
        "reading.ignition": "`ignition_on` and `ignition_off` are changes; a level is none",
        "ignition.previous_state_s": "`ignition_on` and `ignition_off` have no field for it",
        "harsh_manoeuvre.severity": "`profiling` has no field for it",
        **because(
            "`dtc` has no field for it",
            "trouble_code.format",
            "trouble_code.ecu",
            "trouble_code.active",
            "trouble_code.pending",
            "trouble_code.confirmed",
            "trouble_code.lamp_requested",
        ),
        "idling": "`idle_time` is the sum of all spells since the ignition was turned on, and not one of them",
        **because(
            _NO_MESSAGE,
            "overspeed",
            "door",
            "gnss_signal",
            "panic_button",
            "device_battery_low",
            "driver_identified",
            "malfunction_lamp",
            "external_power",
            "service_booking",
        ),
        **because(
            "its services share cars through accounts; streams and fleets it does not know",
            "access_changed",
            "membership_changed",
        ),
        **because(
            "it has messages of a car or an account, and nothing that is summed up afterwards",
            "trip",
            "trip_deleted",
            "crash",
            "crash_report",
            "device_status",
            "driver_deleted",
        ),
    },
    needs={
        "report.recorded_us": ("ignition.on",),
        "report.from_can": ("reading.odometer_km",),
        "harsh_manoeuvre": ("harsh_manoeuvre.magnitude_g",),
        "trouble_code": ("trouble_code.change", "trouble_code.vendor"),
    },
)
