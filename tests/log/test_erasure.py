"""Erasure in the file: what was erased is in no page of it, in no blob, and not in the write-ahead log."""

import asyncio
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from postroad.errors import StoreCorrupt, StoreUnavailable
from postroad.log import erasure
from postroad.log.delivery import Changes, Letter, Posted
from postroad.log.interface import Erasing, Refusal
from postroad.log.reader import open_reader
from postroad.log.sqlite import SqliteLog

EVERYTHING = 2**62
SECRET = b"W0L000051T2123456"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shard-03.db"


def copied(file: Path) -> Path:
    """A copy of the shard's files as they are now. By another process: to close one here would drop its locks."""
    folder = file.parent / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files = [str(one) for one in file.parent.glob("shard-*")]
    subprocess.run(["cp", *files, str(folder)], check=True)
    return folder


def found_in(file: Path, secret: bytes) -> list[str]:
    """Where the secret is, in any byte of the files, or of what their blobs hold when they are decompressed."""
    folder = copied(file)
    places = [one.name for one in folder.iterdir() if secret in one.read_bytes()]
    reader = open_reader(folder / file.name)
    try:
        position = 0
        while batches := reader.read(position):
            position = batches[-1].end
            places += [f"batch {batch.position}" for batch in batches if secret in batch.body + batch.key]
    finally:
        reader.close()
    return places


def body_of(rng: random.Random, size: int, secret: bytes = b"") -> bytes:
    """Bytes that no compression makes smaller, so that they lie in the file as they are."""
    return secret + rng.randbytes(size) + secret


def letter(position: int, **fields: Any) -> Letter:
    values = {"slot": 0, "subject_id": 100, "size": 1, "received_us": 1, "stored_us": 2}
    return Letter(position=position, **{**values, **fields})


async def test_what_is_erased_is_in_no_byte_of_the_file(
    open_sqlite: Any, part_of: Callable[..., Any], file: Path
) -> None:
    """After a life with everything in it that moves bytes about: retention, letters that change, pages that split."""
    rng = random.Random(7)
    log: SqliteLog = await open_sqlite(max_refusals=50)
    positions: list[int] = []
    for number in range(150):
        secret = number % 3 == 0
        size = rng.choice([10, 300, 5_000, 40_000])
        bodies = [body_of(rng, size, SECRET if secret and index == 1 else b"") for index in range(3)]
        appended = await log.append(
            part_of(*bodies, received_us=number, dedup_keys=rng.randbytes(32) + (SECRET[:16] if secret else b"k" * 16))
        )
        if secret:
            positions += [appended.position + 1, appended.position + 2]
            log.refuse(Refusal(received_us=1, provider_id=1, protocol="x", reason="y", body=SECRET + bytes(200)))
        for attempt in range(3):
            detail = "x" * rng.randrange(2_000) + (SECRET.decode() if secret else "")
            posted = Posted(
                letter(appended.position, subject_id=7 if secret else 8, attempts=attempt, detail=detail),
                body_of(rng, rng.choice([20, 9_000]), SECRET if secret else b"") if attempt == 0 else None,
            )
            await log.delivery.settle(1, 1, Changes(posted=[posted]))
        if number % 30 == 29:
            await log.retain(received_before_us=number - 20, settled=EVERYTHING, max_bytes=EVERYTHING)
    assert {place.partition(" ")[0] for place in found_in(file, SECRET)} >= {"shard-03.db", "batch"}
    erased = await log.erase(Erasing(positions=positions, subject_id=7, refused=lambda one: SECRET in one.body))
    assert min(erased.items, erased.letters, erased.refusals) > 10
    assert found_in(file, SECRET) == []
    assert found_in(file, SECRET[:16]) == []
    await log.append(part_of(b"goes on"))
    assert log.stored_bytes < 12_000_000


async def test_what_retention_had_removed_is_in_no_free_page_either(
    open_sqlite: Any, part_of: Callable[..., Any], file: Path
) -> None:
    rng = random.Random(8)
    log: SqliteLog = await open_sqlite()
    for number in range(60):
        await log.append(part_of(body_of(rng, 20_000, SECRET if number < 10 else b""), received_us=number))
    await log.retain(received_before_us=10, settled=EVERYTHING, max_bytes=EVERYTHING)
    assert [batch for batch in await log.read(0) if SECRET in batch.body] == []
    assert found_in(file, SECRET) != []
    await log.erase(Erasing(positions=[]))
    assert found_in(file, SECRET) == []


async def test_compressed_bodies_are_written_anew(open_sqlite: Any, part_of: Callable[..., Any], file: Path) -> None:
    log: SqliteLog = await open_sqlite()
    items = [b'{"vin":"%s","n":%d}' % (SECRET if number == 40 else b"another", number) for number in range(100)]
    at = (await log.append(part_of(*items))).position
    assert f"batch {at}" in found_in(file, SECRET)
    await log.erase(Erasing(positions=[at + 40]))
    assert found_in(file, SECRET) == []
    [batch] = await log.read(at)
    assert list(batch.items()) == [*items[:40], b"", *items[41:]]


async def test_a_reader_that_holds_the_write_ahead_log_is_waited_for(
    open_sqlite: Any, part_of: Callable[..., Any], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "EMPTY_AGAIN_S", 0.01)
    log: SqliteLog = await open_sqlite()
    at = (await log.append(part_of(SECRET))).position
    holder = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    holder.execute("BEGIN; SELECT count(*) FROM batch")
    erasing = asyncio.ensure_future(log.erase(Erasing(positions=[at])))
    await log.append(part_of(b"others are not held up"))
    holder.execute("COMMIT")
    await erasing
    assert found_in(file, SECRET) == []
    holder.execute("BEGIN; SELECT count(*) FROM batch")
    monkeypatch.setattr(erasure, "EMPTY_TRIES", 2)
    await log.append(part_of(b"into the write-ahead log"))
    with pytest.raises(StoreUnavailable, match="somebody reads it"):
        await log.erase(Erasing(positions=[]))
    holder.close()


async def test_a_damaged_batch_ends_an_erasure_and_harms_no_append_beside_it(
    open_sqlite: Any, part_of: Callable[..., Any], file: Path
) -> None:
    log: SqliteLog = await open_sqlite()
    first, second = [(await log.append(part_of(body))).position for body in (SECRET, b"damaged")]
    await log.close()
    damage = apsw.Connection(str(file))
    damage.execute("UPDATE batch SET checksum = checksum + 1 WHERE position = ?", (second,))
    damage.close()
    log = await open_sqlite()
    erasing = asyncio.ensure_future(log.erase(Erasing(positions=[first, second])))
    await asyncio.gather(*[log.append(part_of(b"beside it")) for _ in range(20)])
    with pytest.raises(StoreCorrupt, match=f"position {second}"):
        await erasing
    assert list((await log.read(first, max_bytes=1))[0].items()) == [b""]
