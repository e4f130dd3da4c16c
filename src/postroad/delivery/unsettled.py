"""All that was taken from a feed and is not settled: which event stands where, and what is to be written about it.

Pure bookkeeping, without time of its own and without I/O. The lanes say what may be tried; the window says where the
cursor may stand; what goes on beside the log is parked; and every step leaves in the ledger what must become durable
with the cursor. An event leaves in one of four ways: delivered, skipped with a reason, dead, or replaced by its own
parked letter, which then goes on.
"""

import heapq
from collections.abc import Callable, Iterable

from postroad.delivery.editions import Editions
from postroad.delivery.entry import Entry, fresh
from postroad.delivery.ledger import Ledger
from postroad.delivery.letter import incomplete
from postroad.delivery.parking import Parking
from postroad.delivery.queues import Lane, Lanes, Queue
from postroad.delivery.window import Window
from postroad.log.delivery import Changes, Letter, LetterId
from postroad.protocols.base import Outgoing
from postroad.routing.feed import RoutedItem


class Unsettled:
    """The events of one feed that are on their way."""

    def __init__(
        self,
        *,
        by_subject: bool,
        queue_of: Callable[[int], Queue],
        window: int,
        max_parked: int,
        max_parked_bytes: int,
        now_us: Callable[[], int],
    ) -> None:
        """Nothing was taken yet. ``window`` in items; ``queue_of`` as in ``Lanes``."""
        self.window = Window(window)
        self.lanes = Lanes(by_subject=by_subject, queue_of=queue_of)
        self.parking = Parking(max_letters=max_parked, max_bytes=max_parked_bytes)
        self.ledger = Ledger()
        self._skips_ahead: list[tuple[int, str]] = []
        """Heap of (position, reason) of skips that the cursor has still to pass."""
        self._editions = Editions()
        self._now_us = now_us
        self._stored: set[LetterId] = set()
        """Letters, parked or dead, that the feed will bring once more because the cursor could not pass them."""

    # What comes.

    def expect(self, stored: Iterable[LetterId]) -> None:
        """The feed will bring these once more, though they are letters already."""
        self._stored.update(stored)

    def adopt(self, letter: Letter) -> None:
        """A parked letter, found in the store or redriven, goes on."""
        if self.parking.get(letter.id) is None:
            entry = Entry(letter, None)
            self.parking.put(entry)
            self._enter(entry)

    def take(self, item: RoutedItem) -> list[Outgoing]:
        """An item from the feed; those of its events that are letters already are not new.

        Incomplete ones are settled at once, as dead letters, and returned: no lane waits for them.
        """
        new = [event for event in item.events if LetterId(item.position, event.slot) not in self._stored]
        self._stored.difference_update([LetterId(item.position, event.slot) for event in item.events])
        self.window.take(item, len(new))
        for event in new:
            entry = fresh(item, event)
            if event.incomplete:
                entry.letter = incomplete(entry.letter, event, self._now_us())
                self._settle(entry, None, dead=True)
                continue
            if entry.letter.document:
                self.ledger.supersede(entry.letter.document, entry.letter.revision + entry.letter.deletes)
            self._enter(entry)
        return [event for event in new if event.incomplete]

    def _enter(self, entry: Entry) -> None:
        if self._editions.needless(entry.letter):
            self._settle(entry, "superseded")
            return
        for older in self._editions.add(entry):
            if older.flying:
                older.superseded = True
            else:
                self.skip(older, "superseded")
        lane = self.lanes.add(entry, self._now_us())
        if entry.parked:  # it may have come before fresh ones
            self._regard(lane)
        elif lane.waits:
            self._park([entry])

    # What an attempt asks for.

    def delivered(self, entry: Entry) -> None:
        """It is settled."""
        self._leave(entry, None)

    def skip(self, entry: Entry, reason: str) -> None:
        """It is settled without a delivery, for a reason that is recorded."""
        self._leave(entry, reason)

    def bury(self, entry: Entry, letter: Letter) -> None:
        """It is settled as a dead letter; ``letter`` says since when and why."""
        entry.letter = letter
        self._settle(entry, None, dead=True)
        self._gone(entry)

    def postpone(self, entry: Entry, letter: Letter) -> None:
        """It failed and has its own next attempt, as ``letter`` says; ``end`` of its lane follows and parks it."""
        entry.letter = letter
        entry.alone = True
        if entry.parked:
            self.ledger.post(letter)

    def end(self, lane: Lane, *, earliest_us: int = 0) -> None:
        """The attempt at a lane's first events is over. What waits now is parked, with all that stands behind it."""
        for entry in lane.entries:
            if not entry.flying:
                break
            entry.flying = False
        self.lanes.end(lane, self._now_us(), earliest_us=earliest_us)
        self._regard(lane)

    def _leave(self, entry: Entry, skipped: str | None) -> None:
        self._settle(entry, skipped)
        self._gone(entry)

    def _gone(self, entry: Entry) -> None:
        """Let what stood behind a settled event go on."""
        self._editions.remove(entry)
        lane = self.lanes.left(entry, self._now_us())
        if lane is not None:
            self._regard(lane)

    def _settle(self, entry: Entry, skipped: str | None, *, dead: bool = False) -> None:
        entry.gone = True
        if skipped is not None:
            heapq.heappush(self._skips_ahead, (entry.id.position, skipped))
        if dead:
            self.ledger.post(entry.letter, entry.body)
        elif entry.parked:
            self.ledger.remove(entry.id)
        if entry.parked:
            self.parking.remove(entry)
        else:
            self.parking.release(entry)
            self.window.settle(entry.id.position)

    # Parking.

    def _regard(self, lane: Lane) -> None:
        """Whatever stands behind an event that waits is parked with it; once nothing waits, nothing more is."""
        if lane.waits:
            self._park([lane.head, *lane.unparked()])
        elif self.parking.full:
            for entry in lane.unparked():
                self.parking.release(entry)

    def _park(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if not entry.parked:
                self.parking.hold(entry)
        self.fill_places()

    def set_aside(self, queue: Queue) -> None:
        """Park what is fresh in a queue, as far as there is room: it goes on from there, and the window is free."""
        for lane in tuple(queue.all_fresh()):
            for entry in lane.unparked():
                if not self.parking.has_room(entry):
                    return
                self._park([entry])
            self.lanes.requeue(lane, self._now_us())

    def fill_places(self) -> None:
        """Park what was held for want of room, as far as there is room now."""
        for entry in self.parking.admitted():
            self.ledger.post(entry.letter, entry.body)
            self.window.settle(entry.id.position)

    # What is to be written.

    def pop_changes(self) -> Changes:
        """What became of events since the last call.

        A skip is written with a cursor behind it: until then a restart brings the item again, and would count twice.
        """
        first = self.window.first
        while self._skips_ahead and (first is None or self._skips_ahead[0][0] < first.position):
            self.ledger.skip(*heapq.heappop(self._skips_ahead))
        changes, self.ledger = self.ledger.changes(), Ledger()
        return changes

    def durable(self, cursor: int, changes: Changes) -> None:
        """These changes are durable: bodies beside the log need no memory any more."""
        self.window.durable(cursor)
        for posted in changes.posted:
            entry = self.parking.get(posted.letter.id)
            if entry is not None:
                entry.body = None
