"""How far each subscription has come, for figures: what it waits for, where that stands, and since when.

What runs knows it: the bulk on its way, the head of the queue. For what does not (a paused subscription, one that has
just begun to read) the log is looked through in the background, a bounded stretch at a time.
"""

import asyncio
import functools
from collections.abc import Mapping

import msgspec

from postroad.delivery.delivery import Delivery
from postroad.delivery.manager import DeliveryManager, Shard
from postroad.log.interface import Batch
from postroad.protocols.base import TargetProtocol
from postroad.registry.records import RegistryView, Subscription
from postroad.routing.backlog import Oldest, oldest_undelivered
from postroad.routing.translation import Decoder

LOOK_BYTES = 1024 * 1024
"""Bodies looked through for one subscription and shard at a time."""


class Waiting(msgspec.Struct, frozen=True):
    """What a subscription waits for in a shard."""

    position: int
    """Everything below is delivered or not for it; the log's end when it has everything."""
    received_us: int | None
    """When the oldest item that it waits for arrived; None: nothing is known to wait."""


class _Found(msgspec.Struct, frozen=True):
    """What a look brought, and for which registry: another view may mean other streams."""

    version: int
    looked_to: int
    oldest: Oldest | None


class Backlogs:
    """Knows the backlog of every subscription. ``look`` now and then; ``of`` costs next to nothing."""

    def __init__(
        self,
        manager: DeliveryManager,
        shards: Mapping[int, Shard],
        *,
        decoder: Decoder,
        targets: Mapping[str, TargetProtocol],
    ) -> None:
        """Ask what runs in ``manager``, and the logs of ``shards``."""
        self._manager = manager
        self._shards = shards
        self._decoder = decoder
        self._targets = targets
        self._found: dict[tuple[int, int], _Found] = {}

    def of(self, subscription_id: int, shard: int) -> Waiting:
        """As far as it is known right now."""
        delivery = self._manager.deliveries(subscription_id).get(shard)
        waiting = _in_memory(delivery, self._shards[shard].router.routed_to) if delivery is not None else None
        if waiting is not None:
            return waiting
        found = self._found.get((subscription_id, shard))
        if found is None:
            return Waiting(delivery.feed.resume_at if delivery else self._shards[shard].log.next_position, None)
        if found.oldest is None:
            return Waiting(found.looked_to, None)
        return Waiting(found.oldest.position, found.oldest.received_us)

    async def look(self, view: RegistryView) -> None:
        """Look through a stretch of the log for whoever's backlog is not in memory. Raises ``PostroadError``."""
        self._found = {key: found for key, found in self._found.items() if key[0] in view.subscriptions}
        for number, shard in self._shards.items():
            cursors = await shard.log.delivery.cursors()
            for subscription in view.subscriptions.values():
                delivery = self._manager.deliveries(subscription.id).get(number)
                cursor = cursors.get(subscription.id)
                if cursor is None or (delivery is not None and _in_memory(delivery, shard.router.routed_to)):
                    self._found.pop((subscription.id, number), None)
                elif subscription.protocol in self._targets:
                    await self._look_for(subscription, cursor.position, number, view)

    async def _look_for(self, subscription: Subscription, cursor: int, shard: int, view: RegistryView) -> None:
        key = subscription.id, shard
        found = self._found.get(key)
        if found is not None and found.version == view.version:
            if found.oldest is not None and found.oldest.position >= cursor:
                return
            cursor = max(cursor, found.looked_to)
        batches = await self._shards[shard].log.read(cursor, max_bytes=LOOK_BYTES)
        if not batches:
            self._found[key] = _Found(view.version, max(cursor, self._shards[shard].log.next_position), None)
            return
        oldest = await asyncio.to_thread(
            oldest_undelivered,
            functools.partial(_from, batches),
            cursor,
            subscription,
            view=view,
            decoder=self._decoder,
            targets=self._targets,
        )
        self._found[key] = _Found(view.version, batches[-1].end, oldest)


def _in_memory(delivery: Delivery, routed_to: int) -> Waiting | None:
    """What the delivery itself knows; None while it reads."""
    oldest = delivery.oldest
    if oldest is not None:
        return Waiting(oldest.position, oldest.received_us)
    return Waiting(routed_to, None) if delivery.feed.following else None


def _from(batches: list[Batch], position: int) -> list[Batch]:
    return [batch for batch in batches if batch.end > position]
