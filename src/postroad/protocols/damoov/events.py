"""From items to the common language.

A notification by itself says that a dataset exists, which is for the fetcher; what it says beyond that is an event:
that a track was removed, that an accident was none, how a phone stands. A dataset says the rest. What the common
language has no words for is a report of nothing but the original, for targets of this protocol.
"""

from postroad.model.documents import DeviceStatus, TripDeleted
from postroad.model.events import Event, Report
from postroad.model.header import Header
from postroad.model.identifiers import DAMOOV_DEVICE_TOKEN
from postroad.model.said import Identifier, Original
from postroad.protocols.base import Item
from postroad.protocols.damoov.crashes import crash, rejected, withdrawal
from postroad.protocols.damoov.identity import canonical
from postroad.protocols.damoov.kinds import OTHER, WITHDRAWN
from postroad.protocols.damoov.options import DamoovSettings
from postroad.protocols.damoov.said import Said
from postroad.protocols.damoov.times import ticks
from postroad.protocols.damoov.trips import NAME, trip
from postroad.protocols.damoov.wire.notification import HeartbeatReceived

STATUSES: dict[str, str] = {
    "charge_level": "battery.level_percent",
    "wifi_enabled": "network.wifi",
    "gps_enabled": "sensor.gps",
    "real_time_location_enabled": "setting.real_time_location",
    "mobile_data_enabled": "network.mobile_data",
    "not_uploaded_trips_count": "trips.not_uploaded",
}
"""Field of a heartbeat -> name in ``DeviceStatus.changes``. Writing goes the other way by the same table."""

_TRACK_KINDS = {"received": ("received_track",), "processed": ("processed_track",)}
_TRACK_KINDS["both"] = _TRACK_KINDS["received"] + _TRACK_KINDS["processed"]


def events(item: Item, header: Header, settings: DamoovSettings) -> tuple[Event, ...]:
    """What an item says; nothing for a notification that only announces a dataset."""
    said: Said = item.wire
    kind = said.kind
    if kind in (WITHDRAWN, "IncomingTrackRemoved"):
        return (_deleted(said, header),)
    if kind == "HeartbeatReceived":
        return (_status(said, header),)
    if kind == "AccidentEventCompletePackageReceived" and rejected(said):
        return (withdrawal(said, header),)
    if kind == "accident":
        return (crash(said, header, settings),)
    if kind in _TRACK_KINDS["both"]:
        if kind in _TRACK_KINDS[settings.trips]:
            return (trip(said, header, settings),)
        return (_only_original(said, header),)
    if kind in (OTHER, "accident_extra"):
        return (_only_original(said, header),)
    return ()


def _only_original(said: Said, header: Header) -> Report:
    return Report(header=header, original=Original(NAME, said))


def _deleted(said: Said, header: Header) -> TripDeleted:
    key = said.object_id if said.withdrawn is None else said.withdrawn
    return TripDeleted(header=header, key=key, revision=said.revision, original=Original(NAME, said))


def _status(said: Said, header: Header) -> DeviceStatus:
    """All that a heartbeat has is its newest state; the one that the platform got last counts."""
    told = said.notification
    assert isinstance(told, HeartbeatReceived)
    details, user = told.details, canonical(told.user_id)
    changes = {name: value for field, name in STATUSES.items() if (value := getattr(details, field)) is not None}
    return DeviceStatus(
        header=header,
        key=user,
        revision=_received(details.time_received, said.revision),
        changes=changes,
        driver=Identifier(DAMOOV_DEVICE_TOKEN, user),
        original=Original(NAME, said),
    )


def _received(time: str | None, otherwise: int) -> int:
    try:
        return otherwise if time is None else ticks(time)
    except ValueError:
        return otherwise
