"""What is SQLite's alone: the file itself, its version, its size, its callbacks."""

import asyncio
import random
import threading
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from postroad.errors import ConfigError, StoreCorrupt, StoreUnavailable
from postroad.log.interface import Batch
from postroad.log.reader import open_reader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shard-03.db"


def size_of(path: Path) -> int:
    return path.stat().st_size


async def made(open_sqlite: Any, part_of: Any) -> None:
    log = await open_sqlite()
    await log.append(part_of(b"1"))
    await log.close()


async def test_the_file_is_made_as_its_format_says(open_sqlite: Any, part_of: Any, path: Path) -> None:
    await made(open_sqlite, part_of)
    file = apsw.Connection(str(path))
    settings = {name: file.pragma(name) for name in ("page_size", "journal_mode", "auto_vacuum", "application_id")}
    assert settings == {"page_size": 16384, "journal_mode": "wal", "auto_vacuum": 2, "application_id": 0x50524C47}
    assert file.pragma("user_version") == 3
    file.close()


async def test_a_newer_format_is_refused_with_what_to_do(open_sqlite: Any, part_of: Any, path: Path) -> None:
    await made(open_sqlite, part_of)
    file = apsw.Connection(str(path))
    file.pragma("user_version", 4)
    file.close()
    with pytest.raises(ConfigError, match=r"shard-03\.db: .*newer"):
        await open_sqlite()
    with pytest.raises(ConfigError, match="newer"):
        open_reader(path)


async def test_a_file_that_is_not_ours_is_left_alone(open_sqlite: Any, path: Path) -> None:
    file = apsw.Connection(str(path))
    file.execute("CREATE TABLE theirs (a)")
    file.close()
    with pytest.raises(ConfigError, match="not a shard"):
        await open_sqlite()


async def test_a_shard_under_the_name_of_another_is_refused(open_sqlite: Any, part_of: Any, path: Path) -> None:
    await made(open_sqlite, part_of)
    file = apsw.Connection(str(path))
    file.execute("UPDATE head SET shard = 4")
    file.close()
    with pytest.raises(ConfigError, match="holds shard 4"):
        await open_sqlite()


@pytest.fixture
def scribbled(path: Path) -> None:
    path.write_bytes(b"not a database" * 10_000)


@pytest.mark.usefixtures("scribbled")
async def test_a_file_that_is_no_database_is_called_damaged(open_sqlite: Any) -> None:
    with pytest.raises(StoreCorrupt):
        await open_sqlite()


def test_a_folder_that_is_not_there_makes_the_log_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        open_reader(tmp_path / "nowhere" / "shard-00.db")


async def test_retention_gives_the_disk_back(open_sqlite: Any, part_of: Any, path: Path) -> None:
    log = await open_sqlite(busy_timeout_s=0.1)
    noise = [part_of(random.Random(number).randbytes(1_000_000)) for number in range(40)]
    await asyncio.gather(*[log.append(part) for part in noise])
    removed = await log.retain(received_before_us=2**62, settled=2**62, max_bytes=2**62)
    assert removed.batches == 40
    await log.close()
    assert size_of(path) < 2_000_000


async def test_the_write_ahead_log_stays_small_under_load(open_sqlite: Any, part_of: Any, path: Path) -> None:
    log = await open_sqlite()
    body = random.Random(1).randbytes(1_000_000)
    for _ in range(40):
        await log.append(part_of(body))
    assert size_of(path.with_name("shard-03.db-wal")) < 20_000_000


async def test_the_memory_of_keys_is_bounded_by_count_and_age(open_sqlite: Any, part_of: Any) -> None:
    log = await open_sqlite(max_keys=4)
    now_us = time.time_ns() // 1000
    week_us = 7 * 24 * 3600 * 1_000_000
    for received_us in (now_us - week_us - 60_000_000, *[now_us + number for number in range(5)]):
        await log.append(part_of(b"1", b"2", received_us=received_us, dedup_keys=b"k" * 32))
    await log.retain(received_before_us=0, settled=0, max_bytes=2**62)
    assert await log.dedup_keys(since_us=0, limit=100) == [(now_us + 3, b"k" * 32), (now_us + 4, b"k" * 32)]


async def test_old_keys_go_even_when_nothing_newer_came(open_sqlite: Any, part_of: Any) -> None:
    log = await open_sqlite()
    await log.append(part_of(b"1", received_us=1, dedup_keys=b"k" * 16, key=b"name"))
    await log.retain(received_before_us=2, settled=2**62, max_bytes=2**62)
    assert await log.dedup_keys(since_us=0, limit=100) == []
    assert not (await log.append(part_of(b"1", key=b"name"))).duplicate


async def test_a_listener_that_fails_keeps_nobody_else_from_hearing(open_sqlite: Any, part_of: Any) -> None:
    reported: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    log = await open_sqlite()
    heard: list[Batch] = []

    def failing(_: object) -> None:
        raise ZeroDivisionError

    log.listen(failing)
    log.listen(heard.extend)
    log.submit(part_of(b"1"), failing)
    await log.append(part_of(b"2"))
    assert [list(batch.items()) for batch in heard] == [[b"1"], [b"2"]]
    assert {type(exc) for exc in reported} == {ZeroDivisionError}


async def test_thousands_of_parts_share_a_commit(open_sqlite: Any, part_of: Any) -> None:
    log = await open_sqlite()
    groups: list[int] = []
    log.listen(lambda batches: groups.append(len(batches)))
    count = 3001
    answers = await asyncio.gather(
        *[log.append(part_of(b"%d" % number, dedup_keys=b"k" * 16)) for number in range(count)]
    )
    assert [answer.position for answer in answers] == list(range(1, count + 1))
    assert sum(groups) == count
    assert len(groups) < 100
    assert len(await log.dedup_keys(since_us=0, limit=count)) == count


async def test_reading_does_not_hold_the_event_loop(open_sqlite: Any, part_of: Any) -> None:
    log = await open_sqlite(readers=1)
    await log.append(part_of(b"1"))
    blocked = threading.Event()
    waiting = asyncio.ensure_future(log._look(lambda _: blocked.wait(10)))
    reading = asyncio.ensure_future(log.read(0))
    await log.append(part_of(b"2"))
    assert not reading.done()
    blocked.set()
    assert len(await reading) == 2
    assert await waiting
