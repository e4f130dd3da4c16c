"""Two shards with real files, and readers of them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from postroad.administration.shards import Shards
from postroad.clock import SystemClock
from postroad.log.reader import ShardReader
from postroad.log.schema import shard_path
from postroad.log.sqlite import SqliteLog, SqliteSettings, open_log


@pytest.fixture
async def logs(tmp_path: Path) -> AsyncIterator[dict[int, SqliteLog]]:
    opened = {
        number: await open_log(
            tmp_path, number, clock=SystemClock(), settings=SqliteSettings(), free_bytes=lambda: 2**40
        )
        for number in (0, 1)
    }
    yield opened
    for log in opened.values():
        await log.close()


@pytest.fixture
def shards(tmp_path: Path, logs: dict[int, SqliteLog]) -> Iterator[Shards]:
    with ExitStack() as stack:
        readers = {number: ShardReader(shard_path(tmp_path, number), number) for number in logs}
        for reader in readers.values():
            stack.callback(reader.close)
        yield readers
