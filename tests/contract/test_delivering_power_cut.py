"""Every order of delivery on a shard whose machine loses its power: nothing acknowledged is lost or unaccounted for."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from log_disk import PowerCutDisk
from log_members import SqliteMember

from fixtures.clock import VirtualClock
from fixtures.lanes import EACH_ON_ITS_OWN, IN_ORDER, OK, Post
from postroad.errors import StoreUnavailable
from postroad.log import writer
from postroad.protocols.contract import Contract, RetryPolicy
from postroad.transports.base import Failed, Outcome

RETRY = RetryPolicy(first_waits_s=(1.0,), then_s=1.0, cap_s=1.0)
CONTRACTS = {
    "bulk": Contract(name="test", order="bulk", max_items=5, linger_ms=0, retry=RETRY),
    "subject": Contract(name="test", order=IN_ORDER.order, max_items=1, retry=RETRY),
    "none": Contract(
        name="test",
        order=EACH_ON_ITS_OWN.order,
        schedule_of="event",
        max_items=1,
        retry=RetryPolicy(first_waits_s=(1.0,), then_s=1.0, cap_s=1.0, max_attempts=4),
    ),
}
WINDOW = 8
VEHICLES = 4
REFUSED = Failed(reason="rejected", status=400, elapsed_s=0.0)
CONFLICT = Failed(reason="rejected", status=409, elapsed_s=0.0)
DOWN = Failed(reason="server_error", status=503, elapsed_s=0.0)


@pytest.fixture(autouse=True)
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints happen every few commits, so that cuts hit them as well."""
    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 12)


def moody(rng: random.Random, share: float) -> Any:
    """Refuses every seventh position for ever, and fails by chance."""

    def answer(positions: list[int]) -> Outcome:
        if rng.random() < share:
            return rng.choice([CONFLICT, DOWN])
        return REFUSED if any(position % 7 == 0 for position in positions) else OK

    return answer


async def turn(clock: VirtualClock) -> None:
    """Some virtual time passes; the writer's thread gets real time to answer."""
    clock.advance(1.1)
    for _ in range(3):
        await asyncio.sleep(0.001)


async def until_the_power_goes(post: Post, disk: PowerCutDisk, rng: random.Random) -> dict[int, int]:
    """What was acknowledged: vehicle by position."""
    acknowledged: dict[int, int] = {}
    post.customer.otherwise = moody(rng, 0.2)
    with suppress(StoreUnavailable):
        await post.start()
        while not disk.cut:
            vehicle = rng.randrange(1, VEHICLES + 1)
            acknowledged[await post.say(vehicle)] = vehicle
            await turn(post.clock)
    await post.close()
    return acknowledged


async def until_quiet(post: Post) -> None:
    await post.start()
    for _ in range(400):
        cursor = (await post.store.cursors())[1].position
        if cursor == post.road.log.next_position and not await post.parked():
            return
        await turn(post.clock)
    pytest.fail(f"the cursor stands at {cursor}, the log ends at {post.road.log.next_position}")


@pytest.mark.parametrize("cut_at", range(60, 260, 25))
@pytest.mark.parametrize("order", CONTRACTS)
async def test_a_power_cut_loses_no_event_and_repeats_no_more_than_was_under_way(
    tmp_path: Path, order: str, cut_at: int
) -> None:
    clock, rng, disk = VirtualClock(), random.Random(cut_at), PowerCutDisk(cut_at)
    before, after = SqliteMember(clock, tmp_path / "before"), SqliteMember(clock, tmp_path / "after")
    before.folder.mkdir()
    after.folder.mkdir()
    await (await before.open()).close()
    options = {"window": WINDOW, "vehicles": VEHICLES, "isolate": True}
    first = Post(clock, CONTRACTS[order], log=await before.open(vfs=disk.name, synchronous="FULL"), **options)
    acknowledged = await until_the_power_goes(first, disk, rng)
    await before.finish()
    disk.image(after.folder, rng)

    second = Post(clock, CONTRACTS[order], log=await after.open(), **options)
    dead_at_the_cut = set(await second.dead())
    second.customer.otherwise = moody(rng, 0.0)
    await until_quiet(second)
    dead, skipped = set(await second.dead()), await second.skipped()
    await second.close()
    await after.finish()

    had, given = first.customer.delivered, second.customer.delivered
    assert acknowledged, "the cut came before anything"
    assert acknowledged.keys() <= {*had, *given, *dead, *skipped}
    assert not dead_at_the_cut & {*given}, "given up, and sent all the same"
    assert dead_at_the_cut <= dead
    assert len({*had} & {*given}) <= (CONTRACTS["bulk"].max_items if order == "bulk" else WINDOW)
    assert len(had) == len({*had})
    if order != "none":
        firsts = list(dict.fromkeys(had + given))
        for vehicle in range(1, VEHICLES + 1):
            its = [position for position in firsts if acknowledged.get(position) == vehicle]
            assert its == sorted(its)
