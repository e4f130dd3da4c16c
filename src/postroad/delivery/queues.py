"""Lanes: in what order events may be tried. Within a lane only its head (or a first stretch of it) is under way.

A lane whose head is fresh stands in a round-robin queue, so that a noisy subject keeps nobody waiting; a lane whose
head waits for an instant stands in a heap, the most overdue first. Both forget lazily: a lane's ticket says which of
its places counts. There is a queue of each sort before each endpoint: who waits there holds up nobody elsewhere.
"""

import heapq
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from itertools import count, islice

from postroad.delivery.entry import Entry


class Lane:
    """Events that go one after another, in the order of the log."""

    __slots__ = ("busy", "entries", "key", "ticket")

    def __init__(self, key: Hashable) -> None:
        """Empty."""
        self.key = key
        self.entries: deque[Entry] = deque()
        self.busy = False
        """An attempt is under way."""
        self.ticket = 0

    @property
    def head(self) -> Entry:
        """The first entry."""
        return self.entries[0]

    @property
    def waits(self) -> bool:
        """Whether what comes later has to wait for an instant too."""
        return bool(self.entries) and self.head.waits

    def unparked(self) -> list[Entry]:
        """Those that the window holds, in order. They stand behind all that are parked."""
        tail: list[Entry] = []
        for entry in reversed(self.entries):
            if entry.parked:
                break
            if not entry.gone:
                tail.append(entry)
        return tail[::-1]


class Queue:
    """The lanes at rest whose heads go to one endpoint."""

    def __init__(self) -> None:
        """Empty."""
        self._fresh: deque[tuple[int, Lane]] = deque()
        self._due: list[tuple[int, int, Lane]] = []
        """Heap of (instant in microseconds, ticket, lane)."""

    def add_fresh(self, lane: Lane) -> None:
        """Behind all others that are fresh."""
        self._fresh.append((lane.ticket, lane))

    def add_due(self, lane: Lane, due_us: int) -> None:
        """Not before that instant."""
        heapq.heappush(self._due, (due_us, lane.ticket, lane))

    def fresh(self) -> Lane | None:
        """The lane whose turn it is, of those whose head is fresh."""
        while self._fresh and self._fresh[0][0] != self._fresh[0][1].ticket:
            self._fresh.popleft()
        return self._fresh[0][1] if self._fresh else None

    def all_fresh(self) -> Iterator[Lane]:
        """The lanes whose head is fresh, in turn. Do not start one before the iteration is over."""
        return (lane for ticket, lane in self._fresh if ticket == lane.ticket)

    def first_fresh(self) -> Lane | None:
        """Of the lanes whose head is fresh, the one whose head is the first in the log."""
        return min(self.all_fresh(), key=lambda lane: lane.head.id, default=None)

    def due(self, now_us: int) -> Lane | None:
        """The most overdue lane of those whose head waited until now or before."""
        due_us = self.next_due_us
        return self._due[0][2] if due_us is not None and due_us <= now_us else None

    @property
    def next_due_us(self) -> int | None:
        """When the next head is due that waits for an instant."""
        while self._due and self._due[0][1] != self._due[0][2].ticket:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None


class Lanes:
    """All lanes of one delivery."""

    def __init__(self, *, by_subject: bool, queue_of: Callable[[int], Queue]) -> None:
        """One lane for each subject, or one for each event. ``queue_of``: where events of a slot wait."""
        self._by_subject = by_subject
        self._queue_of = queue_of
        self._lanes: dict[Hashable, Lane] = {}
        self._tickets = count(1)

    def __len__(self) -> int:
        """Lanes that have something to deliver."""
        return len(self._lanes)

    def add(self, entry: Entry, now_us: int) -> Lane:
        """Put an entry into its lane, where the log has it, but never before one that is under way."""
        key = self._key(entry)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
        place = len(lane.entries)
        while place and lane.entries[place - 1].id > entry.id and not lane.entries[place - 1].flying:
            place -= 1
        lane.entries.insert(place, entry)
        if not place and not lane.busy:
            self._arm(lane, now_us, 0)
        return lane

    def companions(self, lane: Lane, at_most: int) -> list[tuple[Entry, Lane]]:
        """What could go in one message with a lane's head: what stands behind it, or the heads of other lanes."""
        if self._by_subject:
            return [(entry, lane) for entry in islice(lane.entries, 1, at_most) if not entry.gone]
        others = (other for other in self._queue(lane).all_fresh() if other is not lane)
        return [(other.head, other) for other in islice(others, at_most - 1)]

    def start(self, lane: Lane) -> None:
        """An attempt at the lane's first entries is under way."""
        lane.busy = True
        lane.ticket = 0

    def end(self, lane: Lane, now_us: int, *, earliest_us: int = 0) -> None:
        """The attempt is over; what is not gone is tried again, not before ``earliest_us``."""
        lane.busy = False
        self._arm(lane, now_us, earliest_us)

    def requeue(self, lane: Lane, now_us: int) -> None:
        """What is known of the head of a lane at rest has changed: whether it waits, say."""
        self._arm(lane, now_us, 0)

    def left(self, entry: Entry, now_us: int) -> Lane | None:
        """An entry is gone. If it stood at the head of a lane at rest, the next one may be tried: that lane."""
        lane = self._lanes.get(self._key(entry))
        if lane is None or lane.busy or not lane.head.gone:
            return None
        self._arm(lane, now_us, 0)
        return lane

    def _key(self, entry: Entry) -> Hashable:
        return entry.letter.subject_id if self._by_subject else entry.id

    def _arm(self, lane: Lane, now_us: int, earliest_us: int) -> None:
        """Queue a lane as its head asks for; an empty one ends."""
        entries = lane.entries
        while entries and entries[0].gone:
            entries.popleft()
        if not entries:
            lane.ticket = 0
            del self._lanes[lane.key]
            return
        lane.ticket = next(self._tickets)
        if lane.head.waits or earliest_us:
            due_us = lane.head.letter.due_us
            self._queue(lane).add_due(lane, max(now_us if due_us is None else due_us, earliest_us))
        else:
            self._queue(lane).add_fresh(lane)

    def _queue(self, lane: Lane) -> Queue:
        return self._queue_of(lane.head.letter.slot)
