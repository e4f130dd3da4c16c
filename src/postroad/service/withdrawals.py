"""Withdrawals that a notification holds: each track that it says is no more becomes an item of its own.

They are stored before the notification is confirmed, without waiting for any dataset: whoever was sent such a track is
told at once. What is stored already is known by its key, so a notification that is sent again says nothing twice.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from postroad.errors import WireError
from postroad.ingest.bulk import Bulk
from postroad.ingest.intake import Intake
from postroad.protocols import damoov
from postroad.registry.records import Provider

AT_ONCE = 16
"""Withdrawals in one request to the intake: each holds the whole notification, so many may be large."""


class Withdrawals:
    """Surrounds the storing of Damoov's notifications: see ``Around``."""

    def __init__(self, intake: Intake) -> None:
        """``intake`` takes the withdrawals in."""
        self._intake = intake

    @asynccontextmanager
    async def around(self, provider: Provider, bulk: Bulk, received_us: int) -> AsyncIterator[Bulk]:
        """Give the notification, its withdrawals stored. Raises ``StoreUnavailable``."""
        for raw, item in zip(bulk.raws, bulk.outcomes, strict=True):
            if isinstance(item, WireError):
                continue
            withdrawn = damoov.withdrawals(item, raw)
            for first in range(0, len(withdrawn), AT_ONCE):
                await self._store(provider, withdrawn[first : first + AT_ONCE], received_us)
        yield bulk

    async def _store(self, provider: Provider, raws: tuple[bytes, ...], received_us: int) -> None:
        size_bytes = sum(map(len, raws))
        failure = self._intake.reserve(provider, size_bytes)
        if failure is not None:
            raise failure
        try:
            failure = await self._intake.offer_bulk(provider, Bulk(raws, list(map(damoov.read, raws))), received_us)
        finally:
            self._intake.release(size_bytes)
        if failure is not None:
            raise failure
