"""A disk that is full, read-only or damaged: nothing acknowledged is lost, and the hub comes back by itself."""

import itertools
import resource
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import apsw
import pytest

from fixtures.drivetech import sample
from fixtures.pipeline import part
from fixtures.prepared_hub import PreparedHub
from postroad.clock import SystemClock, from_us
from postroad.errors import StoreUnavailable
from postroad.log.reader import open_reader
from postroad.log.sqlite import SqliteLog, SqliteSettings, open_log

DECLARATION = "organizations: [{name: Andes, providers: [{name: gps, protocol: drivetech}]}]"
_names = (f"stubborn-{number}" for number in itertools.count())


class StubbornDisk(apsw.VFS):
    """The real disk, which refuses every write with ``error`` while there is one."""

    def __init__(self) -> None:
        self.error: type[apsw.Error] | None = None
        self.name = next(_names)
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's name
        disk = self

        class File(apsw.VFSFile):
            def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - apsw's name
                if disk.error is not None:
                    raise disk.error
                super().xWrite(data, offset)

        return File("", name, flags)


async def opened(folder: Path, **settings: Any) -> SqliteLog:
    return await open_log(folder, 0, clock=SystemClock(), settings=SqliteSettings(**settings), free_bytes=lambda: 2**40)


def positions(folder: Path) -> list[int]:
    reader = open_reader(folder / "shard-00.db")
    try:
        return [batch.position for batch in reader.read(0)]
    finally:
        reader.close()


async def test_a_process_that_may_write_no_more_answers_503_and_comes_back_by_itself(tmp_path: Path) -> None:
    """The kernel refuses the writes of a real hub, then takes them again; nobody restarts it."""
    hub = PreparedHub(tmp_path / "hub", environment={})
    hub.prepare(DECLARATION)
    token = hub.issue_token("gps")
    await hub.start()
    assert hub._process is not None
    pid, limit = hub._process.pid, resource.RLIMIT_FSIZE
    before = resource.prlimit(pid, limit)
    seconds = itertools.count()
    acknowledged: list[int] = []

    async def post(second: int) -> int:
        event = sample(datetime=from_us(1_790_000_000_000_000 + second * 1_000_000).isoformat())
        async with session.post(f"{hub.url}/provider/event/new/", json=event) as answer:
            if answer.status == 200:
                acknowledged.append(second)
            return answer.status

    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        assert [await post(next(seconds)) for _ in range(3)] == [200] * 3
        resource.prlimit(pid, limit, (4096, before[1]))
        refused = [next(seconds) for _ in range(3)]
        assert [await post(second) for second in refused] == [503] * 3
        resource.prlimit(pid, limit, before)
        assert [await post(second) for second in [*refused, next(seconds)]] == [200] * 4
    await hub.kill()
    assert len(positions(tmp_path / "hub")) == len(acknowledged) == 7


async def test_a_full_disk_refuses_keeps_nothing_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    log = await opened(tmp_path)
    kept = [(await log.append(part(1))).position]

    def limit_to(pages: int | None) -> Callable[[Any], Any]:
        return lambda tx: tx.connection.pragma("max_page_count", pages or tx.connection.pragma("page_count"))

    await log._change(limit_to(None))
    large = part(1, raws=[Random(1).randbytes(400_000)], decoded=False)
    for _ in range(3):
        with pytest.raises(StoreUnavailable) as refused:
            await log.append(large)
        assert refused.value.reason == "disk_full"
    next_position = log.next_position
    await log._change(limit_to(2**30))
    kept.append((await log.append(large)).position)
    assert kept[-1] == next_position, "a refused part takes no position"
    await log.close()
    assert positions(tmp_path) == kept


@pytest.mark.parametrize("error", [apsw.ReadOnlyError, apsw.FullError, apsw.IOError])
async def test_a_disk_that_refuses_for_a_while_costs_nothing_acknowledged(
    tmp_path: Path, error: type[apsw.Error]
) -> None:
    disk = StubbornDisk()
    log = await opened(tmp_path, vfs=disk.name)
    kept = [(await log.append(part(1))).position]
    disk.error = error
    for _ in range(3):
        with pytest.raises(StoreUnavailable) as refused:
            await log.append(part(1))
        assert refused.value.reason == ("disk_full" if error is apsw.FullError else "io")
        assert [batch.position for batch in await log.read(0)] == kept, "what is there can still be read"
    with pytest.raises(StoreUnavailable):
        await log.delivery.settle(1, 2)
    disk.error = None
    kept.append((await log.append(part(1))).position)
    await log.delivery.settle(1, 2)
    await log.close()
    assert positions(tmp_path) == kept == [1, 2]


async def test_a_read_only_file_system_is_said_at_the_start(tmp_path: Path) -> None:
    disk = StubbornDisk()
    disk.error = apsw.ReadOnlyError
    with pytest.raises(StoreUnavailable, match="ReadOnlyError"):
        await opened(tmp_path, vfs=disk.name)
    disk.error = None
    log = await opened(tmp_path, vfs=disk.name)
    assert (await log.append(part(1))).position == 1
    await log.close()


async def test_a_batch_that_is_damaged_stops_neither_appends_nor_what_comes_after(tmp_path: Path) -> None:
    log = await opened(tmp_path)
    for _ in range(3):
        await log.append(part(1))
    await log._change(lambda tx: tx.connection.execute("UPDATE batch SET checksum = 0 WHERE position = 2"))
    assert (await log.append(part(1))).position == 4
    assert [batch.position for batch in await log.read(3)] == [3, 4]
    await log.close()
