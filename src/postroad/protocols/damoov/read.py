"""From the bytes of one item to its structs.

An item is a notification, or what ``fetch`` makes of it: ``{"Notification": ..., "Dataset": ...}`` with the answer of
its URL, or ``{"Notification": ..., "Withdrawn": "..."}``.
"""

from typing import Any, Final

import msgspec

from postroad.errors import WireError
from postroad.model.identifiers import DAMOOV_DEVICE
from postroad.protocols.base import Item
from postroad.protocols.damoov.identity import canonical
from postroad.protocols.damoov.kinds import DATASET_OF, KINDS, DatasetKind
from postroad.protocols.damoov.said import Dataset, Said
from postroad.protocols.damoov.shape import json_of, member, shaped
from postroad.protocols.damoov.times import TICKS_PER_US, ticks
from postroad.protocols.damoov.wire.accident import AccidentExtra, DrivingEvent
from postroad.protocols.damoov.wire.notification import EVENTS, OtherNotification, Published
from postroad.protocols.damoov.wire.raw_track import RawTrack
from postroad.protocols.damoov.wire.track import RichTrack

MISSPELT: Final = {"TrackEnrichementFinished": "TrackEnrichmentFinished"}
"""As the vendor's page has it in one place -> as it has it everywhere else."""

_STRUCTS: dict[DatasetKind, type[Dataset]] = {
    "removed_track": RawTrack,
    "received_track": RawTrack,
    "processed_track": RichTrack,
    "accident": DrivingEvent,
    "accident_extra": AccidentExtra,
}
_FRAMES: dict[DatasetKind, tuple[tuple[str, ...], ...]] = {
    "removed_track": (("Track",), ("result", "TripData"), ("Result", "Track")),
    "received_track": (("Track",), ("result", "TripData"), ("Result", "Track")),
    "processed_track": (("Result", "Track"), ("Track",)),
    "accident": (("Result",), ()),
    "accident_extra": (("Result",), ()),
}
"""Where an answer has the dataset; the first that is there counts. The empty path is the answer itself."""
_KEY = msgspec.msgpack.Encoder()


def read(raw: bytes) -> Item:
    """Decode and validate one item. Raises ``WireError``, nothing else, whatever the bytes."""
    said = decode(raw)
    user = canonical(said.notification.user_id)
    kind = KINDS.index(said.kind)
    key = (kind, user, said.event, said.object_id, said.revision, said.withdrawn)
    return Item(kind, said.revision // TICKS_PER_US, False, DAMOOV_DEVICE, user, _KEY.encode(key), said)


def decode(raw: bytes) -> Said:
    """The typed structs of one item. Raises ``WireError``; unknown events and fields are kept, not refused."""
    value = json_of(raw)
    if not isinstance(value, dict):
        raise WireError("invalid")
    compact = msgspec.json.format(raw, indent=-1)
    if "Notification" not in value:
        return Said(raw=compact, notification=_notification(value))
    told = _notification(value["Notification"], "Notification")
    if "Withdrawn" in value:
        return Said(raw=compact, notification=told, withdrawn=canonical(_token(value["Withdrawn"], "Withdrawn")))
    kind = DATASET_OF.get(str(type(told).__struct_config__.tag))
    if kind is None:
        raise WireError("invalid", "Notification.Event")
    return Said(raw=compact, notification=told, dataset=decode_dataset(kind, value.get("Dataset"), "Dataset"))


def decode_dataset(kind: DatasetKind, answer: Any, place: str = "") -> Dataset:
    """The typed struct of an answer of the fetch API, given as the JSON value that it is.

    Raises ``WireError`` for what is no such dataset, an answer that says that it failed among it.
    """
    for path in _FRAMES[kind]:
        found = member(answer, *path)
        if isinstance(found, dict):
            return shaped(found, _STRUCTS[kind], ".".join(part for part in (place, *path) if part))
    raise WireError("missing", ".".join(part for part in (place, *_FRAMES[kind][0]) if part))


def _notification(value: Any, place: str = "") -> Published | OtherNotification:
    name = member(value, "Event")
    if isinstance(name, str):
        value, name = value | {"Event": MISSPELT.get(name, name)}, MISSPELT.get(name, name)
        struct: type[Published | OtherNotification] = EVENTS.get(name, OtherNotification)
        told = shaped(value, struct, place)
    else:
        told = shaped(value, OtherNotification, place)  # which says what is wrong with it
    _token(told.user_id, _path(place, "UserId"))
    if told.object.id is not None:
        _token(told.object.id, _path(place, "Object.Id"))
    try:
        ticks(told.timestamp)
    except ValueError as exc:
        raise WireError("invalid", _path(place, "Timestamp")) from exc
    return told


def _token(value: Any, path: str) -> str:
    if not (isinstance(value, str) and 0 < len(value) <= 64 and value.isascii() and value.isprintable()):
        raise WireError("invalid", path)
    return value


def _path(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
