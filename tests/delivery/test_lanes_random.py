"""Whatever happens, nothing is lost: random walks over failures, restarts, ended access, editions, redrives, bounds."""

import asyncio
import random
from typing import Any

import pytest

from fixtures.accounts import assert_accounted
from fixtures.clock import VirtualClock
from fixtures.lanes import EACH_ON_ITS_OWN, IN_ORDER, OK, Post, changed, edition
from fixtures.pipeline import failed, quiet, report
from postroad.errors import StoreUnavailable
from postroad.log.delivery import LetterFilter
from postroad.protocols.contract import RetryPolicy

RETRY = RetryPolicy(first_waits_s=(5.0, 20.0), then_s=60.0, factor=1, max_attempts=4)
CONTRACTS = {
    "subject": changed(IN_ORDER, retry=RETRY),
    "subject, several at once": changed(IN_ORDER, retry=RETRY, max_items=4),
    "subject, own schedule": changed(IN_ORDER, retry=RETRY, schedule_of="event"),
    "none": changed(EACH_ON_ITS_OWN, retry=RETRY),
    "none, several at once": changed(EACH_ON_ITS_OWN, retry=RETRY, max_items=4),
    "none, endpoint's schedule": changed(EACH_ON_ITS_OWN, retry=RETRY, schedule_of="destination"),
}
FAILURES = [
    failed(),
    failed("timeout", status=None),
    failed("throttled", status=429, retry_after_s=30.0),
    failed("credentials", status=401),
    failed("rejected", status=409),
    failed("rejected", status=422),
    failed("too_large", status=413),
]
WINDOW = 6
STEPS = 60


class Walk:
    """One random walk, and what it must keep."""

    def __init__(self, seed: int, contract: Any, *, both: bool = False) -> None:
        """``both``: each item has two events."""
        self.chance = random.Random(seed)
        self.post = Post(VirtualClock(), contract, concurrency=4, window=WINDOW, max_parked=5)
        self.post.target.both = both
        self.slots = (0, 1) if both else (0,)
        self.post.customer.otherwise = self.answer
        self.share = 0.3
        self.items: list[int] = []
        """The subject of each position, from 1."""
        self.plain: set[int] = set()
        """Positions without a document: nothing supersedes them."""

    def answer(self, _positions: list[int]) -> Any:
        return self.chance.choice(FAILURES) if self.chance.random() < self.share else OK

    async def go(self) -> None:
        await self.post.start()
        steps = (
            [self.say] * 6
            + [self.wait] * 4
            + [self.restart, self.access, self.redrive, self.drop, self.mood, self.trouble]
        )
        for _ in range(STEPS):
            await self.chance.choice(steps)()
            await self.nothing_is_lost()
        await self.drain()

    async def say(self) -> None:
        subjects = [self.chance.randint(1, 3) for _ in range(self.chance.randint(1, 4))]
        raws = []
        for subject in subjects:
            self.items.append(subject)
            if self.chance.random() < 0.3:
                raws.append(edition(f"{subject}-{self.chance.randint(1, 2)}:{self.chance.randint(1, 9)}"))
            else:
                raws.append(report())
                self.plain.add(len(self.items))
        await self.post.say(*subjects, raws=raws)

    async def wait(self) -> None:
        await self.post.pass_time(self.chance.choice([0.1, 1, 5, 20, 60, 300]))

    async def restart(self) -> None:
        """At most a window, and what is parked, may be sent again."""
        before = set(self.post.customer.delivered)
        told = len(self.post.customer.delivered)
        await self.post.restart()
        again = [position for position in self.post.customer.delivered[told:] if position in before]
        assert len(again) <= WINDOW * len(self.slots)

    async def access(self) -> None:
        self.post.only(*self.chance.sample([1, 2, 3], self.chance.randint(2, 3)))

    async def redrive(self) -> None:
        await self.post.redrive()

    async def drop(self) -> None:
        store = self.post.road.log.delivery
        await store.drop(self.chance.sample(found := await store.dead(LetterFilter()), len(found) // 2))

    async def mood(self) -> None:
        self.share = self.chance.choice([0.0, 0.3, 0.9])

    async def trouble(self) -> None:
        """The store takes nothing for a while; perhaps the process ends meanwhile."""
        self.post.store.failure = StoreUnavailable("disk_full", "no room")
        await self.wait()
        self.post.store.failure = None
        if self.chance.random() < 0.5:
            await self.post.restart()
        await self.post.pass_time(10)

    async def nothing_is_lost(self) -> None:
        """Everything below the durable cursor is accounted for."""
        post = self.post
        known = set(post.customer.delivered) | set(await post.parked()) | set(await post.dead())
        skipped = await post.skipped()
        for position in range(1, post.cursor):
            assert position in known or position in skipped, f"position {position} is lost"
        assert not {at for at, reason in skipped.items() if reason == "superseded"} & self.plain
        assert set(skipped.values()) <= {"superseded", "access_ended", "dropped"}
        events = [(position, slot) for position in range(1, len(self.items) + 1) for slot in self.slots]
        await assert_accounted(post.road.log.delivery, events)
        assert len(await post.parked()) <= 5 + len(self.items)

    async def drain(self) -> None:
        """With all well again everything goes out."""
        self.share = 0.0
        self.post.only(1, 2, 3)
        for _ in range(60):
            await self.post.pass_time(300)
        assert self.post.cursor == len(self.items) + 1
        assert await self.post.parked() == []
        await self.nothing_is_lost()


@pytest.mark.parametrize("name", CONTRACTS)
@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_every_event_is_delivered_or_accounted_for(name: str, seed: int) -> None:
    walk = Walk(seed, CONTRACTS[name])
    try:
        await walk.go()
    finally:
        await walk.post.close()


@pytest.mark.parametrize("name", CONTRACTS)
@pytest.mark.parametrize("seed", range(4))
async def test_of_an_item_with_two_events_each_has_its_own_outcome(name: str, seed: int) -> None:
    walk = Walk(seed, CONTRACTS[name], both=True)
    try:
        await walk.go()
    finally:
        await walk.post.close()


@pytest.mark.slow
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("name", CONTRACTS)
@pytest.mark.parametrize("seed", range(100, 300))
async def test_whatever_happens_over_many_walks(name: str, seed: int, both: bool) -> None:
    walk = Walk(seed, CONTRACTS[name], both=both)
    try:
        await walk.go()
    finally:
        await walk.post.close()


@pytest.mark.parametrize("name", ["subject", "subject, several at once", "subject, own schedule"])
@pytest.mark.parametrize("seed", range(8))
async def test_the_order_of_each_subject_is_kept_over_failures_and_restarts(name: str, seed: int) -> None:
    """Without dead letters, which let their lane go on: the first deliveries of a subject's events are in order."""
    chance = random.Random(seed)
    contract = changed(CONTRACTS[name], retry=RetryPolicy(first_waits_s=(5.0, 20.0), then_s=60.0, factor=1))
    clock = VirtualClock()
    post = Post(clock, contract, concurrency=4, window=WINDOW, max_parked=5)
    faults = [one for one in FAILURES if one.status not in (413, 422)]
    await post.start()
    try:
        subjects = await post.live(chance, faults)
        post.assert_each_subject_in_order(subjects)
    finally:
        await post.close()


async def test_a_kill_repeats_at_most_a_window(clock: Any) -> None:
    post = Post(clock, CONTRACTS["none"], concurrency=100, window=WINDOW)
    await post.start()
    post.store.free.clear()
    await post.say(*[1, 2, 3] * 10)
    assert len(post.customer.delivered) == WINDOW
    assert post._task is not None
    post._task.cancel()
    post.store.failure = StoreUnavailable("io", "gone")
    post.store.free.set()
    await asyncio.gather(post._task, return_exceptions=True)
    await quiet()
    post.store.failure = None
    await post.start()
    await quiet()
    assert len(post.customer.delivered) == 30 + WINDOW
    await post.close()
