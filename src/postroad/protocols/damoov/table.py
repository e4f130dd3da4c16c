"""What becomes of each fact in notifications and datasets, and what is read. See ``postroad.protocols.fact_table``."""

from typing import Any, Final

from postroad.protocols.damoov.events import STATUSES
from postroad.protocols.damoov.trips import SCORES
from postroad.protocols.damoov.wire.track import RichTrack
from postroad.protocols.fact_table import REPORTED, FactTable, Way, because, below, both

_NOT_A_REPORT: Final = "it tells of tracks, accidents and phones; a single report of a vehicle is none of them"
_PLACE: Final = {"latitude_deg": "Latitude", "longitude_deg": "Longitude"}
_POINT: Final = _PLACE | {"altitude_m": "Height", "speed_kmh": "Speed", "heading_deg": "Course"}
_OF_A_POINT: Final = ("trip.manoeuvres.position",)
_HEIGHT: Final = {
    "conversion": "centimetres, as the vendor says in words",
    "within": 0.005,
    "note": "read by the setting `height_unit`; 0 is missing",
}


def _points(*tracks: str, member: str) -> tuple[str, ...]:
    return tuple(f"{track}.Points.{member}" for track in tracks)


_ENDS: Final = {
    name: Way(
        read=_points("processed_track", "received_track", member=member),
        made_from=("trip.path", *_OF_A_POINT),
        note="where the track begins or ends; by itself not",
    )
    for name, member in _POINT.items()
} | {
    "horizontal_error_m": Way(
        read=("received_track.Points.Accuracy",),
        made_from=("trip.path", *_OF_A_POINT),
        note="where the track begins or ends; by itself not",
    )
}
_BOTH: Final = ("processed_track", "received_track")

_TRIP: Final = {
    "trip": Way(read=_BOTH, write=("TrackEnrichmentFinished", "IncomingTrackReceived")),
    "trip.started_us": Way(
        read=("processed_track.StartDate",),
        write=("processed_track.StartDate", "received_track.StartDate"),
        note="of a raw track read from the notification too",
    ),
    "trip.ended_us": Way(
        read=("processed_track.EndDate",),
        write=("processed_track.EndDate", "received_track.EndDate"),
        note="of a raw track read from the notification too",
    ),
    **below("trip.start", _ENDS),
    **below("trip.end", _ENDS),
    "trip.start_address": both("processed_track.AddressStart"),
    "trip.end_address": both("processed_track.AddressEnd"),
    "trip.distance_m": Way(
        read=("processed_track.Distance", "received_track.Points.TotalMeters"),
        write=("processed_track.Distance",),
        conversion="kilometres, six decimals; three decimals of a metre when read",
        within=0.001,
    ),
    **{
        f"trip.scores.{score}": both(f"processed_track.{RichTrack.__struct_encode_fields__[index]}")
        for index, field in enumerate(RichTrack.__struct_fields__)
        if (score := SCORES.get(field))
    },
    "trip.manoeuvres": Way(
        read=("processed_track.Points.AlertType", "received_track.Events"),
        write=("processed_track.AccelerationCount", "received_track.Events"),
        note="one without a place only where the path has a point of its instant",
    ),
    "trip.manoeuvres.kind": both(
        "processed_track.Points.AlertType",
        "received_track.Events.Type",
        conversion="`acc`, `deacc`, `turn`; of a raw track `Acceleration`, `Braking`, `Cornering`",
    ),
    "trip.manoeuvres.at_us": both(
        "processed_track.Points.PointDate",
        "received_track.Events.TimeStart",
        conversion="milliseconds in a raw track",
        within=1000,
    ),
    **below(
        "trip.manoeuvres.position",
        {
            name: both(f"processed_track.Points.{member}", f"received_track.Events.PointStart.{member}")
            for name, member in _PLACE.items()
        },
    ),
    **below(
        "trip.manoeuvres.position",
        {
            name: Way(
                write=(f"processed_track.Points.{_POINT[name]}",),
                becomes=f"trip.path.{name}",
                note="the manoeuvre's point is one of the path",
            )
            for name in ("altitude_m", "speed_kmh", "heading_deg")
        },
    ),
    "trip.manoeuvres.acceleration_mps2": both(
        "processed_track.Points.AlertValue",
        "received_track.Events.RangeDirect",
        note="of a turn `Lateral` or `RangeLateral`; 0 is read as missing",
    ),
    "trip.phone.unlocked_s": both(
        "processed_track.PhoneUsage", conversion="minutes; three decimals of a second when read", within=0.001
    ),
    "trip.path": Way(
        read=_points(*_BOTH, member="PointDate"),
        write=_points(*_BOTH, member="PointDate"),
        made_from=_OF_A_POINT,
    ),
    "trip.path.recorded_us": Way(
        read=_points(*_BOTH, member="PointDate"),
        write=_points(*_BOTH, member="PointDate"),
        made_from=_OF_A_POINT,
    ),
    **below(
        "trip.path",
        {
            name: both(*_points(*_BOTH, member=member), made_from=_OF_A_POINT)
            for name, member in _POINT.items()
            if name != "altitude_m"
        },
    ),
    "trip.path.altitude_m": both(*_points(*_BOTH, member="Height"), made_from=_OF_A_POINT, **_HEIGHT),
    "trip.path.horizontal_error_m": both("received_track.Points.Accuracy"),
    "trip_deleted": Way(read=("IncomingTrackRemoved", "track_withdrawn"), write=("IncomingTrackRemoved",)),
}

_SPEED: Final[dict[str, Any]] = {
    "conversion": "m/s, six decimals; read by the setting `crash_speed_unit`",
    "within": 1e-5,
}
_ACCIDENT: Final = {
    "crash": Way(read=("accident",), write=("AccidentEventReceived",), made_from=("crash_report",)),
    "crash.happened_us": both("accident.TimeStart", conversion="milliseconds, cut off", within=1000),
    "crash.position.latitude_deg": both("accident.PointStart.Latitude"),
    "crash.position.longitude_deg": both("accident.PointStart.Longitude"),
    "crash.position.speed_kmh": both("accident.SpeedStart", **_SPEED),
    "crash.confirmed": Way(
        write=("AccidentEventFiltered",),
        note="as the event that the vendor recommends; the other way round, to pass filters is not to be confirmed",
    ),
    "crash.max_acceleration_g": Way(
        read=("accident.RangeDirect", "accident.RangeLateral"),
        conversion="m/s² at 9.80665 to the g",
        note="along which axis it was is not known any more",
    ),
    "crash.withdrawn": both(
        "AccidentEventCompletePackageReceived.AccidentPassedFilters", conversion="false is withdrawn"
    ),
    "crash_report": Way(write=("AccidentEventFiltered",), becomes="crash"),
    "crash_report.happened_us": Way(
        write=("accident.TimeStart",),
        becomes="crash.happened_us",
        conversion="milliseconds, cut off",
        within=1000,
    ),
    "crash_report.position.latitude_deg": Way(
        write=("accident.PointStart.Latitude",), becomes="crash.position.latitude_deg"
    ),
    "crash_report.position.longitude_deg": Way(
        write=("accident.PointStart.Longitude",), becomes="crash.position.longitude_deg"
    ),
    "crash_report.position.speed_kmh": Way(
        write=("accident.SpeedStart",), becomes="crash.position.speed_kmh", **_SPEED
    ),
}

_HEARTBEAT: Final = {
    "charge_level": "ChargeLevel",
    "wifi_enabled": "WifiEnabled",
    "gps_enabled": "GPSEnabled",
    "real_time_location_enabled": "RealTimeLocationEnabled",
    "mobile_data_enabled": "MobileDataEnabled",
    "not_uploaded_trips_count": "NotUploadedTripsCount",
}


def _statuses() -> dict[str, Way]:
    by_group: dict[str, list[str]] = {}
    for field, name in STATUSES.items():
        by_group.setdefault(name.partition(".")[0], []).append(field)
    return {
        f"device_status.changes.{group}": both(
            *(f"HeartbeatReceived.{_HEARTBEAT[field]}" for field in fields),
            note="only " + " and ".join(f"`{STATUSES[field]}`" for field in fields),
        )
        for group, fields in by_group.items()
    }


_STATUS: Final = {
    "device_status": both("HeartbeatReceived"),
    "device_status.recorded_us": Way(
        read=("HeartbeatReceived.Timestamp",),
        made_from=("device_status",),
        note="a notification's time is when the hub received what it tells",
    ),
    **_statuses(),
}

FACTS: Final = FactTable(
    ways=_TRIP | _ACCIDENT | _STATUS,
    unsaid={
        **because(_NOT_A_REPORT, *REPORTED),
        **because(
            "which users are in an instance is arranged, and not notified",
            "access_changed",
            "membership_changed",
            "user_signed_up",
            "user_removed",
            "vehicles_shared",
            "vehicle_unshared",
            "driver_deleted",
        ),
        **because("a point of a track has no field for it", "trip.start.fix", "trip.end.fix"),
        **because("a point of a track has no field for it", "trip.start.hdop", "trip.end.hdop"),
        **because(
            "a point of a track has no field for it",
            "trip.manoeuvres.position.fix",
            "trip.manoeuvres.position.hdop",
            "trip.manoeuvres.position.horizontal_error_m",
        ),
        **because(
            "`Duration` is that of the whole; there is no field for a part of it", "trip.driving_s", "trip.idling_s"
        ),
        **because(
            "no dataset has a field for it",
            "trip.mean_speed_kmh",
            "trip.max_speed_kmh",
            "trip.fuel_l",
            "trip.energy_kwh",
            "trip.co2_kg",
            "trip.manoeuvres.severity",
        ),
        "trip.scores.overall": "`Rating100` is read as safety, and nothing else stands for the whole",
        **because("`PhoneUsage` is a time only", "trip.phone.unlocked_m", "trip.phone.unlocks"),
        "trip.tags": "`Tags` is a list of what its phone's app attached, and no map",
        "crash.position": "of the place only latitude, longitude and speed are there",
        "crash_report.position": "of the place only latitude, longitude and speed are there",
        "crash_report.confirmed": "to have come through the filters is not to be confirmed; of an accident that "
        "its source holds for none nothing is sent",
        **because("the scale of `Reliability` is not published", "crash.probability", "crash_report.probability"),
        **because(
            "a heartbeat has no field for it",
            "device_status.changes.event",
            "device_status.changes.permission",
            "device_status.changes.phone",
            "device_status.changes.status",
        ),
    },
    needs={
        "trip": ("trip.started_us", "trip.ended_us"),
        "trip.manoeuvres": ("trip.manoeuvres.position.latitude_deg", "trip.manoeuvres.position.longitude_deg"),
        "crash": ("crash.happened_us",),
        "crash_report": ("crash_report.happened_us",),
    },
)
