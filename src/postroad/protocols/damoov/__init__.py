"""Damoov notifications and the datasets that they announce. Taken in and sent on.

``decode`` reads one item into typed structs, ``decode_dataset`` an answer of the fetch API; ``reference`` says what a
notification asks to be fetched, ``fetched`` and ``withdrawals`` what is to be appended then. ``write`` says an event as
notifications, ``dataset_of`` answers for their URLs, and ``held`` says for which of them it can.

The page: ``docs/protocols/damoov.md``.
"""

from postroad.protocols.damoov.contract import CONTRACT, STANDARD_SCHEDULE
from postroad.protocols.damoov.datasets import dataset_of
from postroad.protocols.damoov.fetch import DEVICE_TOKEN_HEADER, DatasetReference, fetched, reference, withdrawals
from postroad.protocols.damoov.format import FORMAT
from postroad.protocols.damoov.holds import REMOVES, Held, announced, held
from postroad.protocols.damoov.identity import accident_id, canonical, track_token
from postroad.protocols.damoov.kinds import DATASET_OF, KINDS, NOTIFICATIONS, OTHER, SLOTS, WITHDRAWN, DatasetKind
from postroad.protocols.damoov.options import PUBLISHED_HOSTS, DamoovSettings, FetchSettings, Options
from postroad.protocols.damoov.paths import PATHS, url_of
from postroad.protocols.damoov.protocol import PROTOCOL
from postroad.protocols.damoov.read import decode, decode_dataset, read
from postroad.protocols.damoov.said import Said
from postroad.protocols.damoov.shape import undocumented
from postroad.protocols.damoov.wire.accident import AccidentExtra, DrivingEvent
from postroad.protocols.damoov.wire.notification import EVENTS, Notification, OtherNotification, Published
from postroad.protocols.damoov.wire.raw_track import RawTrack
from postroad.protocols.damoov.wire.track import RichTrack
from postroad.protocols.damoov.write import OBJECT_TYPES, write

__all__ = [
    "CONTRACT",
    "DATASET_OF",
    "DEVICE_TOKEN_HEADER",
    "EVENTS",
    "FORMAT",
    "KINDS",
    "NOTIFICATIONS",
    "OBJECT_TYPES",
    "OTHER",
    "PATHS",
    "PROTOCOL",
    "PUBLISHED_HOSTS",
    "REMOVES",
    "SLOTS",
    "STANDARD_SCHEDULE",
    "WITHDRAWN",
    "AccidentExtra",
    "DamoovSettings",
    "DatasetKind",
    "DatasetReference",
    "DrivingEvent",
    "FetchSettings",
    "Held",
    "Notification",
    "Options",
    "OtherNotification",
    "Published",
    "RawTrack",
    "RichTrack",
    "Said",
    "accident_id",
    "announced",
    "canonical",
    "dataset_of",
    "decode",
    "decode_dataset",
    "fetched",
    "held",
    "read",
    "reference",
    "track_token",
    "undocumented",
    "url_of",
    "withdrawals",
    "write",
]
