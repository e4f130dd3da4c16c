"""Keeps fetching for every provider whose notifications announce datasets: a delivery for each provider and shard."""

import asyncio
import functools
import logging
import math
from collections.abc import Callable, Mapping, Sequence

import msgspec

from postroad.access.confirmed import Confirmation
from postroad.access.streams import StreamIndex
from postroad.clock import Clock
from postroad.delivery.delivery import Bulk, Means, Overseer
from postroad.delivery.gate import DestinationLimits, Gate
from postroad.delivery.lanes import LaneDelivery
from postroad.delivery.meant import Meant
from postroad.delivery.options import DeliveryOptions
from postroad.egress.client import EgressClient
from postroad.errors import PostroadError, StoreUnavailable, WireError
from postroad.fetch.orders import CONTRACT, NOTHING, SLOTS, FetchTarget
from postroad.fetch.reader import FetchReader
from postroad.fetch.transport import FetchTransport
from postroad.ingest.bulk import Bulk as Request
from postroad.ingest.intake import Intake
from postroad.log.delivery import fetched_for, fetcher_id
from postroad.log.interface import UNASSIGNED, Batch, ShardLog
from postroad.logs import wide
from postroad.metrics.counts import Counts
from postroad.protocols import damoov
from postroad.protocols.base import Item
from postroad.protocols.damoov import DamoovSettings
from postroad.registry.records import Provider, RegistryView
from postroad.registry.tasks import Task
from postroad.routing.feed import Feed
from postroad.routing.translation import Selection
from postroad.transports.base import Delivered, Outcome

QUEUE_BYTES = 1024 * 1024
"""Of orders in memory, for each provider and shard, beside those under way."""
RESTART_S = 5.0
"""Between the break-down of a delivery and its new beginning."""
FETCHED = "fetched"
"""The outcome of a fetch whose dataset is durable."""
_SLICE = 100

_log = logging.getLogger(__name__)


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What fetching works with."""

    logs: Mapping[int, ShardLog]
    egress: EgressClient
    intake: Intake
    overseer: Overseer
    counts: Counts
    clock: Clock
    random: Callable[[], float]
    """0 to 1: how much of the schedule's jitter is added."""


class _Everybody(StreamIndex):
    """All that a provider announces is fetched, of whomever it is, unless he was removed."""

    def __init__(self, view: RegistryView) -> None:
        super().__init__({})
        self._subjects = view.subjects

    def covers(self, subscription_id: int, subject_id: int, position: int) -> bool:  # noqa: ARG002 - the seam's names
        subject = self._subjects.get(subject_id)
        return subject_id == UNASSIGNED or (subject is not None and not subject.removed)


class _Shard(msgspec.Struct, frozen=True):
    """One provider's fetches in one shard."""

    reader: FetchReader
    feed: Feed
    delivery: LaneDelivery


class _Running:
    """One provider's fetches."""

    def __init__(self, provider: Provider, settings: DamoovSettings, given: Surroundings) -> None:
        self.provider = provider
        self.settings = settings
        pool = given.egress.pool()
        self.transport = FetchTransport(
            pool, settings.fetch, keep=functools.partial(_keep, given, provider.id), clock=given.clock
        )
        limits = DestinationLimits(concurrency=settings.fetch.concurrency)
        named = {
            name: Gate(limits, given.clock, given.random, name)
            for name in map(self.transport.endpoint, map(str, SLOTS))
        }
        self.gates = {slot: named[self.transport.endpoint(str(kind))] for kind, slot in SLOTS.items()}
        self.shards: dict[int, _Shard] = {}
        self.tasks: list[asyncio.Task[None]] = []


class Fetchers:
    """Call ``use`` with each view of the registry, and run ``run`` as a task."""

    def __init__(self, given: Surroundings) -> None:
        """Nothing runs before the first view."""
        self._given = given
        self._view: RegistryView | None = None
        self._streams: StreamIndex = StreamIndex({})
        self._running: dict[int, _Running] = {}
        self._news = asyncio.Event()
        for number, log in given.logs.items():
            log.listen(functools.partial(self._stored, number))

    def use(self, view: RegistryView) -> None:
        """Fetch for this view's providers from now on."""
        self._view, self._streams = view, _Everybody(view)
        self._news.set()

    def needs(self, shard: int, cursors: Mapping[int, int]) -> dict[int, int]:
        """``fetcher_id`` -> the position from which on it needs the shard's batches."""
        providers = {} if self._view is None else _announcing(self._view)
        needs = {}
        for provider_id in providers:
            running = self._running.get(provider_id)
            delivery = running.shards.get(shard) if running is not None else None
            position = cursors.get(fetcher_id(provider_id), 0) if delivery is None else delivery.delivery.settled
            needs[fetcher_id(provider_id)] = position
        return needs

    async def run(self) -> None:
        """Fetch until cancelled; what is under way then is fetched again."""
        try:
            while True:
                self._news.clear()
                try:
                    await self._agree()
                except PostroadError as exc:
                    _log.warning("Fetching cannot begin now; trying again: %s", exc)
                    self._news.set()
                    await self._given.clock.sleep(RESTART_S)
                await self._news.wait()
        finally:
            for provider_id in list(self._running):
                await self._stop(provider_id)

    async def redrive(self, task: Task) -> int:
        """Carry out ``REDRIVE_FETCHES``: what was given up is due again; how many. Raises ``StoreUnavailable``."""
        revived = 0
        for which in Meant.of(task.filter).filters(before_us=task.created_us):
            provider_id = fetched_for(which.subscription_id or 0)
            running = self._running.get(provider_id or 0)
            if running is None:
                continue
            for number, log in self._given.logs.items():
                store = log.delivery
                while dead := await store.dead(which, limit=_SLICE):
                    parked = await store.revive(dead, [self._given.clock.now_us()] * len(dead))
                    if number in running.shards:
                        running.shards[number].delivery.adopt([one.letter for one in parked])
                    revived += len(parked)
        return revived

    async def drop(self, task: Task) -> int:
        """Carry out ``DROP_FETCHES``: what was given up is forgotten; how many. Raises ``StoreUnavailable``."""
        dropped = 0
        for which in Meant.of(task.filter).filters(before_us=task.created_us):
            for log in self._given.logs.values():
                while dead := await log.delivery.dead(which, limit=_SLICE):
                    dropped += await log.delivery.drop(dead)
        return dropped

    def _stored(self, shard: int, batches: Sequence[Batch]) -> None:
        for running in self._running.values():
            one = running.shards.get(shard)
            if one is not None:
                one.reader.stored(one.feed, batches)

    async def _agree(self) -> None:
        """Run what the view says, and nothing else. Raises ``StoreUnavailable``."""
        if self._view is None:
            return
        wanted = _announcing(self._view)
        for provider_id, running in list(self._running.items()):
            if wanted.get(provider_id) != (running.provider, running.settings):
                await self._stop(provider_id)
        for provider_id, (provider, settings) in wanted.items():
            if provider_id not in self._running:
                await self._start(provider, settings)

    async def _start(self, provider: Provider, settings: DamoovSettings) -> None:
        begins = {number: await self._begins_at(provider.id, log) for number, log in self._given.logs.items()}
        running = self._running[provider.id] = _Running(provider, settings, self._given)
        for number, position in begins.items():
            running.shards[number] = self._open(running, number, position)
            running.tasks.append(
                asyncio.create_task(self._keep_running(running, number), name=f"fetch {provider.id}/{number}")
            )

    async def _begins_at(self, provider_id: int, log: ShardLog) -> int:
        cursor = (await log.delivery.cursors()).get(fetcher_id(provider_id))
        if cursor is not None:
            return cursor.position
        await log.delivery.settle(fetcher_id(provider_id), log.first_position)
        return log.first_position

    def _open(self, running: _Running, shard: int, position: int) -> _Shard:
        given, id_ = self._given, fetcher_id(running.provider.id)
        target = FetchTarget()
        selection = Selection(target.name, None, frozenset(SLOTS.values()))
        feed = Feed(id_, selection, position=position, limit_bytes=QUEUE_BYTES)
        log = given.logs[shard]
        lost = functools.partial(self._lost, running.provider, shard)
        reader = FetchReader(log, running.provider.id, running.settings, lost=lost)
        means = Means(
            feed=feed,
            router=reader,
            shard=shard,
            target=target,
            options=DeliveryOptions(),
            transport=running.transport,
            gate_of=running.gates.__getitem__,
            store=log.delivery,
            settled=position,
            streams=lambda: self._streams,
            confirmed=Confirmation(given.clock, within_s=math.inf),  # nobody is sent anything
            observe=functools.partial(self._observe, running.provider, shard),
            overseer=given.overseer,
            clock=given.clock,
            random=given.random,
        )
        return _Shard(reader, feed, LaneDelivery(means, lambda _slot: CONTRACT))

    async def _keep_running(self, running: _Running, shard: int) -> None:
        """Run a delivery; if it breaks down, say so and begin again at its cursor."""
        while True:
            delivery = running.shards[shard].delivery
            try:
                await delivery.run()
            except Exception:  # noqa: BLE001 - one provider's defect must neither stop it for ever nor harm others
                _log.exception("Fetching for provider %s broke down; it begins again", running.provider.name)
            await self._given.clock.sleep(RESTART_S)
            running.shards[shard] = self._open(running, shard, delivery.settled)

    async def _stop(self, provider_id: int) -> None:
        running = self._running.pop(provider_id)
        for task in running.tasks:
            task.cancel()
        await asyncio.gather(*running.tasks, return_exceptions=True)
        self._given.overseer.clear_alert("destination_failing", fetcher_id(provider_id))
        await running.transport.close()

    def _lost(self, provider: Provider, shard: int, first: int, end: int) -> None:
        detail = f"positions {first} to {end - 1} of shard {shard} were removed before it was known what to fetch"
        self._given.overseer.raise_alert("events_expired", fetcher_id(provider.id), detail)
        _log.error("Provider %s: %s", provider.name, detail)

    def _observe(
        self,
        provider: Provider,
        shard: int,
        _subscription_id: int,
        bulk: Bulk,
        attempt: int,
        outcome: Outcome,
        retry_in_s: float | None,
    ) -> None:
        """See ``AttemptObserver``."""
        if bulk.body == NOTHING:
            return
        if isinstance(outcome, Delivered):
            self._given.counts.fetches.add(provider.id, FETCHED)
            return
        self._given.counts.fetches.add(provider.id, outcome.reason)
        _log.warning(
            "Dataset not fetched",
            extra=wide(
                provider=provider.name,
                shard=shard,
                position=bulk.items[0].position,
                attempt=attempt,
                reason=outcome.reason,
                status=outcome.status,
                elapsed_ms=round(outcome.elapsed_s * 1000),
                next_attempt_in_s=retry_in_s and round(retry_in_s, 3),
            ),
        )


async def _keep(
    given: Surroundings, provider_id: int, raw: bytes, says: Item | WireError, position: int
) -> StoreUnavailable | None:
    """See ``Keep``. What caused the item stands in it, and its position where a request's id would."""
    provider = given.intake.view.providers.get(provider_id)
    if provider is None:
        return StoreUnavailable("lost", "The provider was removed meanwhile")
    failure = given.intake.reserve(provider, len(raw))
    if failure is not None:
        return failure
    try:
        return await given.intake.offer_bulk(
            provider, Request([raw], [says]), given.clock.now_us(), request_id=f"fetched for {position}"
        )
    finally:
        given.intake.release(len(raw))


def _announcing(view: RegistryView) -> dict[int, tuple[Provider, DamoovSettings]]:
    """The providers whose notifications announce datasets, with their settings."""
    return {
        provider.id: (provider, msgspec.convert(dict(provider.settings), DamoovSettings))
        for provider in view.providers.values()
        if provider.protocol == damoov.PROTOCOL.name
    }
