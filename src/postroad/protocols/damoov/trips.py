"""From tracks to trips, in the common language. Only what the dataset says: nothing is worked out from the path."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from postroad.model.documents import Manoeuvre, PhoneUse, Score, TrackPoint, Trip, TripManoeuvre
from postroad.model.header import Header
from postroad.model.identifiers import DAMOOV_DEVICE
from postroad.model.said import Identifier, Original, Position
from postroad.protocols.damoov.identity import canonical
from postroad.protocols.damoov.options import DamoovSettings
from postroad.protocols.damoov.said import Said
from postroad.protocols.damoov.times import known_us
from postroad.protocols.damoov.wire.accident import DrivingEvent
from postroad.protocols.damoov.wire.notification import IncomingTrackReceived
from postroad.protocols.damoov.wire.raw_track import RawPoint, RawTrack
from postroad.protocols.damoov.wire.track import RichPoint, RichTrack

NAME: Final = "damoov"

PER_METRE: Final[dict[str, int | None]] = {"unknown": None, "cm": 100, "mm": 1000}
"""Setting ``height_unit`` -> how many make a metre."""

ALERTS: Final[dict[str, Manoeuvre]] = {"acc": "acceleration", "deacc": "braking", "turn": "turn"}
"""``AlertType`` -> kind of manoeuvre."""

EVENT_TYPES: Final[dict[str, Manoeuvre]] = {"Acceleration": "acceleration", "Braking": "braking", "Cornering": "turn"}
"""``Type`` of a raw track's event -> kind of manoeuvre."""

LAST_MS: Final = 253_402_300_800_000
"""The year 10000: no instant is as late."""

_SENSED: Final = ("height", "course", "speed", "mid_speed", "lateral", "yaw")

SCORES: Final[dict[str, Score]] = {
    "rating100": "safety",
    "eco_score": "eco",
    "rating_phone_distraction100": "distraction",
    "rating_speeding100": "speeding",
}
"""Score of a processed track -> score of the common language. Stars are too coarse to stand for them."""


def trip(said: Said, track: RichTrack | RawTrack, header: Header, settings: DamoovSettings) -> Trip:
    """The trip that a track is."""
    told = said.notification
    started, ended = known_us(track.start_date), known_us(track.end_date)
    if isinstance(told, IncomingTrackReceived):
        started = known_us(told.details.track_start_date) if started is None else started
        ended = known_us(told.details.track_finish_date) if ended is None else ended
    points = track.points or ()
    path = tuple(sorted(_path(points, PER_METRE[settings.height_unit]), key=lambda point: point.recorded_us))
    common = Trip(
        header=header,
        key=said.object_id,
        revision=said.revision,
        original=Original(NAME, said),
        started_us=started,
        ended_us=ended,
        start=_place(path[0]) if path else None,
        end=_place(path[-1]) if path else None,
        driver=Identifier(DAMOOV_DEVICE, canonical(told.user_id)),
        path=path,
    )
    return _with_raw(common, track) if isinstance(track, RawTrack) else _with_rich(common, track)


def _with_rich(trip: Trip, track: RichTrack) -> Trip:
    scores = {score: value for field, score in SCORES.items() if (value := getattr(track, field)) is not None}
    return _replaced(
        trip,
        start_address=track.address_start or None,
        end_address=track.address_end or None,
        distance_m=None if track.distance is None else round(track.distance * 1000, 3),
        scores=scores,
        manoeuvres=_of_points(track),
        phone=None if track.phone_usage is None else PhoneUse(unlocked_s=round(track.phone_usage * 60, 3)),
    )


def _with_raw(trip: Trip, track: RawTrack) -> Trip:
    metres = [point.total_meters for point in track.points or () if point.total_meters is not None]
    events = None if track.events is None else tuple(_of_events(track.events))
    return _replaced(trip, distance_m=max(metres, default=None), manoeuvres=events)


def _replaced(trip: Trip, **changes: object) -> Trip:
    return msgspec.structs.replace(trip, **changes)


def _place(point: TrackPoint) -> Position:
    return Position(
        latitude_deg=point.latitude_deg,
        longitude_deg=point.longitude_deg,
        altitude_m=point.altitude_m,
        speed_kmh=point.speed_kmh,
        heading_deg=point.heading_deg,
        horizontal_error_m=point.horizontal_error_m,
    )


def _path(points: Iterable[RichPoint | RawPoint], per_metre: int | None) -> Iterator[TrackPoint]:
    """Points that say when and where. What a point that was put in between has in its sensors' fields is no value."""
    for point in points:
        at = known_us(point.point_date)
        if at is None or point.latitude is None or point.longitude is None:
            continue
        sensed = isinstance(point, RawPoint) or any(getattr(point, field) for field in _SENSED)
        yield TrackPoint(
            recorded_us=at,
            latitude_deg=point.latitude,
            longitude_deg=point.longitude,
            speed_kmh=point.speed if sensed else None,
            heading_deg=point.course % 360 if point.course else None,
            altitude_m=point.height / per_metre if point.height and per_metre else None,
            horizontal_error_m=point.accuracy if isinstance(point, RawPoint) else None,
        )


def _of_points(track: RichTrack) -> tuple[TripManoeuvre, ...] | None:
    """The points with an alert. That there were none is known only where they were counted, and there were none."""
    found = tuple(_alerts(track.points or ()))
    return found if found or track.acceleration_count == track.deceleration_count == 0 else None


def _alerts(points: Iterable[RichPoint]) -> Iterator[TripManoeuvre]:
    for point in points:
        kind = ALERTS.get(point.alert_type or "") or ("turn" if point.cornering else None)
        at = known_us(point.point_date)
        if kind is None or at is None:
            continue
        across = (point.lateral or point.alert_value) if kind == "turn" else point.alert_value
        yield TripManoeuvre(
            kind=kind,
            at_us=at,
            position=_position(point.latitude, point.longitude),
            acceleration_mps2=across or None,
        )


def _of_events(events: Iterable[DrivingEvent]) -> Iterator[TripManoeuvre]:
    for event in events:
        kind = EVENT_TYPES.get(event.type or "")
        if kind is None or event.time_start is None or not 0 <= event.time_start < LAST_MS:
            continue
        start = event.point_start
        yield TripManoeuvre(
            kind=kind,
            at_us=event.time_start * 1000,
            position=None if start is None else _position(start.latitude, start.longitude),
            acceleration_mps2=peak(event, kind),
        )


def peak(event: DrivingEvent, kind: Manoeuvre) -> float | None:
    """The acceleration that was greatest in the direction of the manoeuvre; of a turn to whichever side."""
    side: Literal["min", "max"] = "min" if kind == "braking" else "max"
    measured = event.range_lateral if kind == "turn" else event.range_direct
    if measured is None:
        return None
    if kind != "turn":
        value: float | None = getattr(measured, side)
        return value
    return max((one for one in (measured.min, measured.max) if one is not None), key=abs, default=None)


def _position(latitude: float | None, longitude: float | None) -> Position | None:
    if latitude is None or longitude is None:
        return None
    return Position(latitude_deg=latitude, longitude_deg=longitude)
