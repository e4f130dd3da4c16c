"""Redriving quarantine: what could not be read is read again, by today's decoder and the provider's settings of today.

What can be read now is appended as a new item that arrives now. Its part's key names the item whose place it takes,
which is marked in the same transaction: however often it is tried, and whenever the hub is killed, it happens once.
What nobody will ever want to read can be dropped from quarantine instead.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Final

import msgspec

from postroad.clock import Clock
from postroad.errors import WireError
from postroad.ingest.bulk import Around, Bulk
from postroad.ingest.dedup import digest
from postroad.ingest.intake import Intake
from postroad.ingest.parts import PartBuilder
from postroad.ingest.slices import Slices
from postroad.log.interface import Quarantined, ShardLog
from postroad.protocols.base import Item
from postroad.registry.records import Provider
from postroad.registry.tasks import Task
from postroad.routing.translation import Decoder

_PAGE: Final = 100


class QuarantineFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which items a task is about: all that were not read since, or only those that every given field names."""

    items: frozenset[tuple[int, int]] | None = None
    """By shard and position."""
    provider_id: int | None = None

    def takes(self, shard: int, one: Quarantined) -> bool:
        """Whether an item of a shard is meant."""
        named = self.items is None or (shard, one.position) in self.items
        return named and self.provider_id in (None, one.provider_id)


class Redriver:
    """See the module."""

    def __init__(
        self,
        logs: Mapping[int, ShardLog],
        intake: Intake,
        *,
        decoder: Decoder,
        clock: Clock,
        around: Mapping[str, Around] | None = None,
    ) -> None:
        """``intake`` knows the providers, and finds the subjects; ``around``: by protocol, what surrounds storing."""
        self._around = around or {}
        self._logs = logs
        self._intake = intake
        self._decoder = decoder
        self._clock = clock

    async def carry_out(self, task: Task) -> int:
        """Read again what the task's filter names; how many items left quarantine. Raises ``StoreUnavailable``."""
        which = msgspec.convert(task.filter, QuarantineFilter)
        return sum([await self._redrive_shard(log, which) for log in self._logs.values()])

    async def drop(self, task: Task) -> int:
        """Take what the task's filter names out of quarantine; how many items. Raises ``StoreUnavailable``."""
        which = msgspec.convert(task.filter, QuarantineFilter)
        return sum([await _drop_in(log, which) for log in self._logs.values()])

    async def _redrive_shard(self, log: ShardLog, which: QuarantineFilter) -> int:
        redriven, after = 0, 0
        while page := await log.quarantined(after=after, limit=_PAGE):
            for one in page:
                if which.takes(log.shard, one):
                    redriven += await self._redrive(log, one)
            after = page[-1].position
        return redriven

    async def _redrive(self, log: ShardLog, one: Quarantined) -> bool:
        """Whether the item could be read now, and was taken in."""
        provider = self._intake.view.providers.get(one.provider_id)
        raw = await _raw_at(log, one.position)
        item = self._read(provider, raw) if provider is not None and raw is not None else None
        if provider is None or raw is None or item is None or self._intake.subjects.is_erased(provider, item):
            return False
        bulk, around = Bulk([raw], [item]), self._around.get(provider.protocol)
        async with nullcontext(bulk) if around is None else around(provider, bulk, self._clock.now_us()) as kept:
            # What is not kept (a deletion, or something that was deleted) stays listed: no item takes its place.
            return bool(kept.raws) and await self._store(log, one, provider, item, raw)

    async def _store(self, log: ShardLog, one: Quarantined, provider: Provider, item: Item, raw: bytes) -> bool:
        failure = await self._intake.subjects.make_known(provider, [item], Slices(self._clock))
        if failure is not None:
            raise failure
        subject_id, shard = self._intake.subjects.of(provider, item)
        if shard != log.shard:
            return False  # the mark and the new item could not be written together
        builder = PartBuilder(provider, self._clock.now_us(), ahead_limit_us=self._intake.ahead_limit_us, request_id="")
        builder.add(subject_id, item, raw, digest(provider.id, item.dedup) if item.dedup else b"")
        made = builder.finish()
        if made is None:
            raise AssertionError  # an item was added
        part = msgspec.structs.replace(made.part, key=b"redrive %d" % one.position, resolves=one.position)
        if (await log.append(part)).duplicate:
            return False
        self._intake.remember(made)
        return True

    def _read(self, provider: Provider, raw: bytes) -> Item | None:
        try:
            settings: Any = self._decoder.settings(provider.id, provider.revision, provider.protocol)
            return self._decoder.source(provider.protocol).read(raw, settings)
        except WireError:
            return None


async def _drop_in(log: ShardLog, which: QuarantineFilter) -> int:
    dropped, after = 0, 0
    while page := await log.quarantined(after=after, limit=_PAGE):
        dropped += await log.dismiss([one.position for one in page if which.takes(log.shard, one)])
        after = page[-1].position
    return dropped


async def _raw_at(log: ShardLog, position: int) -> bytes | None:
    """The bytes of the item at a position; ``None`` when retention has been faster. Raises ``PostroadError``."""
    batches = await log.read(position, max_bytes=1)
    if not batches or not batches[0].position <= position < batches[0].end:
        return None
    return list(batches[0].items())[position - batches[0].position]
