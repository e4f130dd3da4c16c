"""What an item can be, and what can be sent: stored numbers, so append only.

A dataset does not tell whose it is, nor which edition. So what is stored of a fetch is one object, ``{"Notification":
..., "Dataset": ...}``: the notification that announced it, and the answer, each as it was sent.
"""

from collections.abc import Mapping
from typing import Final, Literal

from postroad.protocols.damoov.wire.notification import EVENTS

DatasetKind = Literal["removed_track", "received_track", "processed_track", "accident", "accident_extra"]
"""What the fetch API gives."""

DATASET_OF: Final[Mapping[str, DatasetKind]] = {
    "IncomingTrackRemoved": "removed_track",
    "IncomingTrackReceived": "received_track",
    "TrackEnrichmentFinished": "processed_track",
    "AccidentEventReceived": "accident",
    "AccidentEventExtraReceived": "accident_extra",
    "AccidentEventCompletePackageReceived": "accident",
    "AccidentEventFiltered": "accident",
}
"""Event -> the dataset that its URL gives."""

OTHER: Final = "other"
"""An event that is not published."""
WITHDRAWN: Final = "track_withdrawn"
"""One track of ``TracksRemoved``, as an item of its own."""
NOTIFICATIONS: Final = frozenset((OTHER, *EVENTS))
"""The kinds of items that the vendor sends as they are; the hub makes the others of them and of what it fetches."""

KINDS: tuple[str, ...] = (
    OTHER,
    *EVENTS,
    "removed_track",
    "received_track",
    "processed_track",
    "accident",
    "accident_extra",
    WITHDRAWN,
)
"""The kinds of items: a log holds indexes into it."""

SLOTS: Mapping[str, int] = {name: slot for slot, name in enumerate((*EVENTS, OTHER))}
"""Event -> its number within an outgoing id."""
