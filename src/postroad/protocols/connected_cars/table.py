"""What becomes of each fact in a vehicle or admin event, and what is read. See ``postroad.protocols.fact_table``."""

from collections.abc import Iterator
from typing import Any, Final

from postroad.model.catalogue import READINGS
from postroad.protocols.connected_cars.options import HARSH_FLOOR_G
from postroad.protocols.connected_cars.slots import NEWER_TYPES
from postroad.protocols.connected_cars.vocabulary import SIGNAL_OF, from_can, is_whole
from postroad.protocols.fact_table import FactTable, Way, because, both

_CAN_ONLY: Final = "of values that were not read from the vehicle's own network, only with `claim_can`"
_NO_TYPE: Final = "no event type is for it"
_NO_DOCUMENT: Final = "it has events of a vehicle only, and nothing that is summed up afterwards"
_NEEDS_MORE: Final = frozenset({"car_roadworthy_inspection_date"})


def _readings() -> Iterator[tuple[str, Way]]:
    """Types of one value, as the catalogue names them."""
    for signal in READINGS.values():
        types = [name for name, said in SIGNAL_OF.items() if said is signal]
        if not types:
            continue
        how: dict[str, Any] = {"read": tuple(f"{name}.value" for name in types)}
        sent = [name for name in types if name not in _NEEDS_MORE and name != "can_oil_degration_percent"]
        if not sent:
            yield f"reading.{signal.name}", Way(**how, note="its other fields only this protocol's own events have")
            continue
        if any(not from_can(name) for name in sent):
            sent = [name for name in sent if not from_can(name)]
        else:
            how |= {"options": {"claim_can": True}, "note": _CAN_ONLY}
        if set(sent) <= {*NEWER_TYPES}:
            how["options"] = how.get("options", {}) | {"profile": "2026-03"}
        if any(map(is_whole, types)):
            which = (
                "" if all(map(is_whole, types)) else " in " + ", ".join(f"`{one}`" for one in types if is_whole(one))
            )
            how |= {"conversion": f"rounded to a whole number{which}, a half up", "within": 0.5}
        yield f"reading.{signal.name}", Way(write=tuple(f"{name}.value" for name in sent), **how)


_WAYS: Final = {
    "report.recorded_us": both(
        "time",
        conversion="whole milliseconds, cut off",
        within=1000,
        made_from=("reading.odometer_of_day_km",),
        note="of `daily_can_odometer_km` only the day",
    ),
    "report.from_can": Way(
        read=("can_odometer_km",),
        write=("can_odometer_km",),
        made_from=("reading", "position.speed_kmh", "malfunction_lamp"),
        note="not as a field: a type that begins with `can_` or `daily_can_` says it; with `claim_can` of any value",
    ),
    "position.latitude_deg": both("gps_position.latitude"),
    "position.longitude_deg": both("gps_position.longitude"),
    "position.speed_kmh": both("gps_position.speed", conversion="rounded to a whole number, a half up", within=0.5),
    "position.heading_deg": both(
        "gps_position.direction", conversion="rounded to a whole number, a half up; 360 is 0", within=0.5
    ),
    "position.horizontal_error_m": both(
        "gps_position.eph", conversion="rounded to a whole number, a half up", within=0.5
    ),
    "position.hdop": both(
        "gps_position.hdop", conversion="hundredths", within=0.005, note="only where the error in metres is not known"
    ),
    **dict(_readings()),
    "reading.vehicle_speed_kmh": both(
        "can_vehicle_speed_kph.value",
        options={"claim_can": True},
        conversion="rounded to a whole number, a half up",
        within=0.5,
        made_from=("position.speed_kmh",),
        note=_CAN_ONLY,
    ),
    "reading.ignition": Way(
        read=("car_ignition.value",), made_from=("ignition.on",), note="`car_ignition` is a change; a level is none"
    ),
    "reading.malfunction_lamp": Way(
        read=("can_mil_lamp.value",),
        made_from=("malfunction_lamp.on",),
        note="`can_mil_lamp` is a change; a level is none",
    ),
    "ignition": both("car_ignition"),
    "ignition.on": both("car_ignition.value"),
    "idling": both("calc_vehicle_idle"),
    "idling.begins": both("calc_vehicle_idle.value"),
    "harsh_manoeuvre": both("car_profiling"),
    "harsh_manoeuvre.kind": both("car_profiling.direction", note="a turn of which the side is not known is not sent"),
    "harsh_manoeuvre.magnitude": Way(
        read=("car_profiling.gForce",),
        made_from=("harsh_manoeuvre.magnitude_g",),
        note="a number of an unknown unit goes back only to the protocol that it came by",
    ),
    "harsh_manoeuvre.magnitude_g": both(
        "car_profiling.gForce",
        conversion="three decimals",
        within=0.0005,
        note=f"below {HARSH_FLOOR_G} g nothing is sent: the vendor's rule",
    ),
    "harsh_manoeuvre.severity": both(
        "car_profiling.direction",
        made_from=("harsh_manoeuvre.magnitude_g",),
        note="where the source did not class it, by the options `harsh_medium_g` and `harsh_high_g`",
    ),
    "malfunction_lamp": both("can_mil_lamp", options={"claim_can": True}, note=_CAN_ONLY),
    "malfunction_lamp.on": both("can_mil_lamp.value", options={"claim_can": True}, note=_CAN_ONLY),
    "external_power": both("gpio_battery_external_disconnect"),
    "external_power.connected": both("gpio_battery_external_disconnect.value", conversion="true is disconnected"),
    **{
        fact: Way(read=members, note="a code's status and control unit, which a type must have, no other protocol has")
        for fact, members in {
            "trouble_code": ("can_dtc", "mapped_dtc"),
            "trouble_code.code": ("can_dtc.code", "mapped_dtc.codeId"),
            "trouble_code.format": ("can_dtc.sourceType", "mapped_dtc.vendorId"),
            "trouble_code.ecu": ("can_dtc.ecu", "mapped_dtc.ecu"),
            "trouble_code.change": ("can_dtc.diff",),
            "trouble_code.active": ("can_dtc.diff", "mapped_dtc.enabled"),
            "trouble_code.pending": ("can_dtc.status", "mapped_dtc.status.pending"),
            "trouble_code.confirmed": ("can_dtc.status", "mapped_dtc.status.confirmed"),
            "trouble_code.lamp_requested": ("can_dtc.status", "mapped_dtc.status.warningIndicatorRequested"),
        }.items()
    },
    **{
        fact: Way(read=(member,), note="no other protocol has bookings")
        for fact, member in {
            "service_booking": "car_service_booking",
            "service_booking.booking_id": "car_service_booking.bookingId",
            "service_booking.status": "car_service_booking.bookingStatus",
            "service_booking.appointment": "car_service_booking.value",
        }.items()
    },
    "access_changed.vehicle": both("access_granted_to_vehicle", "access_removed_from_vehicle"),
    "access_changed.fleet": both("access_granted_to_fleet", "access_removed_from_fleet"),
    "access_changed.recorded_us": both("time", conversion="whole milliseconds, cut off", within=1000),
    "membership_changed": both("vehicle_added_to_fleet", "vehicle_removed_from_fleet"),
    "membership_changed.joined": both("vehicle_added_to_fleet", "vehicle_removed_from_fleet"),
    "membership_changed.recorded_us": both("time", conversion="whole milliseconds, cut off", within=1000),
}

FACTS: Final = FactTable(
    ways=_WAYS,
    unsaid={
        "report.late": "lateness is not said: a receiver looks at `time`",
        "position.altitude_m": "`gps_position` has no field for it",
        "position.fix": "a position without a fix is an older one repeated, and not sent: it would look fresh",
        **because(
            _NO_TYPE,
            "reading.engine_hours_h",
            "reading.motion_state",
            "reading.doors_open",
            "reading.device_battery_percent",
            "reading.temperature_1_celsius",
            "reading.temperature_2_celsius",
            "reading.temperature_3_celsius",
            "reading.fuel_consumed_l",
            "reading.mobile_mcc",
            "reading.mobile_mnc",
            "reading.mobile_lac",
            "reading.mobile_cid",
        ),
        "reading.idle_time_s": "`calc_vehicle_idle` says that idling begins or ends, and not for how long",
        "ignition.previous_state_s": "`car_ignition` has no field for it",
        "idling.duration_s": "`calc_vehicle_idle` has no field for it",
        **because(
            _NO_TYPE,
            "overspeed",
            "door",
            "gnss_signal",
            "panic_button",
            "device_battery_low",
            "driver_identified",
            "refuelled",
        ),
        **because("`can_dtc` has no field for it", "trouble_code.vendor", "trouble_code.meanings"),
        **because(_NO_DOCUMENT, "trip", "trip_deleted", "crash", "crash_report", "device_status", "driver_deleted"),
        **because(
            "users and what they share are told by the older protocol only",
            "user_signed_up",
            "user_removed",
            "vehicles_shared",
            "vehicle_unshared",
        ),
    },
    needs={
        "report.recorded_us": ("ignition.on",),
        "report.from_can": ("reading.odometer_km",),
        "harsh_manoeuvre": ("harsh_manoeuvre.magnitude_g",),
    },
)
