"""Keeps exactly the deliveries running that the registry asks for: one per active subscription and shard."""

import asyncio
import functools
import logging
import random
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec

from postroad.access.confirmed import Confirmation
from postroad.access.scopes import narrowing
from postroad.access.streams import StreamIndex
from postroad.clock import Clock
from postroad.delivery.delivery import AlertKind, Bulk, Delivery, Means, NoteIncomplete, Overseer, nobody_counts
from postroad.delivery.gate import DestinationLimits, Gate
from postroad.delivery.opening import check_endpoints, contracts_of, endpoints_of, open_delivery
from postroad.delivery.options import DeliveryOptions
from postroad.delivery.terms import terms_of
from postroad.errors import NotFound, PostroadError, StoreUnavailable
from postroad.log.delivery import DeadLetter, Letter, given_up
from postroad.log.interface import ShardLog
from postroad.protocols.base import TargetProtocol
from postroad.protocols.contract import Contract
from postroad.registry.records import Destination, RegistryView, Subscription
from postroad.routing.feed import Feed
from postroad.routing.router import Router
from postroad.routing.translation import Selection, selection_of
from postroad.tracing.interface import AttemptSpan, Tracer
from postroad.transports.base import Outcome, Transport
from postroad.transports.spec import ANY_MESSAGE, Carriage

RESTART_S = 5.0
"""How long a delivery that broke down waits before it begins again at its cursor."""

_WHILE_RUNNING: tuple[AlertKind, ...] = ("destination_failing", "credentials_refused")
"""Alerts that say nothing of a subscription that does not run."""

_log = logging.getLogger(__name__)

OpenTransport = Callable[[Destination], Transport]
"""Open a destination, its secrets unsealed. Raises ``PostroadError`` if it cannot be opened now."""

CarriageOf = Callable[[Destination], Carriage]
"""What a message to a destination may be. Raises ``PostroadError`` if its config cannot be read."""

Sign = Callable[[Subscription], Callable[[Transport], Transport] | None]
"""What puts a subscription's signatures around its transport; ``None`` if it has none. Raises ``PostroadError``."""


class ShardAttemptObserver(Protocol):
    """An ``AttemptObserver`` that is also told the shard."""

    def __call__(
        self, shard: int, subscription_id: int, bulk: Bulk, attempt: int, outcome: Outcome, retry_in_s: float | None
    ) -> None:
        """See ``AttemptObserver``."""


class Shard(msgspec.Struct, frozen=True):
    """One shard as delivery needs it."""

    log: ShardLog
    router: Router


class _Running:
    """A subscription at work."""

    def __init__(
        self,
        subscription: Subscription,
        destination: Destination,
        *,
        selection: Selection,
        options: DeliveryOptions,
        contract_of: Mapping[int, Contract],
        transport: Transport,
        keyed: bool,
        gates: Mapping[int, Gate],
    ) -> None:
        self.subscription = subscription
        self.destination = destination
        self.selection = selection
        self.options = options
        self.contract_of = contract_of
        self.transport = transport
        self.keyed = keyed
        self.gates = gates
        """By slot."""
        self.deliveries: dict[int, Delivery] = {}
        self.tasks: list[asyncio.Task[None]] = []


class DeliveryManager:
    """Starts, stops and restarts deliveries as the registry changes."""

    def __init__(
        self,
        shards: Mapping[int, Shard],
        *,
        targets: Mapping[str, TargetProtocol],
        open_transport: OpenTransport,
        carriage_of: CarriageOf = lambda _destination: ANY_MESSAGE,
        sign: Sign | None = None,
        observe: ShardAttemptObserver,
        overseer: Overseer,
        confirmed: Confirmation,
        view: Callable[[], RegistryView],
        clock: Clock,
        queue_bytes: int,
        random: Callable[[], float] = random.random,
        tracer: Tracer | None = None,
        note_incomplete: NoteIncomplete = nobody_counts,
    ) -> None:
        """Nothing runs until ``use`` is called, and no attempt begins while it is not ``confirmed`` what may be sent.

        ``view`` is that of the streams last given to ``cover``. ``random`` (0 to 1) spreads what is tried again.
        """
        self._shards = shards
        self._targets = targets
        self._open_transport = open_transport
        self._carriage_of = carriage_of
        self._sign = sign
        self._observe = observe
        self._overseer = overseer
        self._confirmed = confirmed
        self._view = view
        self._clock = clock
        self._queue_bytes = queue_bytes
        self._random = random
        self._tracer = tracer
        self._note_incomplete = note_incomplete
        self.changing = asyncio.Lock()
        """Held while deliveries start or stop. Who holds it knows that what stands still goes on standing still."""
        self._running: dict[int, _Running] = {}
        self._gates: dict[int, dict[str, Gate]] = {}
        """By destination and the name of its endpoint."""
        self._streams = StreamIndex({})
        self._unopened: dict[int, str] = {}

    def cover(self, streams: StreamIndex) -> None:
        """Send what these cover from now on: what routing goes by, at once, or what it routes meanwhile is skipped."""
        self._streams = streams

    async def use(self, view: RegistryView, streams: StreamIndex) -> None:
        """Make what runs agree with the view. Raises ``StoreUnavailable``; call it again then."""
        async with self.changing:
            await self._use(view, streams)

    async def _use(self, view: RegistryView, streams: StreamIndex) -> None:
        self._streams = streams
        wanted = {s.id: s for s in view.subscriptions.values() if s.state == "active" and s.protocol in self._targets}
        for subscription_id, running in list(self._running.items()):
            subscription = wanted.get(subscription_id)
            if (
                subscription != running.subscription
                or view.destinations.get(running.subscription.destination_id) != running.destination
            ):
                await self._stop(subscription_id)
        for subscription in wanted.values():
            if subscription.id not in self._running:
                await self._start(subscription, view.destinations.get(subscription.destination_id))

    @property
    def streams(self) -> StreamIndex:
        """What may be sent right now."""
        return self._streams

    def routed_to(self, shard: int) -> int:
        """Up to where the shard is routed."""
        return self._shards[shard].router.routed_to

    def settled(self, shard: int, subscription_ids: frozenset[int], cursors: Mapping[int, int]) -> int:
        """The position below which nobody needs the shard's batches any more."""
        needs = self.needs(shard, subscription_ids, cursors)
        return min(needs.values(), default=self._shards[shard].log.next_position)

    def needs(self, shard: int, subscription_ids: frozenset[int], cursors: Mapping[int, int]) -> dict[int, int]:
        """Subscription -> the position from which on it needs the shard's batches; without those that need none."""
        needs = {}
        for subscription_id in subscription_ids:
            running = self._running.get(subscription_id)
            if running is not None:
                needs[subscription_id] = running.deliveries[shard].settled
                continue
            begins_at = cursors.get(subscription_id, self._streams.first_position(subscription_id))
            if begins_at is not None:
                needs[subscription_id] = begins_at
        return needs

    def deliveries(self, subscription_id: int) -> Mapping[int, Delivery]:
        """What runs for a subscription, by shard; nothing when it is paused or cannot be opened."""
        running = self._running.get(subscription_id)
        return running.deliveries if running is not None else {}

    def revived(self, shard: int, letters: Iterable[DeadLetter]) -> None:
        """Tell what runs of letters that the shard's store has parked again; what does not run finds them itself."""
        by_subscription: dict[int, list[Letter]] = {}
        for revived in letters:
            by_subscription.setdefault(revived.subscription_id, []).append(revived.letter)
        for subscription_id, adopted in by_subscription.items():
            delivery = self.deliveries(subscription_id).get(shard)
            if delivery is not None:
                delivery.adopt(adopted)

    @asynccontextmanager
    async def standing_still(self, subscription_ids: Collection[int]) -> AsyncIterator[None]:
        """Deliver nothing for these subscriptions in the block, and hold nothing in memory of what was read for them.

        What runs is stopped, and begins again at its cursors when the block is left: what was on its way counts as not
        delivered. Raises ``StoreUnavailable`` where it cannot begin again now; the next ``use`` tries again.
        """
        async with self.changing:
            stopped = [self._running[id_] for id_ in subscription_ids if id_ in self._running]
            for running in stopped:
                await self._stop(running.subscription.id)
            try:
                yield
            finally:
                for running in stopped:
                    await self._start(running.subscription, running.destination)

    def gates(self, destination_id: int) -> Mapping[str, Gate]:
        """The gates of a destination's endpoints, by name, as far as something is delivered there."""
        return self._gates.get(destination_id, {})

    async def stop(self) -> None:
        """Stop everything. What is on its way to a destination counts as not delivered."""
        async with self.changing:
            for subscription_id in list(self._running):
                await self._stop(subscription_id)

    async def _start(self, subscription: Subscription, destination: Destination | None) -> None:
        """Begin to deliver, in all shards or, if anything fails, in none."""
        starts = {number: await self._begin_at(subscription, shard) for number, shard in self._shards.items()}
        lost = {
            number: await self._given_up(subscription.id, shard, starts[number])
            for number, shard in self._shards.items()
        }
        try:
            running = await self._open(subscription, destination)
        except Exception as exc:  # noqa: BLE001 - whatever is wrong with one subscription, the others go on
            if self._unopened.get(subscription.id) != str(exc):  # say it once, not at every look
                unexpected = None if isinstance(exc, PostroadError) else exc
                _log.error("Subscription %s cannot be delivered: %s", subscription.name, exc, exc_info=unexpected)
            self._unopened[subscription.id] = str(exc)
            return
        self._unopened.pop(subscription.id, None)
        self._running[subscription.id] = running
        named = {running.gates[slot].endpoint: running.gates[slot] for slot in running.selection.slots}
        self._gates.setdefault(running.destination.id, {}).update(named)
        for number, shard in self._shards.items():
            delivery = running.deliveries[number] = self._delivery(running, shard, starts[number], lost[number])
            name = f"delivery {subscription.id}/{number}"
            running.tasks.append(asyncio.create_task(self._keep_running(running, shard, delivery), name=name))

    async def _open(self, subscription: Subscription, destination: Destination | None) -> _Running:
        if destination is None:
            raise NotFound("its destination does not exist")
        target = self._targets[subscription.protocol]
        options = msgspec.convert(dict(subscription.delivery), DeliveryOptions)
        limits = msgspec.convert(dict(destination.limits), DestinationLimits)
        carriage = self._carriage_of(destination)
        selection, contract_of = selection_of(subscription, target), contracts_of(target, options, carriage)
        transport = self._transport(subscription, destination)
        try:
            endpoints = endpoints_of(transport, target, selection.slots)
            check_endpoints({slot: endpoints[slot] for slot in selection.slots}, contract_of)
        except Exception:
            await transport.close()
            raise
        gates = dict(self.gates(destination.id))
        for name in endpoints.values():
            gates.setdefault(name, Gate(limits, self._clock, self._random, name))
        return _Running(
            subscription,
            destination,
            selection=selection,
            options=options,
            contract_of=contract_of,
            transport=transport,
            keyed=carriage.keyed,
            gates={slot: gates[name] for slot, name in endpoints.items()},
        )

    def _transport(self, subscription: Subscription, destination: Destination) -> Transport:
        sign = self._sign(subscription) if self._sign is not None else None
        transport = self._open_transport(destination)
        return transport if sign is None else sign(transport)

    async def _begin_at(self, subscription: Subscription, shard: Shard) -> int:
        """Where the subscription stands in the shard; a new one begins where its streams do."""
        cursor = (await shard.log.delivery.cursors()).get(subscription.id)
        if cursor is not None:
            start = cursor.position
        else:
            first = self._streams.first_position(subscription.id)
            start = shard.router.routed_to if first is None else min(first, shard.router.routed_to)
        await shard.log.delivery.begin(subscription.id, start, terms_of(subscription))
        return start

    async def _given_up(self, subscription_id: int, shard: Shard, start: int) -> list[range]:
        return given_up(await shard.log.delivery.skips(subscription_id), start)

    def _delivery(self, running: _Running, shard: Shard, start: int, lost: Iterable[range]) -> Delivery:
        feed = Feed(
            running.subscription.id,
            running.selection,
            position=start,
            limit_bytes=self._queue_bytes,
            given_up=lost,
        )
        shard.router.add(feed)
        target = self._targets[running.subscription.protocol]
        means = Means(
            feed=feed,
            router=shard.router,
            shard=shard.log.shard,
            target=target,
            options=running.options,
            transport=running.transport,
            gate_of=running.gates.__getitem__,
            keyed=running.keyed,
            store=shard.log.delivery,
            settled=start,
            streams=lambda: self._streams,
            confirmed=self._confirmed,
            observe=functools.partial(self._observe, shard.log.shard),
            overseer=self._overseer,
            clock=self._clock,
            random=self._random,
            begin_span=functools.partial(_begin_span, self._tracer, running, shard.log.shard) if self._tracer else None,
            note_incomplete=self._note_incomplete,
            narrow=narrowing(
                running.subscription.id,
                target,
                running.selection.options,
                streams=lambda: self._streams,
                view=self._view,
            ),
        )
        return open_delivery(means, running.contract_of.__getitem__)

    async def _keep_running(self, running: _Running, shard: Shard, delivery: Delivery) -> None:
        """Run a delivery; if it breaks down, say so and begin again at its cursor."""
        while True:
            try:
                await delivery.run()
            except Exception:  # noqa: BLE001 - one subscription's defect must neither stop it for ever nor harm others
                _log.exception("The delivery of subscription %s broke down; it begins again", running.subscription.name)
            delivery = await self._again(running, shard, delivery)

    async def _again(self, running: _Running, shard: Shard, broken: Delivery) -> Delivery:
        """A new delivery in the place of one that broke down."""
        while True:
            await self._clock.sleep(RESTART_S)
            try:
                async with self.changing:
                    lost = await self._given_up(running.subscription.id, shard, broken.settled)
                    delivery = self._delivery(running, shard, broken.settled, lost)
                    running.deliveries[shard.log.shard] = delivery
                    return delivery
            except StoreUnavailable as exc:
                _log.warning("Subscription %s cannot begin again yet: %s", running.subscription.name, exc)

    def _forget_gates(self, destination_id: int) -> None:
        """Nobody goes through them any more."""
        used = {id(gate) for other in self._running.values() for gate in other.gates.values()}
        kept = {name: gate for name, gate in self.gates(destination_id).items() if id(gate) in used}
        if kept:
            self._gates[destination_id] = kept
        else:
            self._gates.pop(destination_id, None)

    async def _stop(self, subscription_id: int) -> None:
        running = self._running.pop(subscription_id)
        for task in running.tasks:
            task.cancel()
        await asyncio.gather(*running.tasks, return_exceptions=True)
        for shard in self._shards.values():
            shard.router.remove(subscription_id)
        self._forget_gates(running.destination.id)
        for kind in _WHILE_RUNNING:
            self._overseer.clear_alert(kind, subscription_id)
        try:
            await running.transport.close()
        except Exception:  # noqa: BLE001 - it is not used any more; what else is to be stopped or started goes on
            _log.exception("The destination of subscription %s did not close", running.subscription.name)


def _begin_span(tracer: Tracer, running: _Running, shard: int, bulk: Bulk, attempt: int) -> AttemptSpan:
    """See ``BeginSpan``."""
    return tracer.attempt(
        shard,
        [item.position for item in bulk.items],
        subscription=running.subscription.name,
        destination=running.destination.name,
        events=bulk.events,
        attempt=attempt,
    )
