"""The SQLite engine of the log: a shard is one file, with one writer thread and a few reader threads."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from postroad.clock import Clock
from postroad.errors import StoreUnavailable
from postroad.log import schema
from postroad.log.delivery import DeliveryStore
from postroad.log.disk import Reserve, free_bytes_of
from postroad.log.erasure import Eraser
from postroad.log.format import MAX_INT, pack_columns
from postroad.log.interface import (
    MAX_PART_BYTES,
    MAX_POSITION,
    Appended,
    Batch,
    Done,
    Erased,
    Erasing,
    Listener,
    Part,
    Quarantined,
    Refusal,
    Retained,
)
from postroad.log.reader import ShardReader
from postroad.log.retention import Limits, Slice, remove_slice
from postroad.log.sqlite_delivery import SqliteDeliveryStore
from postroad.log.transaction import ChangeRefused, Transaction
from postroad.log.writer import Append, Change, EmptyWal, Group, Writer
from postroad.metrics.counts import Counts
from postroad.model.header import OF_THE_HUB

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_JOB_BYTES = 512
"""About what a queued part costs beside its own bytes."""


class SqliteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may change, and two things that only tests of durability do."""

    reserve_bytes: int = 256 * 1024 * 1024
    max_queued_bytes: int = 64 * 1024 * 1024
    busy_timeout_s: float = 2.0
    keys_kept_us: int = 7 * 24 * 3600 * 1_000_000
    max_keys: int = 10_000_000
    max_refusals: int = 1000
    readers: int = 2
    synchronous: str = "FULL"
    """For tests: anything less loses acknowledged items when the power goes."""
    vfs: str | None = None
    """For tests: the name of a SQLite VFS that fails on purpose."""


class SqliteLog:
    """A ``ShardLog`` in a file. Made by ``open_log``."""

    survives_restart = True

    def __init__(
        self,
        path: Path,
        shard: int,
        *,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        settings: SqliteSettings,
        free_bytes: Callable[[], int],
        counts: Counts,
    ) -> None:
        """Open the file, which may take as long as recovery after a crash does: not for an event loop's thread."""
        self.shard = shard
        self._settings = settings
        self._files = [path, path.with_name(f"{path.name}-wal")]
        self._clock = clock
        self._loop = loop
        self._listeners: list[Listener] = []
        self._queued_bytes = 0
        self._closed = False
        self._failed = False
        self._counts = counts
        connection = schema.open_writer(
            path, shard, busy_timeout_s=settings.busy_timeout_s, synchronous=settings.synchronous, vfs=settings.vfs
        )
        reserve = Reserve(free_bytes, settings.reserve_bytes, clock)
        self._writer = Writer(connection, clock=clock, reserve=reserve, deliver=self._deliver)
        self._heads = self._writer.heads
        self._readers: SimpleQueue[ShardReader] = SimpleQueue()
        try:
            for _ in range(settings.readers):
                reader = ShardReader(path, shard, busy_timeout_s=settings.busy_timeout_s)
                self._readers.put(reader)
                self._jumps = reader.jumps()
        except BaseException:
            self._writer.close()
            raise
        self._pool = ThreadPoolExecutor(settings.readers, thread_name_prefix="log-reader")
        self._delivery = SqliteDeliveryStore(self._change, self._look)

    @property
    def epoch(self) -> int:
        """See ``ShardLog``."""
        return self._heads.epoch

    @property
    def next_position(self) -> int:
        """See ``ShardLog``. Moves just before listeners hear of the batches, so that the two always agree."""
        return self._heads.next_position

    @property
    def first_position(self) -> int:
        """See ``ShardLog``."""
        return self._heads.first_position

    @property
    def delivery(self) -> DeliveryStore:
        """See ``ShardLog``."""
        return self._delivery

    def submit(self, part: Part, done: Done) -> None:
        """See ``ShardLog``. Raises ``ValueError`` for a malformed part, before it can harm another.

        ``done`` hears the reason ``backlog`` when more is queued than the disk has taken.
        """
        columns = pack_columns(part)
        cost = _JOB_BYTES + len(columns) + len(part.body) + len(part.dedup_keys)
        if self._closed:
            self._loop.call_soon(done, _closed())
        elif self._queued_bytes + cost > self._settings.max_queued_bytes:
            self._loop.call_soon(done, StoreUnavailable("backlog", "the log has more waiting than the disk takes"))
        else:
            self._queued_bytes += cost
            self._writer.submit(Append(part, columns, done, cost))

    async def append(self, part: Part) -> Appended:
        """See ``ShardLog``."""
        future: asyncio.Future[Appended] = self._loop.create_future()
        self.submit(part, _resolver(future))
        return await future

    def listen(self, listener: Listener) -> None:
        """See ``ShardLog``."""
        self._listeners.append(listener)

    async def read(self, position: int, *, max_bytes: int = 4 * MAX_PART_BYTES) -> list[Batch]:
        """See ``ShardLog``. Raises ``StoreCorrupt`` at a damaged batch."""
        return await self._look(lambda reader: reader.read(position, max_bytes=max_bytes))

    async def dedup_keys(self, *, since_us: int, limit: int) -> list[tuple[int, bytes]]:
        """See ``ShardLog``."""
        return await self._look(lambda reader: reader.dedup_keys(since_us=since_us, limit=limit))

    def refuse(self, refusal: Refusal) -> None:
        """See ``ShardLog``. Dropped when the log is closed, too far behind, or cannot be written."""
        cost = _JOB_BYTES + len(refusal.body)
        if self._closed or self._queued_bytes + cost > self._settings.max_queued_bytes:
            return
        self._queued_bytes += cost
        keep = self._settings.max_refusals
        self._writer.submit(Change(lambda tx: tx.refuse(refusal, keep), lambda _: None, cost))

    async def refusals(self, *, limit: int = 100) -> list[Refusal]:
        """See ``ShardLog``."""
        return await self._look(lambda reader: reader.refusals(limit=limit))

    async def bytes_from(self, position: int) -> int:
        """See ``ShardLog``."""
        return await self._look(lambda reader: reader.bytes_from(position))

    async def surplus_end(self, *, max_bytes: int, below: int) -> int:
        """See ``ShardLog``."""
        end = await self._look(lambda reader: reader.surplus_end(max_bytes=max_bytes, below=below))
        return self.first_position if end is None else end

    async def quarantined(self, *, after: int = 0, unresolved_only: bool = True, limit: int = 100) -> list[Quarantined]:
        """See ``ShardLog``."""
        return await self._look(
            lambda reader: reader.quarantined(after=after, unresolved_only=unresolved_only, limit=limit)
        )

    async def dismiss(self, positions: Collection[int]) -> int:
        """See ``ShardLog``."""
        dismissed: int = await self._change(lambda tx: tx.dismiss(positions))
        return dismissed

    async def retain(
        self, *, received_before_us: int, settled: int, max_bytes: int, given_up: int = MAX_POSITION
    ) -> Retained:
        """See ``ShardLog``. ``max_bytes`` counts bodies as they are stored: it is a budget of disk."""
        limits = Limits(
            received_before_us=received_before_us,
            settled=min(settled, MAX_INT),
            max_bytes=max_bytes,
            given_up=given_up,
            keys_received_before_us=self._clock.now_us() - self._settings.keys_kept_us,
            max_keys=self._settings.max_keys,
        )
        items = batches = 0
        more = True
        while more:
            part: Slice = await self._change(lambda tx: remove_slice(tx, limits))
            items, batches, more = items + part.items, batches + part.batches, part.more
        return Retained(items, batches, self.first_position)

    async def erase(self, erasing: Erasing) -> Erased:
        """See ``ShardLog``."""
        key_rows = await self._look(ShardReader.key_rows)
        eraser = Eraser(erasing, key_rows=key_rows, change=self._change, empty_wal=self._empty_wal, clock=self._clock)
        return await eraser.run()

    async def begin_epoch(self, above_epoch: int = 0) -> int:
        """See ``ShardLog``."""
        epoch = await self._change(lambda tx: tx.begin_epoch(above_epoch))
        self._jumps = await self._look(ShardReader.jumps)
        return epoch

    @property
    def jumps(self) -> Sequence[range]:
        """See ``ShardLog``."""
        return self._jumps

    async def probe(self) -> None:
        """Return if an append would go through now; raise the ``StoreUnavailable`` that it would meet.

        After a failure the file is written to, in order to find out; otherwise the last append is proof enough.
        """
        write = self._failed
        try:
            await self._change(lambda tx: self._writer.probe(tx, write=write))
        except StoreUnavailable:
            self._failed = True
            raise
        self._failed = False

    @property
    def queued_bytes(self) -> int:
        """Submitted, not yet durable."""
        return self._queued_bytes

    @property
    def stored_bytes(self) -> int:
        """What the shard's files take on the disk, the write-ahead log included."""
        return sum(file.stat().st_size for file in self._files if file.exists())

    async def close(self) -> None:
        """See ``ShardLog``."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._pool.shutdown()
        while not self._readers.empty():
            self._readers.get().close()
        self._writer.close()

    async def _change(self, apply: Callable[[Transaction], _T]) -> _T:
        """Have ``apply`` run in the writer's next transaction; return what it returned, once that is durable."""
        if self._closed:
            raise _closed()
        future: asyncio.Future[_T] = self._loop.create_future()
        self._writer.submit(Change(apply, _resolver(future)))
        return await future

    async def _empty_wal(self) -> bool:
        """Empty the write-ahead log; whether no reader was in the way."""
        if self._closed:
            raise _closed()
        future: asyncio.Future[bool] = self._loop.create_future()
        self._writer.submit(EmptyWal(_resolver(future)))
        return await future

    async def _look(self, read: Callable[[ShardReader], _T]) -> _T:
        """Have ``read`` run on a reader thread."""
        if self._closed:
            raise _closed()
        return await self._loop.run_in_executor(self._pool, self._with_reader, read)

    def _with_reader(self, read: Callable[[ShardReader], _T]) -> _T:
        reader = self._readers.get()
        try:
            return read(reader)
        finally:
            self._readers.put(reader)

    def _deliver(self, group: Group) -> None:
        """On the writer thread: one wake-up of the event loop for a whole group."""
        try:
            self._loop.call_soon_threadsafe(self._hand_back, group)
        except RuntimeError:
            _log.warning("the event loop is closed: %d results of the log have nobody to go to", len(group.outcomes))

    def _hand_back(self, group: Group) -> None:
        self._heads = group.heads
        self._note(group)
        batches = [
            Batch(position=result.position, stored_us=group.stored_us, **structs.asdict(job.part))
            for job, result in group.outcomes
            if isinstance(job, Append) and isinstance(result, Appended) and not result.duplicate
        ]
        if batches:
            self._count(group, batches)
            for listener in self._listeners:
                self._call(listener, batches)
        for job, result in group.outcomes:
            self._queued_bytes -= job.cost
            self._call(job.done, result)

    def _note(self, group: Group) -> None:
        """How the group's appends fared: they share their fate."""
        result = next((result for job, result in group.outcomes if isinstance(job, Append)), None)
        if isinstance(result, StoreUnavailable):
            self._failed = True
            self._counts.commits_failed.add(self.shard, result.reason)
        elif result is not None:
            self._failed = False

    def _count(self, group: Group, batches: list[Batch]) -> None:
        counts, shard = self._counts, self.shard
        counts.commit_seconds.of(shard).observe(group.commit_s)
        counts.commit_parts.of(shard).observe(len(batches))
        counts.commit_items.of(shard).observe(sum(map(len, batches)))
        stored = counts.received_to_stored.of(shard)
        for batch in batches:
            if batch.provider_id == OF_THE_HUB:
                continue
            waited_us, offsets_us = batch.stored_us - batch.received_us, batch.received_offsets_us or [0] * len(batch)
            stored.observe_all([(waited_us - offset_us) / 1e6 + group.commit_s for offset_us in offsets_us])

    def _call(self, callback: Callable[[Any], None], argument: object) -> None:
        try:
            callback(argument)
        except Exception as exc:  # noqa: BLE001 - one callback's fault must not keep the others from hearing
            self._loop.call_exception_handler({"message": "a callback of the log failed", "exception": exc})


async def open_log(
    folder: Path,
    shard: int,
    *,
    clock: Clock,
    settings: SqliteSettings | None = None,
    free_bytes: Callable[[], int] | None = None,
    counts: Counts | None = None,
) -> SqliteLog:
    """Open shard ``shard`` of ``folder``, making its file when there is none. ``free_bytes``: of the disk it is on.

    Raises ``ConfigError``, ``StoreUnavailable`` and ``StoreCorrupt`` as ``schema.open_reader`` does.
    """
    return await asyncio.to_thread(
        SqliteLog,
        schema.shard_path(folder, shard),
        shard,
        clock=clock,
        loop=asyncio.get_running_loop(),
        settings=settings or SqliteSettings(),
        free_bytes=free_bytes or free_bytes_of(folder),
        counts=counts or Counts(),
    )


def _resolver(future: "asyncio.Future[Any]") -> Callable[[Any], None]:
    """A callback that settles ``future``, unless whoever awaited it has gone."""

    def resolve(result: object) -> None:
        if future.done():
            return
        if isinstance(result, StoreUnavailable | ChangeRefused):
            future.set_exception(result)
        else:
            future.set_result(result)

    return resolve


def _closed() -> StoreUnavailable:
    return StoreUnavailable("closed", "the log is closed")
