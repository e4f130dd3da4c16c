"""One task at work: dead letters are parked again, or dropped, slice by slice.

Whatever stops it half way, it can go on later: what it has dealt with is not dead any more, or died after the task was
asked for, and neither is taken again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from postroad.clock import Clock
from postroad.delivery.letter import INCOMPLETE, completed
from postroad.delivery.meant import Meant
from postroad.delivery.options import DeliveryOptions
from postroad.log.delivery import Changes, DeadLetter, DeliveryStore, Letter, LetterCounts, LetterFilter, LetterId
from postroad.protocols.base import Outgoing
from postroad.registry.records import RegistryView
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import Task

SLICE = 100
"""Letters in one transaction of a shard at most: appends wait for it."""
LOOK_S = 1.0
"""A task that waits looks this often whether it is still wanted."""

Complete = Callable[[int, int, Sequence[Letter]], Awaitable[Mapping[LetterId, Outgoing]]]
"""(Shard, subscription id, letters) -> those of the events that are complete by now. Raises ``PostroadError``."""

Revived = Callable[[int, Sequence[DeadLetter]], None]
"""Told the shard, and the letters that its store has parked again."""

_T = TypeVar("_T")


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What tasks work with."""

    registry: RegistryStore
    stores: Mapping[int, DeliveryStore]
    """By shard."""
    revived: Revived
    complete: Complete
    """What is known by now of events that were incomplete."""
    view: Callable[[], RegistryView]
    clock: Clock


class NotWanted(Exception):
    """The task was cancelled, or is to be."""


class Redrive:
    """Carries one task out."""

    def __init__(self, task: Task, given: Surroundings) -> None:
        """Raises ``ConfigError`` if the task's filter cannot be read."""
        self._task = task
        self._given = given
        self._meant = Meant.of(task.filter)
        self._drops = task.type == "DROP"
        rate = task.rate_per_s
        self._slice = SLICE if rate is None else max(1, min(SLICE, int(rate)))
        self._slice_s = 0.0 if rate is None else 1 / rate
        self._next_s = given.clock.monotonic_s()
        self._items = task.items
        self._remaining = 0

    async def run(self) -> None:
        """To the end of what is meant.

        Raises:
            NotWanted: It was cancelled, or a subscription was paused that it would have pushed events to.
            StoreUnavailable: Later it can go on.
        """
        filters = self._meant.filters(before_us=self._task.created_us)
        living = self._given.view().subscriptions
        work = [
            (shard, store, which)
            for shard, store in self._given.stores.items()
            for which in filters
            if which.subscription_id in living
        ]
        for _, store, which in work:
            self._remaining += await store.count_dead(which)
        await self._note()
        for shard, store, which in work:
            await self._work_off(shard, store, which)
        self._remaining = 0  # some were superseded meanwhile
        await self._note()

    async def _work_off(self, shard: int, store: DeliveryStore, which: LetterFilter) -> None:
        after: tuple[int, LetterId] | None = None
        room = 0
        while letters := await store.dead(which, after=after, limit=self._slice):
            await self._turn()
            if self._drops:
                await store.drop(letters)
            else:
                while room <= 0:
                    room = await self._room(store, letters[0].subscription_id)
                    if room <= 0:
                        await self._given.clock.sleep(LOOK_S)
                        await self._check()
                letters = letters[:room]
                room -= await self._revive(shard, store, letters)
            after = letters[-1].subscription_id, letters[-1].letter.id
            self._next_s += len(letters) * self._slice_s
            self._items += len(letters)
            self._remaining = max(0, self._remaining - len(letters))
            await self._note()
            await asyncio.sleep(0)

    async def _revive(self, shard: int, store: DeliveryStore, letters: Sequence[DeadLetter]) -> int:
        """Park letters again; how many. Of those that lack something, only the ones that do so no longer."""
        whole = [dead for dead in letters if dead.letter.reason != INCOMPLETE]
        if len(whole) < len(letters):
            whole += await self._completed(shard, store, [dead for dead in letters if dead.letter.reason == INCOMPLETE])
        revived = await store.revive(whole, [self._given.clock.now_us()] * len(whole))
        self._given.revived(shard, revived)
        return len(revived)

    async def _completed(
        self, shard: int, store: DeliveryStore, incomplete: Sequence[DeadLetter]
    ) -> Sequence[DeadLetter]:
        """Give a whole body to those of which everything is known by now. They are dead as before, but can be sent."""
        subscription_id = incomplete[0].subscription_id
        events = await self._given.complete(shard, subscription_id, [dead.letter for dead in incomplete])
        if not events:
            return []
        # Somebody may have dropped some meanwhile.
        which = LetterFilter(subscription_id=subscription_id, ids=frozenset(events))
        still = await store.dead(which, limit=len(events))
        posted = [completed(dead.letter, events[dead.letter.id]) for dead in still]
        await store.settle(subscription_id, 0, Changes(posted=posted))
        return still

    async def _turn(self) -> None:
        """Wait as the rate asks, so that never more than a second's worth is ahead of it."""
        clock = self._given.clock
        await self._check()
        while (wait_s := self._next_s - clock.monotonic_s()) > 1e-6:  # clocks lose the last digits as floats
            await clock.sleep(min(LOOK_S, wait_s))
            await self._check()
        self._next_s = max(self._next_s, clock.monotonic_s())

    async def _room(self, store: DeliveryStore, subscription_id: int) -> int:
        """How many more letters may be parked: the subscription's own bound holds for those redriven too."""
        subscription = self._given.view().subscriptions.get(subscription_id)
        if subscription is None:
            raise NotWanted
        options = msgspec.convert(dict(subscription.delivery), DeliveryOptions)
        counts = (await store.letter_counts()).get(subscription_id, LetterCounts(0, 0))
        full = counts.parked and counts.parked_bytes >= options.max_parked_bytes
        return 0 if full else max(1, options.max_parked) - counts.parked

    async def _check(self) -> None:
        """Raises ``NotWanted``."""
        task = await to_its_end(partial(self._given.registry.task, self._task.id))
        if task.status != "IN_PROGRESS" or (not self._drops and self._paused()):
            raise NotWanted

    def _paused(self) -> bool:
        meant = (self._given.view().subscriptions.get(part.subscription_id) for part in self._meant.parts)
        return any(subscription is not None and subscription.state == "paused" for subscription in meant)

    async def _note(self) -> None:
        registry = self._given.registry
        note = partial(registry.progress_task, self._task.id, items=self._items, remaining=self._remaining)
        if not await to_its_end(note):
            raise NotWanted


async def to_its_end(work: Callable[[], _T]) -> _T:
    """Do what blocks in a thread; when cancelled, wait for it all the same: the registry may be closed after that."""
    doing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise
