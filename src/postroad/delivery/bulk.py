"""The order ``bulk``: everything in order; a bulk must go through before the next one.

A bulk that fails is tried again whole, the same bytes under the same request id, until it is delivered, or until some
of it may not be sent any more: then it goes on without that, as a new one. The cursor is durable before the next bulk
is sent. So a kill repeats at most one bulk. (An item with more events than fit into one bulk is the exception: the
cursor cannot stand inside an item, so all its bulks may be repeated.)

Where the contract or the subscription asks for it, a bulk that is too large or refused goes on in pieces, each a bulk
of its own; an event that is refused even alone becomes a dead letter in the settle by which the cursor passes it. Dead
letters that were redriven go out as bulks of their own between the others.
"""

import asyncio
import logging
import operator
from collections.abc import Sequence
from typing import NoReturn

from msgspec import structs

from postroad.delivery.bisect import Pieces
from postroad.delivery.books import Books, LetterBooks, LogBooks
from postroad.delivery.bulks import BulkMaker, LearntSize, gather
from postroad.delivery.delivery import IDLE_SETTLE_S, Bulk, Means
from postroad.delivery.gate import Pass
from postroad.delivery.judge import Judgement, judged, shut_for
from postroad.delivery.oversight import tell
from postroad.delivery.redriven import Redriven, as_item, narrowing
from postroad.errors import StoreUnavailable
from postroad.log.delivery import NO_CHANGES, Letter
from postroad.protocols.contract import Contract
from postroad.protocols.filling import FillingTarget
from postroad.routing.feed import RoutedItem
from postroad.transports.base import Delivered, Failed

PAUSE_AGAIN_S = 60.0
"""How often a pause that was asked for and has not come is asked for again."""

_log = logging.getLogger(__name__)


class BulkDelivery:
    """Sends one feed to one destination, one bulk at a time."""

    def __init__(self, means: Means, contract: Contract) -> None:
        """Deliver by ``contract``, with the options applied."""
        self.settled = means.settled
        """The durable cursor."""
        self.failures = 0
        """Attempts in a row that failed."""
        self.sending: Bulk | None = None
        """What is on its way, or waits to be tried again."""
        self.feed = means.feed
        self._router = means.router
        self._shard = means.shard
        self._contract = contract
        self._transport = means.transport
        self._gate = means.gate_of(means.any_slot)
        self._store = means.store
        self._streams = means.streams
        self._confirmed = means.confirmed
        self._narrow = means.narrow
        self._observe = means.observe
        self._overseer = means.overseer
        self._clock = means.clock
        self._random = means.random
        self._begin_span = means.begin_span
        self._note_incomplete = means.note_incomplete
        self._fills = isinstance(means.target, FillingTarget)
        self._make = BulkMaker(means.target, contract, means.clock)
        self._size = LearntSize(contract.max_bytes, means.clock)
        self._books = LogBooks(
            means.feed.subscription_id,
            streams=means.streams,
            max_age_s=means.options.max_backlog_age_s,
            narrow=means.narrow,
            overseer=means.overseer,
            clock=means.clock,
        )
        self._redriven = Redriven()

    async def run(self) -> None:
        """Deliver until cancelled. Raises ``StoreUnavailable`` with reason ``closed`` when the log is closed."""
        feed = self.feed
        self._redriven.adopt(await self._store.parked(feed.subscription_id))
        while True:
            feed.looked()
            await self._redeliver()
            if feed.queue:
                await self._linger()
                await self._deliver(self._gather())
            elif feed.following:
                await self._idle()
            else:
                await self._router.catch_up(feed)
                if not feed.queue:
                    await self._settle(feed.resume_at)

    def adopt(self, letters: Sequence[Letter]) -> None:
        """See ``Delivery``."""
        self._redriven.adopt(letters)
        self.feed.wake()

    @property
    def oldest(self) -> RoutedItem | None:
        """See ``Delivery``."""
        if self.sending is not None and self.sending.items:
            return self.sending.items[0]
        return self.feed.queue[0] if self.feed.queue else None

    async def _idle(self) -> None:
        """Nothing to send: wait for something, and keep the cursor near the end of the log meanwhile."""
        within_s, due_us = IDLE_SETTLE_S, self._redriven.next_due_us()
        if due_us is not None:
            within_s = min(max(due_us - self._clock.now_us(), 0) / 1e6, within_s)
        waits = [asyncio.ensure_future(self.feed.wait()), asyncio.ensure_future(self._clock.sleep(within_s))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self.feed.following and not self.feed.queue:
            await self._settle(self._router.routed_to)

    async def _linger(self) -> None:
        """Let a bulk that is not full fill up a little."""
        feed, contract = self.feed, self._contract
        if contract.linger_ms and feed.following and len(feed.queue) < contract.max_items:
            await self._clock.sleep(contract.linger_ms / 1000)

    def _gather(self) -> Bulk:
        """The next bulk: as many events, in order, as the contract allows and access covers now."""
        gathered = gather(
            self.feed,
            settled=self.settled,
            max_items=self._contract.max_items,
            max_bytes=self._size.max_bytes(),
            allow=self._books.allowed_now(),
            complete=self._complete if self._fills else None,
        )
        return self._make.bulk(gathered.items, gathered.settles, self._books.request_id(gathered.items))

    def _complete(self, item: RoutedItem) -> RoutedItem:
        """The item without its incomplete events, which are dead letters from now on."""
        incomplete = [event for event in item.events if event.incomplete]
        if not incomplete:
            return item
        for event in incomplete:
            self._books.bury_incomplete(item, event)
            self._note_incomplete(self.feed.subscription_id, event.incomplete)
        return item.part(tuple([event for event in item.events if not event.incomplete]))

    async def _deliver(self, bulk: Bulk) -> None:
        self.sending = bulk
        await self._send_all(bulk, self._contract, self._books)
        self.sending = None

    async def _redeliver(self) -> None:
        """Send the redriven letters that are due, as far as they fit into one bulk."""
        letters = self._redriven.due(
            self._clock.now_us(), max_items=self._contract.max_items, max_bytes=self._size.max_bytes()
        )
        items = []
        for letter in letters:
            body = await self._store.body(self.feed.subscription_id, letter.id)
            if body is not None:
                items.append(as_item(letter, body))
        if items:
            books = LetterBooks(
                self.feed.subscription_id,
                self._shard,
                letters,
                streams=self._streams,
                narrow=self._narrow,
                overseer=self._overseer,
                clock=self._clock,
            )
            bulk = self._make.bulk(items, self.settled, books.request_id(items))
            await self._send_all(bulk, narrowing(self._contract), books)
        self._redriven.done(letters)

    async def _send_all(self, bulk: Bulk, contract: Contract, books: Books) -> None:
        """Try until each event of the bulk is delivered, given up, or not wanted any more, and that is settled."""
        pieces, end, attempt = Pieces(bulk.items), bulk.settles, 0
        while pieces:
            if pieces.first() is not bulk.items:
                bulk, attempt = self._piece(pieces, end, books), 0
            entered = await self._entered()
            allow = books.allowed_now()
            allowed = tuple([item for one in bulk.items if (item := allow(one)) is not None])
            if len(allowed) < len(bulk.items) or not all(map(operator.is_, allowed, bulk.items)):
                self._gate.leave(entered, None)
                pieces.reduce(allowed)
                continue
            attempt += 1
            judgement = await self._attempt(bulk, attempt, entered, contract)
            self._follow(judgement, bulk, attempt, pieces, books)
            if judgement.action == "disable":
                await self._wait_for_the_pause(judgement)
            if not pieces or pieces.first() is not bulk.items:
                await self._settle(min(pieces.begins_at(end), end), books)
        await self._settle(end, books)

    async def _entered(self) -> Pass:
        """Enter the gate, at a moment at which it is certain what may be sent."""
        while True:
            await self._confirmed.wait()
            entered = await self._gate.entered()
            if self._confirmed.holds:
                return entered
            self._gate.leave(entered, None)

    def _piece(self, pieces: Pieces, end: int, books: Books) -> Bulk:
        items = pieces.first()
        piece = self._make.bulk(items, min(pieces.ends_at(end), end), books.request_id(items))
        if books is self._books:
            self.sending = piece
        return piece

    async def _attempt(self, bulk: Bulk, attempt: int, entered: Pass, contract: Contract) -> Judgement:
        """Send once, and let the gate, whoever watches and whom it concerns know how it went."""
        subscription_id = self.feed.subscription_id
        try:
            judgement = await self._sent(bulk, attempt, contract)
        except BaseException:  # the hub stops, or the subscription was changed
            self._gate.leave(entered, None)
            raise
        action = judgement.action
        self._gate.leave(
            entered,
            judgement.verdict,
            retry_after_s=judgement.retry_after_s,
            wait_s=shut_for(contract, action, self._random),
        )
        follows = action not in {"delivered", "repair", "disable"}
        retry_in_s = self._gate.shut_for_s() if follows else None
        self._observe(subscription_id, bulk, attempt, judgement.outcome, retry_in_s)
        tell(self._overseer, subscription_id, judgement, self._gate)
        return judgement

    async def _sent(self, bulk: Bulk, attempt: int, contract: Contract) -> Judgement:
        message = self._make.message(bulk)
        if self._begin_span is None:
            return judged(contract, await self._transport.send(message), events=bulk.events)
        span = self._begin_span(bulk, attempt)
        try:
            outcome = await self._transport.send(structs.replace(message, headers=span.headers))
        except BaseException:
            span.end("interrupted", None, failed=True)
            raise
        judgement = judged(contract, outcome, events=bulk.events)
        failed = judgement.outcome if isinstance(judgement.outcome, Failed) else None
        span.end(failed.reason if failed else "delivered", judgement.outcome.status, failed=failed is not None)
        return judgement

    def _follow(self, judgement: Judgement, bulk: Bulk, attempt: int, pieces: Pieces, books: Books) -> None:
        """Do with the bulk what its answer asks for."""
        self.failures += 1
        if isinstance(judgement.outcome, Delivered):
            self.failures = 0
            books.delivered(bulk.items)
            pieces.went_through()
        elif judgement.action == "split":
            self._size.too_large(len(bulk.body))
            pieces.too_large()
        elif judgement.action == "isolate":
            pieces.refused()
        elif judgement.action == "repair":
            books.bury(bulk.items[0], judgement.outcome, attempt)
            pieces.reduce(())

    async def _wait_for_the_pause(self, judgement: Judgement) -> NoReturn:
        """The destination is gone: nothing more is sent; whoever pauses the subscription stops this delivery."""
        while True:
            await self._clock.sleep(PAUSE_AGAIN_S)
            tell(self._overseer, self.feed.subscription_id, judgement, self._gate)

    async def _settle(self, position: int, books: Books | None = None) -> None:
        """Make the cursor and what the books say durable; while the store cannot take it, nothing more is sent."""
        position = max(position, self.settled)
        changes = (books or self._books).changes(position)
        if position == self.settled and changes == NO_CHANGES:
            return
        wait_s = 0.1
        while True:
            try:
                await self._store.settle(self.feed.subscription_id, position, changes)
            except StoreUnavailable as exc:
                if exc.reason == "closed":
                    raise
                _log.error("The cursor of subscription %d cannot be kept: %s", self.feed.subscription_id, exc)
                await self._clock.sleep(wait_s)
                wait_s = min(wait_s * 2, 5.0)
            else:
                self.settled = position
                return
