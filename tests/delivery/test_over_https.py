"""A delivery over a real socket: what a real server's answers do to it."""

import asyncio
from typing import Any

from fixtures.lane import Lane
from fixtures.pipeline import sent_positions
from postroad.clock import SystemClock
from postroad.egress.client import EgressClient
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
