"""The order ``bulk``: what is sent at once, when it is tried again, and what the cursor promises."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.accounts import assert_accounted
from fixtures.clock import VirtualClock
from fixtures.lane import Lane
from fixtures.pipeline import failed, part, quiet, sent_positions, subscription, view
from postroad.errors import StoreUnavailable
from postroad.protocols import TARGETS
from postroad.protocols.connected_cars import PROTOCOL
from postroad.protocols.contract import RetryPolicy
from postroad.transports.base import Delivered

TWO_TYPES = ("gps_position", "car_odometer_km")


def sizes(lane: Any) -> list[int]:
    return [len(json.loads(message.body)) for message in lane.transport.sent]


# What goes into a bulk


async def test_a_bulk_holds_at_most_so_many_events(make_lane: Any) -> None:
    lane = await make_lane(max_items=4)
    await lane.road.append(*[1] * 10)
    assert sizes(lane) == [4, 4, 2]
    assert lane.transport.positions == list(range(1, 11))


async def test_a_bulk_holds_at_most_so_many_bytes(make_lane: Any) -> None:
    lane = await make_lane(max_bytes=600)
    await lane.road.append(*[1] * 10)
    assert lane.transport.positions == list(range(1, 11))
    assert all(len(message.body) <= 600 for message in lane.transport.sent)
    assert all(
        len(a.body) + len(b.body) > 600 for a, b in zip(lane.transport.sent, lane.transport.sent[1:], strict=False)
    )


async def test_an_event_larger_than_the_limit_goes_alone(make_lane: Any) -> None:
    lane = await make_lane(max_bytes=20)
    await lane.road.append(1, 2, 1)
    assert sizes(lane) == [1, 1, 1]
    assert lane.transport.positions == [1, 2, 3]


async def test_a_bulk_that_is_not_full_waits_a_little_for_more(make_lane: Any) -> None:
    lane = await make_lane(linger_ms=500)
    await lane.pass_time(0.5)
    await lane.road.append(1)
    await lane.pass_time(0.4)
    await lane.road.append(1)
    assert lane.transport.sent == []
    await lane.pass_time(0.1)
    assert sizes(lane) == [2]


async def test_a_full_bulk_waits_for_nothing(make_lane: Any) -> None:
    lane = await make_lane(linger_ms=500, max_items=2)
    await lane.road.append(1, 1)
    assert sizes(lane) == [2]


@pytest.fixture
async def two_events_each(make_lane: Any) -> Any:
    """Each item becomes two events; three fit into a bulk."""
    lane = await make_lane(start=False, max_items=3)
    lane.road.use(view(subscription(1, types=TWO_TYPES), streams=[(1, 1, 1), (1, 2, 1)]))
    await lane.start()
    return lane


async def test_an_item_that_does_not_fit_whole_is_left_for_the_next_bulk(two_events_each: Any) -> None:
    lane = two_events_each
    await lane.road.append(1, 1)
    assert [sent_positions(message) for message in lane.transport.sent] == [[1, 1], [2, 2]]
    assert lane.happened == [("settled", 2), ("settled", 3)]


async def test_an_item_with_more_events_than_a_bulk_holds_is_split_and_settled_once_it_is_whole(make_lane: Any) -> None:
    lane = await make_lane(start=False, max_items=1)
    lane.road.use(view(subscription(1, types=TWO_TYPES), streams=[(1, 1, 1)]))
    await lane.start()
    lane.transport.answers.extend([Delivered(status=200, elapsed_s=0), failed()])
    await lane.road.append(1)
    assert sizes(lane) == [1, 1]
    assert lane.cursor in (None, 1)  # half an item is not settled
    await lane.pass_time(20)
    assert lane.cursor == 2
    kinds = [json.loads(message.body)[0]["type"] for message in lane.transport.sent]
    assert kinds == ["car_odometer_km", "gps_position", "gps_position"]


# Trying again


async def test_a_failed_bulk_goes_again_the_same_bytes_under_the_same_id_before_anything_else(lane: Any) -> None:
    lane.transport.answers.extend([failed()] * 3)
    await lane.road.append(1, 2)
    await lane.road.append(1)
    for _ in range(3):
        await lane.pass_time(20)
    first, *again, last = lane.transport.sent
    assert [(m.body, m.request_id) for m in again] == [(first.body, first.request_id)] * 3
    assert (sent_positions(first), sent_positions(last)) == ([1, 2], [3])
    assert last.request_id != first.request_id
    assert [attempt for _, attempt, _ in lane.attempts] == [1, 2, 3, 4, 1]


async def test_the_schedule_is_three_times_20_s_then_two_minutes_doubled_up_to_an_hour(lane: Any) -> None:
    waits = [20, 20, 20, 120, 240, 480, 960, 1920, 3600, 3600]
    lane.transport.answers.extend([failed()] * len(waits))
    await lane.road.append(1)
    for sent, wait in enumerate(waits, 1):
        await lane.pass_time(wait - 0.001)
        assert len(lane.transport.sent) == sent
        await lane.pass_time(0.001)
        assert len(lane.transport.sent) == sent + 1
    assert lane.cursor == 2


async def test_after_a_success_the_schedule_begins_anew(lane: Any) -> None:
    lane.transport.answers.extend([failed()] * 4 + [Delivered(status=200, elapsed_s=0), failed()])
    await lane.road.append(1)
    await lane.road.append(1)
    for wait in (20, 20, 20, 120):
        await lane.pass_time(wait)
    assert len(lane.transport.sent) == 6
    await lane.pass_time(20)
    assert len(lane.transport.sent) == 7


@pytest.mark.parametrize(("asked", "waits"), [(300.0, 300), (5.0, 20), (None, 20)])
async def test_a_retry_after_is_honoured_where_it_is_later_than_the_schedule(
    lane: Any, asked: float | None, waits: int
) -> None:
    lane.transport.answers.append(failed("throttled", status=429, retry_after_s=asked))
    await lane.road.append(1)
    await lane.pass_time(waits - 0.001)
    assert len(lane.transport.sent) == 1
    await lane.pass_time(0.001)
    assert len(lane.transport.sent) == 2


async def test_a_subscription_may_have_a_schedule_of_its_own(make_lane: Any) -> None:
    lane = await make_lane(retry=RetryPolicy(first_waits_s=(), then_s=1.0, cap_s=2.0))
    lane.transport.answers.extend([failed()] * 3)
    await lane.road.append(1)
    for wait in (1, 2, 2):
        await lane.pass_time(wait)
    assert lane.transport.at_s == [0, 1, 3, 5]


async def test_a_confirmation_outside_of_what_the_contract_calls_success_is_none(make_lane: Any) -> None:
    lane = await make_lane(success=(200, 200))
    lane.transport.answers.append(Delivered(status=202, elapsed_s=0.01))
    await lane.road.append(1)
    assert lane.cursor == 1
    await lane.pass_time(20)
    assert lane.cursor == 2


# The cursor


async def test_the_cursor_is_durable_after_the_delivery_and_before_the_next_bulk(make_lane: Any) -> None:
    lane = await make_lane(max_items=1)
    lane.transport.answers.extend(
        [lambda m: lane.happened.append(("sent", sent_positions(m)[0])) or Delivered(status=200, elapsed_s=0)] * 3
    )
    await lane.road.append(1, 1, 1)
    assert lane.happened == [(what, at) for at in (1, 2, 3) for what, at in (("sent", at), ("settled", at + 1))]


async def test_nothing_is_settled_while_the_answer_is_out(lane: Any) -> None:
    lane.transport.open.clear()
    await lane.road.append(1)
    assert len(lane.transport.sent) == 1
    assert lane.cursor == 1
    lane.transport.open.set()
    await quiet()
    assert lane.cursor == 2


async def test_while_the_store_cannot_take_the_cursor_nothing_more_is_sent(
    make_lane: Any, caplog: pytest.LogCaptureFixture
) -> None:
    lane = await make_lane(max_items=1)
    lane.store.failure = StoreUnavailable("disk_full", "no room")
    await lane.road.append(1, 1)
    for _ in range(5):
        await lane.pass_time(5)
    assert lane.transport.positions == [1]
    assert "no room" in caplog.text
    lane.store.failure = None
    await lane.pass_time(5)
    assert lane.transport.positions == [1, 2]
    assert lane.cursor == 3


async def test_an_idle_cursor_follows_the_log_without_anything_sent(lane: Any) -> None:
    await lane.road.append(3, 3, 3)
    assert lane.cursor == 1
    await lane.pass_time(5)
    assert lane.cursor == 4
    assert lane.transport.sent == []


async def test_the_idle_cursor_never_passes_what_is_still_to_be_sent(lane: Any) -> None:
    lane.transport.answers.extend([failed()] * 5)
    await lane.road.append(1)
    await lane.road.append(3, 3)
    for _ in range(10):
        await lane.pass_time(5)
    assert lane.cursor == 1


async def test_what_a_catching_up_feed_had_no_use_for_is_settled(make_lane: Any) -> None:
    lane = await make_lane(start=False)
    lane.road.start()
    await lane.road.append(3, 3, 3)
    await lane.start()
    await lane.pass_time(5)
    assert lane.cursor == 4


# Access at the moment of sending


async def test_what_lost_its_access_between_routing_and_sending_is_skipped(lane: Any) -> None:
    lane.transport.answers.append(failed())
    await lane.road.append(1)  # holds up the rest
    await lane.road.append(2, 1, 2)
    lane.only(1)
    await lane.pass_time(20)
    assert lane.transport.positions == [1, 1, 3]
    assert lane.cursor == 5


async def test_what_loses_its_access_during_the_linger_is_not_sent(make_lane: Any) -> None:
    lane = await make_lane(linger_ms=500)
    await lane.road.append(1, 2)
    lane.only()
    await lane.pass_time(0.5)
    assert lane.transport.sent == []
    assert lane.cursor == 3


async def test_a_bulk_that_is_tried_again_leaves_out_what_lost_its_access_under_a_new_id(lane: Any) -> None:
    lane.transport.answers.extend([failed()] * 2)
    await lane.road.append(1, 2, 1)
    lane.only(1)
    await lane.pass_time(20)
    await lane.pass_time(20)
    assert [sent_positions(message) for message in lane.transport.sent] == [[1, 2, 3], [1, 3], [1, 3]]
    first, second, third = (message.request_id for message in lane.transport.sent)
    assert first != second == third
    assert lane.cursor == 4


async def test_a_bulk_that_lost_all_access_is_not_tried_again_and_is_settled(lane: Any) -> None:
    lane.transport.answers.append(failed())
    await lane.road.append(1, 1)
    lane.only(2)
    await lane.pass_time(20)
    assert len(lane.transport.sent) == 1
    assert lane.cursor == 3
    await lane.road.append(2)
    assert lane.transport.positions[-1] == 3


async def test_a_stream_that_begins_again_later_gives_nothing_from_before(lane: Any) -> None:
    lane.transport.answers.append(failed())
    await lane.road.append(1, 1, 1)
    lane.only(1, start=3)
    await lane.pass_time(20)
    assert [sent_positions(message) for message in lane.transport.sent] == [[1, 2, 3], [3]]


# Restarts


async def test_a_restart_between_delivery_and_settling_repeats_that_bulk_and_no_more(make_lane: Any) -> None:
    lane = await make_lane(max_items=2)
    await lane.road.append(1, 1)
    lane.store.held = asyncio.Event()
    await lane.road.append(1, 1)
    await lane.road.append(1, 1)
    assert lane.transport.positions == [1, 2, 3, 4]
    await lane.kill()
    await lane.start()
    assert lane.transport.positions == [1, 2, 3, 4, 3, 4, 5, 6]


async def test_a_delivery_that_is_stopped_waits_for_the_settle_under_way(make_lane: Any) -> None:
    lane = await make_lane(max_items=2)
    lane.store.held = held = asyncio.Event()
    await lane.road.append(1, 1)
    stopping = asyncio.ensure_future(lane.stop())
    await quiet()
    assert not stopping.done(), "it could land behind the first look of whoever begins next"
    held.set()
    await stopping
    assert lane.delivery.settled == lane.cursor == 3


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.sampled_from(["append", "fail", "kill", "time", "turn", "hold", "go"]), max_size=30),
    max_items=st.integers(1, 4),
    limit_bytes=st.sampled_from([1, 300, 1 << 20]),
    turns=st.integers(1, 15),
)
def test_whenever_it_is_killed_it_skips_nothing_and_repeats_at_most_one_bulk(
    steps: list[str], max_items: int, limit_bytes: int, turns: int
) -> None:
    async def play() -> None:
        lane = Lane(VirtualClock(), max_items=max_items, limit_bytes=limit_bytes)
        delivered: list[int] = []
        fails = 0

        def answer(message: Any) -> Any:
            nonlocal fails
            if fails:
                fails -= 1
                return failed()
            delivered.extend(sent_positions(message))
            return Delivered(status=200, elapsed_s=0)

        lane.transport.answers.extend([answer] * 1000)
        await lane.start()
        appended = kills = 0
        for step in steps:
            match step:
                case "append":
                    await lane.road.log.append(part(1, 2, 1, received_us=lane.clock.now_us()))
                    appended += 3
                case "fail":
                    fails += 1
                case "kill":
                    await lane.kill()
                    kills += 1
                    await lane.start()
                case "time":
                    lane.clock.advance(3600)
                case "turn":
                    await quiet(turns)
                case "hold":
                    lane.store.held = lane.store.held or asyncio.Event()
                case "go":
                    if lane.store.held is not None:
                        lane.store.held.set()
                    lane.store.held = None
        fails = 0
        if lane.store.held is not None:
            lane.store.held.set()
            lane.store.held = None
        for _ in range(40):
            lane.clock.advance(3600)
            await quiet()
        wanted = list(range(1, appended + 1))
        assert list(dict.fromkeys(delivered)) == wanted  # nothing is missing, first deliveries are in order
        assert len(delivered) - len(wanted) <= kills * max_items
        assert lane.cursor == appended + 1
        slot = TARGETS["connected_cars"].slots["gps_position"]
        await assert_accounted(lane.store, [(position, slot) for position in wanted])
        await lane.close()

    asyncio.run(play())


def test_the_contract_under_test_is_the_vendors() -> None:
    assert PROTOCOL.contracts["gps_position"].retry == RetryPolicy(
        first_waits_s=(20.0,) * 3, then_s=120.0, cap_s=3600.0
    )
