"""The gate of a destination: how many attempts at once, how fast, and none while it fails."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.clock import VirtualClock
from fixtures.pipeline import quiet
from postroad.delivery.gate import (
    FIRST_PROBE_S,
    LAST_PROBE_S,
    OPENS_AFTER,
    PROBE_JITTER,
    DestinationLimits,
    Gate,
    Pass,
)

MakeGate = Callable[..., Gate]


@pytest.fixture
def make_gate(clock: VirtualClock) -> MakeGate:
    def make(*, chance: float = 0.0, **limits: Any) -> Gate:
        return Gate(DestinationLimits(**limits), clock, lambda: chance)

    return make


@pytest.fixture
def gate(make_gate: MakeGate) -> Gate:
    return make_gate()


def tried(gate: Gate) -> Pass | None:
    """Ask once, and stand in no line."""
    turn = asyncio.Event()
    one = gate.enter(turn)
    gate.withdraw(turn)
    return one


def entered(gate: Gate) -> Pass:
    one = tried(gate)
    assert one is not None
    return one


def fail(gate: Gate, times: int = 1, **how: Any) -> None:
    """One after another."""
    for _ in range(times):
        gate.leave(entered(gate), "endpoint", **how)


def fill(gate: Gate) -> int:
    """How many are let in now, and stay."""
    count = 0
    while tried(gate) is not None:
        count += 1
    return count


# The circuit


def test_it_opens_after_so_many_failures_in_a_row_and_not_before(gate: Gate) -> None:
    fail(gate, OPENS_AFTER - 1)
    assert (gate.state, gate.failures, gate.ready_in_s()) == ("closed", OPENS_AFTER - 1, 0.0)
    fail(gate)
    assert gate.state == "open"
    assert tried(gate) is None
    assert gate.ready_in_s() == pytest.approx(FIRST_PROBE_S)


@pytest.mark.parametrize("verdict", ["delivered", "event"])
def test_a_sign_of_life_ends_the_row(gate: Gate, verdict: Any) -> None:
    fail(gate, OPENS_AFTER - 1)
    gate.leave(entered(gate), verdict)
    assert gate.failures == 0
    fail(gate, OPENS_AFTER - 1)
    assert gate.state == "closed"


def test_probes_follow_at_growing_intervals_one_at_a_time(gate: Gate, clock: VirtualClock) -> None:
    fail(gate, OPENS_AFTER)
    for wait_s in (5, 10, 20, 40, 60, 60):
        clock.advance(wait_s - 0.001)
        assert tried(gate) is None
        clock.advance(0.001)
        probe = entered(gate)
        assert tried(gate) is None  # one at a time
        gate.leave(probe, "endpoint")
    assert gate.failures == OPENS_AFTER + 6


def test_probes_are_spread_by_chance(make_gate: MakeGate) -> None:
    gate = make_gate(chance=1.0)
    fail(gate, OPENS_AFTER)
    assert gate.ready_in_s() == pytest.approx(FIRST_PROBE_S * (1 + PROBE_JITTER))


def test_after_long_outages_a_probe_is_never_further_than_the_last_interval(gate: Gate, clock: VirtualClock) -> None:
    fail(gate, OPENS_AFTER)
    for _ in range(2000):
        clock.advance(LAST_PROBE_S)
        fail(gate)
    assert gate.ready_in_s() == pytest.approx(LAST_PROBE_S)


def test_it_closes_slowly(gate: Gate, clock: VirtualClock) -> None:
    fail(gate, OPENS_AFTER)
    clock.advance(FIRST_PROBE_S)
    inside = [entered(gate)]
    together = []
    while gate.state != "closed":
        together.append(len(inside))
        for one in inside:
            gate.leave(one, "delivered")
        inside = []
        while (one := tried(gate)) is not None:
            inside.append(one)
    assert together == [1, 2, 4, 8]
    assert len(inside) == 16


def test_a_failure_while_it_closes_opens_it_at_once(gate: Gate, clock: VirtualClock) -> None:
    fail(gate, OPENS_AFTER)
    clock.advance(FIRST_PROBE_S)
    gate.leave(entered(gate), "delivered")
    assert gate.state == "closing"
    fail(gate)
    assert gate.state == "open"
    assert gate.ready_in_s() == pytest.approx(FIRST_PROBE_S)


def test_attempts_that_were_under_way_together_fail_together_and_count_once(gate: Gate) -> None:
    for one in [entered(gate) for _ in range(16)]:
        gate.leave(one, "endpoint")
    assert (gate.failures, gate.state) == (1, "closed")


def test_a_success_from_before_the_circuit_opened_does_not_close_it(gate: Gate) -> None:
    early = entered(gate)
    fail(gate, OPENS_AFTER)
    gate.leave(early, "delivered")
    assert gate.state == "open"
    assert tried(gate) is None


def test_a_failure_from_before_a_probe_does_not_lengthen_the_wait(gate: Gate, clock: VirtualClock) -> None:
    early = entered(gate)
    fail(gate, OPENS_AFTER)
    clock.advance(1)
    gate.leave(early, "endpoint")
    assert gate.ready_in_s() == pytest.approx(FIRST_PROBE_S - 1)


# A contract's own schedule, and what a destination asks for


def test_a_contracts_own_schedule_shuts_it_at_the_first_failure_and_counts_on(gate: Gate, clock: VirtualClock) -> None:
    waits = {1: 20.0, 2: 30.0, 3: 7.0}
    for n in (1, 2, 3):
        fail(gate, wait_s=waits.__getitem__)
        assert (gate.state, gate.failures, gate.shut_for_s()) == ("open", n, pytest.approx(waits[n]))
        clock.advance(waits[n])
    gate.leave(entered(gate), "delivered")
    fail(gate, wait_s=waits.__getitem__)
    assert gate.shut_for_s() == pytest.approx(20)


@pytest.mark.parametrize(("asked", "waits"), [(-5.0, 0), (0.0, 0), (300.0, 300), (86_400.0, 86_400), (1e9, 86_400)])
def test_a_retry_after_is_honoured_within_a_day(gate: Gate, asked: float, waits: int) -> None:
    gate.leave(entered(gate), "throttled", retry_after_s=asked)
    assert gate.ready_in_s() == pytest.approx(waits)


def test_a_retry_after_holds_though_others_still_succeed(gate: Gate, clock: VirtualClock) -> None:
    first, second = entered(gate), entered(gate)
    gate.leave(first, "throttled", retry_after_s=30)
    gate.leave(second, "delivered")
    clock.advance(29.999)
    assert tried(gate) is None
    clock.advance(0.001)
    assert tried(gate) is not None


def test_the_later_of_schedule_and_retry_after_counts(gate: Gate) -> None:
    fail(gate, wait_s=lambda _: 20.0, retry_after_s=5)
    assert gate.shut_for_s() == pytest.approx(20)


# How many, how fast


def test_no_more_than_so_many_at_once(make_gate: MakeGate) -> None:
    gate = make_gate(concurrency=3)
    inside = [entered(gate) for _ in range(3)]
    assert tried(gate) is None
    assert gate.ready_in_s() is None
    gate.leave(inside[0], "delivered")
    assert gate.inside == 2
    assert tried(gate) is not None


def test_throttling_halves_what_is_let_in_and_successes_win_it_back_slowly(gate: Gate) -> None:
    inside = [entered(gate) for _ in range(12)]
    gate.leave(inside.pop(), "throttled")
    assert gate.width == 6
    for one in inside:
        gate.leave(one, None)
    for width in (6, 7, 8):
        assert gate.width == width
        for _ in range(width):
            gate.leave(entered(gate), "delivered")
    assert gate.state == "closed"


def test_throttling_never_halves_below_one(gate: Gate) -> None:
    for _ in range(3):
        gate.leave(entered(gate), "throttled")
    assert gate.width == 1
    assert fill(gate) == 1


def test_only_so_many_requests_begin_in_a_second(make_gate: MakeGate, clock: VirtualClock) -> None:
    gate = make_gate(requests_per_s=4)
    begun = 0
    for _ in range(1000):  # 10 s in steps of 10 ms
        one = tried(gate)
        if one is not None:
            begun += 1
            gate.leave(one, "delivered")
        clock.advance(0.01)
    assert begun == 40


def test_a_rate_that_was_not_used_is_not_saved_up(make_gate: MakeGate, clock: VirtualClock) -> None:
    gate = make_gate(requests_per_s=1)
    clock.advance(3600)
    assert fill(gate) == 1


def test_an_attempt_that_was_given_up_gives_its_place_back_and_says_nothing(
    make_gate: MakeGate, clock: VirtualClock
) -> None:
    gate = make_gate(concurrency=1)
    gate.leave(entered(gate), None)
    assert (gate.inside, gate.failures) == (0, 0)
    fail(gate, OPENS_AFTER)
    clock.advance(FIRST_PROBE_S)
    gate.leave(entered(gate), None)  # a probe that is stopped
    assert gate.state == "open"
    assert tried(gate) is not None


# The line


class Crowd:
    """Deliveries that all want in, again and again."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.served: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def once(self, who: int, verdict: Any = "delivered") -> None:
        one = await self.gate.entered()
        self.served.append(who)
        try:
            await asyncio.sleep(0)  # under way
        except asyncio.CancelledError:
            verdict = None
            raise
        finally:
            self.gate.leave(one, verdict)

    async def always(self, who: int, verdict: Any = "delivered") -> None:
        while True:
            await self.once(who, verdict)

    def start(self, *coroutines: Any) -> None:
        self.tasks += [asyncio.create_task(coroutine) for coroutine in coroutines]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_many_who_wait_are_served_first_come_first_served(make_gate: MakeGate) -> None:
    gate = make_gate(concurrency=1)
    inside = entered(gate)
    crowd = Crowd(gate)
    crowd.start(*[crowd.once(who) for who in range(100)])
    await quiet()
    assert (crowd.served, gate.waiting) == ([], 100)
    gate.leave(inside, "delivered")
    await quiet(1000)
    assert crowd.served == list(range(100))
    assert (gate.waiting, gate.inside) == (0, 0)


async def test_those_who_come_back_at_once_starve_nobody(make_gate: MakeGate) -> None:
    gate = make_gate(concurrency=2)
    crowd = Crowd(gate)
    crowd.start(*[crowd.always(who) for who in range(7)])
    await quiet(2000)
    await crowd.stop()
    turns = [crowd.served.count(who) for who in range(7)]
    assert min(turns) > 20
    assert max(turns) - min(turns) <= 1
    assert gate.inside == 0


async def test_nobody_passes_the_line_by_trying(make_gate: MakeGate) -> None:
    gate = make_gate(concurrency=1)
    inside = entered(gate)
    crowd = Crowd(gate)
    crowd.start(crowd.once(1))
    await quiet()
    gate.leave(inside, "delivered")
    assert tried(gate) is None
    await quiet()
    assert crowd.served == [1]


async def test_who_asks_and_comes_back_when_called_is_served_as_often_as_who_waits(make_gate: MakeGate) -> None:
    """The two ways to stand in line: deliveries in bulks wait, lanes ask."""
    gate = make_gate(concurrency=1)
    crowd = Crowd(gate)

    async def asks() -> None:
        turn = asyncio.Event()
        while True:
            turn.clear()
            one = gate.enter(turn)
            if one is None:
                await turn.wait()
                continue
            crowd.served.append(2)
            await asyncio.sleep(0)
            gate.leave(one, "delivered")

    crowd.start(crowd.always(0), crowd.always(1), asks())
    await quiet(2000)
    await crowd.stop()
    turns = [crowd.served.count(who) for who in range(3)]
    assert min(turns) > 20
    assert max(turns) - min(turns) <= 1


async def test_a_place_in_the_line_that_is_withdrawn_is_the_next_ones(make_gate: MakeGate) -> None:
    gate, turn = make_gate(concurrency=1), asyncio.Event()
    crowd = Crowd(gate)
    inside = entered(gate)
    assert gate.enter(turn) is None
    assert gate.enter(turn) is None  # asking twice gives one place
    crowd.start(crowd.once(1))
    await quiet()
    gate.leave(inside, "delivered")
    await quiet()
    assert (turn.is_set(), crowd.served, gate.waiting) == (True, [], 2)
    gate.withdraw(turn)
    await quiet()
    assert (crowd.served, gate.waiting) == ([1], 0)


def test_the_first_in_line_knows_when_its_turn_comes_and_the_others_do_not(make_gate: MakeGate) -> None:
    gate, first, second = make_gate(), asyncio.Event(), asyncio.Event()
    fail(gate, OPENS_AFTER)
    assert (gate.enter(first), gate.enter(second)) == (None, None)
    assert gate.turn_in_s(first) == pytest.approx(FIRST_PROBE_S)
    assert gate.turn_in_s(second) is None


async def test_while_it_fails_all_probe_in_turns(gate: Gate, clock: VirtualClock) -> None:
    crowd = Crowd(gate)
    fail(gate, OPENS_AFTER)
    crowd.start(*[crowd.always(who, "endpoint") for who in range(3)])
    for _ in range(6):
        await quiet()
        clock.advance(LAST_PROBE_S)
    await quiet()
    await crowd.stop()
    assert crowd.served == [0, 1, 2, 0, 1, 2]


async def test_the_line_moves_when_time_alone_opens_the_gate(make_gate: MakeGate, clock: VirtualClock) -> None:
    gate = make_gate(requests_per_s=2)
    crowd = Crowd(gate)
    crowd.start(*[crowd.once(who) for who in range(4)])
    await quiet()
    for served in (1, 2, 3):
        assert len(crowd.served) == served
        clock.advance(0.5)
        await quiet()
    assert crowd.served == [0, 1, 2, 3]


@pytest.mark.parametrize("leaver", [0, 1, 2])
async def test_who_leaves_the_line_holds_nobody_up(make_gate: MakeGate, leaver: int) -> None:
    gate = make_gate(concurrency=1)
    inside = entered(gate)
    crowd = Crowd(gate)
    crowd.start(*[crowd.once(who) for who in range(3)])
    await quiet()
    gate.leave(inside, "delivered")  # calls the first, who may be gone before he looks
    crowd.tasks[leaver].cancel()
    await quiet()
    assert crowd.served == [who for who in range(3) if who != leaver]
    assert (gate.waiting, gate.inside) == (0, 0)
