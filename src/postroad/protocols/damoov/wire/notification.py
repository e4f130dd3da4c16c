"""The notification envelope and its eight published events (source document, "Notification sample").

All the ids are the sender's. Times are ISO 8601 text with up to seven digits of fraction; ``times.ticks`` reads them.
"""

from collections.abc import Mapping
from typing import Annotated, get_args

import msgspec

from postroad.protocols.damoov.wire.fields import Text, Token, said


class Object(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """What an event is about."""

    id: Annotated[Token, said("track token, accident id, or, of a heartbeat, the user id again")]
    type: Annotated[Text | None, said("kind of object: `IncomingTrack`, `RichTrack`, `Accident` ...")] = None
    url: Annotated[Text | None, said("where the dataset is; `Uri` is read as well")] = None


class HeartbeatObject(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The object of a heartbeat: there is nothing to get."""

    id: Annotated[Token, said("the user id again")]
    type: Annotated[Text | None, said("kind of object: `RawHeartbeat`")] = None
    uri: Annotated[Text | None, said("null; `Url` is read as well")] = None


class RemovedTrack(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """A processed track that is no more."""

    id: Annotated[Token, said("track token")]
    type: Annotated[Text | None, said("kind of object: `RichTrack`")] = None


class TrackReceivedDetails(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """When a track was recorded."""

    track_start_date: Annotated[Text | None, said("start, in the local time of the trip")] = None
    track_finish_date: Annotated[Text | None, said("end, in the local time of the trip")] = None


class TrackRemovedDetails(TrackReceivedDetails, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """When a track was recorded, and why it was removed."""

    reason: Annotated[Text | None, said("why; free text, published: `Insufficient Track length`")] = None


class TrackEnrichmentDetails(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """What became of other versions and parts of a track."""

    object_replaced: Annotated[bool | None, said("the track was there and has been replaced", inferred=True)] = None
    tracks_removed: Annotated[
        tuple[RemovedTrack, ...] | None, said("tracks that are no more, absorbed by this one", inferred=True)
    ] = None


class AccidentReceivedDetails(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """When a part of an accident's data arrived."""

    date_received: Annotated[Text | None, said("when the platform got it")] = None


class AccidentPackageDetails(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """When an accident's data was complete, and the verdict."""

    package_date_received: Annotated[Text | None, said("when the set became complete")] = None
    accident_passed_filters: Annotated[bool | None, said("the filters' verdict; false: it was none")] = None


class AccidentFilteredDetails(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """When an accident came through the filters."""

    date_filtered: Annotated[Text | None, said("when filtering ended")] = None


class HeartbeatDetails(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """How a phone stands."""

    charge_level: Annotated[float | None, said("battery", unit="percent", inferred=True)] = None
    wifi_enabled: Annotated[bool | None, said("Wi-Fi is on")] = None
    gps_enabled: Annotated[bool | None, said("GPS is on")] = msgspec.field(name="GPSEnabled", default=None)
    real_time_location_enabled: Annotated[bool | None, said("live location is enabled for the user")] = None
    mobile_data_enabled: Annotated[bool | None, said("mobile data is on")] = None
    not_uploaded_trips_count: Annotated[int | None, said("trips that wait on the phone")] = None
    instance_id: Annotated[Token | None, said("the user's instance")] = None
    time_received: Annotated[Text | None, said("when the platform got it")] = None


class Notification(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True, tag_field="Event"):
    """What every notification has."""

    sender: Annotated[Text | None, said("`Data Motion` or `Damoov`; free text")] = None
    user_id: Annotated[Token, said("the user's DeviceToken, which is also the credential of its datasets")]
    client_id: Annotated[Text | None, said("the customer's own key of the user; may hold blanks")] = None
    object: Annotated[Object, said("what it is about")]
    timestamp: Annotated[Text, said("when the notification was made, UTC")]


class IncomingTrackRemoved(Notification, frozen=True, kw_only=True, rename="pascal", tag="IncomingTrackRemoved"):
    """An uploaded track was judged invalid or excluded; also the walk before or after a drive."""

    details: Annotated[TrackRemovedDetails, said("of the track")] = TrackRemovedDetails()


class IncomingTrackReceived(Notification, frozen=True, kw_only=True, rename="pascal", tag="IncomingTrackReceived"):
    """An uploaded track was valid and is stored as raw data."""

    details: Annotated[TrackReceivedDetails, said("of the track")] = TrackReceivedDetails()


class TrackEnrichmentFinished(Notification, frozen=True, kw_only=True, rename="pascal", tag="TrackEnrichmentFinished"):
    """A raw track has been turned into a processed one, perhaps once more."""

    details: Annotated[TrackEnrichmentDetails, said("of other versions and parts")] = TrackEnrichmentDetails()


class AccidentEventReceived(Notification, frozen=True, kw_only=True, rename="pascal", tag="AccidentEventReceived"):
    """An accident's header reached the platform; sent at once, not filtered."""

    details: Annotated[AccidentReceivedDetails, said("of its arrival")] = AccidentReceivedDetails()


class AccidentEventExtraReceived(
    Notification, frozen=True, kw_only=True, rename="pascal", tag="AccidentEventExtraReceived"
):
    """An accident's high-frequency buffer reached the platform."""

    details: Annotated[AccidentReceivedDetails, said("of its arrival")] = AccidentReceivedDetails()


class AccidentEventCompletePackageReceived(
    Notification, frozen=True, kw_only=True, rename="pascal", tag="AccidentEventCompletePackageReceived"
):
    """Header and buffer are both there; carries the filters' verdict."""

    details: Annotated[AccidentPackageDetails, said("of its arrival, and the verdict")] = AccidentPackageDetails()


class AccidentEventFiltered(Notification, frozen=True, kw_only=True, rename="pascal", tag="AccidentEventFiltered"):
    """The filters are done with an accident; the event that the vendor recommends."""

    details: Annotated[AccidentFilteredDetails, said("of the filtering")] = AccidentFilteredDetails()


class HeartbeatReceived(Notification, frozen=True, kw_only=True, rename="pascal", tag="HeartbeatReceived"):
    """A phone told how it stands; there is nothing to fetch."""

    object: Annotated[HeartbeatObject, said("the user again")]  # type: ignore[assignment]  # Uri in place of Url
    details: Annotated[HeartbeatDetails, said("how the phone stands")] = HeartbeatDetails()


class OtherObject(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """What an event that is not published is about, as far as it looks like the others."""

    id: Token | None = None


class OtherNotification(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """An event that is not published: kept whole, and passed on to whoever asks for ``other``."""

    event: Text
    user_id: Token
    client_id: Text | None = None
    object: OtherObject = OtherObject()
    timestamp: Text


Published = (
    IncomingTrackRemoved
    | IncomingTrackReceived
    | TrackEnrichmentFinished
    | AccidentEventReceived
    | AccidentEventExtraReceived
    | AccidentEventCompletePackageReceived
    | AccidentEventFiltered
    | HeartbeatReceived
)
"""The events of the source document, in its order."""

EVENTS: Mapping[str, type[Published]] = {str(one.__struct_config__.tag): one for one in get_args(Published)}
"""Event -> its struct. The order is stored: append only."""
