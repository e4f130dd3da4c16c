"""The same random life led by both engines must look the same from outside."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from postroad.clock import SystemClock
from postroad.log.interface import ERASED, Erasing, ShardLog
from postroad.log.memory import MemoryLog
from postroad.log.sqlite import SqliteLog, SqliteSettings, open_log

APPEND = st.tuples(
    st.just("append"),
    st.lists(st.binary(max_size=12), min_size=1, max_size=5),
    st.integers(0, 9),  # received
    st.sampled_from([b"", b"", b"", b"k1", b"k2"]),
)
RETAIN = st.tuples(st.just("retain"), st.integers(0, 10), st.integers(0, 60), st.sampled_from([0, 20, 80, 10**6]))
SETTLE = st.tuples(st.just("settle"), st.integers(1, 3), st.integers(0, 60))
OTHER = st.sampled_from([("reopen",), ("forget",), ("epoch",), ("read",)])
ERASE = st.tuples(st.just("erase"), st.frozensets(st.integers(0, 40), max_size=6))
READ = st.tuples(st.just("read"), st.integers(0, 60), st.integers(1, 40))
LIFE = st.lists(st.one_of(APPEND, APPEND, RETAIN, SETTLE, READ, ERASE, OTHER), max_size=25)


class FixedClock(SystemClock):
    def now_us(self) -> int:
        return 1_000


def comparable(batches: list[Any]) -> list[Any]:
    return [
        {
            name: list(value) if name in {"subjects", "lengths"} else value
            for name, value in structs.asdict(batch).items()
        }
        for batch in batches
    ]


async def step(log: ShardLog, part: Any, name: str, *arguments: Any) -> Any:
    if name == "append":
        items, received_us, key = arguments
        return await log.append(part(*items, received_us=received_us, key=key))
    if name == "retain":
        before, settled, max_bytes = arguments
        return await log.retain(received_before_us=before, settled=settled, max_bytes=max_bytes)
    if name == "erase":
        return await log.erase(Erasing(positions=sorted(*arguments)))
    if name == "settle":
        await log.delivery.settle(*arguments)
    if name == "forget":
        await log.delivery.forget(1)
    if name == "epoch":
        return await log.begin_epoch()
    if name == "read":
        position, max_bytes = arguments or (0, 10**6)
        return comparable(await log.read(position, max_bytes=max_bytes))
    return None


async def lead(life: list[Any], folder: Path, part: Any) -> None:
    clock = FixedClock()
    fresh = SqliteSettings(keys_kept_us=10**9, reserve_bytes=0)

    async def opened() -> SqliteLog:
        return await open_log(folder, 0, clock=clock, settings=fresh)

    memory, sqlite = MemoryLog(0, clock=clock), await opened()
    try:
        for name, *arguments in life:
            if name == "retain" and ERASED in b"".join(batch.kinds for batch in await memory.read(0)):
                arguments[2] = 10**6  # by bytes the two may differ until what was erased has gone
            if name == "reopen":
                await sqlite.close()
                sqlite = await opened()
            assert await step(memory, part, name, *arguments) == await step(sqlite, part, name, *arguments)
            for what in ("epoch", "first_position", "next_position"):
                assert getattr(memory, what) == getattr(sqlite, what), what
        assert comparable(await memory.read(0)) == comparable(await sqlite.read(0))
        assert await memory.delivery.cursors() == await sqlite.delivery.cursors()
    finally:
        await sqlite.close()


@given(life=LIFE)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_life_tells_sqlite_from_memory(part_of: Any, life: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(lead(life, Path(folder), part_of))
