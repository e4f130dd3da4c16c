"""Fixtures for the log's own tests."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from postroad.clock import SystemClock
from postroad.log.interface import Part
from postroad.log.sqlite import SqliteLog, SqliteSettings, open_log


def _part_of(*items: bytes, **fields: Any) -> Part:
    values: dict[str, Any] = {
        "provider_id": 7,
        "protocol": "drivetech",
        "revision": 2,
        "received_us": 1_700_000_000_000_000,
        "subjects": [100 + index for index in range(len(items))],
        "kinds": bytes(len(items)),
        "flags": bytes(len(items)),
        "lengths": [len(item) for item in items],
        "body": b",".join(items),
    }
    return Part(**{**values, **fields})


@pytest.fixture
def part_of() -> Callable[..., Part]:
    return _part_of


@pytest.fixture
async def open_sqlite(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Opens shard 3 of a folder of the test's own; closes what it opened."""
    opened: list[SqliteLog] = []

    async def open_one(**settings: Any) -> SqliteLog:
        log = await open_log(
            tmp_path, 3, clock=SystemClock(), settings=SqliteSettings(**settings), free_bytes=lambda: 2**40
        )
        opened.append(log)
        return log

    yield open_one
    for log in opened:
        await log.close()
