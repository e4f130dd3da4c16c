"""An item as it was said: its typed structs, and the bytes beside them, which hold what no struct knows."""

import msgspec

from postroad.protocols.damoov.identity import canonical
from postroad.protocols.damoov.kinds import DATASET_OF, OTHER, WITHDRAWN
from postroad.protocols.damoov.times import ticks
from postroad.protocols.damoov.wire.accident import AccidentExtra, DrivingEvent
from postroad.protocols.damoov.wire.notification import OtherNotification, Published
from postroad.protocols.damoov.wire.raw_track import RawTrack
from postroad.protocols.damoov.wire.track import RichTrack

Dataset = RichTrack | RawTrack | DrivingEvent | AccidentExtra


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A notification; or one with the dataset that it announced; or one with one track that it withdraws."""

    raw: bytes
    """The item as one JSON object without blanks."""
    notification: Published | OtherNotification
    dataset: Dataset | None = None
    withdrawn: str | None = None
    """The sender's token of the track, in its canonical form."""

    @property
    def event(self) -> str:
        """The notification's event, in the vendor's word."""
        told = self.notification
        return told.event if isinstance(told, OtherNotification) else str(told.__struct_config__.tag)

    @property
    def kind(self) -> str:
        """What the item is: of ``KINDS``."""
        if self.withdrawn is not None:
            return WITHDRAWN
        if self.dataset is not None:
            return DATASET_OF[self.event]
        return OTHER if isinstance(self.notification, OtherNotification) else self.event

    @property
    def object_id(self) -> str:
        """The sender's token of the track, accident or user, in its canonical form; empty if there is none."""
        return canonical(self.notification.object.id or "")

    @property
    def revision(self) -> int:
        """Of the object, in units of 100 ns: the notification with the greatest ``Timestamp`` counts."""
        return ticks(self.notification.timestamp)
