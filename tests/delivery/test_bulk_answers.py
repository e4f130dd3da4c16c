"""The order ``bulk``: what answers other than success do to it, by default and where more was asked for."""

import asyncio
import json
import math
from typing import Any

import pytest
from msgspec import structs

from fixtures.accounts import told
from fixtures.pipeline import failed, quiet, sent_positions, subscription, view
from postroad.delivery.bulk import PAUSE_AGAIN_S
from postroad.delivery.bulks import REGROWS_EVERY_S, LearntSize
from postroad.delivery.options import DeliveryOptions
from postroad.log.delivery import LetterFilter
from postroad.protocols import CONTRACTS
from postroad.protocols.contract import DAY_S, RetryPolicy
from postroad.transports.base import Delivered, Message

LEGACY = {
    "success": (200, 200),
    "retry": RetryPolicy(first_waits_s=(20.0, 40.0, 60.0), then_s=120.0, cap_s=3600.0),
}
OK = Delivered(status=200, elapsed_s=0.01)


def destination(lane: Any, *, poison: Any = (), status: int = 400, max_bytes: int | None = None) -> list[int]:
    """Answer for ever as one that refuses some positions, or bodies too large; what it took, in order."""
    took: list[int] = []

    def answer(message: Message) -> Any:
        lane.transport.answers.append(answer)
        if max_bytes is not None and len(message.body) > max_bytes:
            return failed("too_large", status=413)
        positions = sent_positions(message)
        if set(positions) & set(poison):
            return failed("rejected", status=status, detail="not this one")
        took.extend(positions)
        return OK

    lane.transport.answers.append(answer)
    return took


async def dead(lane: Any) -> list[Any]:
    return [found.letter for found in await lane.store.dead(LetterFilter(), limit=1000)]


async def skips(lane: Any) -> Any:
    return told(await lane.store.skips(1))


# Schedules


@pytest.mark.parametrize(
    ("contract", "waits"),
    [
        ({}, [20, 20, 20, 120, 240, 480, 960, 1920, 3600, 3600]),
        (LEGACY, [20, 40, 60, 120, 240, 480, 960, 1920, 3600, 3600]),
    ],
    ids=["connected_cars", "legacy"],
)
@pytest.mark.parametrize("status", [500, 503, 302, 404, 429, 400, 413, 422, 410], ids=str)
async def test_whatever_the_answer_the_full_bulk_goes_again_byte_for_byte_by_the_schedule(
    make_lane: Any, contract: dict[str, Any], waits: list[int], status: int
) -> None:
    lane = await make_lane(**contract)
    lane.transport.answers.extend([failed("rejected", status=status)] * len(waits))
    await lane.road.append(1, 2, 1)
    for sent, wait in enumerate(waits, 1):
        await lane.pass_time(wait - 0.001)
        assert len(lane.transport.sent) == sent
        await lane.pass_time(0.001)
        assert len(lane.transport.sent) == sent + 1
    assert len({(message.body, message.request_id) for message in lane.transport.sent}) == 1
    assert lane.cursor == 4
    assert await dead(lane) == []


async def test_a_contract_of_exactly_200_takes_no_other_success(make_lane: Any) -> None:
    lane = await make_lane(**LEGACY)
    lane.transport.answers.extend([Delivered(status=status, elapsed_s=0) for status in (201, 204)])
    await lane.road.append(1)
    await lane.pass_time(20)
    assert lane.cursor == 1
    await lane.pass_time(40)
    assert lane.cursor == 2
    assert [outcome.status for _, _, outcome in lane.attempts] == [201, 204, 200]


async def test_the_wait_is_longer_by_the_jitter_that_chance_gives(make_lane: Any) -> None:
    lane = await make_lane(retry=RetryPolicy(then_s=100.0, jitter=0.2))
    lane.chance = 0.5
    lane.transport.answers.append(failed())
    await lane.road.append(1)
    await lane.pass_time(109.999)
    assert len(lane.transport.sent) == 1
    await lane.pass_time(0.001)
    assert len(lane.transport.sent) == 2


async def test_an_attempt_that_is_stopped_gives_its_place_at_the_gate_back(lane: Any) -> None:
    lane.transport.open.clear()
    await lane.road.append(1)
    assert lane.gate.inside == 1
    await lane.stop()
    assert (lane.gate.inside, lane.gate.failures) == (0, 0)


# Isolating


async def test_one_poison_event_among_a_thousand_is_found_with_about_log2_requests(make_lane: Any) -> None:
    most = 0
    for poison in (1, 2, 500, 501, 777, 1000):
        lane = await make_lane(start=False, options=DeliveryOptions(isolate=True))
        lane.road.start()
        took = destination(lane, poison={poison})
        await lane.road.append(*[1] * 1000)
        await lane.start()
        await quiet(800)
        assert took == [n for n in range(1, 1001) if n != poison]
        assert [letter.position for letter in await dead(lane)] == [poison]
        assert lane.cursor == 1001
        most = max(most, len(lane.transport.sent))
        await lane.stop()
    assert most <= 2 * math.ceil(math.log2(1000)) + 1


async def test_several_poison_events_are_all_found_and_the_others_arrive_in_order(make_lane: Any) -> None:
    lane = await make_lane(start=False, options=DeliveryOptions(isolate=True))
    lane.road.start()
    poison = {1, 2, 50, 99, 100}
    took = destination(lane, poison=poison, status=422)
    await lane.road.append(*[1] * 100)
    await lane.start()
    await quiet(800)
    assert took == [n for n in range(1, 101) if n not in poison]
    assert {letter.position for letter in await dead(lane)} == poison
    assert lane.cursor == 101
    assert "dead_letters" in lane.overseer.standing


async def test_a_dead_letter_says_what_was_wrong_and_keeps_its_bytes(make_lane: Any) -> None:
    lane = await make_lane(options=DeliveryOptions(isolate=True))
    destination(lane, poison={2})
    await lane.road.append(1, 2)
    [letter] = await dead(lane)
    assert (letter.subject_id, letter.attempts, letter.reason, letter.status) == (2, 1, "rejected", 400)
    assert (letter.detail, letter.due_us, letter.dead_us) == ("not this one", None, lane.clock.now_us())
    body = await lane.store.body(1, letter.id)
    [said] = json.loads(lane.transport.sent[-1].body)
    assert json.loads(body) == said


async def test_a_dead_letter_becomes_durable_in_the_settle_by_which_the_cursor_passes_it(make_lane: Any) -> None:
    lane = await make_lane(start=False, options=DeliveryOptions(isolate=True), max_items=1)
    types = ("gps_position", "car_odometer_km")
    lane.road.use(view(subscription(1, types=types), streams=[(1, 1, 1)]))
    await lane.start()
    lane.transport.answers.extend([failed("rejected", status=400), failed()])
    await lane.road.append(1)  # one item of two events: the first is refused, then the endpoint fails
    assert len(lane.transport.sent) == 2
    assert (lane.cursor, await dead(lane)) == (1, [])
    await lane.pass_time(20)
    assert lane.cursor == 2
    assert len(await dead(lane)) == 1


async def test_a_failing_endpoint_in_the_middle_of_isolating_only_delays_it(make_lane: Any) -> None:
    lane = await make_lane(options=DeliveryOptions(isolate=True))
    refused = failed("rejected", status=400)
    lane.transport.answers.extend([refused, OK, failed(), refused])
    await lane.road.append(1, 1)
    assert lane.cursor == 2  # the first half is delivered
    await lane.pass_time(20)
    assert lane.cursor == 3
    assert [sent_positions(message) for message in lane.transport.sent] == [[1, 2], [1], [2], [2]]
    assert [letter.position for letter in await dead(lane)] == [2]


async def test_a_kill_in_the_middle_of_isolating_loses_nothing(make_lane: Any) -> None:
    lane = await make_lane(start=False, options=DeliveryOptions(isolate=True))
    lane.road.start()
    await lane.road.append(*[1] * 8)
    poison = {3, 7}
    took = destination(lane, poison=poison)
    for turns in range(1, 40, 3):
        await lane.start_for(turns)
        await lane.stop()
    await lane.start()
    await quiet(200)
    assert list(dict.fromkeys(took)) == [1, 2, 4, 5, 6, 8]
    assert {letter.position for letter in await dead(lane)} == poison
    assert lane.cursor == 9


# Splitting


async def test_a_bulk_that_is_too_large_goes_in_halves_and_the_next_ones_are_smaller(make_lane: Any) -> None:
    lane = await make_lane(start=False, options=DeliveryOptions(split=True))
    lane.road.start()
    await lane.road.append(*[1] * 64)
    took = destination(lane, max_bytes=4000)
    await lane.start()
    await quiet(200)
    assert took == list(range(1, 65))
    assert lane.cursor == 65
    refused = sum(len(message.body) > 4000 for message in lane.transport.sent)
    assert refused > 0
    await lane.road.append(*[1] * 64)
    await quiet(200)
    assert took == list(range(1, 129))
    assert sum(len(message.body) > 4000 for message in lane.transport.sent) == refused  # it was remembered


async def test_bulks_grow_back_to_what_the_contract_says(make_lane: Any) -> None:
    lane = await make_lane(max_bytes=8000, options=DeliveryOptions(split=True))
    lane.transport.answers.append(failed("too_large", status=413))
    await lane.road.append(*[1] * 100)
    await quiet(200)
    assert max(len(message.body) for message in lane.transport.sent[1:]) <= 4000
    lane.transport.sent.clear()
    await lane.pass_time(REGROWS_EVERY_S)
    await lane.road.append(*[1] * 100)
    await quiet(200)
    assert 4000 < max(len(message.body) for message in lane.transport.sent) <= 8000


def test_what_was_learnt_of_sizes_is_forgotten_a_doubling_at_a_time(clock: Any) -> None:
    size = LearntSize(1000, clock)
    size.too_large(1000)
    size.too_large(500)
    sizes = []
    for _ in range(4):
        sizes.append(size.max_bytes())
        clock.advance(REGROWS_EVERY_S)
    assert sizes == [250, 500, 1000, 1000]


def test_a_small_bulk_that_is_refused_never_makes_the_next_ones_larger(clock: Any) -> None:
    size = LearntSize(1000, clock)
    size.too_large(200)
    size.too_large(800)
    assert size.max_bytes() == 100


async def test_a_single_event_that_is_too_large_becomes_a_dead_letter(make_lane: Any) -> None:
    lane = await make_lane(options=DeliveryOptions(split=True))
    lane.transport.answers.append(failed("too_large", status=413))
    await lane.road.append(1)
    assert lane.cursor == 2
    assert [letter.reason for letter in await dead(lane)] == ["too_large"]


# Gone, and refused credentials


async def test_a_destination_that_is_gone_has_the_subscription_paused_and_is_sent_nothing_more(make_lane: Any) -> None:
    lane = await make_lane(options=DeliveryOptions(disable=True))
    lane.transport.answers.append(failed("rejected", status=410))
    await lane.road.append(1)
    assert lane.overseer.paused == [1]
    assert lane.overseer.standing == {"destination_gone"}
    await lane.pass_time(DAY_S)
    assert len(lane.transport.sent) == 1
    assert lane.cursor == 1


async def test_a_pause_that_does_not_come_is_asked_for_again(make_lane: Any) -> None:
    lane = await make_lane(options=DeliveryOptions(disable=True))
    lane.transport.answers.append(failed("rejected", status=410))
    await lane.road.append(1)
    await lane.pass_time(PAUSE_AGAIN_S)
    assert lane.overseer.paused == [1, 1]


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_raise_an_alert_and_are_tried_at_the_contracts_pace(
    make_lane: Any, status: int
) -> None:
    lane = await make_lane(credentials_probe_s=90.0)
    lane.transport.answers.extend([failed("credentials", status=status)] * 3)
    await lane.road.append(1)
    assert lane.overseer.standing == {"credentials_refused"}
    for _ in range(3):
        await lane.pass_time(90)
    assert lane.transport.at_s == [0, 90, 180, 270]
    assert lane.overseer.standing == set()
    assert lane.cursor == 2


async def test_an_endpoint_that_fails_is_an_alert_until_it_answers(lane: Any) -> None:
    lane.transport.answers.extend([failed()] * 2)
    await lane.road.append(1)
    assert lane.overseer.alerts == {
        ("destination_failing", 1): "1 failures in a row, the last: server_error (status 503)"
    }
    await lane.pass_time(20)
    assert lane.overseer.alerts["destination_failing", 1].startswith("2 failures")
    await lane.pass_time(20)
    assert lane.overseer.alerts == {}


# What is not sent any more


async def test_what_waited_for_too_long_expires_also_while_it_is_tried_again(make_lane: Any) -> None:
    lane = await make_lane(options=DeliveryOptions(max_backlog_age_s=50), max_items=2)
    lane.transport.answers.extend([failed()] * 3)
    await lane.road.append(1)
    await lane.pass_time(30)  # the second attempt was at 20 s
    await lane.road.append(1, 1)
    await lane.pass_time(10)
    assert lane.overseer.standing == {"destination_failing"}
    await lane.pass_time(20)  # 60 s: the first is too old for its fourth attempt
    await lane.pass_time(120)
    assert await skips(lane) == [(1, 4, "too_old", 3)]
    assert "events_expired" in lane.overseer.standing
    assert lane.cursor == 4
    await lane.road.append(1)
    await lane.pass_time(0)
    assert lane.transport.positions[-1] == 4


async def test_events_expire_only_beyond_the_age(make_lane: Any) -> None:
    lane = await make_lane(options=DeliveryOptions(max_backlog_age_s=20))
    lane.transport.answers.append(failed())
    await lane.road.append(1)
    await lane.pass_time(20)
    assert lane.cursor == 2
    assert await skips(lane) == []


async def test_what_lost_its_access_is_recorded_in_the_settle_that_passes_it(lane: Any) -> None:
    lane.transport.answers.append(failed())
    await lane.road.append(1, 2)
    await lane.road.append(2, 1, 2)
    lane.only(1)
    assert await skips(lane) == []
    await lane.pass_time(20)
    assert lane.cursor == 6
    assert await skips(lane) == [(2, 4, "access_ended", 2), (5, 6, "access_ended", 1)]


async def test_while_it_stands_in_line_access_may_end(lane: Any) -> None:
    entered = [lane.gate.enter(asyncio.Event()) for _ in range(16)]
    await lane.road.append(1)
    lane.only()
    lane.gate.leave(entered[0], "delivered")
    await quiet()
    assert lane.transport.sent == []
    assert await skips(lane) == [(1, 2, "access_ended", 1)]
    assert lane.gate.inside == 15


# Redriven letters


async def redrive(lane: Any, *, due_in_s: float = 0.0) -> Any:
    found = await lane.store.dead(LetterFilter())
    due_us = lane.clock.now_us() + round(due_in_s * 1e6)
    return [one.letter for one in await lane.store.revive(found, [due_us] * len(found))]


@pytest.fixture
async def with_dead(make_lane: Any) -> Any:
    """Positions 2 and 4 of 1 to 5 are dead letters; from now on everything is taken."""
    lane = await make_lane(options=DeliveryOptions(isolate=True))
    destination(lane, poison={2, 4})
    await lane.road.append(1, 1, 1, 2, 1)
    assert [letter.position for letter in await dead(lane)] == [2, 4]
    lane.transport.answers.clear()
    lane.transport.sent.clear()
    return lane


async def test_redriven_letters_go_out_as_one_bulk_oldest_first_and_are_gone(with_dead: Any) -> None:
    lane = with_dead
    lane.delivery.adopt((await redrive(lane))[::-1])
    await quiet()
    assert [sent_positions(message) for message in lane.transport.sent] == [[2, 4]]
    assert await lane.store.letter_counts() == {}
    assert lane.cursor == 6


async def test_letters_that_were_parked_while_nothing_ran_are_found_at_the_start(with_dead: Any) -> None:
    lane = with_dead
    await lane.stop()
    await redrive(lane)
    await lane.start()
    assert lane.transport.positions == [2, 4]
    assert await lane.store.letter_counts() == {}


async def test_a_letter_that_is_refused_again_is_dead_again_and_holds_up_nothing(with_dead: Any) -> None:
    lane = with_dead
    await lane.stop()
    lane.contract = structs.replace(CONTRACTS["connected_cars"], linger_ms=0)  # without the option, too
    took = destination(lane, poison={4})
    await redrive(lane)
    await lane.start()
    await lane.road.append(1)
    assert took == [2, 6]
    [letter] = await dead(lane)
    assert (letter.position, letter.attempts, letter.reason) == (4, 1, "rejected")
    assert await lane.store.parked(1) == []


async def test_letters_wait_until_they_are_due(with_dead: Any) -> None:
    lane = with_dead
    lane.delivery.adopt(await redrive(lane, due_in_s=3))
    await lane.pass_time(2.999)
    assert lane.transport.sent == []
    await lane.pass_time(0.001)
    assert lane.transport.positions == [2, 4]


async def test_letters_and_what_is_new_take_turns(make_lane: Any) -> None:
    lane = await make_lane(options=DeliveryOptions(isolate=True), max_items=2)
    destination(lane, poison=range(1, 7))
    await lane.road.append(*[1] * 6)
    await quiet(200)
    assert len(await dead(lane)) == 6
    lane.transport.answers.clear()
    lane.transport.sent.clear()
    entered = [lane.gate.enter(asyncio.Event()) for _ in range(16)]
    lane.delivery.adopt(await redrive(lane))
    await lane.road.append(*[1] * 4)
    for one in entered:
        lane.gate.leave(one, "delivered")
    await quiet(200)
    assert [sent_positions(message) for message in lane.transport.sent] == [[1, 2], [7, 8], [3, 4], [9, 10], [5, 6]]


async def test_a_letter_whose_access_ended_is_not_sent_and_that_is_recorded(with_dead: Any) -> None:
    lane = with_dead
    lane.only(1)
    lane.delivery.adopt(await redrive(lane))
    await quiet()
    assert lane.transport.positions == [2]
    assert await skips(lane) == [(4, 5, "access_ended", 1)]
    assert await lane.store.letter_counts() == {}


async def test_letters_keep_their_request_id_over_attempts_and_restarts(with_dead: Any) -> None:
    lane = with_dead
    lane.transport.answers.extend([failed()] * 2)
    lane.delivery.adopt(await redrive(lane))
    await quiet()
    await lane.pass_time(20)
    await lane.stop()
    await lane.start()
    await lane.pass_time(20)
    ids = {message.request_id for message in lane.transport.sent}
    assert [sent_positions(message) for message in lane.transport.sent] == [[2, 4]] * 3
    assert len(ids) == 1


async def test_letters_never_move_the_cursor(with_dead: Any) -> None:
    lane = with_dead
    lane.delivery.adopt(await redrive(lane))
    await quiet()
    assert lane.happened[-1] == ("settled", 6)
