"""What becomes of each fact in a push, and what of each is read. See ``postroad.protocols.fact_table``."""

from typing import Final

from postroad.protocols.fact_table import REPORTED, FactTable, Way, because, below, both

_CUT: Final = "whole milliseconds, cut off"
_NOT_A_REPORT: Final = (
    "it pushes what is known of a whole trip, and of a phone; a single report of a vehicle is neither"
)
_NOT_PUBLISHED: Final = "its pages publish no field for it"
_ROUTE: Final = {
    "latitude_deg": "route.latitude",
    "longitude_deg": "route.longitude",
    "altitude_m": "route.gpsElevation",
    "speed_kmh": "route.gpsVelocity",
    "heading_deg": "route.gpsHeading",
    "horizontal_error_m": "route.gpsAccuracy",
}
_AT_THE_END: Final = {
    name: Way(read=(f"trip.{member}",), made_from=("trip.path",), note="where the route begins or ends; by itself not")
    for name, member in _ROUTE.items()
}
_PLACE: Final = {
    "latitude_deg": "latitude",
    "longitude_deg": "longitude",
    "altitude_m": "elevation",
    "speed_kmh": "velocity",
    "heading_deg": "heading",
}
_CRASH_PLACE: Final = {name: _PLACE[name] for name in ("latitude_deg", "longitude_deg", "speed_kmh")}
_SCORE: Final = {"conversion": "out of 10 in place of 100", "within": 1e-6, "note": "above 10 is read as not scored"}

_TRIP: Final = {
    "trip": both("trip"),
    "trip.started_us": both(
        "trip.itineraryData.startDate",
        conversion=_CUT,
        within=1000,
        made_from=("trip.driving_s", "trip.idling_s"),
        note="read also from the end and the duration",
    ),
    "trip.ended_us": both(
        "trip.endDate",
        conversion=_CUT,
        within=1000,
        made_from=("trip.driving_s", "trip.idling_s"),
        note="read also from the start and the duration",
    ),
    **below("trip.start", _AT_THE_END),
    **below("trip.end", _AT_THE_END),
    "trip.start_address": both("trip.itineraryData.departureAddress"),
    "trip.end_address": both("trip.itineraryData.arrivalAddress"),
    "trip.distance_m": both("trip.itineraryStatistics.distance"),
    "trip.driving_s": both("trip.drivingDuration", made_from=("trip.idling_s",), note="or what is left beside idling"),
    "trip.idling_s": both("trip.idlingDuration", made_from=("trip.driving_s",), note="or what is left beside driving"),
    "trip.mean_speed_kmh": both("trip.speedMean"),
    "trip.scores.safety": both("trip.safety.safetyScore", **_SCORE),
    "trip.scores.eco": both("trip.ecoDriving.score", **_SCORE),
    "trip.scores.distraction": both("trip.driverDistraction.score", **_SCORE),
    "trip.scores.speeding": both("trip.speedingStatistics.score", **_SCORE),
    "trip.manoeuvres": both("trip.safetyEvents"),
    "trip.manoeuvres.kind": both("trip.safetyEvents.type", conversion="1 turn, 2 acceleration, 3 braking"),
    "trip.manoeuvres.at_us": both("trip.safetyEvents.time", conversion="seconds since the start", within=1000),
    **below("trip.manoeuvres.position", {n: both(f"trip.safetyEvents.{m}") for n, m in _PLACE.items()}),
    "trip.manoeuvres.acceleration_mps2": both(
        "trip.safetyEvents.value", note="not of turns, of which the vendor has a ratio of adherence"
    ),
    "trip.manoeuvres.severity": Way(
        read=("trip.safetyEvents.value", "trip.safetyEvents.level"),
        write=("trip.safetyEvents.level",),
        coarser={"low": "medium"},
        made_from=("trip.manoeuvres.acceleration_mps2",),
        note="where there is a measure, by the limits that the vendor shows to drivers",
    ),
    "trip.phone.unlocked_s": both("trip.driverDistraction.durationUnlock"),
    "trip.phone.unlocked_m": both("trip.driverDistraction.distanceUnlock"),
    "trip.phone.unlocks": both("trip.driverDistraction.nbUnlock"),
    "trip.path": both(
        "trip.route", note="only with samples a second apart, which receivers may count on, or with `sparse_route`"
    ),
    "trip.path.recorded_us": both("trip.route.gpsDate", conversion="seconds since 1970", within=1),
    **below("trip.path", {name: both(f"trip.{member}") for name, member in _ROUTE.items()}),
    "trip.fuel_l": both("trip.fuelEstimation.fuelVolume"),
    "trip.energy_kwh": both("trip.energyEstimation.energy"),
    "trip.co2_kg": both("trip.fuelEstimation.co2Mass"),
    "trip.tags": both("trip.metaData"),
    "trip_deleted": both("trip_deleted"),
}

_CRASH: Final = {
    "crash": both("crash"),
    "crash.happened_us": both("crash.parameters.date", conversion=_CUT, within=1000),
    **below("crash.position", {name: both(f"crash.{member}") for name, member in _CRASH_PLACE.items()}),
    "crash.confirmed": both(
        "crash.crashStatus",
        made_from=("crash.withdrawn",),
        note="one that is not confirmed is sent with `unconfirmed_crashes` only: the vendor pushes confirmed ones",
    ),
    "crash.probability": both("crash.probability", conversion="whole percent", within=0.005),
    "crash.withdrawn": Way(
        write=("crash.crashStatus",), becomes="crash.confirmed", note="as `UNCONFIRMED`: there is no other word"
    ),
    "crash_report": both("crash_report"),
    "crash_report.happened_us": both("crash_report.date", conversion=_CUT, within=1000),
    **below("crash_report.position", {name: both(f"crash_report.{member}") for name, member in _CRASH_PLACE.items()}),
    "crash_report.confirmed": both("crash_report.crashStatus"),
    "crash_report.probability": both("crash_report.probability", conversion="whole percent", within=0.005),
}

_STATUS: Final = {
    "device_status": both("diagnosis"),
    "device_status.recorded_us": both("diagnosis.lastUpdate", conversion=_CUT, within=1000),
    "device_status.changes.sensor": both("diagnosis.sensors"),
    "device_status.changes.permission": both("diagnosis.permissions"),
    "device_status.changes.setting": both("diagnosis.settings"),
    "device_status.changes.event": both("diagnosis.events"),
    "device_status.changes.phone": both("diagnosis.smartphoneData"),
    "device_status.changes.status": both("diagnosis.status"),
    "driver_deleted": both("driver_deleted"),
}

FACTS: Final = FactTable(
    ways=_TRIP | _CRASH | _STATUS,
    unsaid={
        **because(_NOT_A_REPORT, *REPORTED),
        **because(
            "a customer of the vendor's has all its drivers; of access and fleets nothing is pushed",
            "access_changed",
            "membership_changed",
        ),
        **because(
            "of drivers only the deletion is pushed",
            "user_signed_up",
            "user_removed",
            "vehicles_shared",
            "vehicle_unshared",
        ),
        **because("a sample of the route has no field for it", "trip.start.fix", "trip.end.fix"),
        **because("a sample of the route has no field for it", "trip.start.hdop", "trip.end.hdop"),
        **because(
            "a safety event has no field for it",
            "trip.manoeuvres.position.fix",
            "trip.manoeuvres.position.hdop",
            "trip.manoeuvres.position.horizontal_error_m",
        ),
        "trip.max_speed_kmh": _NOT_PUBLISHED,
        "trip.scores.overall": "each score is of one thing; what they come to together is not said",
        "crash.position": "of the place only latitude, longitude and speed are published",
        "crash_report.position": "of the place only latitude, longitude and speed are published",
        "crash.max_acceleration_g": _NOT_PUBLISHED,
        **because(
            "a diagnosis has no place for it",
            "device_status.changes.battery",
            "device_status.changes.network",
            "device_status.changes.trips",
        ),
    },
    needs={"trip.manoeuvres": ("trip.started_us",)},
)
