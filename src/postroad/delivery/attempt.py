"""One attempt of a delivery by lanes: which events it carries, under which id, and how it is told of."""

from collections.abc import Sequence
from itertools import groupby

import msgspec

from postroad.delivery.delivery import Bulk
from postroad.delivery.doors import Door
from postroad.delivery.entry import Entry
from postroad.delivery.gate import Pass
from postroad.delivery.letter import event_of
from postroad.delivery.queues import Lane
from postroad.protocols.base import TargetProtocol
from postroad.protocols.contract import Contract
from postroad.routing.feed import RoutedItem


class Attempt(msgspec.Struct, frozen=True, eq=False):
    """Entries under way together."""

    entries: Sequence[Entry]
    lanes: Sequence[Lane]
    """Those the entries stand in."""
    contract: Contract
    """The same for all of them."""
    door: Door
    """Through which they go."""
    entered: Pass
    number: int
    """From 1: of the event, or in a row, whichever the contract's schedule counts."""
    began_us: int


def bulk_of(
    entries: Sequence[Entry], bodies: Sequence[bytes], target: TargetProtocol, *, request_id: str, settles: int
) -> Bulk:
    """The message of these entries; each item stands in it once, with those of its events that it carries."""
    pairs = zip(entries, bodies, strict=True)
    return Bulk(
        items=tuple(_item(list(same)) for _, same in groupby(pairs, key=lambda pair: pair[0].id.position)),
        settles=settles,
        request_id=request_id,
        body=target.bulk(bodies),
        events=len(entries),
    )


def _item(carried: list[tuple[Entry, bytes]]) -> RoutedItem:
    letter = carried[0][0].letter
    return RoutedItem(
        position=letter.position,
        subject_id=letter.subject_id,
        events=tuple(event_of(entry.letter, body) for entry, body in carried),
        size=sum(len(body) for _, body in carried),
        received_us=letter.received_us,
        stored_us=letter.stored_us,
    )
