"""Which datasets an event holds, so that whoever serves the fetch API finds them again. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from postroad.model.documents import Crash, CrashReport, Trip, TripDeleted
from postroad.model.events import Event
from postroad.protocols.damoov.datasets import has_path, has_times, said_of
from postroad.protocols.damoov.kinds import DATASET_OF, DatasetKind
from postroad.protocols.damoov.options import Options
from postroad.protocols.damoov.relay import object_of

REMOVES: Final[Mapping[DatasetKind, frozenset[DatasetKind]]] = {
    "removed_track": frozenset({"received_track", "processed_track"})
}
"""Dataset -> those of the same object that are no more when it is there, unless they are newer."""


class Held(msgspec.Struct, frozen=True):
    """A dataset that ``dataset_of`` can make of an event."""

    object_id: str
    """The hub's own name of the track or accident, as its notifications have it."""
    kind: DatasetKind
    revision: int
    """Of two of one object and kind the greater one counts."""


def held(event: Event) -> tuple[Held, ...]:
    """The datasets of an event. ``dataset_of`` gives each of them, and none that is not among them."""
    said = said_of(event)
    if said is not None and said.dataset is not None:
        kind = DATASET_OF[said.event]
        return (Held(object_of(kind, event.header.provider_id, said.object_id), kind, said.revision),)
    return tuple(_built(event))


def _built(event: Event) -> Iterator[Held]:
    if not isinstance(event, Trip | TripDeleted | Crash | CrashReport) or not event.key:
        return
    for kind in _kinds(event):
        yield Held(object_of(kind, event.header.provider_id, event.key), kind, event.revision)


def _kinds(document: Trip | TripDeleted | Crash | CrashReport) -> Iterator[DatasetKind]:
    match document:
        case TripDeleted():
            yield "removed_track"
        case Trip():
            if has_times(document):
                yield "processed_track"
            if has_path(document):
                yield "received_track"
        case _ if document.happened_us is not None:
            yield "accident"


def announced(types: tuple[str, ...], options: Options) -> frozenset[DatasetKind]:
    """The datasets whose notifications a subscription of these types is sent; without ``base_url`` it has none."""
    if options.base_url is None:
        return frozenset()
    return frozenset(DATASET_OF[one] for one in types if one in DATASET_OF)
