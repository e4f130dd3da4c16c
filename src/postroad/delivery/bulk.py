"""The order ``bulk``: everything in order; a bulk must go through before the next one.

A bulk that fails is tried again whole, the same bytes under the same request id, until it is delivered; the cursor is
durable before the next bulk is sent. So a kill repeats at most one bulk. (An item with more events than fit into one
bulk is the exception: the cursor cannot stand inside an item, so all its bulks may be repeated.)
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping

from postroad.access.streams import StreamIndex
from postroad.clock import Clock
from postroad.delivery.delivery import AttemptObserver, Bulk
from postroad.errors import StoreUnavailable
from postroad.log.delivery import DeliveryStore
from postroad.protocols.base import TargetProtocol
from postroad.protocols.contract import Contract
from postroad.routing.feed import Feed, RoutedItem
from postroad.routing.router import Router
from postroad.tracing.interface import AttemptSpan
from postroad.transports.base import Delivered, Failed, Message, Outcome, Transport

IDLE_SETTLE_S = 5.0
"""A subscription with nothing to send makes its cursor durable this often, so that a restart reads little."""

NO_HEADERS: Mapping[str, str] = {}

_log = logging.getLogger(__name__)


BeginSpan = Callable[[Bulk, int], AttemptSpan]
"""Called as an attempt begins, with its number within the bulk, from 1."""


class BulkDelivery:
    """Sends one feed to one destination, one bulk at a time."""

    def __init__(
        self,
        feed: Feed,
        router: Router,
        *,
        target: TargetProtocol,
        contract: Contract,
        transport: Transport,
        store: DeliveryStore,
        settled: int,
        streams: Callable[[], StreamIndex],
        observe: AttemptObserver,
        clock: Clock,
        begin_span: BeginSpan | None = None,
    ) -> None:
        """Deliver ``feed`` from ``settled`` on, by the contract. ``streams`` gives what may be sent right now."""
        self.settled = settled
        """The durable cursor."""
        self.failures = 0
        """Attempts in a row that failed."""
        self.sending: Bulk | None = None
        """What is on its way, or waits to be tried again."""
        self.feed = feed
        self._router = router
        self._target = target
        self._contract = contract
        self._transport = transport
        self._store = store
        self._streams = streams
        self._observe = observe
        self._clock = clock
        self._begin_span = begin_span

    async def run(self) -> None:
        """Deliver until cancelled."""
        feed = self.feed
        while True:
            feed.looked()
            if feed.queue:
                await self._linger()
                bulk = self._gather()
                self.sending = bulk
                if bulk.events:
                    await self._deliver(bulk)
                await self._settle(bulk.settles)
                self.sending = None
            elif feed.following:
                await self._idle()
            else:
                await self._router.catch_up(feed)
                if not feed.queue:
                    await self._settle(feed.resume_at)

    @property
    def oldest(self) -> RoutedItem | None:
        """See ``Delivery``."""
        if self.sending is not None and self.sending.items:
            return self.sending.items[0]
        return self.feed.queue[0] if self.feed.queue else None

    async def _idle(self) -> None:
        """Nothing to send: wait for something, and keep the cursor near the end of the log meanwhile."""
        waits = [asyncio.ensure_future(self.feed.wait()), asyncio.ensure_future(self._clock.sleep(IDLE_SETTLE_S))]
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
        feed, contract, streams = self.feed, self._contract, self._streams()
        items: list[RoutedItem] = []
        bodies: list[bytes] = []
        size, settles = 2, self.settled
        while feed.queue and len(bodies) < contract.max_items:
            item = feed.take()
            if not streams.covers(feed.subscription_id, item.subject_id, item.position):
                settles = item.position + 1
                continue
            fits = self._fitting(item, contract.max_items - len(bodies), contract.max_bytes - size)
            if fits < len(item.events) and bodies:  # leave it whole for the next bulk
                feed.put_back(item)
                break
            fits = max(fits, 1)  # an event larger than the limit goes alone
            sent = item if fits == len(item.events) else item.part(item.events[:fits])
            items.append(sent)
            bodies += [event.body for event in sent.events]
            size += sent.size + len(sent.events)
            if fits < len(item.events):
                feed.put_back(item.part(item.events[fits:]))
                settles = item.position
                break
            settles = item.position + 1
        return self._bulk(items, bodies, settles)

    def _bulk(self, items: list[RoutedItem], bodies: list[bytes], settles: int) -> Bulk:
        return Bulk(
            items=tuple(items),
            settles=settles,
            request_id=str(uuid.uuid4()),
            body=self._target.bulk(bodies) if bodies else b"",
            events=len(bodies),
        )

    @staticmethod
    def _fitting(item: RoutedItem, events: int, room: int) -> int:
        count = 0
        for event in item.events[:events]:
            room -= len(event.body) + 1
            if room < 0:
                break
            count += 1
        return count

    async def _deliver(self, bulk: Bulk) -> None:
        """Try until the bulk is delivered, or access to all of it has ended."""
        self.failures = 0
        while True:
            allowed = self._still_allowed(bulk)
            if allowed is not bulk:
                bulk = self.sending = allowed
                if not bulk.events:
                    return
            outcome = await (self._attempt(bulk) if self._begin_span is None else self._traced(self._begin_span, bulk))
            if isinstance(outcome, Delivered):
                self._observe(self.feed.subscription_id, bulk, self.failures + 1, outcome, None)
                self.failures = 0
                return
            self.failures += 1
            wait_s = max(self._contract.retry.wait_s(self.failures), outcome.retry_after_s or 0.0)
            self._observe(self.feed.subscription_id, bulk, self.failures, outcome, wait_s)
            await self._clock.sleep(wait_s)

    async def _attempt(self, bulk: Bulk, headers: Mapping[str, str] = NO_HEADERS) -> Outcome:
        message = Message(
            body=bulk.body, content_type=self._target.content_type, request_id=bulk.request_id, headers=headers
        )
        return self._judge(await self._transport.send(message))

    async def _traced(self, begin_span: BeginSpan, bulk: Bulk) -> Outcome:
        span = begin_span(bulk, self.failures + 1)
        try:
            outcome = await self._attempt(bulk, span.headers)
        except BaseException:  # the hub stops, or the subscription was changed
            span.end("interrupted", None, failed=True)
            raise
        if isinstance(outcome, Delivered):
            span.end("delivered", outcome.status, failed=False)
        else:
            span.end(outcome.reason, outcome.status, failed=True)
        return outcome

    def _judge(self, outcome: Outcome) -> Outcome:
        """A confirmation counts only with a status that the contract calls success."""
        first, last = self._contract.success
        if isinstance(outcome, Delivered) and outcome.status is not None and not first <= outcome.status <= last:
            return Failed(reason="unexpected", status=outcome.status, elapsed_s=outcome.elapsed_s)
        return outcome

    def _still_allowed(self, bulk: Bulk) -> Bulk:
        """The bulk itself, or, when access to some of it has ended, a new one without that."""
        streams, subscription_id = self._streams(), self.feed.subscription_id
        kept = [item for item in bulk.items if streams.covers(subscription_id, item.subject_id, item.position)]
        if len(kept) == len(bulk.items):
            return bulk
        return self._bulk(kept, [event.body for item in kept for event in item.events], bulk.settles)

    async def _settle(self, position: int) -> None:
        """Make the cursor durable; while the store cannot take it, nothing more is sent."""
        if position <= self.settled:
            return
        wait_s = 0.1
        while True:
            try:
                await self._store.settle(self.feed.subscription_id, position)
            except StoreUnavailable as exc:
                if exc.reason == "closed":
                    raise
                _log.error("The cursor of subscription %d cannot be kept: %s", self.feed.subscription_id, exc)
                await self._clock.sleep(wait_s)
                wait_s = min(wait_s * 2, 5.0)
            else:
                self.settled = position
                return
