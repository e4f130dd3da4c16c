"""Chores, in virtual time."""

import asyncio

from fixtures.clock import VirtualClock
from fixtures.pipeline import quiet
from postroad.errors import StoreUnavailable
from postroad.service.housekeeping import HOUSEKEEPING_EVERY_S, Chore, keep_house


async def test_a_chore_that_fails_keeps_no_other_from_being_done_nor_from_being_done_again(clock: VirtualClock) -> None:
    done: list[str] = []

    async def failing() -> None:
        done.append("failing")
        raise StoreUnavailable("locked", "busy") if len(done) == 1 else ZeroDivisionError

    async def working() -> None:
        done.append("working")

    task = asyncio.create_task(keep_house([Chore(failing, "no"), Chore(working, "no")], clock))
    await quiet()
    for _ in range(2):
        clock.advance(HOUSEKEEPING_EVERY_S)
        await quiet()
    task.cancel()
    assert done == ["failing", "working"] * 2
