"""Gives up, on behalf of subscriptions, what they can have no more: what is too old, and what the log has no room for.

A delivery that runs expires by itself what is too old (``max_backlog_age_s``). For a subscription that stands still
(paused, or it cannot be opened) that is done here: its cursor moves over what is too old. When the log is over its
budget, all who lag give up the same oldest stretch, before it is removed; of one that runs only what its delivery has
not read into memory.

What is given up is counted by translating it, off the event loop and a slice of the log at a time, and recorded as a
skip in the one settle that gives it up. A slice that cannot be recorded is not given up.
"""

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import structs

from postroad.clock import Clock
from postroad.delivery.delivery import Delivery
from postroad.delivery.manager import DeliveryManager, Shard
from postroad.delivery.options import DeliveryOptions
from postroad.delivery.stored import letters_from
from postroad.delivery.terms import terms_of
from postroad.errors import StoreUnavailable
from postroad.log.delivery import EXPIRED, Changes, LetterId, Skip, given_up
from postroad.log.interface import Batch
from postroad.log.tally import NOTHING, mask_of, tally_of
from postroad.protocols.base import TargetProtocol
from postroad.registry.records import RegistryView, Subscription
from postroad.routing.backlog import Wanted
from postroad.routing.feed import without
from postroad.routing.translation import Decoder

SLICE_BYTES = 1024 * 1024
"""Bodies looked through at a time; what they hold is recorded before the next are read."""
_ALL_US = 2**63 - 1

_log = logging.getLogger(__name__)

Lost = Callable[[int, int, int, str], None]
"""Called with (subscription id, shard, events, why) once it is recorded that these events are given up."""


class _Slice(msgspec.Struct, frozen=True):
    """A stretch to be given up."""

    end: int
    skips: Sequence[Skip]
    passed: Sequence[Skip]
    """Of stretches in which the subscription has nothing."""
    events: int
    more: bool
    """Whether what follows may have to be given up too."""


class Expiry:
    """Gives up for subscriptions. Used on one event loop, by one caller at a time."""

    def __init__(
        self,
        manager: DeliveryManager,
        shards: Mapping[int, Shard],
        *,
        decoder: Decoder,
        targets: Mapping[str, TargetProtocol],
        view: Callable[[], RegistryView],
        lost: Lost,
        clock: Clock,
    ) -> None:
        """``view`` names the subscriptions that count; ``lost`` is told what is recorded."""
        self._manager = manager
        self._shards = shards
        self._decoder = decoder
        self._targets = targets
        self._view = view
        self._lost = lost
        self._clock = clock

    async def expire(self, shard: int) -> None:
        """Give up what is too old for subscriptions that stand still. Raises ``StoreUnavailable``."""
        limit = self._shards[shard].router.routed_to
        for subscription in list(self._view().subscriptions.values()):
            max_age_s = _max_age_s(subscription)
            before_us = self._clock.now_us() - int(max_age_s * 1e6)
            why = f"events waited for longer than {max_age_s:g} s while the subscription stood still"
            if not self._manager.deliveries(subscription.id):
                await self._move(subscription, shard, limit, before_us, why)

    async def make_room(self, shard: int, end: int) -> int:
        """Have everybody give up what is below ``end``, as the log has no room for it.

        Returns up to where that is recorded for all: what is below may be removed. Raises ``StoreUnavailable`` if that
        cannot be known.
        """
        why = "log.max_bytes had no room for events that were not delivered yet"
        recorded = [end]
        for subscription in list(self._view().subscriptions.values()):
            delivery = self._manager.deliveries(subscription.id).get(shard)
            try:
                if delivery is None:
                    recorded.append(await self._move(subscription, shard, end, _ALL_US, why))
                else:
                    recorded.append(await self._skip_unread(subscription, shard, delivery, end, why))
            except StoreUnavailable as exc:
                _log.error("What subscription %s is about to lose cannot be recorded: %s", subscription.name, exc)
                recorded.append(self._shards[shard].log.first_position)
        return min(recorded)

    async def _move(self, subscription: Subscription, shard: int, limit: int, before_us: int, why: str) -> int:
        """Move the cursor of one that stands still to its first item received at ``before_us`` or later, or ``limit``.

        Returns where it stands then, or ``limit`` if it needs nothing of the shard.
        """
        log, begun = self._shards[shard].log, await self._cursor(subscription.id, shard)
        position = begun
        while position is not None and position < limit:
            recorded = given_up(await log.delivery.skips(subscription.id), position)
            part = await self._look(subscription, shard, position, limit, before_us, recorded)
            if part.end == position:
                return position
            async with self._manager.changing:
                here = await self._cursor(subscription.id, shard)
                if self._manager.deliveries(subscription.id) or here != position:
                    return position  # it was resumed meanwhile: what runs knows better
                await log.delivery.begin(subscription.id, position, terms_of(subscription))
                await log.delivery.settle(subscription.id, part.end, Changes(skips=part.skips))
            self._tell(subscription, shard, part, why)
            position = part.end
            if not part.more:
                return position
        return limit

    async def _skip_unread(self, subscription: Subscription, shard: int, delivery: Delivery, end: int, why: str) -> int:
        """Have a delivery that runs go on at ``end`` once it has done with what it has in memory.

        Returns up to where that is recorded.
        """
        feed, store = delivery.feed, self._shards[shard].log.delivery
        async with feed.reading:
            while not feed.following and feed.resume_at < end:
                recorded = given_up(await store.skips(subscription.id), feed.resume_at)
                part = await self._look(subscription, shard, feed.resume_at, end, _ALL_US, recorded)
                # Also where it has nothing: after a kill it begins below, and must know that nothing is missing.
                skips = [*part.skips, *part.passed]
                async with self._manager.changing:
                    if self._manager.deliveries(subscription.id).get(shard) is not delivery:
                        return feed.resume_at  # it began anew meanwhile, and may read this
                    await store.settle(subscription.id, delivery.settled, Changes(skips=skips))
                    feed.jump(part.end)
                self._tell(subscription, shard, part, why)
        return end

    async def _cursor(self, subscription_id: int, shard: int) -> int | None:
        """Where one that stands still would begin; ``None`` without a stream."""
        cursor = (await self._shards[shard].log.delivery.cursors()).get(subscription_id)
        return self._manager.streams.first_position(subscription_id) if cursor is None else cursor.position

    async def _look(
        self,
        subscription: Subscription,
        shard: int,
        position: int,
        limit: int,
        before_us: int,
        recorded: Sequence[range],
    ) -> _Slice:
        """What of the next slice of the log is to be given up, and how many events of the subscription's that is."""
        log = self._shards[shard].log
        batches = await log.read(position, max_bytes=SLICE_BYTES)
        letters = frozenset(await letters_from(log.delivery, subscription.id, position))
        holes = [*recorded, *log.jumps]
        wanted = functools.partial(
            Wanted,
            subscription,
            view=self._view(),
            decoder=self._decoder,
            targets=self._targets,
            streams=self._manager.streams,
            ended=True,
        )
        end, more = _end(batches, position, limit, before_us)
        gone = batches[0].position if batches else limit
        counted = await asyncio.to_thread(_counted, wanted, batches, range(position, end), holes, letters)
        unread = [structs.replace(skip, digest=None) for skip in counted if skip.first < gone]
        skips = unread + [skip for skip in counted if skip.first >= gone and skip.events]
        passed = [skip for skip in counted if skip.first >= gone and not skip.events]
        return _Slice(end, skips, passed, sum(skip.events for skip in skips), more and end < limit)

    def _tell(self, subscription: Subscription, shard: int, part: _Slice, why: str) -> None:
        if part.skips:
            self._lost(subscription.id, shard, part.events, why)


def _counted(
    make: Callable[[], Wanted],
    batches: Sequence[Batch],
    given_up: range,
    holes: Sequence[range],
    letters: frozenset[LetterId],
) -> list[Skip]:
    """All that is to be given up, with the number of its events: stretch by stretch, but for ``holes`` and letters.

    Of an item of which an event is a letter already, the others are given up by their slots.
    """
    beside = {letter_id.position for letter_id in letters}
    stretches = list(without(given_up, [*holes, *[range(at, at + 1) for at in beside]]))
    tallies = dict.fromkeys(stretches, NOTHING)
    apart: list[Skip] = []
    for item in make().items(batches, given_up.start):
        at = item.position
        if at >= given_up.stop:
            break
        slots = [slot for slot in item.slots if LetterId(at, slot) not in letters]
        tally = tally_of([(at, slot) for slot in slots])
        for stretch in stretches:
            if at in stretch:
                tallies[stretch] += tally
        if at in beside and slots:
            apart.append(Skip(at, at + 1, EXPIRED, tally.events, mask_of(slots), tally.digest))
    whole = [Skip(s.start, s.stop, EXPIRED, tally.events, digest=tally.digest) for s, tally in tallies.items()]
    return whole + apart


def _end(batches: Sequence[Batch], position: int, limit: int, before_us: int) -> tuple[int, bool]:
    """Up to where everything is to be given up, and whether that is the end of the slice."""
    for batch in batches:
        for index in range(max(0, position - batch.position), len(batch)):
            at = batch.position + index
            if at >= limit:
                return limit, False
            if batch.received_at_us(index) >= before_us:
                return max(at, position), False
    return (min(batches[-1].end, limit), True) if batches else (limit, False)


def _max_age_s(subscription: Subscription) -> float:
    """The age at which its events expire; by default where its options cannot be read."""
    try:
        return msgspec.convert(dict(subscription.delivery), DeliveryOptions).max_backlog_age_s
    except msgspec.ValidationError:
        return DeliveryOptions().max_backlog_age_s
