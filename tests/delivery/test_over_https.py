"""A delivery over a real socket: what a real server's answers do to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from fixtures.lane import Lane
from fixtures.pipeline import sent_positions
from postroad.clock import SystemClock
from postroad.delivery.options import DeliveryOptions
from postroad.egress.client import EgressClient
from postroad.log.delivery import LetterFilter
from postroad.transports.base import Message
from postroad.transports.https import Https, HttpsConfig


async def test_a_real_503_with_retry_after_holds_the_bulk_until_then(
    clock: Any, remote: Any, ca_file: str, egress: EgressClient
) -> None:
    reply = type(remote.answer(None))
    answers = [reply(503, headers={"Retry-After": "45"}), reply(200), reply(200)]
    remote.answer = lambda _request: answers.pop(0)
    lane = Lane(clock)
    lane.transport = Https(HttpsConfig(url=f"{remote.url}/events", ca_file=ca_file), egress, SystemClock())
    await lane.start()

    async def attempts(count: int) -> None:
        async with asyncio.timeout(10):
            while len(lane.attempts) < count:  # noqa: ASYNC110 - the answer's way back is the socket's
                await asyncio.sleep(0.005)

    await lane.road.append(1, 1)
    await attempts(1)
    await lane.pass_time(44.9)
    assert len(remote.requests) == 1
    await lane.road.append(1)
    await lane.pass_time(0.1)
    await attempts(3)
    first, again, later = remote.requests
    assert (first.body, first.headers["x-request-id"]) == (again.body, again.headers["x-request-id"])
    assert sent_positions(Message(body=later.body, content_type="", request_id="")) == [3]
    assert [outcome.status for _, _, outcome in lane.attempts] == [503, 200, 200]
    await lane.close()
    await lane.transport.close()


# The table of answers

Play = Callable[..., Awaitable[Lane]]


@pytest.fixture
async def play(clock: Any, remote: Any, ca_file: str, egress: EgressClient) -> AsyncIterator[Play]:
    """Send three items to a server that answers so first, and with 200 from then on; return once it was tried."""
    lanes: list[Lane] = []

    async def tried(status: int, *, attempts: int = 1, headers: Any = None, **options: bool) -> Lane:
        reply = type(remote.answer(None))
        answers = [reply(status, b"" if status == 204 else b"so it is", headers or {})]
        remote.answer = lambda _request: answers.pop() if answers else reply(200)
        lane = Lane(clock, options=DeliveryOptions(**options))
        lanes.append(lane)
        lane.transport = Https(HttpsConfig(url=f"{remote.url}/events", ca_file=ca_file), egress, SystemClock())
        await lane.start()
        await lane.road.append(1, 1, 1)
        async with asyncio.timeout(10):
            while len(lane.attempts) < attempts:  # noqa: ASYNC110 - the answer's way back is the socket's
                await asyncio.sleep(0.005)
        await asyncio.sleep(0)
        return lane

    yield tried
    for lane in lanes:
        await lane.close()
        await lane.transport.close()


RETRIED = [300, 301, 302, 307, 308, 400, 402, 404, 405, 408, 409, 410, 413, 422, 425, 429, 500, 501, 502, 503, 504, 599]


@pytest.mark.parametrize("status", RETRIED)
async def test_by_default_whatever_a_real_server_answers_holds_the_whole_bulk(
    play: Play, remote: Any, status: int
) -> None:
    lane = await play(status, headers={"Location": "/elsewhere"} if status < 400 else None)
    assert lane.gate.shut_for_s() == pytest.approx(20)
    assert lane.gate.state == "open"
    assert lane.cursor == 1
    assert [request.path for request in remote.requests] == ["/events"]  # no redirect was followed
    assert lane.overseer.standing == {"destination_failing"}
    assert await lane.store.letter_counts() == {}


@pytest.mark.parametrize("status", [401, 403])
async def test_credentials_that_a_real_server_refuses_are_tried_by_the_schedule_and_are_an_alert(
    play: Play, status: int
) -> None:
    lane = await play(status)
    assert lane.gate.shut_for_s() == pytest.approx(20)
    assert lane.overseer.standing == {"credentials_refused"}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_success_is_any_2xx(play: Play, status: int) -> None:
    lane = await play(status)
    assert lane.gate.state == "closed"
    assert lane.cursor == 4


@pytest.mark.parametrize(("asked", "waits"), [("100", 100), ("5", 20), ("99999999", 86_400), ("-7", 20), ("soon", 20)])
async def test_a_real_servers_retry_after_is_honoured_within_a_day(play: Play, asked: str, waits: int) -> None:
    lane = await play(429, headers={"Retry-After": asked})
    assert lane.gate.shut_for_s() == pytest.approx(waits)


@pytest.mark.parametrize(("status", "option"), [(400, "isolate"), (422, "isolate"), (413, "split")])
async def test_where_it_is_asked_for_a_refused_bulk_goes_on_in_pieces(play: Play, status: int, option: str) -> None:
    lane = await play(status, attempts=3, **{option: True})
    assert [bulk.events for bulk, _, _ in lane.attempts][:3] == [3, 1, 1 if option == "isolate" else 2]


async def test_where_it_is_asked_for_a_destination_that_is_gone_is_paused(play: Play, remote: Any) -> None:
    lane = await play(410, disable=True)
    assert lane.overseer.paused == [1]
    await lane.pass_time(86_400)
    assert len(remote.requests) == 1


async def test_the_poison_event_is_found_over_a_real_socket(
    clock: Any, remote: Any, ca_file: str, egress: EgressClient
) -> None:
    reply = type(remote.answer(None))
    poison = 37

    def answer(request: Any) -> Any:
        positions = sent_positions(Message(body=request.body, content_type="", request_id=""))
        return reply(422, b"what is this?") if poison in positions else reply(200)

    remote.answer = answer
    lane = Lane(clock, options=DeliveryOptions(isolate=True))
    lane.transport = Https(HttpsConfig(url=f"{remote.url}/events", ca_file=ca_file), egress, SystemClock())
    await lane.start()
    await lane.road.append(*[1] * 64)
    async with asyncio.timeout(10):
        while lane.cursor != 65:  # noqa: ASYNC110 - the answers' way back is the socket's
            await asyncio.sleep(0.005)
    [dead] = await lane.store.dead(LetterFilter())
    assert (dead.letter.position, dead.letter.status, dead.letter.detail) == (poison, 422, "what is this?")
    await lane.close()
    await lane.transport.close()
