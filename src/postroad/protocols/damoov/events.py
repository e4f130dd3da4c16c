"""From items to the common language.

A notification by itself says that a dataset exists, which is for the fetcher; what it says beyond that is an event:
that a track was removed, that an accident was none, how a phone stands. A dataset says the rest. What the common
language has no words for is a report of nothing but the original, for targets of this protocol.
"""

from collections.abc import Mapping

from postroad.model.documents import DeviceStatus, TripDeleted
from postroad.model.events import Event, Report
from postroad.model.header import Header
from postroad.model.identifiers import DAMOOV_DEVICE
from postroad.model.said import Identifier, Original
from postroad.protocols.base import Item
from postroad.protocols.damoov.crashes import crash, rejected, withdrawal
from postroad.protocols.damoov.identity import canonical
from postroad.protocols.damoov.options import DamoovSettings
from postroad.protocols.damoov.said import Said
from postroad.protocols.damoov.times import ticks
from postroad.protocols.damoov.trips import NAME, trip
from postroad.protocols.damoov.wire.accident import AccidentExtra, DrivingEvent
from postroad.protocols.damoov.wire.notification import HeartbeatReceived, IncomingTrackRemoved, OtherNotification
from postroad.protocols.damoov.wire.raw_track import RawTrack
from postroad.protocols.damoov.wire.track import RichTrack

STATUSES: dict[str, str] = {
    "charge_level": "battery.level_percent",
    "wifi_enabled": "network.wifi",
    "gps_enabled": "sensor.gps",
    "real_time_location_enabled": "setting.real_time_location",
    "mobile_data_enabled": "network.mobile_data",
    "not_uploaded_trips_count": "trips.not_uploaded",
}
"""Field of a heartbeat -> name in ``DeviceStatus.changes``. Writing goes the other way by the same table."""

_TRIPS: Mapping[str, frozenset[str]] = {
    "received": frozenset({"received_track"}),
    "processed": frozenset({"processed_track"}),
    "both": frozenset({"received_track", "processed_track"}),
}
"""Setting ``trips`` -> the kinds of items that are trips."""


def events(item: Item, header: Header, settings: DamoovSettings) -> tuple[Event, ...]:
    """What an item says; nothing for a notification that only announces a dataset."""
    said: Said = item.wire
    match said:
        case Said(withdrawn=str(key)):
            return (_deleted(said, header, key),)
        case Said(dataset=RichTrack() | RawTrack() as track):
            return _track(said, track, header, settings)
        case Said(dataset=DrivingEvent() as accident):
            return (crash(said, accident, header, settings),)
        case Said(dataset=AccidentExtra()) | Said(notification=OtherNotification()):
            return (_only_original(said, header),)
        case Said(notification=IncomingTrackRemoved()):
            return (_deleted(said, header, said.object_id),)
        case Said(notification=HeartbeatReceived() as heartbeat):
            return (_status(said, heartbeat, header),)
        case _ if rejected(said):
            return (withdrawal(said, header),)
    return ()


def _track(said: Said, track: RichTrack | RawTrack, header: Header, settings: DamoovSettings) -> tuple[Event, ...]:
    """Of a removed track its notification has said everything."""
    if said.kind == "removed_track":
        return ()
    if said.kind in _TRIPS[settings.trips]:
        return (trip(said, track, header, settings),)
    return (_only_original(said, header),)


def _only_original(said: Said, header: Header) -> Report:
    return Report(header=header, original=Original(NAME, said))


def _deleted(said: Said, header: Header, key: str) -> TripDeleted:
    return TripDeleted(header=header, key=key, revision=said.revision, original=Original(NAME, said))


def _status(said: Said, told: HeartbeatReceived, header: Header) -> DeviceStatus:
    """All that a heartbeat has is its newest state; the one that the platform got last counts."""
    details, user = told.details, canonical(told.user_id)
    changes = {name: value for field, name in STATUSES.items() if (value := getattr(details, field)) is not None}
    return DeviceStatus(
        header=header,
        key=user,
        revision=_received(details.time_received, said.revision),
        changes=changes,
        driver=Identifier(DAMOOV_DEVICE, user),
        original=Original(NAME, said),
    )


def _received(time: str | None, otherwise: int) -> int:
    try:
        return otherwise if time is None else ticks(time)
    except ValueError:
        return otherwise
