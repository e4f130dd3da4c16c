"""The provider sends every event in order until it is saved, over real HTTP, to a server that fails on demand."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from itertools import islice, pairwise
from random import Random

import aiohttp
import aiohttp.web
import msgspec
import pytest

from postroad.simulate.fleet import Vehicle, make_fleet
from postroad.simulate.injector import BackOff, Injector, Resending
from postroad.simulate.traces import Traces

START_US = 1_700_000_000_000_000
SAVED = {"status": True, "description": "Successfully saved."}
QUICK = Resending(first_s=1.0, cap_s=8.0, jitter=0.0, timeout_s=5.0)
Answer = aiohttp.web.Response
Trouble = Callable[[aiohttp.web.Request, dict], Awaitable[Answer | None]]


class Platform:
    """Takes injections; ``trouble`` may answer in its place, or return None to let an event be saved."""

    def __init__(self) -> None:
        self.trouble: Trouble | None = None
        self.seen: list[dict] = []
        self.saved: list[dict] = []
        self.tokens: set[str] = set()
        self.most_at_once = 0
        self.url = ""
        self._busy: Counter[str] = Counter()

    async def handle(self, request: aiohttp.web.Request) -> Answer:
        event = msgspec.json.decode(await request.read())
        self.tokens.add(request.headers["Authorization"])
        self.seen.append(event)
        assert not self._busy[event["plate"]], "two events of one vehicle at once"
        self._busy[event["plate"]] = 1
        self.most_at_once = max(self.most_at_once, sum(self._busy.values()))
        try:
            await asyncio.sleep(0)  # lets others in, if there are any
            answer = await self.trouble(request, event) if self.trouble else None
        finally:
            self._busy[event["plate"]] = 0
        if answer is None:
            self.saved.append(event)
            answer = aiohttp.web.json_response(SAVED)
        return answer


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    platform = Platform()
    app = aiohttp.web.Application()
    app.router.add_post("/provider/event/new/", platform.handle)
    runner = aiohttp.web.AppRunner(app, access_log=None)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    platform.url = f"http://127.0.0.1:{runner.addresses[0][1]}/provider/event/new/"
    yield platform
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def injector(platform: Platform, session: aiohttp.ClientSession, traces: Traces, clock) -> Callable[..., Injector]:
    """Makes an injector of some vehicles with so many events each, beginning so many seconds before now."""

    def make(vehicles: int = 5, events: int = 10, before_s: float = 10_000, **options) -> Injector:
        fleet = make_fleet(traces, count=vehicles, seed=11, start_us=START_US - round(before_s * 1e6))
        finite = [Vehicle(plate, islice(reports, events)) for plate, reports in fleet]
        options = {"concurrency": 4, "resending": QUICK, **options}
        return Injector(
            finite, session=session, url=platform.url, token="t-1", clock=clock, random=Random(1), **options
        )

    return make


def in_order(events: list[dict]) -> bool:
    by_plate: dict[str, list[str]] = {}
    for event in events:
        by_plate.setdefault(event["plate"], []).append(event["datetime"])
    return all(before < after for instants in by_plate.values() for before, after in pairwise(instants))


def failing(answers: list[Callable[[], Answer] | None], every: int = 3) -> Trouble:
    """Every so many requests the next of ``answers``; None breaks the connection."""
    count = 0

    async def trouble(request: aiohttp.web.Request, _: dict) -> Answer | None:
        nonlocal count
        count += 1
        if count % every:
            return None
        answer = answers[count // every % len(answers)]
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return Answer(status=500)
        return answer()

    return trouble


async def test_every_event_is_sent_once_in_order_with_the_token_and_acknowledged(platform: Platform, injector):
    one = injector()
    await one.run()
    assert len(platform.saved) == len(one.ledger.acknowledged) == one.ledger.requests == 50
    assert in_order(platform.saved)
    assert platform.tokens == {"Bearer t-1"}
    assert not one.ledger.pending
    assert one.ledger.resent == 0


async def test_events_are_resent_until_saved_whatever_goes_wrong_and_stay_in_order(platform: Platform, injector, clock):
    answers = [*(lambda status=status: Answer(status=status) for status in (500, 503, 429, 401, 404)), None]
    platform.trouble = failing(answers)
    one = injector(vehicles=8, events=20)
    await one.run()
    ledger = one.ledger
    assert len(ledger.acknowledged) == len(platform.saved) == 160
    assert in_order(platform.saved)
    assert ledger.resent == ledger.requests - 160 == sum(ledger.failures.values()) > 50
    assert set(ledger.failures) == {"http_500", "http_503", "http_429", "http_401", "http_404", "connection"}
    assert sum(clock.slept) > 10, "it never backed off"


async def test_an_answer_that_is_lost_makes_the_same_event_come_again(platform: Platform, injector):
    """It was saved, but nobody told the provider: a hub must know it again by what it says."""

    async def lose_the_first(request: aiohttp.web.Request, event: dict) -> Answer | None:
        if event in platform.saved or len(platform.saved) > 3:
            return None
        platform.saved.append(event)
        assert request.transport is not None
        request.transport.abort()
        return Answer()

    platform.trouble = lose_the_first
    one = injector(vehicles=1, events=6)
    await one.run()
    assert len(one.ledger.acknowledged) == 6
    assert len(platform.saved) == 8
    assert len({msgspec.json.encode(event) for event in platform.saved}) == 6


async def test_a_request_without_an_answer_times_out_and_is_resent(platform: Platform, injector):
    arrived, hang = asyncio.Event(), asyncio.Event()

    async def hang_once(_: aiohttp.web.Request, __: dict) -> Answer | None:
        if len(platform.seen) == 1:
            arrived.set()
            await hang.wait()
        return None

    platform.trouble = hang_once
    one = injector(vehicles=1, events=1, resending=Resending(first_s=1, jitter=0, timeout_s=0.05))
    task = asyncio.create_task(one.run())
    await arrived.wait()
    platform._busy.clear()  # the platform still holds the first request while the second one comes
    await task
    hang.set()
    assert one.ledger.failures == {"timeout": 1}
    assert one.ledger.acknowledged[0].attempts == 2


async def test_a_refused_event_is_kept_aside_and_does_not_block_the_vehicle(platform: Platform, injector):
    async def refuse_the_third(_: aiohttp.web.Request, __: dict) -> Answer | None:
        if len(platform.seen) == 3:
            return aiohttp.web.json_response({"status": False, "description": "Parameter speed is invalid"}, status=400)
        return None

    platform.trouble = refuse_the_third
    one = injector(vehicles=1, events=6)
    await one.run()
    assert len(one.ledger.acknowledged) == 5
    ((sent, description),) = one.ledger.refused
    assert sent.attempts == 1
    assert "Parameter speed is invalid" in description
    assert not one.ledger.pending


async def test_buff_marks_what_is_older_than_a_minute_and_nothing_else(platform: Platform, injector):
    one = injector(vehicles=3, events=20, before_s=120)
    await one.run()
    assert {event["buff"] for event in platform.saved} == {True, False}
    for event in platform.saved:
        age_s = START_US / 1e6 - _epoch_s(event["datetime"])
        assert event["buff"] == (age_s > 60), event
    assert one.ledger.late == sum(event["buff"] for event in platform.saved)


async def test_an_event_that_grows_old_while_waiting_is_resent_with_buff_and_its_own_time(platform: Platform, injector):
    async def down_for_long(_: aiohttp.web.Request, __: dict) -> Answer | None:
        return Answer(status=503, headers={"Retry-After": "30"}) if len(platform.seen) <= 3 else None

    platform.trouble = down_for_long
    one = injector(vehicles=1, events=1, before_s=1, resending=Resending(first_s=5, cap_s=60, jitter=0))
    await one.run()
    assert [event["buff"] for event in platform.seen] == [False, False, True, True]
    assert len({event["datetime"] for event in platform.seen}) == 1


async def test_no_event_is_sent_before_its_time(platform: Platform, injector, clock):
    early = []

    async def look(_: aiohttp.web.Request, event: dict) -> None:
        early.append(clock.now_us() / 1e6 < _epoch_s(event["datetime"]) - 0.001)

    platform.trouble = look
    await injector(vehicles=6, events=10, before_s=-5).run()
    assert len(early) == 60
    assert not any(early)


async def test_requests_in_flight_are_bounded_and_used(platform: Platform, injector):
    await injector(vehicles=20, events=5, concurrency=6).run()
    assert 2 <= platform.most_at_once <= 6


async def test_stop_finishes_what_was_begun_and_begins_nothing_more(platform: Platform, injector):
    one = injector(vehicles=5, events=1000)

    stopped = False

    async def stop_after_30(_: aiohttp.web.Request, __: dict) -> Answer | None:
        nonlocal stopped
        if stopped or len(platform.seen) < 30:
            return None
        stopped = True
        one.stop()
        return Answer(status=503)  # so that this one still has to come again

    platform.trouble = stop_after_30
    await one.run()
    assert 29 <= len(one.ledger.acknowledged) <= 36
    assert len(platform.saved) == len(one.ledger.acknowledged)
    assert not one.ledger.pending


async def test_stop_wakes_those_who_wait_for_the_next_event(injector, clock):
    asleep = asyncio.Event()

    async def sleep_forever(_: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    clock.sleep = sleep_forever
    one = injector(before_s=-3600)
    task = asyncio.create_task(one.run())
    await asleep.wait()
    one.stop()
    await task
    assert one.ledger.requests == 0


async def test_cancelled_it_knows_what_is_pending(platform: Platform, injector):
    arrived, never = asyncio.Event(), asyncio.Event()

    async def never_answer(_: aiohttp.web.Request, __: dict) -> None:
        if len(platform.seen) == 3:
            arrived.set()
        await never.wait()

    platform.trouble = never_answer
    one = injector(vehicles=3, events=5, concurrency=3)
    task = asyncio.create_task(one.run())
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    never.set()
    assert {plate for plate, _ in one.ledger.pending} == {event["plate"] for event in platform.seen}
    assert one.ledger.acknowledged == []


async def test_the_back_off_doubles_up_to_its_cap_and_starts_over_after_a_success(clock):
    back_off = BackOff(Resending(first_s=5, cap_s=30, jitter=0), Random(1), clock)

    async def wait_s() -> float:
        before = clock.monotonic_s()
        await back_off.ready()
        return clock.monotonic_s() - before

    waits = []
    for _ in range(5):
        back_off.failed(clock.monotonic_s())
        waits.append(await wait_s())
    assert waits == [5, 10, 20, 30, 30]
    back_off.succeeded()
    back_off.failed(clock.monotonic_s())
    assert await wait_s() == 5


async def test_requests_that_fail_together_are_one_failure(clock):
    back_off = BackOff(Resending(first_s=5, cap_s=300, jitter=0), Random(1), clock)
    began_s = clock.monotonic_s()
    await clock.sleep(0.1)
    for _ in range(16):
        back_off.failed(began_s)
    before = clock.monotonic_s()
    await back_off.ready()
    assert clock.monotonic_s() - before == pytest.approx(5)


async def test_retry_after_is_heard_but_bounded(clock):
    back_off = BackOff(Resending(first_s=5, cap_s=60, jitter=0), Random(1), clock)
    back_off.failed(0.0, retry_after_s=40)
    await back_off.ready()
    assert clock.monotonic_s() == 40
    back_off.failed(40.0, retry_after_s=1_000_000)
    await back_off.ready()
    assert clock.monotonic_s() == 100


def _epoch_s(instant: str) -> float:
    return msgspec.convert(instant, type=datetime).timestamp()
