"""While it is not certain what may be sent, no attempt begins, nothing is given up, and everything keeps its place."""

import asyncio
from typing import Any

import pytest

from fixtures.lane import Lane
from fixtures.lanes import EACH_ON_ITS_OWN, IN_ORDER, Post, changed
from fixtures.pipeline import failed, part, quiet
from postroad.delivery.options import DeliveryOptions
from postroad.log.delivery import LetterFilter
from postroad.protocols.contract import RetryPolicy

WITHIN_S = 5.0


def lose(post: Lane | Post) -> None:
    """From now on nobody says what may be sent."""
    post.confirmed.within_s = WITHIN_S
    post.confirmed.confirm(post.clock.monotonic_s())
    post.clock.advance(WITHIN_S + 0.001)


async def confirm(post: Lane | Post) -> None:
    post.confirmed.confirm(post.clock.monotonic_s())
    await quiet()


# In order.


async def test_a_bulk_waits_and_goes_once_it_is_confirmed(lane: Lane) -> None:
    lose(lane)
    await lane.road.append(1, 2)
    for _ in range(4):
        await lane.pass_time(3600)
    assert lane.transport.sent == []
    assert (lane.cursor, lane.attempts) == (1, [])
    await confirm(lane)
    assert lane.transport.positions == [1, 2]
    assert [attempt for _, attempt, _ in lane.attempts] == [1]


async def test_a_bulk_that_failed_keeps_its_number_of_attempts_its_bytes_and_its_id(lane: Lane) -> None:
    lane.transport.answers.append(failed())
    await lane.road.append(1)
    lose(lane)
    await lane.pass_time(3600)
    assert len(lane.transport.sent) == 1
    await confirm(lane)
    first, second = lane.transport.sent
    assert (first.body, first.request_id) == (second.body, second.request_id)
    assert [attempt for _, attempt, _ in lane.attempts] == [1, 2]


async def test_what_stood_in_line_while_it_lapsed_does_not_go_and_holds_no_place(lane: Lane) -> None:
    entered = [lane.gate.enter(asyncio.Event()) for _ in range(16)]
    await lane.road.append(1)
    lose(lane)
    for one in entered:
        lane.gate.leave(one, "delivered")
    await quiet()
    assert lane.transport.sent == []
    assert (lane.gate.inside, lane.gate.waiting) == (0, 0)
    await confirm(lane)
    assert lane.transport.positions == [1]


async def test_access_that_ended_meanwhile_is_known_before_anything_goes(lane: Lane) -> None:
    lose(lane)
    await lane.road.append(1, 2)
    lane.only(2)
    await confirm(lane)
    assert lane.transport.positions == [2]


async def test_redriven_letters_of_a_bulk_protocol_wait_too(make_lane: Any) -> None:
    lane = await make_lane(options=DeliveryOptions(isolate=True))
    lane.transport.answers.append(failed("rejected", status=400))
    await lane.road.append(1)
    [dead] = await lane.store.dead(LetterFilter(subscription_id=1), limit=10)
    lose(lane)
    revived = await lane.store.revive([dead], [lane.clock.now_us()])
    lane.delivery.adopt([one.letter for one in revived])
    await lane.pass_time(60)
    assert len(lane.transport.sent) == 1
    assert (await lane.store.letter_counts())[1].parked == 1
    await confirm(lane)
    assert len(lane.transport.sent) == 2
    assert await lane.store.letter_counts() == {}


# In lanes.


@pytest.mark.parametrize("contract", [IN_ORDER, EACH_ON_ITS_OWN])
async def test_events_in_lanes_wait_and_go_once_it_is_confirmed(
    make_post: Any, contract: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await make_post(contract)
    enter, entered = post.gate.enter, []
    monkeypatch.setattr(post.gate, "enter", lambda turn: entered.append(turn) or enter(turn))
    lose(post)
    await post.say(1, 2, 1)
    for _ in range(4):
        await post.pass_time(3600)
    assert post.customer.sent == []
    assert entered == [], "nothing turns in circles"
    assert (await post.parked(), await post.dead(), await post.skipped(), post.attempts) == ([], [], {}, [])
    await confirm(post)
    assert sorted(post.customer.delivered) == [1, 2, 3]
    assert [n for _, n, _, _ in post.attempts] == [1, 1, 1]


@pytest.mark.parametrize("contract", [IN_ORDER, EACH_ON_ITS_OWN])
async def test_a_parked_event_that_is_due_waits_and_burns_no_attempt(make_post: Any, contract: Any) -> None:
    twice = RetryPolicy(first_waits_s=(60.0,), then_s=60.0, cap_s=60.0, max_attempts=2)
    post = await make_post(changed(contract, retry=twice))
    post.customer.answers.append(failed("rejected", status=409))
    await post.say(1)
    assert await post.parked() == [1]
    lose(post)
    for _ in range(4):
        await post.pass_time(3600)
    assert (len(post.customer.sent), await post.parked(), await post.dead()) == (1, [1], [])
    await confirm(post)
    assert post.customer.delivered == [1]


async def test_redriven_letters_of_lanes_wait_too(make_post: Any) -> None:
    post = await make_post(changed(IN_ORDER, retry=RetryPolicy(then_s=3600, factor=1)))
    post.customer.answers.append(failed("rejected", status=422))
    await post.say(1)
    assert await post.dead() == [1]
    lose(post)
    await post.redrive()
    await post.pass_time(3600)
    assert (post.customer.delivered, await post.parked()) == ([], [1])
    await confirm(post)
    assert post.customer.delivered == [1]


async def test_what_lapses_while_a_body_is_read_is_given_back(make_post: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hourly = RetryPolicy(first_waits_s=(60.0,), then_s=60.0, cap_s=60.0)
    post = await make_post(changed(EACH_ON_ITS_OWN, retry=hourly))
    post.customer.answers.append(failed("rejected", status=409))
    await post.say(1)
    await post.restart()  # from now on its body is in the store only
    body, reading = post.store._store.body, asyncio.Event()

    async def slowly(*arguments: Any) -> Any:
        await reading.wait()
        return await body(*arguments)

    monkeypatch.setattr(post.store._store, "body", slowly)
    await post.pass_time(61)
    lose(post)
    reading.set()
    await quiet()
    assert len(post.customer.sent) == 1
    assert post.gate.inside == 0
    await confirm(post)
    assert post.customer.delivered == [1]


async def test_a_window_that_is_full_parks_nothing_while_nothing_may_go(make_post: Any) -> None:
    post = await make_post(EACH_ON_ITS_OWN, window=3)
    lose(post)
    await post.road.log.append(part(*[1, 2, 3] * 4, received_us=post.clock.now_us()))
    await quiet()
    assert await post.parked() == []
    await confirm(post)
    assert sorted(post.customer.delivered) == list(range(1, 13))
