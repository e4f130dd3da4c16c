"""When a driver is deleted, what waits of him beside the log goes at once, bodies too, whoever it waits for.

A delivery that runs lets its parked letters go by itself, as soon as no stream covers them (``lanes.py``). Here go dead
letters, recorded as ``dropped``, and what subscriptions that stand still have parked, as ``access_ended``. What a
stream still covers stays: the word that the driver is deleted.
"""

from collections.abc import Callable, Iterable, Mapping

from postroad.delivery.manager import DeliveryManager, Shard
from postroad.log.delivery import Changes, DeadLetter, Letter, LetterFilter, LetterId, Unwanted
from postroad.registry.records import RegistryView

_PAGE = 1000


class Forgetting:
    """Run it when a driver was deleted, and now and then: a kill may have come in between."""

    def __init__(
        self, manager: DeliveryManager, shards: Mapping[int, Shard], *, view: Callable[[], RegistryView]
    ) -> None:
        """``view`` says who is deleted."""
        self._manager = manager
        self._shards = shards
        self._view = view

    async def run_once(self) -> None:
        """Remove what there is. Raises ``StoreUnavailable``; what is left then goes the next time."""
        view = self._view()
        deleted = {id_ for id_, subject in view.subjects.items() if subject.kind == "driver" and subject.removed}
        for shard in self._shards.values() if deleted else ():
            for subscription_id, counts in (await shard.log.delivery.letter_counts()).items():
                if counts.dead:
                    await self._drop_dead(shard, subscription_id, deleted)
                if counts.parked:
                    await self._remove_parked(shard, subscription_id, deleted)

    async def _drop_dead(self, shard: Shard, subscription_id: int, deleted: set[int]) -> None:
        store, which = shard.log.delivery, LetterFilter(subscription_id=subscription_id)
        after: tuple[int, LetterId] | None = None
        while page := await store.dead(which, after=after, limit=_PAGE):
            gone = self._gone(subscription_id, (dead.letter for dead in page), deleted)
            await store.drop([DeadLetter(subscription_id, letter) for letter in gone])
            after = subscription_id, page[-1].letter.id

    async def _remove_parked(self, shard: Shard, subscription_id: int, deleted: set[int]) -> None:
        store = shard.log.delivery
        async with self._manager.changing:
            cursor = (await store.cursors()).get(subscription_id)
            if cursor is None or self._manager.deliveries(subscription_id):
                return
            gone = self._gone(subscription_id, await store.parked(subscription_id), deleted)
            if gone:
                unwanted = [Unwanted(letter.id, "access_ended") for letter in gone]
                await store.settle(subscription_id, cursor.position, Changes(unwanted=unwanted))

    def _gone(self, subscription_id: int, letters: Iterable[Letter], deleted: set[int]) -> list[Letter]:
        covers = self._manager.streams.covers
        return [
            letter
            for letter in letters
            if letter.subject_id in deleted and not covers(subscription_id, letter.subject_id, letter.position)
        ]
