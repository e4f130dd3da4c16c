"""Every documented schedule, from the first failure to its end, with a delivery at work in virtual time."""

from typing import Any

import pytest

from fixtures.lanes import EACH_ON_ITS_OWN, IN_ORDER, OK, changed, crash
from fixtures.pipeline import failed
from postroad.protocols.contract import DAY_S, RetryPolicy

DAILY_30 = changed(
    EACH_ON_ITS_OWN, retry=RetryPolicy(then_s=DAY_S, factor=1, cap_s=DAY_S, max_attempts=30), success=(200, 299)
)
DAILY = changed(EACH_ON_ITS_OWN, retry=RetryPolicy(then_s=DAY_S, factor=1, cap_s=DAY_S))
CRASH = changed(
    EACH_ON_ITS_OWN,
    retry=RetryPolicy(urgent_every_s=60, urgent_for_s=1800, then_s=DAY_S, factor=1, cap_s=DAY_S, max_age_s=30 * DAY_S),
)
DRIVETECH = changed(
    IN_ORDER,
    success=(200, 200),
    retry=RetryPolicy(first_waits_s=(5, 10, 20, 40, 80, 160), then_s=300, factor=1, cap_s=300),
)

ANSWERS = pytest.mark.parametrize("answer", [failed(), failed("rejected", status=409), failed("timeout", status=None)])
"""The endpoint's fault or the event's own: the event's schedule is the same."""


async def until_next(post: Any, wait_s: float) -> None:
    """Nothing is sent before the instant, something at it (a gate may round up by a millisecond)."""
    sent = len(post.customer.sent)
    await post.pass_time(wait_s - 1)
    assert len(post.customer.sent) == sent
    await post.pass_time(1)
    if len(post.customer.sent) == sent:
        await post.pass_time(0.002)
    assert len(post.customer.sent) == sent + 1


@ANSWERS
async def test_a_trip_goes_daily_thirty_times_and_is_then_a_dead_letter(make_post: Any, answer: Any) -> None:
    post = await make_post(DAILY_30)
    post.customer.otherwise = lambda _: answer
    await post.say(1)
    for _ in range(29):
        assert await post.parked() == [1]
        await until_next(post, DAY_S)
    assert (await post.parked(), await post.dead()) == ([], [1])
    await post.pass_time(2 * DAY_S)
    assert [n for _, n, _, _ in post.attempts] == list(range(1, 31))
    assert [wait_s for _, _, _, wait_s in post.attempts] == [DAY_S] * 29 + [None]
    assert post.cursor == 2


async def test_thirty_days_of_restarts_change_nothing(make_post: Any) -> None:
    post = await make_post(DAILY_30)
    post.customer.otherwise = lambda _: failed()
    await post.say(1)
    for _ in range(29):
        await post.pass_time(DAY_S / 2)
        await post.restart()
        await until_next(post, DAY_S / 2)
    assert [n for _, n, _, _ in post.attempts] == list(range(1, 31))
    assert await post.dead() == [1]


@ANSWERS
async def test_a_driver_goes_daily_without_end(make_post: Any, answer: Any) -> None:
    post = await make_post(DAILY)
    post.customer.otherwise = lambda _: answer
    await post.say(1)
    for _ in range(400):
        await post.pass_time(DAY_S)
    assert len(post.customer.sent) == 401
    assert await post.parked() == [1]
    post.customer.otherwise = lambda _: OK
    await post.pass_time(DAY_S)
    assert post.customer.delivered == [1]
    assert await post.parked() == []


@ANSWERS
async def test_a_crash_goes_each_minute_for_half_an_hour_and_then_daily_for_thirty_days(
    make_post: Any, answer: Any
) -> None:
    post = await make_post(CRASH)
    post.customer.otherwise = lambda _: answer
    await post.say(1, raws=[crash(post.clock.now_us())])
    for _ in range(30):
        await until_next(post, 60)
    await until_next(post, DAY_S - 1800)
    for _ in range(29):
        await until_next(post, DAY_S)
    await post.pass_time(2 * DAY_S)
    assert len(post.customer.sent) == 1 + 30 + 30
    assert await post.dead() == [1]
    assert "dead_letters" in post.overseer.alerts


async def test_an_old_crash_goes_daily_from_the_start(make_post: Any) -> None:
    post = await make_post(CRASH)
    post.customer.otherwise = lambda _: failed()
    await post.say(1, raws=[crash(post.clock.now_us() - 1_800_000_000)])
    await until_next(post, DAY_S)


async def test_a_report_goes_again_until_200_at_growing_waits_and_everything_waits_with_it(make_post: Any) -> None:
    post = await make_post(DRIVETECH)
    post.customer.otherwise = lambda _: failed()
    await post.say(1)
    await post.say(1, 2)
    waits = [5, 10, 20, 40, 80, 160, 300, 300, 300]
    for wait_s in waits:
        await until_next(post, wait_s)
    assert post.customer.positions == [1] * (len(waits) + 1)
    assert [n for _, n, _, _ in post.attempts] == list(range(1, len(waits) + 2))
    assert [wait_s for _, _, _, wait_s in post.attempts][: len(waits)] == waits
    assert (await post.parked(), post.cursor) == ([], 1)
    post.customer.otherwise = lambda _: OK
    await post.pass_time(300.01)
    assert post.customer.delivered[0] == 1
    assert sorted(post.customer.delivered) == [1, 2, 3]
    assert post.cursor == 4


async def test_attempts_that_the_circuit_held_back_do_not_count(make_post: Any) -> None:
    post = await make_post(DAILY_30, concurrency=1)
    post.customer.otherwise = lambda _: failed()
    await post.say(*[1] * 8)
    assert len(post.customer.sent) == 5  # then the circuit is open
    assert (await post.parked(), post.cursor) == ([1, 2, 3, 4, 5], 6)
    await post.pass_time(4.9)
    assert len(post.customer.sent) == 5
    await post.pass_time(0.2)
    assert post.customer.positions[5:] == [6]  # a probe: the head of the window
    await post.stop()
    assert [letter.attempts for letter in await post.store.parked(1)] == [1] * 6


async def test_the_most_overdue_parked_event_is_the_probe(make_post: Any) -> None:
    post = await make_post(CRASH, concurrency=1)
    post.customer.otherwise = lambda _: failed()
    now_us = post.clock.now_us()
    await post.say(*[1] * 6, raws=[crash(now_us)] * 6)
    for _ in range(3):
        await post.pass_time(120)
    assert post.customer.positions[:5] == [1, 2, 3, 4, 5]
    assert post.customer.positions[5:8] == [1, 2, 3]


async def test_at_the_bound_of_what_is_parked_a_destination_is_still_probed(make_post: Any) -> None:
    post = await make_post(DAILY_30, concurrency=1, max_parked=3, window=5)
    post.customer.otherwise = lambda _: failed()
    await post.say(*[1] * 20)
    for _ in range(60):
        await post.pass_time(60.01)
    assert await post.parked() == [1, 2, 3]
    assert set(post.customer.positions[5:]) == {4}  # the circuit is open from the fifth on
    post.customer.otherwise = lambda _: OK
    await post.pass_time(60.01)
    assert sorted(post.customer.delivered) == list(range(4, 21))
