"""Those who catch up take short turns, one at a time, and leave most of the time to live events while there are any."""

import asyncio
from typing import Any

import pytest

from fixtures.pipeline import Road, positions, quiet, subscription, turns_until, view
from postroad.routing.pace import LIVE_S, RESTS, TURN_S, Pace

WORK_S = 2 * TURN_S
REST_S = RESTS * WORK_S
TICK_S = 0.00001


@pytest.fixture
def pace(clock: Any) -> Pace:
    return Pace(clock)


async def take_turns(pace: Pace, clock: Any, taken: list[str], name: str, turns: int) -> None:
    for _ in range(turns):
        async with pace:
            taken.append(name)
            clock.advance(WORK_S)


async def test_a_turn_is_over_when_its_time_is(pace: Pace, clock: Any) -> None:
    async with pace:
        assert not pace.over
        clock.advance(TURN_S - TICK_S)
        assert not pace.over
        clock.advance(2 * TICK_S)
        assert pace.over


async def test_waiting_within_a_turn_for_leave_to_begin_does_not_count(pace: Pace, clock: Any) -> None:
    async with pace:
        clock.advance(1.0)
        pace.begin()
        assert not pace.over


async def test_while_live_events_flow_a_turn_is_followed_by_a_rest(pace: Pace, clock: Any) -> None:
    pace.live()
    taken: list[str] = []
    task = asyncio.create_task(take_turns(pace, clock, taken, "one", 2))
    await quiet()
    assert taken == ["one"]
    clock.advance(REST_S - TICK_S)
    await quiet()
    assert taken == ["one"]
    clock.advance(2 * TICK_S)
    await quiet()
    assert taken == ["one", "one"]
    clock.advance(REST_S + TICK_S)
    await task


async def test_without_live_events_there_is_no_rest_but_others_get_their_turn(pace: Pace, clock: Any) -> None:
    pace.live()
    clock.advance(LIVE_S)
    taken: list[str] = []
    task = asyncio.create_task(take_turns(pace, clock, taken, "one", 3))
    await turns_until(lambda: bool(taken))
    assert taken == ["one"]  # the event loop went round before the second
    await quiet()
    assert taken == ["one"] * 3
    await task


async def test_many_who_catch_up_share_one_pace_and_take_turns(pace: Pace, clock: Any) -> None:
    pace.live()
    taken: list[str] = []
    tasks = [asyncio.create_task(take_turns(pace, clock, taken, name, 2)) for name in ("one", "two")]
    for count in range(1, 5):
        await quiet()
        assert len(taken) == count  # while one rests so do all
        clock.advance(REST_S + TICK_S)
    assert taken == ["one", "two", "one", "two"]
    await asyncio.gather(*tasks)


async def test_whoever_is_stopped_while_resting_gives_the_turn_back(pace: Pace, clock: Any) -> None:
    pace.live()
    taken: list[str] = []
    stopped = asyncio.create_task(take_turns(pace, clock, taken, "stopped", 2))
    await quiet()
    stopped.cancel()
    other = asyncio.create_task(take_turns(pace, clock, taken, "other", 1))
    await quiet()
    assert taken == ["stopped", "other"]
    clock.advance(REST_S + TICK_S)
    await other


class LeapingClock:
    """Each look at it is a second later, and sleep is noted and over at once."""

    def __init__(self) -> None:
        self.s = 0.0
        self.slept: list[float] = []

    def now_us(self) -> int:
        return 1_700_000_000_000_000

    def monotonic_s(self) -> float:
        self.s += 1.0
        return self.s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


async def test_however_slow_an_item_is_each_turn_brings_a_feed_on() -> None:
    road = Road(LeapingClock(), used=view(subscription(1), streams=[(1, 1, 1)]))
    road.start()
    await road.append(*[1] * 10)
    feed = road.feed(1, position=1)
    await road.router.catch_up(feed)
    assert positions(feed) == list(range(1, 11))
    await road.stop()


async def test_catching_up_rests_after_a_live_event_and_routing_never_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = LeapingClock()
    monkeypatch.setattr("postroad.routing.pace.LIVE_S", 1e9)
    road = Road(clock, used=view(subscription(1), streams=[(1, 1, 1)]))
    road.start()
    await road.append(*[1] * 10)
    assert not clock.slept
    await road.router.catch_up(road.feed(1, position=1))
    assert len(clock.slept) == 10  # a turn an item: each is over at once
    await road.stop()


async def test_standing_still_for_a_change_of_the_view_is_no_part_of_a_turn(clock: Any) -> None:
    road = Road(clock, used=view(subscription(1), streams=[(1, 1, 1)]))
    road.start()
    await road.append(*[1] * 100)
    feed = road.feed(1, position=1)
    async with road.router.gate:
        catching_up = asyncio.create_task(road.router.catch_up(feed))
        await quiet()
        clock.advance(LIVE_S / 2)
    await quiet()
    assert catching_up.done()  # in one turn, without a rest
    assert len(feed.queue) == 100
    await road.stop()
