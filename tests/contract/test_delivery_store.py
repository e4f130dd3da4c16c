"""What every delivery store promises (``postroad.log.delivery.DeliveryStore``)."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import pytest
from log_disk import PowerCutDisk
from log_members import Member, SqliteMember, part_of

from fixtures.clock import VirtualClock
from postroad.errors import StoreUnavailable
from postroad.log.delivery import Cursor
from postroad.log.interface import ShardLog


@pytest.fixture
async def log(member: Member) -> ShardLog:
    return await member.open()


async def test_a_new_store_has_no_cursors(log: ShardLog) -> None:
    assert await log.delivery.cursors() == {}


async def test_settling_makes_the_cursor_and_dates_it(log: ShardLog, clock: VirtualClock) -> None:
    await log.delivery.settle(7, 42)
    assert await log.delivery.cursors() == {7: Cursor(7, 42, clock.now_us())}


async def test_a_cursor_never_goes_backwards(log: ShardLog, clock: VirtualClock) -> None:
    settled_us = clock.now_us()
    await log.delivery.settle(7, 42)
    clock.us += 1_000_000
    for position in (41, 42, 0):
        await log.delivery.settle(7, position)
    assert await log.delivery.cursors() == {7: Cursor(7, 42, settled_us)}
    await log.delivery.settle(7, 43)
    assert await log.delivery.cursors() == {7: Cursor(7, 43, clock.now_us())}


async def test_the_highest_of_concurrent_settles_stands(log: ShardLog) -> None:
    await asyncio.gather(*[log.delivery.settle(7, position) for position in (3, 9, 1, 8)])
    assert (await log.delivery.cursors())[7].position == 9


async def test_subscriptions_do_not_touch_each_other(log: ShardLog) -> None:
    await log.delivery.settle(7, 42)
    await log.delivery.settle(8, 2**62)
    await log.delivery.forget(7)
    assert {number: cursor.position for number, cursor in (await log.delivery.cursors()).items()} == {8: 2**62}


async def test_what_was_forgotten_may_begin_again_lower(log: ShardLog) -> None:
    await log.delivery.settle(7, 42)
    await log.delivery.forget(7)
    await log.delivery.forget(7)
    await log.delivery.settle(7, 5)
    assert (await log.delivery.cursors())[7].position == 5


async def test_cursors_are_there_after_reopening(member: Member, log: ShardLog) -> None:
    if not member.survives_restart:
        pytest.skip("this engine promises nothing over a restart")
    await log.delivery.settle(7, 42)
    await log.delivery.settle(8, 1)
    await log.delivery.forget(8)
    before = await log.delivery.cursors()
    await log.close()
    assert await (await member.open()).delivery.cursors() == before


async def test_cursors_outlive_the_batches_they_passed(log: ShardLog) -> None:
    await log.append(part_of(b"1"))
    await log.delivery.settle(7, log.next_position)
    await log.retain(received_before_us=2**62, settled=log.next_position, max_bytes=0)
    assert (await log.delivery.cursors())[7].position == log.next_position


async def test_what_is_no_position_is_refused_at_once(log: ShardLog) -> None:
    for position in (-1, 2**63):
        with pytest.raises(ValueError, match="position"):
            await log.delivery.settle(7, position)


async def settled_until_the_power_went(member: SqliteMember, disk: PowerCutDisk, synchronous: str) -> int:
    log = await member.open(vfs=disk.name, synchronous=synchronous)
    position = 0
    with suppress(StoreUnavailable):
        while True:
            await log.delivery.settle(7, position + 1)
            position += 1
    await log.close()
    return position


@pytest.mark.parametrize(("synchronous", "lost"), [("FULL", 0), ("OFF", 1)])
async def test_a_power_cut_takes_no_cursor_that_was_settled(tmp_path: Path, synchronous: str, lost: int) -> None:
    """The second case proves that the cut does take what was not synced."""
    before, after = SqliteMember(VirtualClock(), tmp_path / "before"), SqliteMember(VirtualClock(), tmp_path / "after")
    before.folder.mkdir()
    after.folder.mkdir()
    await (await before.open()).close()
    disk = PowerCutDisk(cut_at=100)
    settled = await settled_until_the_power_went(before, disk, synchronous)
    disk.image(after.folder, random.Random(1))
    log = await after.open()
    known = (await log.delivery.cursors()).get(7)
    assert settled > 10
    assert (known is None or known.position < settled) == bool(lost)
    await after.finish()
