"""What goes into a bulk: as many events, in order, as fit; and how much fits, where a destination takes less."""

from collections.abc import Callable, Sequence

import msgspec

from postroad.clock import Clock
from postroad.delivery.delivery import Bulk
from postroad.protocols.base import Outgoing, TargetProtocol
from postroad.protocols.contract import Contract
from postroad.routing.feed import Feed, RoutedItem
from postroad.transports.base import Message

REGROWS_EVERY_S = 600.0
"""After a bulk was too large, bulks may be twice as large again each time this has passed without another."""

_BRACKETS = 2
_COMMA = 1


class BulkMaker:
    """Makes bulks of one protocol and contract."""

    def __init__(self, target: TargetProtocol, contract: Contract, clock: Clock) -> None:
        """See the class."""
        self._target = target
        self._contract = contract
        self._clock = clock
        self._types = {slot: name for name, slot in target.slots.items()}

    def bulk(self, items: Sequence[RoutedItem], settles: int, request_id: str) -> Bulk:
        """These items as one bulk; it may be empty."""
        return Bulk(
            items=tuple(items),
            settles=settles,
            request_id=request_id,
            body=self._body(items),
            events=sum([len(item.events) for item in items]),
        )

    def message(self, bulk: Bulk) -> Message:
        """The request for a bulk as it is sent now: marked late, where the contract says so, if it has become late."""
        single = self._contract.item_ceiling == 1
        return Message(
            body=bulk.body if self._contract.late_after_s is None else self._body(bulk.items),
            content_type=self._target.content_type,
            request_id=bulk.request_id,
            wire_type=self._types.get(bulk.items[0].events[0].slot) if single else None,
        )

    def _body(self, items: Sequence[RoutedItem]) -> bytes:
        if not items:
            return b""
        late_after_s = self._contract.late_after_s
        if late_after_s is None:
            return self._target.bulk([event.body for item in items for event in item.events])
        late_from_us = self._clock.now_us() - late_after_s * 1e6
        return self._target.bulk([self._said(event, late_from_us) for item in items for event in item.events])

    def _said(self, event: Outgoing, late_from_us: float) -> bytes:
        """An event's body now that events recorded at that time, or before, are late."""
        late = event.recorded_us is not None and event.recorded_us <= late_from_us
        return self._target.late(event.body) if late else event.body


class Gathered(msgspec.Struct, frozen=True):
    """What was taken from a feed for one bulk."""

    items: Sequence[RoutedItem]
    settles: int


def gather(
    feed: Feed,
    *,
    settled: int,
    max_items: int,
    max_bytes: int,
    allow: Callable[[RoutedItem], RoutedItem | None],
    complete: Callable[[RoutedItem], RoutedItem] | None = None,
) -> Gathered:
    """Take the next bulk's items: at least one event, at most so many and so large, of what is allowed of them.

    ``complete`` settles those of an item's events that cannot be sent, and returns the item with the others. An item
    that does not fit whole is left for the next bulk, unless no bulk could hold it: then it is cut.
    """
    items: list[RoutedItem] = []
    events, size, settles = 0, _BRACKETS, settled
    while feed.queue and events < max_items:
        taken = feed.take()
        item = allow(taken)
        if item is None:
            settles = taken.position + 1
            continue
        if complete is not None:
            item = complete(item)
            if not item.events:
                settles = item.position + 1
                continue
        more, needs = len(item.events), item.size + _COMMA * len(item.events)
        if events + more > max_items or size + needs > max_bytes:
            if items:
                feed.put_back(item)
                break
            fits = max(_fitting(item, max_items, max_bytes - size), 1)  # an event larger than the limit goes alone
            if fits < more:
                items.append(item.part(item.events[:fits]))
                feed.put_back(item.part(item.events[fits:]))
                settles = item.position
                break
        items.append(item)
        events += more
        size += needs
        settles = item.position + 1
    return Gathered(items, settles)


def _fitting(item: RoutedItem, events: int, room: int) -> int:
    count = 0
    for event in item.events[:events]:
        room -= len(event.body) + _COMMA
        if room < 0:
            break
        count += 1
    return count


class LearntSize:
    """How large a bulk may be, as far as the destination's refusals have taught."""

    def __init__(self, max_bytes: int, clock: Clock) -> None:
        """Begin at what the contract allows."""
        self._max_bytes = max_bytes
        self._clock = clock
        self._bytes = max_bytes
        self._grows_at_s = 0.0

    def too_large(self, size: int) -> None:
        """A body of so many bytes was refused: from now on half of it."""
        self._bytes = max(min(self._bytes, size // 2), 1)
        self._grows_at_s = self._clock.monotonic_s() + REGROWS_EVERY_S

    def max_bytes(self) -> int:
        """Of the next bulk."""
        while self._bytes < self._max_bytes and self._clock.monotonic_s() >= self._grows_at_s:
            self._bytes = min(self._bytes * 2, self._max_bytes)
            self._grows_at_s += REGROWS_EVERY_S
        return self._bytes
