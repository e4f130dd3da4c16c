"""Makes a cursor durable together with letters and skips, one transaction at a time, however long the store is away."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from postroad.clock import Clock
from postroad.errors import StoreUnavailable
from postroad.log.delivery import Changes, DeliveryStore

FIRST_WAIT_S = 0.1
LAST_WAIT_S = 5.0
"""Between two tries at a store that cannot take it."""

_log = logging.getLogger(__name__)

Kept = Callable[[int, Changes], None]
"""Told the cursor and the changes that are durable now."""


def nobody_waits(_cursor: int, _changes: Changes) -> None:
    """See ``Kept``."""


class Settling:
    """The one writer of a delivery's state. Ask ``busy`` before ``settle``."""

    def __init__(self, store: DeliveryStore, subscription_id: int, settled: int, clock: Clock) -> None:
        """``settled`` is the durable cursor as it is."""
        self.settled = settled
        """The durable cursor."""
        self.changes = 0
        """So many changes are being written right now."""
        self.busy = False
        """Something is being written."""
        self._store = store
        self._subscription_id = subscription_id
        self._clock = clock
        self._written_s = clock.monotonic_s()

    @property
    def idle_for_s(self) -> float:
        """How long ago the last write ended."""
        return self._clock.monotonic_s() - self._written_s

    def settle(self, cursor: int, changes: Changes, kept: Kept = nobody_waits) -> Coroutine[Any, Any, None]:
        """Write until it is durable: from now on ``busy``. Raises ``StoreUnavailable`` with reason ``closed``."""
        self.busy, self.changes = True, len(changes.posted) + len(changes.removed) + len(changes.unwanted)
        return self._settle(cursor, changes, kept)

    async def _settle(self, cursor: int, changes: Changes, kept: Kept) -> None:
        wait_s = FIRST_WAIT_S
        try:
            while not await self._written(cursor, changes, kept):
                await self._clock.sleep(wait_s)
                wait_s = min(wait_s * 2, LAST_WAIT_S)
        finally:
            self.busy, self.changes = False, 0
            self._written_s = self._clock.monotonic_s()

    async def _written(self, cursor: int, changes: Changes, kept: Kept) -> bool:
        """Try once. A cancellation waits for the end: what is begun must not land behind a successor's first read."""
        writing = asyncio.ensure_future(self._store.settle(self._subscription_id, cursor, changes))
        try:
            await asyncio.shield(writing)
        except StoreUnavailable as exc:
            if exc.reason == "closed":
                raise
            _log.error("The cursor of subscription %d cannot be kept: %s", self._subscription_id, exc)
            return False
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            if writing.exception() is None:
                self.settled = max(self.settled, cursor)
            raise
        self.settled = max(self.settled, cursor)
        kept(cursor, changes)
        return True
