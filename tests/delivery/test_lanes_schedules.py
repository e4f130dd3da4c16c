"""Documented schedules with a delivery at work in virtual time: DriveQuant's with its circuit, and Drivetech's.

Each of DriveQuant's services from the first failure to its end: ``test_drivequant_services.py``.
"""

from typing import Any

from fixtures.lanes import IN_ORDER, OK, changed, crash
from fixtures.pipeline import failed
from postroad.protocols.contract import DAY_S, RetryPolicy
from postroad.protocols.drivequant import CONTRACTS

DAILY_30, CRASH = CONTRACTS["trip"], CONTRACTS["crash"]
DRIVETECH = changed(
    IN_ORDER,
    success=(200, 200),
    retry=RetryPolicy(first_waits_s=(5, 10, 20, 40, 80, 160), then_s=300, factor=1, cap_s=300),
)


async def until_next(post: Any, wait_s: float) -> None:
    """Nothing is sent before the instant, something at it (a gate may round up by a millisecond)."""
    sent = len(post.customer.sent)
    await post.pass_time(wait_s - 1)
    assert len(post.customer.sent) == sent
    await post.pass_time(1)
    if len(post.customer.sent) == sent:
        await post.pass_time(0.002)
    assert len(post.customer.sent) == sent + 1


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
