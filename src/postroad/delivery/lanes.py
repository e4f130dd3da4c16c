"""The orders ``subject`` and ``none``: a failing event holds only its lane.

A *window* of items is taken from the feed; each of their events is sent on its own (or with others, where the contract
allows) as soon as its lane and the destination's gate let it. What fails by its own fault is parked beside the log and
goes on by its own schedule, so that the cursor passes it; what fails by the endpoint's fault stays, and the gate is
shut. The cursor stands at the first event that is not settled, and moves in one transaction with the letters and skips.
A destination with several endpoints has a gate for each; what waits before one holds up nobody before another.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from postroad.delivery.answers import Answers
from postroad.delivery.attempt import Attempt
from postroad.delivery.delivery import IDLE_SETTLE_S, Means
from postroad.delivery.doors import Door, Doors
from postroad.delivery.entry import Entry
from postroad.delivery.gate import Pass
from postroad.delivery.judge import judged
from postroad.delivery.letter import event_of
from postroad.delivery.oversight import tell_incomplete
from postroad.delivery.queues import Lane
from postroad.delivery.sending import Sender
from postroad.delivery.settling import Settling
from postroad.delivery.stored import dead_from
from postroad.delivery.unsettled import Unsettled
from postroad.errors import PostroadError, StoreUnavailable
from postroad.log.delivery import TOO_OLD, Letter, gone_ahead
from postroad.protocols.contract import Contract
from postroad.routing.feed import RoutedItem

UNREADABLE_S = 5.0
"""How long a letter whose body the store cannot give waits until it is asked again."""
MIN_WAIT_S = 0.001
"""No shorter wait is begun: an instant that rounding puts a hair ahead must not spin the loop."""

_log = logging.getLogger(__name__)


class LaneDelivery:
    """Sends one feed to one destination, as many events at once as its gates let in."""

    def __init__(self, means: Means, contract_of: Callable[[int], Contract]) -> None:
        """``contract_of`` gives a slot's contract, with the options applied."""
        feed, options, clock = means.feed, means.options, means.clock
        self.feed = feed
        self._router = means.router
        self._contract_of = contract_of
        self._options = means.options
        self._doors = Doors(means.gate_of, means.target.slots.values())
        self._store = means.store
        self._streams = means.streams
        self._confirmed = means.confirmed
        self._narrow = means.narrow
        self._observe = means.observe
        self._overseer = means.overseer
        self._note_incomplete = means.note_incomplete
        self._clock = means.clock
        self._sender = Sender(means)
        self._keyed = means.keyed
        self._several = len({self._doors.of(slot) for slot in feed.selection.slots}) > 1
        """Its events leave by more than one door."""
        self._unsettled = Unsettled(
            by_subject=any(contract_of(slot).order == "subject" for slot in feed.selection.slots),
            queue_of=lambda slot: self._doors.of(slot).queue,
            window=options.window,
            max_parked=options.max_parked,
            max_parked_bytes=options.max_parked_bytes,
            settled=means.settled,
            now_us=clock.now_us,
        )
        self._answers = Answers(
            self._unsettled,
            self._doors,
            means.overseer,
            subscription_id=feed.subscription_id,
            clock=clock,
            random=means.random,
        )
        self._settling = Settling(means.store, feed.subscription_id, means.settled, clock)
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: set[Attempt] = set()
        self._reading: asyncio.Task[None] | None = None
        self._broken: BaseException | None = None
        self._told_full: bool | None = None
        self._looked_through: object = None
        """The edition of the streams by which nothing is parked that has no access."""

    @property
    def settled(self) -> int:
        """The durable cursor."""
        return self._settling.settled

    @property
    def oldest(self) -> RoutedItem | None:
        """See ``Delivery``. Parked letters are not counted: the store knows them."""
        return self._unsettled.window.first or (self.feed.queue[0] if self.feed.queue else None)

    @property
    def failures(self) -> int:
        """See ``Delivery``: those by the endpoint's fault."""
        return self._doors.failures

    def adopt(self, letters: Sequence[Letter]) -> None:
        """See ``Delivery``."""
        for letter in letters:
            self._unsettled.adopt(letter)
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is on its way then counts as not delivered."""
        try:
            await self._restore()
            while True:
                self._wake.clear()
                self.feed.looked()
                self._let_go()
                self._refill()
                self._start_attempts()
                self._settle()
                await self._wait()
                if self._broken is not None:
                    raise self._broken
        finally:
            for door in self._doors:
                door.gate.withdraw(self._wake)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for attempt in list(self._under_way):  # also those whose task never began
                self._give_back(attempt)

    # What there is to do.

    async def _restore(self) -> None:
        """Letters that are stored go on where they were, and are not taken from the feed anew."""
        subscription_id, settled = self.feed.subscription_id, self.settled
        for letter in await self._store.parked(subscription_id):
            self._unsettled.expect([letter.id] if letter.position >= settled else [])
            self._unsettled.adopt(letter)
        self._unsettled.expect(await dead_from(self._store, subscription_id, settled))
        self._unsettled.expect(gone_ahead(await self._store.skips(subscription_id), settled))

    def _let_go(self) -> None:
        """What is parked goes as soon as its access has ended, and not when it is due: its body is kept no longer."""
        edition = self._streams().edition
        if edition is self._looked_through:
            return
        uncovered = [
            entry
            for entry in self._unsettled.parking.all()
            if not self._streams().covers(self.feed.subscription_id, entry.letter.subject_id, entry.letter.position)
        ]
        for entry in uncovered:
            if not entry.flying:
                self._unsettled.skip(entry, "access_ended")
        if not any(entry.flying for entry in uncovered):
            self._looked_through = edition

    def _refill(self) -> None:
        """Take from the feed what the window has room for; read the log for it if it does not follow."""
        feed, unsettled = self.feed, self._unsettled
        if unsettled.window.full and self._several and self._confirmed.holds:
            self._let_others_pass()
        while feed.queue and not unsettled.window.full:
            for event in unsettled.take(feed.take()):
                tell_incomplete(self._overseer, feed.subscription_id, event.incomplete)
                self._note_incomplete(feed.subscription_id, event.incomplete)
        if not feed.following and not feed.queue and not unsettled.window.full and self._reading is None:
            self._reading = self._spawn(self._read())

    def _let_others_pass(self) -> None:
        """What waits before an endpoint that fails must not fill the window: others' events are behind it."""
        for door in self._doors:
            if door.gate.state == "open":
                self._unsettled.set_aside(door.queue)

    async def _read(self) -> None:
        try:
            await self._router.catch_up(self.feed)
        finally:
            self._reading = None

    @property
    def _taken_to(self) -> int:
        """Everything of the feed's below this position is in the window, or was."""
        if self.feed.queue:
            return self.feed.queue[0].position
        return self._router.routed_to if self.feed.following else self.feed.resume_at

    def _settle(self) -> None:
        """Have what is settled made durable, unless that is under way."""
        unsettled = self._unsettled
        unsettled.fill_places()
        self._tell_full()
        if self._settling.busy:
            return
        cursor = unsettled.window.cursor(self._taken_to)
        idle = cursor > self.settled and self._settling.idle_for_s >= IDLE_SETTLE_S
        if unsettled.ledger or unsettled.window.has_settled or idle:
            changes = unsettled.ledger.pop_changes(cursor)
            self._spawn(self._settling.settle(cursor, changes, unsettled.durable))

    def _tell_full(self) -> None:
        full = self._unsettled.parking.full
        if full != self._told_full:
            self._told_full = full
            if full:
                self._overseer.raise_alert(
                    "parked_full", self.feed.subscription_id, f"{len(self._unsettled.parking)} events are parked"
                )
            else:
                self._overseer.clear_alert("parked_full", self.feed.subscription_id)

    # Waiting.

    async def _wait(self) -> None:
        """Until there may be something to do: an event, an end, a place, or an instant."""
        waits = [
            asyncio.ensure_future(self._wake.wait()),
            asyncio.ensure_future(self._clock.sleep(max(min(self._start_in_s(), IDLE_SETTLE_S), MIN_WAIT_S))),
        ]
        if not self._unsettled.window.full:
            waits.append(asyncio.ensure_future(self.feed.wait()))
        if not self._confirmed.holds:
            waits.append(asyncio.ensure_future(self._confirmed.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _start_in_s(self) -> float:
        """How long until an attempt can begin, if nothing else happens."""
        return min(map(self._start_through_in_s, self._doors), default=IDLE_SETTLE_S)

    def _start_through_in_s(self, door: Door) -> float:
        if door.in_line:
            turn_s = door.gate.turn_in_s(self._wake)
            return IDLE_SETTLE_S if turn_s is None else turn_s
        due_us = door.queue.next_due_us
        if due_us is None or self._held_back:
            return IDLE_SETTLE_S
        return (due_us - self._clock.now_us()) / 1e6

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = self._broken or error
        self._wake.set()

    # Starting.

    @property
    def _held_back(self) -> bool:
        """Whether nothing may be started: it is not certain what may be sent, or a kill would repeat too much."""
        unwritten = len(self._unsettled.ledger) + self._settling.changes
        return not self._confirmed.holds or self._answers.disabled or unwritten >= self._options.window

    def _start_attempts(self) -> None:
        for door in self._doors:
            self._start_through(door)

    def _start_through(self, door: Door) -> None:
        door.in_line = False
        while not self._held_back and (lane := self._next_lane(door)) is not None:
            if not self._may_go(lane.head):
                continue
            entered = door.gate.enter(self._wake)
            if entered is None:
                door.in_line = True
                return
            self._start(lane, door, entered)
        door.gate.withdraw(self._wake)

    def _next_lane(self, door: Door) -> Lane | None:
        """What is due goes before what is fresh, but gets no more than every other start while both wait."""
        due = door.queue.due(self._clock.now_us())
        if door.gate.state == "open":
            return due or door.queue.first_fresh()
        fresh = door.queue.fresh()
        turn = door.gate.state == "closed" and door.parked_went_last
        return fresh if due is None or (turn and fresh is not None) else due

    def _may_go(self, entry: Entry) -> bool:
        """Whether it may be sent right now; if not, it is settled."""
        letter, subscription_id = entry.letter, self.feed.subscription_id
        if not self._streams().covers(subscription_id, letter.subject_id, letter.position):
            self._unsettled.skip(entry, "access_ended")
            return False
        age_s = (self._clock.now_us() - letter.received_us) / 1e6
        if not entry.parked and age_s > self._options.max_backlog_age_s:
            self._unsettled.skip(entry, TOO_OLD)
            self._overseer.raise_alert("events_expired", subscription_id, "events were too old to be delivered")
            return False
        return True

    def _chosen(self, lane: Lane, contract: Contract) -> Iterator[tuple[Entry, Lane]]:
        """The lane's head and what may go with it in one message."""
        head = lane.head
        yield head, lane
        if contract.max_items == 1 or head.alone:
            return
        room = contract.max_bytes - 2 - head.letter.size
        for entry, its_lane in self._unsettled.lanes.companions(lane, contract.max_items):
            if self._keyed and entry.letter.subject_id != head.letter.subject_id:
                continue
            room -= entry.letter.size + 1
            if room < 0 or entry.alone or self._contract_of(entry.letter.slot) != contract:
                return
            if self._may_go(entry):
                yield entry, its_lane

    def _start(self, first: Lane, door: Door, entered: Pass) -> None:
        door.parked_went_last = first.head.waits
        contract = self._contract_of(first.head.letter.slot)
        chosen = list(self._chosen(first, contract))
        entries = [entry for entry, _ in chosen]
        lanes = list(dict.fromkeys(lane for _, lane in chosen))
        for entry in entries:
            entry.flying = True
        for lane in lanes:
            self._unsettled.lanes.start(lane)
        made = max(entry.letter.attempts for entry in entries)
        if contract.schedule_of == "destination":
            made = max(made, door.failures)
        attempt = Attempt(
            entries=entries,
            lanes=lanes,
            contract=contract,
            door=door,
            entered=entered,
            number=made + 1,
            began_us=self._clock.now_us(),
        )
        self._under_way.add(attempt)
        self._spawn(self._attempt(attempt))

    # An attempt.

    async def _attempt(self, attempt: Attempt) -> None:
        bodies = await self._bodies(attempt)
        if bodies is None:
            self._give_back(attempt)
            return
        bulk = self._sender.bulk(attempt, bodies, settles=self.settled)
        judgement = judged(attempt.contract, await self._sender.send(attempt, bulk), events=bulk.events)
        self._under_way.discard(attempt)
        retry_in_s = self._answers.ended(attempt, judgement)
        self._observe(self.feed.subscription_id, bulk, attempt.number, judgement.outcome, retry_in_s)

    def _give_back(self, attempt: Attempt) -> None:
        """It came to nothing: its place at the gate is free again."""
        self._under_way.discard(attempt)
        attempt.door.gate.leave(attempt.entered, None)

    async def _bodies(self, attempt: Attempt) -> list[bytes] | None:
        """The bodies of all; or ``None``, and the lanes are given back: some cannot be had, or may not go any more."""
        earliest_us = 0
        try:
            bodies = [await self._body(entry) for entry in attempt.entries]
        except PostroadError as exc:
            if isinstance(exc, StoreUnavailable) and exc.reason == "closed":
                raise
            _log.error("A letter of subscription %d cannot be read: %s", self.feed.subscription_id, exc)
            earliest_us = self._clock.now_us() + round(UNREADABLE_S * 1e6)
        else:
            if self._confirmed.holds:  # it took a while to read them
                allowed = [self._allowed(entry, body) for entry, body in zip(attempt.entries, bodies, strict=True)]
                had = [body for body in allowed if body is not None]
                if len(had) == len(allowed):
                    return had
        for lane in attempt.lanes:
            self._unsettled.end(lane, earliest_us=earliest_us)
        return None

    async def _body(self, entry: Entry) -> bytes | None:
        if entry.body is not None:
            return entry.body
        body = await self._store.body(self.feed.subscription_id, entry.id)
        if body is None:  # somebody removed the letter
            self._unsettled.skip(entry, "dropped")
        return body

    def _allowed(self, entry: Entry, body: bytes | None) -> bytes | None:
        """What of a body may be sent right now; if that is nothing, its event is settled."""
        if body is None or not self._may_go(entry):
            return None
        if self._narrow is None:
            return body
        left = self._narrow(entry.letter.subject_id, event_of(entry.letter, body))
        if isinstance(left, str):
            self._unsettled.skip(entry, left)
            return None
        return left.body
