"""What the fetch API answers: datasets, as they came in by this protocol, or built from what any other has brought.

Only what a document says is written. What the vendor's datasets have beside that (bands of speeding, ratings in stars,
the buffer of an accident ...) is left out, never estimated.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from postroad.model.documents import Crash, CrashReport, TrackPoint, Trip, TripDeleted, TripManoeuvre
from postroad.model.events import Event
from postroad.model.said import Position
from postroad.protocols.damoov import times
from postroad.protocols.damoov.identity import accident_id, token_of
from postroad.protocols.damoov.kinds import DATASET_OF, DatasetKind
from postroad.protocols.damoov.relay import relay_dataset
from postroad.protocols.damoov.said import Said
from postroad.protocols.damoov.trips import ALERTS, EVENT_TYPES, NAME, SCORES
from postroad.protocols.damoov.wire.accident import DrivingEvent, GeoPoint, Quantiles
from postroad.protocols.damoov.wire.notification import IncomingTrackRemoved
from postroad.protocols.damoov.wire.raw_track import RawPoint, RawTrack
from postroad.protocols.damoov.wire.track import RichPoint, RichTrack

_encode = msgspec.json.Encoder().encode
_ALERT: Final = {kind: alert for alert, kind in ALERTS.items()}
_EVENT: Final = {kind: event for event, kind in EVENT_TYPES.items()}
_CM_PER_M: Final = 100
_MS_DIGITS: Final = 6
"""Of a speed in m/s: more than any of them has."""


def dataset_of(event: Event, kind: DatasetKind, *, device_token: str) -> bytes | None:
    """The body of the answer for a dataset of this kind; None if the event cannot fill one.

    Args:
        event: the newest edition of the document, or the report that holds what came in.
        kind: what is asked for.
        device_token: the hub's own, of the driver or vehicle that it is about.
    """
    said = said_of(event)
    if said is not None and said.dataset is not None:
        return relay_dataset(said, event.header.provider_id, device_token) if DATASET_OF[said.event] == kind else None
    match kind, event:
        case "processed_track", Trip() if has_times(event):
            return _encode({"Result": {"Track": _rich(event), "Code": 200}})
        case "received_track", Trip() if has_path(event):
            return _encode({"Track": _raw(event, device_token)})
        case "removed_track", TripDeleted():
            return _encode({"Track": _removed(event, said, device_token)})
        case "accident", Crash() | CrashReport() if event.happened_us is not None:
            return _encode(_accident(event, event.happened_us))
    return None


def said_of(event: Event) -> Said | None:
    """What was said, of an event that came in by this protocol."""
    original = getattr(event, "original", None)
    return original.said if original is not None and original.protocol == NAME else None


def has_times(trip: Trip) -> bool:
    """Whether a trip can be a track."""
    return trip.started_us is not None and trip.ended_us is not None


def has_path(trip: Trip) -> bool:
    """Whether a trip can be a raw track, which is its path."""
    return has_times(trip) and bool(trip.path)


def _rich(trip: Trip) -> RichTrack:
    started, ended = trip.started_us or 0, trip.ended_us or 0
    found = trip.manoeuvres
    scores: dict[str, Any] = {field: trip.scores.get(score) for field, score in SCORES.items()}
    unlocked = trip.phone.unlocked_s if trip.phone is not None else None
    return RichTrack(
        start_date=times.dated(started),
        end_date=times.dated(ended),
        distance=None if trip.distance_m is None else round(trip.distance_m / 1000, 6),
        duration=(ended - started) / 60e6 if ended >= started else None,
        acceleration_count=None if found is None else sum(one.kind == "acceleration" for one in found),
        deceleration_count=None if found is None else sum(one.kind == "braking" for one in found),
        address_start=trip.start_address,
        address_end=trip.end_address,
        phone_usage=None if unlocked is None else unlocked / 60,
        track_token=token_of(trip),
        points=tuple(_points(trip)),
        **scores,
    )


def _points(trip: Trip) -> Iterator[RichPoint]:
    """The path, with the manoeuvres at their instants; one that has no place of its own needs a point of the path."""
    waiting: dict[int, list[TripManoeuvre]] = {}
    for one in trip.manoeuvres or ():
        waiting.setdefault(one.at_us, []).append(one)
    points: list[tuple[int, RichPoint]] = []
    for point in trip.path:
        here = waiting.get(point.recorded_us)
        alert = here.pop(0) if here else None
        points.append((point.recorded_us, _rich_point(point, alert)))
    for at, rest in waiting.items():
        points += [(at, _alert_point(one, one.position)) for one in rest if one.position is not None]
    points.sort(key=lambda one: one[0])
    for number, (_, one_point) in enumerate(points):
        yield msgspec.structs.replace(one_point, number=number)


def _rich_point(point: TrackPoint, alert: TripManoeuvre | None) -> RichPoint:
    return RichPoint(
        point_date=times.dated(point.recorded_us),
        latitude=point.latitude_deg,
        longitude=point.longitude_deg,
        height=_height(point.altitude_m),
        course=point.heading_deg,
        speed=point.speed_kmh,
        **_alert_of(alert),
    )


def _alert_point(alert: TripManoeuvre, place: Position) -> RichPoint:
    return RichPoint(
        point_date=times.dated(alert.at_us),
        latitude=place.latitude_deg,
        longitude=place.longitude_deg,
        height=_height(place.altitude_m),
        course=place.heading_deg,
        speed=place.speed_kmh,
        **_alert_of(alert),
    )


def _alert_of(alert: TripManoeuvre | None) -> dict[str, Any]:
    if alert is None:
        return {}
    turn = {"cornering": True, "lateral": alert.acceleration_mps2} if alert.kind == "turn" else {}
    return {"alert_type": _ALERT[alert.kind], "alert_value": alert.acceleration_mps2} | turn


def _height(metres: float | None) -> float | None:
    """In centimetres, as the vendor says in words; 0 would be missing."""
    return None if metres is None else float(round(metres * _CM_PER_M)) or None


def _raw(trip: Trip, device_token: str) -> RawTrack:
    return RawTrack(
        start_date=times.dated_raw(trip.started_us or 0),
        end_date=times.dated_raw(trip.ended_us or 0),
        device_token=device_token,
        track_token=token_of(trip),
        points=tuple(_raw_point(number, point) for number, point in enumerate(trip.path)),
        events=None if trip.manoeuvres is None else tuple(map(_raw_event, trip.manoeuvres)),
    )


def _raw_point(number: int, point: TrackPoint) -> RawPoint:
    return RawPoint(
        number=number,
        speed=point.speed_kmh,
        point_date=times.dated_raw(point.recorded_us),
        latitude=point.latitude_deg,
        longitude=point.longitude_deg,
        height=_height(point.altitude_m),
        course=point.heading_deg,
        accuracy=point.horizontal_error_m,
    )


def _raw_event(one: TripManoeuvre) -> DrivingEvent:
    place, peak = one.position, one.acceleration_mps2
    measured = None
    if peak is not None:
        low = one.kind == "braking" or (one.kind == "turn" and peak < 0)
        measured = Quantiles(min=peak) if low else Quantiles(max=peak)
    return DrivingEvent(
        type=_EVENT[one.kind],
        time_start=one.at_us // 1000,
        point_start=None if place is None else GeoPoint(latitude=place.latitude_deg, longitude=place.longitude_deg),
        range_direct=None if one.kind == "turn" else measured,
        range_lateral=measured if one.kind == "turn" else None,
    )


def _removed(deleted: TripDeleted, said: Said | None, device_token: str) -> RawTrack:
    """What little is known of a track that is no more; a receiver looks at it only to find a fault."""
    told = said.notification if said is not None else None
    details = told.details if isinstance(told, IncomingTrackRemoved) else None
    return RawTrack(
        start_date=details.track_start_date if details is not None else None,
        end_date=details.track_finish_date if details is not None else None,
        device_token=device_token,
        track_token=token_of(deleted),
        points=(),
        events=(),
    )


def _accident(crash: Crash | CrashReport, happened_us: int) -> DrivingEvent:
    place = crash.position
    speed = place.speed_kmh if place is not None else None
    return DrivingEvent(
        id=accident_id(crash.header.provider_id, crash.key),
        type="Accident",
        time_start=happened_us // 1000,
        point_start=None if place is None else GeoPoint(latitude=place.latitude_deg, longitude=place.longitude_deg),
        speed_start=None if speed is None else round(speed / 3.6, _MS_DIGITS),
    )
