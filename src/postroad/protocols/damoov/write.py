"""From the common language to notifications: one says that something is there to be fetched, or how a phone stands.

What came in by this protocol is passed on as it was said (``relay``). Of other protocols' documents:

- a trip is a processed track, and a raw one if it has a path; its deletion removes the track;
- a crash is an accident received, and filtered once its source holds it for confirmed; its withdrawal is a package that
  did not pass the filters; the report of a crash is an accident filtered;
- the state of a device is a heartbeat. Any other device tells only what it says is changed, so that no older one of
  them is made needless by a newer.

When a notification was made is when the hub received what it tells. Whether a track replaces one that the receiver
has is not known here, and not said.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from postroad.model.documents import Crash, CrashReport, DeviceStatus, Trip, TripDeleted
from postroad.model.events import Event
from postroad.protocols.base import Addressing, Outgoing
from postroad.protocols.damoov import times
from postroad.protocols.damoov.copies import with_copy
from postroad.protocols.damoov.datasets import has_path, has_times, said_of
from postroad.protocols.damoov.events import STATUSES
from postroad.protocols.damoov.kinds import DATASET_OF, OTHER, SLOTS
from postroad.protocols.damoov.options import Options
from postroad.protocols.damoov.paths import place_of
from postroad.protocols.damoov.relay import object_of, relay
from postroad.protocols.damoov.said import Said
from postroad.protocols.damoov.wire.notification import (
    AccidentEventCompletePackageReceived,
    AccidentEventFiltered,
    AccidentEventReceived,
    AccidentFilteredDetails,
    AccidentPackageDetails,
    AccidentReceivedDetails,
    HeartbeatDetails,
    HeartbeatObject,
    HeartbeatReceived,
    IncomingTrackReceived,
    IncomingTrackRemoved,
    Object,
    Published,
    TrackEnrichmentDetails,
    TrackEnrichmentFinished,
    TrackReceivedDetails,
    TrackRemovedDetails,
)

OBJECT_TYPES: Final = {
    "removed_track": "IncomingTrackSummary",
    "received_track": "IncomingTrack",
    "processed_track": "RichTrack",
    "accident": "Accident",
    "accident_extra": "AccidentExtra",
}
"""Dataset -> ``Object.Type`` of its notifications."""

REMOVED: Final = "Track deleted"
"""``Reason`` of a removal whose source gives none."""

_encode = msgspec.json.Encoder().encode
_Document = Trip | TripDeleted | Crash | CrashReport


def write(event: Event, *, to: Addressing, options: Options) -> list[Outgoing]:
    """The notifications of an event, by ascending slot, at most one of each. Pure.

    Nothing is said of a user that has no token or of a document that has no key, nor, without a URL for it, of what
    would have to be fetched. With ``stored_url`` what has a dataset brings it along.
    """
    user = to.vehicle_id if to.driver_id is None else to.driver_id
    if user is None:
        return []
    said = said_of(event)
    if said is not None:
        return _relayed(event, said, str(user), options)
    if isinstance(event, DeviceStatus):
        return [Outgoing(SLOTS["HeartbeatReceived"], _encode(_heartbeat(event, str(user), options)))]
    if not isinstance(event, _Document) or not event.key or not options.announces:
        return []
    document = _document("track" if isinstance(event, Trip | TripDeleted) else "accident", event, event.key)
    outgoing = []
    for one in _told(event, str(user), options):
        wire_type = str(one.__struct_config__.tag)
        outgoing += with_copy(
            Outgoing(
                SLOTS[wire_type], _encode(one), document=document, revision=event.revision, deletes=_deletes(event)
            ),
            event,
            options,
            DATASET_OF[wire_type],
            device_token=str(user),
            key=event.key,
        )
    return outgoing


def _deletes(event: Event) -> bool:
    """Whether older editions must not go out any more."""
    return isinstance(event, TripDeleted) or (isinstance(event, Crash) and event.withdrawn)


def _document(family: str, event: Event, key: str) -> bytes:
    return f"{family}/{event.header.provider_id}/{key}".encode()


def _relayed(event: Event, said: Said, token: str, options: Options) -> list[Outgoing]:
    body = relay(said, event.header.provider_id, token, options)
    if body is None:
        return []
    slot, kind = SLOTS.get(said.event, SLOTS[OTHER]), DATASET_OF.get(said.event)
    match event:
        case TripDeleted() | Trip() if said.kind != "received_track":
            document, revision = _document("track", event, event.key), event.revision
        case Crash():
            document, revision = _document("accident", event, event.key), event.revision
        case DeviceStatus():
            document, revision = _document("heartbeat", event, event.key), event.revision
        case _:  # a raw track stands beside the processed one of its token, and is not made needless by it
            document = b"" if kind is None else _document(kind, event, said.object_id)
            revision = said.revision
    told = Outgoing(slot, body, document=document, revision=revision, deletes=_deletes(event))
    return with_copy(told, event, options, kind, device_token=token, key=said.object_id)


def _told(event: _Document, user: str, options: Options) -> Iterator[Published]:
    received_us = event.header.received_us
    about = {"sender": options.sender or "Data Motion", "user_id": user, "timestamp": times.stamp(received_us)}

    def of(struct: type[Published], details: Any) -> Published:
        kind = DATASET_OF[str(struct.__struct_config__.tag)]
        object_id = object_of(kind, event.header.provider_id, event.key)
        place = place_of(options, kind, device_token=user, object_id=object_id)
        what = Object(id=object_id, type=OBJECT_TYPES[kind], url=place)
        return struct(object=what, details=details, **about)  # type: ignore[arg-type]  # each with its own details

    match event:
        case TripDeleted():
            yield of(IncomingTrackRemoved, TrackRemovedDetails(reason=REMOVED))
        case Trip():
            if has_path(event):
                yield of(IncomingTrackReceived, _recorded(event))
            if has_times(event):
                yield of(TrackEnrichmentFinished, TrackEnrichmentDetails())
        case Crash(withdrawn=True):
            details = AccidentPackageDetails(
                package_date_received=times.stamp(received_us), accident_passed_filters=False
            )
            yield of(AccidentEventCompletePackageReceived, details)
        case Crash() | CrashReport() if event.happened_us is not None:
            if isinstance(event, Crash):
                yield of(AccidentEventReceived, AccidentReceivedDetails(date_received=times.stamp(received_us)))
            if event.confirmed or (isinstance(event, CrashReport) and event.confirmed is None):
                yield of(AccidentEventFiltered, AccidentFilteredDetails(date_filtered=times.stamp(received_us)))


def _recorded(trip: Trip) -> TrackReceivedDetails:
    return TrackReceivedDetails(
        track_start_date=times.local(trip.started_us or 0), track_finish_date=times.local(trip.ended_us or 0)
    )


def _heartbeat(status: DeviceStatus, user: str, options: Options) -> HeartbeatReceived:
    """Of what changed, as much as a heartbeat has a field for, of the type that the field has."""
    known = {field: value for field, name in STATUSES.items() if (value := status.changes.get(name)) is not None}
    time = times.stamp(status.header.received_us)
    typed = {
        field: value
        for field, value in known.items()
        if isinstance(value, bool) == (field not in ("charge_level", "not_uploaded_trips_count"))
        and not isinstance(value, str)
    }
    if "not_uploaded_trips_count" in typed:
        typed["not_uploaded_trips_count"] = round(typed["not_uploaded_trips_count"])
    return HeartbeatReceived(
        sender=options.sender or "Damoov",
        user_id=user,
        object=HeartbeatObject(id=user, type="RawHeartbeat"),
        timestamp=time,
        details=HeartbeatDetails(instance_id=options.instance_id, time_received=time, **typed),  # type: ignore[arg-type]  # by field
    )
