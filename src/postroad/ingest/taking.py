"""Taking a body in, whatever brought it: read as its protocol wants it, its surroundings asked, all of it durable.

What brought it reserves room for it first (``Intake.reserve``), and tells whoever sent it what became of it.
"""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import msgspec

from postroad.clock import Clock
from postroad.errors import StoreUnavailable, WireError
from postroad.ingest.bulk import Around, Bulk, Read, Split, read_bulk, read_single
from postroad.ingest.intake import Intake
from postroad.ingest.slices import Slices
from postroad.logs import wide
from postroad.metrics.counts import Counts
from postroad.registry.records import Provider
from postroad.tracing.interface import RequestSpan

_log = logging.getLogger(__name__)


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """How bodies of a protocol are read."""

    protocol: str
    split: Split | None
    """``None``: a body is one item."""
    read: Read
    around: Around | None = None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a body."""

    items: int
    unreadable: int = 0
    """How many of them are in quarantine."""
    failure: StoreUnavailable | None = None
    """Why not all of it is durable: it is to be sent again whole."""


class Taking:
    """See the module."""

    def __init__(
        self,
        intake: Intake,
        *,
        clock: Clock,
        counts: Counts,
        max_items: int,
        settings_of: Callable[[Provider], Any],
    ) -> None:
        """``settings_of`` gives a provider's decoding settings, as its current revision has them."""
        self._intake = intake
        self._clock = clock
        self._counts = counts
        self._max_items = max_items
        self._settings_of = settings_of

    async def take(
        self,
        provider: Provider,
        how: Format,
        body: bytes,
        received_us: int,
        *,
        request_id: str = "",
        begin_span: Callable[[], RequestSpan | None] = lambda: None,
    ) -> Taken:
        """Take a body in, for which room is reserved.

        Raises:
            WireError: It cannot be read as a whole: nothing of it is kept.
            TooManyItems: It holds more than the limit.
        """
        bulk = await self._read(provider, how, body)
        span = begin_span()
        failure = await self._store(provider, how, bulk, received_us, request_id, span)
        if span is not None:
            span.end(None if failure is None else failure.reason)
        unreadable = sum(isinstance(outcome, WireError) for outcome in bulk.outcomes)
        if unreadable and failure is None:
            _log.warning(
                "%d of %d items could not be read; see postroad quarantine list",
                unreadable,
                len(bulk.raws),
                extra=wide(provider=provider.name, request_id=request_id),
            )
        return Taken(items=len(bulk.raws), unreadable=unreadable, failure=failure)

    async def keep(
        self, provider: Provider, error: WireError, body: bytes, received_us: int, *, request_id: str = ""
    ) -> Taken:
        """Put a body into quarantine as it is, as one item that could not be read, with room reserved for it."""
        failure = await self._intake.offer_bulk(provider, Bulk([body], [error]), received_us, request_id=request_id)
        return Taken(items=1, unreadable=1, failure=failure)

    async def _store(
        self, provider: Provider, how: Format, bulk: Bulk, received_us: int, request_id: str, span: RequestSpan | None
    ) -> StoreUnavailable | None:
        try:
            async with nullcontext(bulk) if how.around is None else how.around(provider, bulk, received_us) as kept:
                return await self._intake.offer_bulk(provider, kept, received_us, request_id=request_id, span=span)
        except StoreUnavailable as exc:
            self._counts.unavailable.add(provider.id, exc.reason, by=len(bulk.raws))
            return exc

    async def _read(self, provider: Provider, how: Format, body: bytes) -> Bulk:
        settings = self._settings_of(provider)
        if how.split is None:
            return await read_single(body, settings, read=how.read)
        slices = Slices(self._clock)
        return await read_bulk(body, settings, split=how.split, read=how.read, max_items=self._max_items, slices=slices)
