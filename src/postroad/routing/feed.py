"""A feed: what one subscription has still to send of one shard, in order, bounded.

It *follows* the router as long as it keeps up. When its queue is full it stops following and remembers where; from then
on it reads the log by itself (``Router.catch_up``), at the pace of all who do so, until it has come up with the router
again. So a dead or slow customer costs a bounded amount of memory and nobody else's time.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from postroad.protocols.base import Outgoing
from postroad.routing.translation import Selection, mask_of


class RoutedItem(msgspec.Struct, frozen=True):
    """An item that a subscription may have, with what is to be said of it; one for all that are told the same."""

    position: int
    subject_id: int
    events: tuple[Outgoing, ...]
    size: int
    """Bytes of all bodies."""
    received_us: int = 0
    """When it arrived."""
    stored_us: int = 0
    """When it was durable."""
    covered_by: object = None
    """The edition of the ``StreamIndex`` that gave it to whoever has it; ``None``: none is known."""

    def part(self, events: tuple[Outgoing, ...]) -> "RoutedItem":
        """The same item with only these of its events."""
        return msgspec.structs.replace(self, events=events, size=size_of(events))


def size_of(events: tuple[Outgoing, ...]) -> int:
    """Bytes of all bodies."""
    return sum([len(event.body) for event in events])


class Feed:
    """The queue of one subscription in one shard. Used on one event loop only."""

    def __init__(
        self,
        subscription_id: int,
        selection: Selection,
        *,
        position: int,
        limit_bytes: int,
        given_up: Iterable[range] = (),
    ) -> None:
        """Begin at ``position``, by reading the log.

        ``given_up``: stretches that are durably recorded as lost to it, in order. They are not read, also where the
        log still has them.
        """
        self.subscription_id = subscription_id
        self.selection = selection
        self.types = mask_of(selection.slots)
        """The slots of the agreed types, as bits."""
        self.following = False
        self.resume_at = position
        """While not following: everything below is queued, was sent or was not for us."""
        self.reading = asyncio.Lock()
        """Held while the log is read for this feed. Who holds it may move ``resume_at`` on, if it does not follow."""
        self.queue: deque[RoutedItem] = deque()
        self.size = 0
        """Bytes of the queue."""
        self._limit_bytes = limit_bytes
        self._given_up = deque(given_up)
        self._wake = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether it can take no more."""
        return self.size >= self._limit_bytes

    def gave_up(self, position: int) -> range | None:
        """The stretch that was given up and holds ``position``; positions are asked for in order."""
        while self._given_up and self._given_up[0].stop <= position:
            self._given_up.popleft()
        first = self._given_up[0] if self._given_up else None
        return first if first is not None and position in first else None

    def lost(self, first: int, end: int, unused: Iterable[range]) -> list[range]:
        """Of the positions from ``first`` to below ``end``, those neither given up nor in ``unused``."""
        return list(without(range(first, end), [*unused, *self._given_up]))

    def offer(self, item: RoutedItem) -> None:
        """Queue an item, or stop following at it when there is no room. Below ``resume_at`` it is known already."""
        if item.position < self.resume_at:
            return
        if self.size >= self._limit_bytes:
            self.following = False
            self.resume_at = item.position
            return
        self.queue.append(item)  # ``full`` and ``put``, written out: every event that is delivered comes by here
        self.size += item.size

    def put(self, item: RoutedItem) -> None:
        """Queue an item at the end."""
        self.queue.append(item)
        self.size += item.size

    def put_back(self, item: RoutedItem) -> None:
        """Queue an item at the front again."""
        self.queue.appendleft(item)
        self.size += item.size

    def take(self) -> RoutedItem:
        """Remove the first item."""
        item = self.queue.popleft()
        self.size -= item.size
        return item

    def wake(self) -> None:
        """Tell whoever waits that there is something to look at."""
        self._wake.set()

    async def wait(self) -> None:
        """Return once ``wake`` was called after the last ``wait`` began to look."""
        await self._wake.wait()

    def looked(self) -> None:
        """The caller looks now: later wakes count."""
        self._wake.clear()


def without(stretch: range, holes: Iterable[range]) -> Iterator[range]:
    """What is left of ``stretch`` where nothing of ``holes`` is, in order."""
    first, end = stretch.start, stretch.stop
    for hole in sorted(holes, key=lambda hole: hole.start):
        if first < min(hole.start, end):
            yield range(first, min(hole.start, end))
        first = max(first, hole.stop)
    if first < end:
        yield range(first, end)
