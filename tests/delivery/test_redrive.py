"""Tasks at work: which dead letters they take, how fast, and what stops them. In virtual time."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.site import soon
from postroad.delivery.meant import Meant, Part
from postroad.delivery.redrive import SLICE, Redrive, Surroundings
from postroad.delivery.tasks import TaskRunner
from postroad.errors import StoreUnavailable
from postroad.log.delivery import Changes, DeadLetter, Letter, LetterFilter, LetterId, Posted
from postroad.log.memory_delivery import MemoryDeliveryStore
from postroad.protocols.base import Outgoing, outgoing_id
from postroad.registry.records import RegistryView, Subscription
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import Task, TaskType

S = 1_000_000


class FlowingClock:
    """Virtual time that flows by itself: whoever sleeps wakes at the instant asked for, at once."""

    def __init__(self) -> None:
        self.us = 1_700_000_000 * S

    def now_us(self) -> int:
        return self.us

    def monotonic_s(self) -> float:
        return self.us / 1e6

    async def sleep(self, seconds: float) -> None:
        self.us += round(seconds * 1e6)
        await asyncio.sleep(0)


class Bench:
    """A runner over a store in memory and a registry on disk."""

    def __init__(self, registry: RegistryStore, clock: FlowingClock) -> None:
        self.registry = registry
        self.clock = clock
        self.store = MemoryDeliveryStore(clock, lambda: None)
        self.view = view_of(subscription(1), subscription(2))
        self.revived: list[tuple[float, int]] = []
        """When, and how many."""
        self.known: set[int] = set()
        """Positions of incomplete events of which everything is known by now."""
        self.at: dict[int, Callable[[], Any]] = {}
        """What happens once so many are revived in all."""
        self.given = Surroundings(
            registry=self.registry,
            stores={0: self.store},
            revived=self._note,
            complete=self._complete,
            view=lambda: self.view,
            clock=self.clock,
        )
        self.runner = TaskRunner(self.given, refresh=self._refresh)

    async def _complete(self, shard: int, _subscription_id: int, letters: Sequence[Letter]) -> dict[LetterId, Outgoing]:
        assert shard == 0
        return {letter.id: Outgoing(letter.slot, b'{"whole":1}') for letter in letters if letter.position in self.known}

    async def _refresh(self) -> None:
        pass

    def _note(self, shard: int, letters: Sequence[DeadLetter]) -> None:
        assert shard == 0
        self.revived.append((self.clock.monotonic_s(), len(letters)))
        if (happens := self.at.pop(self.count, None)) is not None:
            happens()

    @property
    def count(self) -> int:
        return sum(count for _, count in self.revived)

    async def die(self, *letters: Letter, subscription_id: int = 1) -> None:
        posted = [Posted(letter, b"{}") for letter in letters]
        await self.store.settle(subscription_id, 10_000_000, Changes(posted=posted))

    def ask(self, type_: TaskType = "REDRIVE", *, rate: float | None = None, **meant: Any) -> Task:
        self.clock.us += S
        filter_ = Meant(**{"parts": (Part(1), Part(2))} | meant).stored()
        return self.registry.add_task(type_, filter_=filter_, rate_per_s=rate)

    async def run(self, *tasks: Task) -> list[Task]:
        """The runner until these tasks are finished."""
        running = asyncio.create_task(self.runner.run())
        try:
            await soon(lambda: running.done() or all(self.task(one).completed_us is not None for one in tasks))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return [self.task(one) for one in tasks]

    def task(self, task: Task) -> Task:
        return self.registry.task(task.id)

    async def parked(self, subscription_id: int = 1) -> list[tuple[int, int]]:
        return [(one.position, one.slot) for one in await self.store.parked(subscription_id)]

    async def dead(self) -> list[tuple[int, int, int]]:
        found = await self.store.dead(LetterFilter(), limit=100_000)
        return [(one.subscription_id, one.letter.position, one.letter.slot) for one in found]


def subscription(id_: int, **changes: Any) -> Subscription:
    values: dict[str, Any] = {"types": (), "name": f"s{id_}", "protocol": "connected_cars", "destination_id": 1}
    return Subscription(**values | {"id": id_, "integration_id": 1, "organization_id": 1} | changes)


def view_of(*subscriptions: Subscription) -> RegistryView:
    none: dict[Any, Any] = {}
    return RegistryView(
        version=1,
        organizations=none,
        providers=none,
        provider_settings=none,
        tokens=none,
        subjects=none,
        identifiers=none,
        destinations=none,
        subscriptions={one.id: one for one in subscriptions},
        streams=none,
    )


def letter(position: int, slot: int = 0, **changes: Any) -> Letter:
    values: dict[str, Any] = {"subject_id": 5, "reason": "rejected", "dead_us": 1_600_000_000 * S, "attempts": 3}
    return Letter(
        **values | {"position": position, "slot": slot, "size": 2, "received_us": 1, "stored_us": 2} | changes
    )


@pytest.fixture
def flowing() -> FlowingClock:
    return FlowingClock()


@pytest.fixture
def registry(tmp_path: Path, flowing: FlowingClock) -> Iterator[RegistryStore]:
    store = RegistryStore.open(tmp_path / "registry.db", clock=flowing)
    yield store
    store.close()


@pytest.fixture
async def bench(registry: RegistryStore, flowing: FlowingClock) -> Bench:
    return Bench(registry, flowing)


async def test_a_redrive_parks_every_dead_letter_again_due_now_and_tells_the_delivery(bench: Bench) -> None:
    await bench.die(*map(letter, range(250)))
    await bench.die(letter(7), subscription_id=2)
    [task] = await bench.run(bench.ask())
    assert (task.status, task.items, task.remaining) == ("COMPLETED", 251, 0)
    assert [count for _, count in bench.revived] == [SLICE, SLICE, 50, 1]
    assert await bench.dead() == []
    assert len(await bench.parked(1)) == 250
    [one] = await bench.store.parked(2)
    assert (one.attempts, one.dead_us, one.due_us) == (0, None, round(bench.revived[-1][0] * S))
    assert bench.runner.ended == {("REDRIVE", "COMPLETED"): 1}


async def test_what_dies_after_the_task_was_asked_for_is_not_taken(bench: Bench) -> None:
    task = bench.ask()
    await bench.die(letter(1), letter(2, dead_us=task.created_us - 1), letter(3, dead_us=task.created_us))
    await bench.run(task)
    assert await bench.parked() == [(1, 0), (2, 0)]
    assert await bench.dead() == [(1, 3, 0)]


async def test_what_fails_again_is_not_taken_twice_even_after_a_restart(bench: Bench) -> None:
    await bench.die(*map(letter, range(200)))
    asked = bench.ask()
    begun = bench.registry.next_task()
    assert begun is not None
    working = asyncio.create_task(Redrive(begun, bench.given).run())
    bench.at[SLICE] = working.cancel
    await asyncio.gather(working, return_exceptions=True)
    failed = [msgspec.structs.replace(one, dead_us=bench.clock.now_us()) for one in await bench.store.parked(1)]
    await bench.store.settle(1, 0, Changes([Posted(one) for one in failed]))
    await bench.run(asked)
    assert bench.count == 200
    assert len(await bench.dead()) == SLICE


@pytest.mark.parametrize(
    ("meant", "fit"),
    [
        ({"parts": (Part(2),)}, [(2, 1, 0)]),
        ({"parts": (Part(1, frozenset({3})), Part(2, frozenset({0})))}, [(1, 2, 3), (2, 1, 0)]),
        ({"subject_id": 9}, [(1, 3, 0)]),
        ({"since_us": 1_650_000_000 * S}, [(1, 4, 0)]),
        ({"until_us": 1_650_000_000 * S}, [(1, 1, 0), (1, 2, 3), (1, 3, 0), (1, 5, 0), (2, 1, 0)]),
        ({"reasons": frozenset({"timeout"})}, [(1, 5, 0)]),
        ({"events": frozenset({outgoing_id(2, 3), outgoing_id(2, 4)})}, [(1, 2, 3)]),
        ({"parts": (Part(1),), "subject_id": 5, "reasons": frozenset({"timeout", "tls"})}, [(1, 5, 0)]),
    ],
)
@pytest.mark.parametrize("type_", ["REDRIVE", "DROP", "PUSH_FAILED_TRIPS"])
async def test_every_field_of_the_filter_counts(
    bench: Bench, type_: TaskType, meant: dict[str, Any], fit: list[tuple[int, int, int]]
) -> None:
    await bench.die(
        letter(1),
        letter(2, 3),
        letter(3, subject_id=9),
        letter(4, dead_us=1_690_000_000 * S),
        letter(5, reason="timeout"),
    )
    await bench.die(letter(1), subscription_id=2)
    before = await bench.dead()
    [task] = await bench.run(bench.ask(type_, **meant))
    assert (task.status, task.items) == ("COMPLETED", len(fit))
    assert sorted(set(before) - set(await bench.dead())) == fit


async def test_of_incomplete_letters_those_go_of_which_everything_is_known_by_now(bench: Bench) -> None:
    await bench.die(letter(1), *[letter(at, reason="incomplete", detail="odometer", attempts=0) for at in (2, 3)])
    bench.known = {3}
    [task] = await bench.run(bench.ask())
    assert (task.status, bench.count) == ("COMPLETED", 2)
    assert [one.position for one in await bench.store.parked(1)] == [1, 3]
    assert await bench.store.body(1, LetterId(3, 0)) == b'{"whole":1}'
    [dead] = await bench.store.dead(LetterFilter())
    assert (dead.letter.position, dead.letter.reason, dead.letter.detail) == (2, "incomplete", "odometer")


async def test_dropped_letters_are_gone_and_recorded_as_skips(bench: Bench) -> None:
    await bench.die(*map(letter, range(150)))
    [task] = await bench.run(bench.ask("DROP"))
    assert (task.status, task.items, bench.count) == ("COMPLETED", 150, 0)
    assert (await bench.dead(), await bench.parked()) == ([], [])
    [skip] = await bench.store.skips(1)
    assert (skip.first, skip.end, skip.reason, skip.events) == (0, 150, "dropped", 150)


@pytest.mark.parametrize(("rate", "letters"), [(0.5, 10), (1.0, 10), (7.0, 50), (40.0, 300), (250.0, 900)])
async def test_never_more_than_a_seconds_worth_is_revived_ahead_of_the_rate(
    bench: Bench, rate: float, letters: int
) -> None:
    await bench.die(*map(letter, range(letters)))
    bench.ask(rate=rate)
    task = bench.registry.next_task()
    assert task is not None
    await Redrive(task, bench.given).run()  # without the runner, whose own waiting would pass the time
    begun_s = bench.revived[0][0]
    count = 0
    for at_s, revived in bench.revived:
        count += revived
        assert count <= (at_s - begun_s) * rate + max(1.0, rate) + 1e-3
    assert count == letters
    assert bench.revived[-1][0] - begun_s == pytest.approx(letters / rate, abs=1 / rate + 1), "nor slower than asked"


async def test_a_task_that_a_stop_interrupts_goes_on_at_the_next_start(bench: Bench) -> None:
    await bench.die(*map(letter, range(250)))
    asked = bench.ask()
    begun = bench.registry.next_task()
    assert begun is not None
    working = asyncio.create_task(Redrive(begun, bench.given).run())
    bench.at[SLICE] = working.cancel
    await asyncio.gather(working, return_exceptions=True)
    assert (bench.task(asked).status, bench.count) == ("IN_PROGRESS", SLICE)
    [task] = await bench.run(asked)
    assert (task.status, task.remaining, bench.count) == ("COMPLETED", 0, 250)
    assert len(await bench.parked()) == 250


async def test_a_hub_that_stops_leaves_nothing_at_work_behind(bench: Bench) -> None:
    await bench.die(*map(letter, range(3)))
    bench.ask(rate=0.001)
    running = asyncio.create_task(bench.runner.run())
    await soon(lambda: bench.count == 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert bench.runner.running == 0
    assert not [one for one in asyncio.all_tasks() if one.get_name().startswith("task ")]


async def test_a_cancelled_task_stops_before_the_next_slice(bench: Bench) -> None:
    await bench.die(*map(letter, range(250)))
    asked = bench.ask(rate=10)
    bench.at[30] = lambda: bench.registry.cancel_task(asked.id)
    [task] = await bench.run(asked)
    assert task.status == "CANCELED"
    await soon(lambda: bench.runner.running == 0)
    assert bench.count == 30
    assert len(await bench.dead()) == 220


async def test_a_task_whose_subscription_is_paused_meanwhile_is_cancelled(bench: Bench) -> None:
    await bench.die(*map(letter, range(250)))

    def pause() -> None:
        bench.view = view_of(subscription(1, state="paused"), subscription(2))

    bench.at[SLICE] = pause
    [task] = await bench.run(bench.ask())
    assert (task.status, task.remaining, bench.count) == ("CANCELED", 150, SLICE)


async def test_letters_of_a_paused_subscription_can_be_dropped(bench: Bench) -> None:
    bench.view = view_of(subscription(1, state="paused"))
    await bench.die(letter(1))
    [task] = await bench.run(bench.ask("DROP"))
    assert (task.status, await bench.dead()) == ("COMPLETED", [])


async def test_letters_of_a_subscription_that_is_removed_are_left_alone(bench: Bench) -> None:
    bench.view = view_of(subscription(2))
    await bench.die(letter(1))
    [task] = await bench.run(bench.ask())
    assert (task.status, task.items, await bench.dead()) == ("COMPLETED", 0, [(1, 1, 0)])


async def test_no_more_is_revived_than_may_be_parked(bench: Bench) -> None:
    bench.view = view_of(subscription(1, delivery={"max_parked": 30}))
    await bench.die(*map(letter, range(50)))
    asked = bench.ask(parts=(Part(1),))
    running = asyncio.create_task(bench.runner.run())
    await soon(lambda: bench.task(asked).items == 30)
    passed_us = bench.clock.us + 60 * S
    await soon(lambda: bench.clock.us > passed_us)
    assert (bench.task(asked).items, bench.count) == (30, 30)
    await bench.store.settle(1, 0, Changes(removed=[one.id for one in (await bench.store.parked(1))[:25]]))
    await soon(lambda: bench.task(asked).status == "COMPLETED")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert bench.count == 50


async def test_a_slow_task_does_not_keep_those_of_another_type_waiting(bench: Bench) -> None:
    await bench.die(*map(letter, range(100)))
    await bench.die(letter(1, reason="tls"))
    slow = bench.ask(rate=0.001, reasons=frozenset({"rejected"}))
    fast = bench.ask("DROP", reasons=frozenset({"tls"}))
    [task] = await bench.run(fast)
    assert task.status == "COMPLETED"
    assert bench.task(slow).status == "IN_PROGRESS"


async def test_a_filter_that_cannot_be_read_fails_the_task_with_a_reason(bench: Bench) -> None:
    bad = bench.registry.add_task("REDRIVE", filter_={"parts": "all"})
    [task] = await bench.run(bad)
    assert (task.status, task.detail) == (
        "FAILED",
        "the task's filter is none that this version of Postroad reads",
    )


async def test_a_defect_fails_its_task_and_the_next_is_carried_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.die(letter(1))

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(bench.store, "revive", broken)
    [task] = await bench.run(bench.ask())
    [following] = await bench.run(bench.ask("DROP"))
    assert (task.status, task.detail) == ("FAILED", "a defect of the hub; its log says which")
    assert following.status == "COMPLETED"
    assert "ZeroDivisionError" in caplog.text


async def test_a_store_that_cannot_be_used_now_delays_a_task_and_does_not_end_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.die(letter(1))
    revive, failures = bench.store.revive, [StoreUnavailable("disk_full", "no room")] * 3

    async def sometimes(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return await revive(*arguments)

    monkeypatch.setattr(bench.store, "revive", sometimes)
    [task] = await bench.run(bench.ask())
    assert (task.status, task.items) == ("COMPLETED", 1)
