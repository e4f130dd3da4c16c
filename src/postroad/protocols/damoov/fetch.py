"""What a notification asks its receiver to do: get a dataset, and hold some tracks for withdrawn. Pure; no request.

A notification says only that a dataset exists. Whoever fetches asks ``reference`` what to get, and appends what
``fetched`` makes of the answer, and each of ``withdrawals``, as items that the notification has caused.
"""

import msgspec

from postroad.protocols.base import Item
from postroad.protocols.damoov.identity import canonical
from postroad.protocols.damoov.kinds import DATASET_OF, DatasetKind
from postroad.protocols.damoov.said import Said
from postroad.protocols.damoov.shape import json_of
from postroad.protocols.damoov.wire.notification import (
    AccidentEventCompletePackageReceived,
    HeartbeatReceived,
    IncomingTrackRemoved,
    OtherNotification,
    TrackEnrichmentFinished,
)

DEVICE_TOKEN_HEADER = "DeviceToken"  # noqa: S105 - the name of a header


class DatasetReference(msgspec.Struct, frozen=True):
    """A dataset that a notification announces."""

    kind: DatasetKind
    url: str
    """As it was given: which hosts may be asked is for the fetcher to know."""
    device_token: str
    """As it was given; a secret. It goes into the header ``DEVICE_TOKEN_HEADER``."""
    object_id: str
    """The sender's token of the track or accident, in its canonical form."""
    revision: int
    """Of two references to one object and kind the greater one counts."""
    needed: bool
    """False for what is of use to a person who looks for a fault only."""


def reference(item: Item) -> DatasetReference | None:
    """The dataset that a notification announces; None for any other item, and where there is nothing to get."""
    said: Said = item.wire
    told = said.notification
    if isinstance(told, HeartbeatReceived | OtherNotification) or said.kind != said.event or not told.object.url:
        return None
    rejected = isinstance(told, AccidentEventCompletePackageReceived) and told.details.accident_passed_filters is False
    return DatasetReference(
        kind=DATASET_OF[said.event],
        url=told.object.url,
        device_token=told.user_id,
        object_id=said.object_id,
        revision=said.revision,
        needed=not (rejected or isinstance(told, IncomingTrackRemoved)),
    )


def fetched(notification: bytes, answer: bytes) -> bytes:
    """The item that a fetch gives. Raises ``WireError`` (``not_json``) for an answer that is no JSON."""
    json_of(answer)
    return msgspec.json.encode({"Notification": msgspec.Raw(notification), "Dataset": msgspec.Raw(answer)})


def withdrawals(item: Item, notification: bytes) -> tuple[bytes, ...]:
    """An item for each track that the notification says is no more; of any other item none."""
    told = item.wire.notification
    if item.wire.kind != "TrackEnrichmentFinished" or not isinstance(told, TrackEnrichmentFinished):
        return ()
    removed = dict.fromkeys(canonical(one.id) for one in told.details.tracks_removed or ())
    frame = msgspec.Raw(notification)
    return tuple(
        msgspec.json.encode({"Notification": frame, "Withdrawn": token})
        for token in removed
        if token != item.wire.object_id
    )
