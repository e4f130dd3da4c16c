"""A hub's data folder, open: the keys, the registry, and each shard's log at a position that was never given before."""

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from postroad.administration.shards import Readers
from postroad.clock import DAY_US, Clock
from postroad.dataformat import begin_format, known_shards, require_files, write_format
from postroad.errors import ConfigError
from postroad.layout import KEY_FILE, LOCK_FILE, SHARDS, registry_url
from postroad.log.interface import EPOCH_BITS
from postroad.log.reader import ShardReader
from postroad.log.schema import shard_path
from postroad.log.sqlite import SqliteLog, SqliteSettings, open_log
from postroad.metrics.counts import Counts
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service.declarable import catalogue
from postroad.settings import Settings

_log = logging.getLogger(__name__)


class OpenFolder(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in the folder."""

    keys: KeyRing
    registry: RegistryStore
    logs: Mapping[int, SqliteLog]
    """By shard."""
    readers: Readers
    """The shards' files for reading, in threads beside the event loop."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: only one process may append to a shard. Raises ``ConfigError`` if another one does."""
    lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise ConfigError(f"another hub is running on {folder}; stop it, or use another folder") from exc
        yield
    finally:
        os.close(lock)


@asynccontextmanager
async def open_folder(folder: Path, settings: Settings, *, clock: Clock, counts: Counts) -> AsyncIterator[OpenFolder]:
    """Open what lies in the folder; a new one gets what it lacks. Hold its lock meanwhile.

    Raises ``ConfigError``, ``StoreUnavailable`` or ``StoreCorrupt``; then nothing is left open.
    """
    found = await asyncio.to_thread(begin_format, folder)
    url = registry_url(folder, settings)
    require_files(folder, found, url)
    load_keys = KeyRing.load if found.shards else KeyRing.load_or_create
    keys = await asyncio.to_thread(load_keys, folder / KEY_FILE)
    async with AsyncExitStack() as closing:
        registry = await asyncio.to_thread(RegistryStore.open, url, clock=clock)
        closing.push_async_callback(asyncio.to_thread, registry.close)
        await asyncio.to_thread(registry.issue_all, catalogue().issues)  # what an older Postroad did not issue
        logs: dict[int, SqliteLog] = {}
        for number in SHARDS:
            logs[number] = await _open_shard(folder, number, settings, clock=clock, counts=counts)
            closing.push_async_callback(logs[number].close)
            await _go_on_above_all(number, logs[number], registry)
        epochs = {number: log.epoch for number, log in logs.items()}
        if epochs != known_shards(found):
            await asyncio.to_thread(write_format, folder, epochs)
        readers = Readers(SHARDS, lambda number: ShardReader(shard_path(folder, number), number))
        closing.push_async_callback(asyncio.to_thread, readers.close)
        yield OpenFolder(keys=keys, registry=registry, logs=logs, readers=readers)


async def _open_shard(folder: Path, number: int, settings: Settings, *, clock: Clock, counts: Counts) -> SqliteLog:
    return await open_log(
        folder,
        number,
        clock=clock,
        counts=counts,
        settings=SqliteSettings(
            reserve_bytes=settings.log.reserve_bytes,
            busy_timeout_s=settings.log.busy_timeout_ms / 1000,
            keys_kept_us=settings.ingest.dedup_days * DAY_US,
            max_keys=settings.ingest.dedup_max_keys,
        ),
    )


async def _go_on_above_all(number: int, log: SqliteLog, registry: RegistryStore) -> None:
    """See that no position is given twice when the shard has lost its end: a disk that lied, a log cut off."""
    seen = await asyncio.to_thread(registry.seen_end, number)
    if seen > log.next_position:
        end = log.next_position
        await log.begin_epoch(seen >> EPOCH_BITS)
        _log.critical(
            "Shard %d has lost its end: it holds positions below %d, and %d was reached; what was between them is "
            "gone, and it goes on in epoch %d. See docs/how-to/disk-trouble.md",
            number, end, seen, log.epoch,
        )  # fmt: skip
