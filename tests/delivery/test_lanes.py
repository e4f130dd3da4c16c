"""The orders ``subject`` and ``none``: what is sent when, what is parked, and where the cursor stands."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest

from fixtures.lanes import EACH_ON_ITS_OWN, IN_ORDER, OK, Post, carried, changed, crash, edition
from fixtures.pipeline import failed, quiet, turns_until
from postroad.clock import SystemClock
from postroad.delivery.delivery import IDLE_SETTLE_S
from postroad.errors import StoreUnavailable
from postroad.log.delivery import given_up
from postroad.protocols.contract import DAY_S, RetryPolicy
from postroad.transports.base import Delivered

HOURLY = RetryPolicy(then_s=3600, factor=1)
LANES = changed(IN_ORDER, retry=HOURLY)
NONE = changed(EACH_ON_ITS_OWN, retry=HOURLY)
NOT_TAKEN = failed("rejected", status=409)
"""The event's own fault: it is parked."""
NEVER = failed("rejected", status=422)


def refuse(*positions: int, answer: Any = NOT_TAKEN) -> Any:
    """Answer so whatever carries one of these."""
    return lambda sent: answer if set(sent) & set(positions) else OK


# Order and fairness


async def test_in_order_per_subject_only_the_head_of_a_lane_is_on_its_way(make_post: Any) -> None:
    post = await make_post(LANES)
    post.customer.open.clear()
    await post.say(1, 1, 2, 1, 2)
    assert post.customer.positions == [1, 3]
    post.customer.open.set()
    await quiet()
    assert post.customer.positions == [1, 3, 2, 5, 4]
    assert post.cursor == 6


async def test_without_order_everything_is_on_its_way_at_once_as_far_as_the_gate_lets_it(make_post: Any) -> None:
    post = await make_post(NONE, concurrency=3)
    post.customer.open.clear()
    await post.say(1, 1, 1, 1)
    assert post.customer.positions == [1, 2, 3]
    post.customer.open.set()
    await quiet()
    assert sorted(post.customer.positions) == [1, 2, 3, 4]


async def test_a_noisy_subject_keeps_nobody_waiting(make_post: Any) -> None:
    post = await make_post(LANES, concurrency=1)
    await post.say(*[1] * 50, 2, 3)
    assert {51, 52} <= set(post.customer.positions[:4])


async def test_a_failing_event_holds_its_subject_only_and_the_cursor_passes(make_post: Any) -> None:
    post = await make_post(LANES)
    post.customer.otherwise = refuse(1)
    await post.say(1, 1, 2, 2)
    assert post.customer.delivered == [3, 4]
    assert await post.parked() == [1, 2]
    assert post.cursor == 5
    await post.say(1)
    assert await post.parked() == [1, 2, 5]
    assert post.cursor == 6
    post.customer.otherwise = lambda _: OK
    await post.pass_time(3600)
    assert post.customer.delivered == [3, 4, 1, 2, 5]
    assert await post.parked() == []


async def test_due_events_get_no_more_than_every_other_start_while_fresh_ones_wait(make_post: Any) -> None:
    post = await make_post(NONE, concurrency=1)
    post.customer.otherwise = refuse(*range(1, 11))
    await post.say(*[1] * 10)
    assert len(await post.parked()) == 10
    post.customer.otherwise = lambda _: OK
    post.customer.open.clear()
    await post.say(*[2] * 10)  # one is on its way, nine wait
    await post.pass_time(3600)
    del post.customer.sent[:]
    post.customer.open.set()
    await quiet(300)
    old = [position <= 10 for position in post.customer.positions]
    assert len(old) == 19
    assert all(first != second for first, second in pairwise(old[:18]))


async def test_by_the_machines_own_clock_events_go_out_as_well() -> None:
    """Its instants are never quite equal, as those of virtual time are."""
    post = Post(SystemClock(), NONE, concurrency=4)
    await post.start()
    try:
        await post.say(*[1] * 20)
        await turns_until(lambda: post.cursor == 21)
        assert sorted(post.customer.delivered) == list(range(1, 21))
    finally:
        await post.close()


# What is sent


async def test_one_event_goes_alone_with_its_type_and_keeps_its_request_id_over_a_restart(make_post: Any) -> None:
    post = await make_post(NONE)
    post.customer.otherwise = refuse(1)
    await post.say(1, raws=[crash(post.clock.now_us())])
    await post.restart()
    post.customer.otherwise = lambda _: OK
    await post.pass_time(3600)
    first, again = post.customer.sent
    assert first.wire_type == "crash"
    assert json.loads(first.body) == [{"at": 1, "vehicle": 1001}]
    assert (again.body, again.request_id) == (first.body, first.request_id)
    assert [n for _, n, _, _ in post.attempts] == [1, 2]


async def test_an_event_that_has_become_late_says_so(make_post: Any) -> None:
    post = await make_post(changed(NONE, late_after_s=600.0))
    post.customer.answers.append(NOT_TAKEN)
    await post.say(1, raws=[crash(post.clock.now_us())])
    await post.pass_time(3600)
    assert ["late" in json.loads(message.body)[0] for message in post.customer.sent] == [False, True]


async def test_one_message_carries_the_next_events_of_one_lane(make_post: Any) -> None:
    post = await make_post(changed(LANES, max_items=3))
    post.customer.open.clear()
    await post.say(1, 2)
    await post.say(1, 1, 1, 1, 2)
    post.customer.open.set()
    await quiet()
    assert sorted(map(carried, post.customer.sent)) == [[1], [2], [3, 4, 5], [6], [7]]


async def test_a_message_holds_no_more_bytes_than_the_contract_says(make_post: Any) -> None:
    post = await make_post(changed(NONE, max_items=100, max_bytes=100), concurrency=1)
    await post.say(*[1] * 10)
    assert sorted(post.customer.delivered) == list(range(1, 11))
    assert max(len(message.body) for message in post.customer.sent) <= 100
    assert max(len(carried(message)) for message in post.customer.sent) > 1


@pytest.mark.parametrize("contract", [LANES, NONE])
@pytest.mark.parametrize(
    ("answer", "parks"), [(NOT_TAKEN, True), (NEVER, None), (failed("rejected", status=413), None)]
)
async def test_of_a_message_that_is_refused_only_the_bad_event_is_held(
    make_post: Any, contract: Any, answer: Any, parks: bool | None
) -> None:
    post = await make_post(changed(contract, max_items=10), start=False)
    post.customer.otherwise = refuse(3, answer=answer)
    post.road.start()
    await post.say(1, 1, 1, 2, 2)
    await post.start()
    kept = await post.parked() or await post.dead()
    assert 3 in kept
    assert sorted(post.customer.delivered) == [1, 2, 4, 5]
    assert kept == [3]
    dies = parks is None and contract.schedule_of == "destination"
    assert bool(await post.dead()) is dies


# Failures of the endpoint


async def test_while_the_endpoint_fails_nothing_is_parked_and_the_cursor_holds(make_post: Any) -> None:
    post = await make_post(changed(LANES, retry=RetryPolicy(first_waits_s=(5.0, 10.0), then_s=20.0, factor=1)))
    post.customer.otherwise = lambda _: failed()
    await post.say(*range(1, 10))
    assert len(post.customer.sent) == 9  # together
    assert "destination_failing" in post.overseer.alerts
    await post.pass_time(4.99)
    assert len(post.customer.sent) == 9
    await post.pass_time(0.02)
    assert post.customer.positions[9:] == [1]  # one probe: the head of the window
    await post.pass_time(10.01)
    assert post.customer.positions[9:] == [1, 1]
    assert (post.cursor, await post.parked()) == (1, [])
    post.customer.otherwise = lambda _: OK
    await post.pass_time(20.01)
    assert sorted(post.customer.delivered) == list(range(1, 10))
    assert post.cursor == 10
    assert post.overseer.alerts == {}


async def test_nothing_is_sent_before_retry_after(make_post: Any) -> None:
    post = await make_post(LANES)
    post.customer.answers.append(failed("throttled", status=429, retry_after_s=7200.0))
    await post.say(1)
    assert post.attempts[-1][3] == 7200.0
    await post.pass_time(7199)
    assert len(post.customer.sent) == 1
    await post.pass_time(1.01)
    assert post.customer.delivered == [1]


async def test_an_event_that_is_asked_to_come_later_does_not_come_before(make_post: Any) -> None:
    post = await make_post(NONE)
    post.customer.answers.append(failed("rejected", status=409, retry_after_s=7200.0))
    await post.say(1)
    await post.pass_time(7199)
    assert len(post.customer.sent) == 1
    await post.pass_time(1.01)
    assert post.customer.delivered == [1]


@pytest.mark.parametrize("contract", [LANES, NONE])
async def test_refused_credentials_are_probed_at_their_own_pace_and_told(make_post: Any, contract: Any) -> None:
    post = await make_post(changed(contract, credentials_probe_s=60.0))
    post.customer.otherwise = lambda _: failed("credentials", status=401)
    await post.say(1)
    assert "credentials_refused" in post.overseer.alerts
    await post.say(2)
    assert len(post.customer.sent) == 1
    await post.pass_time(59.9)
    assert len(post.customer.sent) == 1
    post.customer.otherwise = lambda _: OK
    await post.pass_time(0.2)
    assert len(post.customer.sent) >= 2
    assert post.overseer.alerts == {}


async def test_a_destination_that_is_gone_pauses_and_nothing_more_is_sent(make_post: Any) -> None:
    post = await make_post(LANES, concurrency=1)
    post.customer.answers.append(failed("rejected", status=410))
    await post.say(1, 2)
    await post.pass_time(DAY_S)
    await post.say(3)
    assert len(post.customer.sent) == 1
    assert len(post.overseer.paused) == 1
    assert "destination_gone" in post.overseer.alerts
    assert post.cursor == 1


async def test_a_confirmation_counts_only_with_the_status_that_the_contract_names(make_post: Any) -> None:
    post = await make_post(changed(LANES, success=(200, 200), retry=RetryPolicy(first_waits_s=(5.0,))))
    post.customer.answers.append(Delivered(status=202, elapsed_s=0.0))
    await post.say(1)
    assert post.cursor == 1
    await post.pass_time(5.01)
    assert len(post.customer.sent) == 2
    assert post.cursor == 2


# Dead letters, redrive, access, age


async def test_an_event_that_will_never_be_taken_is_a_dead_letter_and_its_lane_goes_on(make_post: Any) -> None:
    post = await make_post(LANES)
    post.customer.otherwise = refuse(1, answer=NEVER)
    await post.say(1, 1)
    assert post.customer.delivered == [2]
    assert await post.dead() == [1]
    assert post.cursor == 3
    assert "dead_letters" in post.overseer.alerts


async def test_a_redriven_letter_goes_out_at_once(make_post: Any) -> None:
    post = await make_post(LANES)
    post.customer.answers.append(NEVER)
    await post.say(1, 1)
    await post.redrive()
    assert post.customer.delivered == [2, 1]
    assert (await post.dead(), await post.parked()) == ([], [])


async def test_letters_above_the_cursor_are_not_sent_anew_after_a_restart(make_post: Any) -> None:
    post = await make_post(changed(LANES, retry=HOURLY), window=10)
    post.customer.otherwise = lambda sent: {1: failed(), 2: NOT_TAKEN, 3: NEVER}.get(sent[0], OK)
    await post.say(1, 2, 3, 4)
    assert (post.cursor, await post.parked(), await post.dead()) == (1, [2], [3])
    sent = len(post.customer.sent)
    post.customer.otherwise = lambda _: OK
    await post.restart()
    assert sorted(post.customer.positions[sent:]) == [1, 4]
    assert post.cursor == 5
    await post.pass_time(3600)
    assert sorted(post.customer.delivered) == [1, 2, 4, 4]


@pytest.mark.parametrize("contract", [LANES, NONE])
async def test_access_is_asked_right_before_each_attempt_also_for_parked_events(make_post: Any, contract: Any) -> None:
    post = await make_post(contract)
    post.customer.otherwise = refuse(1)
    await post.say(1, 2)
    post.only(2)
    await post.pass_time(3600)
    assert post.customer.positions == [1, 2]
    assert await post.skipped() == {1: "access_ended"}
    assert await post.parked() == []


async def test_events_that_waited_too_long_expire_but_parked_ones_do_not(make_post: Any) -> None:
    post = await make_post(
        changed(LANES, retry=RetryPolicy(then_s=3 * DAY_S, factor=1, cap_s=3 * DAY_S)), max_backlog_age_s=2 * DAY_S
    )
    post.customer.answers.append(NOT_TAKEN)
    await post.say(1)
    post.customer.answers.append(failed())
    await post.say(2, 2)
    await post.pass_time(3 * DAY_S + 1)
    assert post.customer.delivered == [1]
    assert await post.skipped() == {2: "too_old", 3: "too_old"}
    assert given_up(await post.store.skips(1), 0) == [], "other events of these items would not be read after a kill"
    assert "events_expired" in post.overseer.alerts


# Editions of documents


async def test_a_newer_edition_makes_a_parked_older_one_needless(make_post: Any) -> None:
    post = await make_post(NONE)
    post.customer.answers.append(NOT_TAKEN)
    await post.say(1, raws=[edition("trip-1:1")])
    await post.say(1, raws=[edition("trip-1:2")])
    await post.pass_time(3600)
    assert post.customer.positions == [1, 2]
    assert await post.skipped() == {1: "superseded"}
    assert await post.parked() == []


async def test_a_deletion_makes_parked_editions_of_the_same_revision_needless(make_post: Any) -> None:
    post = await make_post(NONE)
    post.customer.otherwise = lambda sent: {1: NOT_TAKEN, 2: failed("too_large", status=413)}.get(sent[0], OK)
    await post.say(1, 1, raws=[edition("trip-1:5"), edition("trip-2:5")])
    assert await post.parked() == [1, 2]
    await post.say(1, 1, raws=[edition("trip-1:5:gone"), edition("trip-2:5:gone")])
    assert await post.skipped() == {1: "superseded", 2: "superseded"}
    assert await post.parked() == []


async def test_a_deletion_that_dies_does_not_remove_itself(make_post: Any) -> None:
    post = await make_post(LANES)
    post.store.failure = StoreUnavailable("locked", "busy")
    post.customer.otherwise = lambda _: NEVER
    await post.say(1)  # keeps the store busy, so that all that follows is written at once
    await post.say(1, raws=[edition("trip-1:5:gone")])
    post.store.failure = None
    await post.pass_steps(1)
    assert await post.dead() == [1, 2]
    assert await post.skipped() == {}


async def test_an_older_edition_that_comes_after_a_newer_one_is_skipped(make_post: Any) -> None:
    post = await make_post(NONE)
    await post.say(1, raws=[edition("trip-1:2")])
    await post.say(1, raws=[edition("trip-1:1")])
    assert post.customer.positions == [1]
    assert await post.skipped() == {2: "superseded"}
    assert post.cursor == 3


async def test_an_edition_on_its_way_may_finish_but_is_not_tried_again_once_it_is_superseded(make_post: Any) -> None:
    post = await make_post(NONE)
    post.customer.open.clear()
    post.customer.answers.extend([NOT_TAKEN, OK])
    await post.say(1, raws=[edition("trip-1:1")])
    await post.say(1, raws=[edition("trip-1:2")])
    post.customer.open.set()
    await quiet()
    await post.pass_time(3600)
    assert post.customer.positions == [1, 2]
    assert await post.skipped() == {1: "superseded"}


@pytest.mark.parametrize("newer", ["trip-1:2", "trip-1:1:gone"])
async def test_a_newer_edition_removes_a_dead_older_one(make_post: Any, newer: str) -> None:
    post = await make_post(LANES)
    post.customer.answers.append(NEVER)
    await post.say(1, raws=[edition("trip-1:1")])
    assert await post.dead() == [1]
    await post.say(1, raws=[edition(newer)])
    assert await post.dead() == []
    assert await post.skipped() == {1: "superseded"}


# Bounds


async def test_at_the_bound_nothing_more_is_parked_and_the_cursor_holds(make_post: Any) -> None:
    post = await make_post(LANES, max_parked=2)
    post.customer.otherwise = refuse(*range(1, 6))
    await post.say(1, 2, 3, 4, 5, 6)
    assert len(await post.parked()) == 2
    assert "parked_full" in post.overseer.alerts
    assert post.cursor == 3
    assert post.customer.delivered == [6]
    post.customer.otherwise = lambda _: OK
    await post.pass_time(3600)
    assert sorted(post.customer.delivered) == [1, 2, 3, 4, 5, 6]
    assert post.cursor == 7
    assert "parked_full" not in post.overseer.alerts


async def test_parked_bytes_are_bounded_too(make_post: Any) -> None:
    post = await make_post(LANES, max_parked_bytes=70)
    post.customer.otherwise = refuse(1, 2, 3, 4)
    await post.say(1, 2, 3, 4)
    assert len(await post.parked()) == 2
    assert post.cursor == 3


async def test_no_more_than_a_window_is_taken_ahead_of_the_cursor(make_post: Any) -> None:
    post = await make_post(LANES, window=3, concurrency=100)
    post.customer.open.clear()
    await post.say(1, 2, 3, 4, 5)
    assert post.customer.positions == [1, 2, 3]
    post.customer.open.set()
    await quiet()
    assert sorted(post.customer.delivered) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("contract", [LANES, NONE])
async def test_while_the_store_takes_nothing_no_more_than_a_window_is_sent(make_post: Any, contract: Any) -> None:
    post = await make_post(contract, window=5)
    post.store.failure = StoreUnavailable("disk_full", "no room")
    post.customer.otherwise = refuse(2)
    await post.say(*[1, 2, 3, 4] * 5)
    await post.pass_steps(120)
    assert len(set(post.customer.positions)) <= 5
    assert post.cursor == 1
    post.store.failure = None
    post.customer.otherwise = lambda _: OK
    await post.pass_steps(10)
    await post.pass_time(3600)
    assert sorted(set(post.customer.delivered)) == list(range(1, 21))
    assert post.cursor == 21


async def test_many_results_share_one_write(make_post: Any) -> None:
    post = await make_post(NONE, concurrency=100)
    post.customer.open.clear()
    await post.say(*[1, 2, 3, 4, 5] * 10)
    before = post.store.settles
    post.customer.open.set()
    await quiet()
    assert post.cursor == 51
    assert post.store.settles - before <= 3


async def test_a_letter_that_cannot_be_read_is_asked_for_again_later(make_post: Any) -> None:
    post = await make_post(LANES)
    post.customer.answers.append(NOT_TAKEN)
    await post.say(1)
    post.store.failure = StoreUnavailable("locked", "busy")
    await post.pass_time(3600)
    assert len(post.customer.sent) == 1
    post.store.failure = None
    await post.pass_time(5.01)
    assert post.customer.delivered == [1]


async def test_with_nothing_to_send_the_cursor_still_comes_along(make_post: Any) -> None:
    post = await make_post(LANES, vehicles=1)
    await post.say(2, 2, 2)
    await post.pass_time(IDLE_SETTLE_S)
    assert post.cursor == 4


async def test_what_is_on_its_way_at_a_stop_gives_its_place_back(make_post: Any) -> None:
    post = await make_post(LANES, concurrency=2)
    post.customer.open.clear()
    await post.say(1, 2)
    assert post.gate.ready_in_s() is None
    await post.stop()
    assert post.gate.ready_in_s() == 0.0


async def test_a_stop_waits_for_the_write_that_is_under_way(make_post: Any) -> None:
    post = await make_post(LANES)
    post.store.free.clear()
    await post.say(1)
    stopping = asyncio.create_task(post.stop())
    await quiet()
    assert not stopping.done()
    post.store.free.set()
    await stopping
    assert post.cursor == 2
    assert post.delivery.settled == 2


async def test_closing_the_log_ends_the_delivery(make_post: Any) -> None:
    post = await make_post(LANES)
    post.store.failure = StoreUnavailable("closed", "the log is closed")
    await post.say(1)
    with pytest.raises(StoreUnavailable):
        await post._task
