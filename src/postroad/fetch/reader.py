"""Reads a shard for one provider's fetches: its notifications become orders in the feed of a delivery.

It follows nobody: what is stored is looked at in passing, and read from the log only if it concerns the provider.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from postroad.errors import WireError
from postroad.fetch.orders import ANNOUNCING, orders_of
from postroad.log.interface import Batch, ShardLog
from postroad.protocols import damoov
from postroad.protocols.damoov import DamoovSettings
from postroad.routing.feed import Feed, RoutedItem, size_of

READ_BYTES: Final = 1024 * 1024
"""Bodies read at once."""

_log = logging.getLogger(__name__)

Lost = Callable[[int, int], None]
"""Told the first and the end of positions that were removed before they were looked at."""


class FetchReader:
    """See ``postroad.delivery.delivery.Source``. Tell it of what is stored by ``stored``."""

    def __init__(self, log: ShardLog, provider_id: int, settings: DamoovSettings, *, lost: Lost) -> None:
        """For the feed of one provider's fetches from ``log``."""
        self._log = log
        self._provider_id = provider_id
        self._settings = settings
        self._lost = lost
        self._news = asyncio.Event()

    @property
    def routed_to(self) -> int:
        """See ``Source``: no feed follows, so nobody is offered anything."""
        return self._log.next_position

    def stored(self, feed: Feed, batches: Sequence[Batch]) -> None:
        """The log has taken these: what is of others is passed without being read."""
        for batch in batches:
            if feed.resume_at == batch.position and not feed.reading.locked() and not self._concerned(batch):
                feed.resume_at = batch.end
            else:
                self._news.set()

    async def catch_up(self, feed: Feed) -> None:
        """See ``Source``. Raises ``StoreUnavailable`` or ``StoreCorrupt``."""
        while not feed.queue:
            self._news.clear()
            if feed.resume_at >= self._log.next_position:
                await self._news.wait()
                continue
            async with feed.reading:
                await self._read_for(feed)

    async def _read_for(self, feed: Feed) -> None:
        batches = await self._log.read(feed.resume_at, max_bytes=READ_BYTES)
        first = batches[0].position if batches else self._log.next_position
        if first > feed.resume_at:
            for gap in feed.lost(feed.resume_at, first, self._log.jumps):
                self._lost(gap.start, gap.stop)
            feed.jump(first)
        for batch in batches:
            self._look(feed, batch)
            if feed.full:
                return
            await asyncio.sleep(0)

    def _look(self, feed: Feed, batch: Batch) -> None:
        if not self._concerned(batch):
            feed.resume_at = batch.end
            return
        for index, raw in enumerate(batch.items()):
            position = batch.position + index
            if position < feed.resume_at:
                continue
            if feed.full:
                return
            feed.resume_at = position + 1
            if batch.kinds[index] in ANNOUNCING:
                self._order(feed, batch, index, raw)

    def _order(self, feed: Feed, batch: Batch, index: int, raw: bytes) -> None:
        position = batch.position + index
        try:
            orders = orders_of(damoov.read(raw), raw, position, self._settings.fetch)
        except WireError as exc:
            _log.error("The notification at position %d cannot be read any more: %s", position, exc)
            return
        if orders:
            feed.put(
                RoutedItem(
                    position=position,
                    subject_id=batch.subjects[index],
                    events=orders,
                    size=size_of(orders),
                    received_us=batch.received_at_us(index),
                    stored_us=batch.stored_us,
                )
            )

    def _concerned(self, batch: Batch) -> bool:
        mine = batch.provider_id == self._provider_id and batch.protocol == damoov.PROTOCOL.name
        return mine and not set(batch.kinds).isdisjoint(ANNOUNCING)
