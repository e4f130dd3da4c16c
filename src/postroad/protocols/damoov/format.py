"""The body of a request: one notification. Datasets are in ``types`` under the names of their kinds."""

from typing import Union

from postroad.protocols.base import Item
from postroad.protocols.damoov.wire.accident import AccidentExtra, DrivingEvent
from postroad.protocols.damoov.wire.notification import EVENTS
from postroad.protocols.damoov.wire.raw_track import RawTrack
from postroad.protocols.damoov.wire.track import RichTrack
from postroad.protocols.format import Format, split_array


def restate(item: Item, raw: bytes) -> bytes:  # noqa: ARG001 - the item has them without blanks
    """See ``Format``: as it was said, since nothing of it may be left out."""
    body: bytes = item.wire.raw
    return body


FORMAT = Format(
    body=Union[tuple(EVENTS.values())],  # noqa: UP007 - of a tuple
    types={
        **EVENTS,
        "received_track": RawTrack,
        "removed_track": RawTrack,
        "processed_track": RichTrack,
        "accident": DrivingEvent,
        "accident_extra": AccidentExtra,
    },
    split=split_array,
    restate=restate,
)
