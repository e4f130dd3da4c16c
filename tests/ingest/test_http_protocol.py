"""Connections: pipelining, keeping alive, closing, and what a graceful stop owes."""

import asyncio
import contextlib
from typing import Any

from fixtures.drivetech import sample
from postroad.ingest.http.protocol import MAX_PIPELINED


def at(second: int) -> dict[str, Any]:
    """An event of its own instant."""
    return sample(datetime=f"2026-07-02T14:{second // 60:02d}:{second % 60:02d}Z")


async def test_pipelined_requests_are_answered_in_their_order(client: Any) -> None:
    client.write(at(0))
    client.write(b"{")
    client.write(at(1), token="wrong")
    client.write(at(2))
    assert [(await client.answer())[0] for _ in range(4)] == [200, 400, 401, 200]


async def test_more_pipelined_requests_than_may_wait_are_all_answered(running: Any, client: Any) -> None:
    for number in range(MAX_PIPELINED * 3):
        client.write(at(number))
    assert [(await client.answer())[0] for _ in range(MAX_PIPELINED * 3)] == [200] * MAX_PIPELINED * 3
    assert len(await running.hub.stored()) == MAX_PIPELINED * 3


async def test_an_ordinary_request_behind_one_that_waits_is_not_answered_before_it(running: Any, client: Any) -> None:
    running.hub.log.held = []
    client.write(sample())
    client.write(b"", path="/nowhere")
    await running.hub.log.holds.wait()
    running.hub.log.release()
    status, headers, _ = await client.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert await client.reader.read() == b"", "the connection ends; the client sends the rest again"


async def test_short_and_ordinary_requests_follow_each_other_on_one_connection(client: Any) -> None:
    for number in range(3):
        assert (await client.post(at(number)))[0] == 200
        assert (await client.post(b"", path="/nowhere"))[0] == 404


async def test_connection_close_is_honoured(client: Any) -> None:
    status, headers, _ = await client.post(sample(), headers={"Connection": "close"})
    assert (status, headers["connection"]) == (200, "close")
    assert await client.reader.read() == b""


async def test_a_client_that_hangs_up_before_its_answer_harms_nobody(running: Any, client: Any) -> None:
    running.hub.log.held = []
    client.write(sample())
    await running.hub.log.holds.wait()
    client.writer.transport.abort()
    await asyncio.sleep(0.05)
    running.hub.log.release()
    other = await running.connect()
    assert (await other.post(at(1)))[0] == 200


async def test_an_endless_body_is_cut_off(client: Any) -> None:
    client.writer.write(
        b"POST /provider/event/new/ HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer prt_test-token\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    poured = 0
    with contextlib.suppress(ConnectionError):
        while not client.writer.transport.is_closing():
            client.writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await client.writer.drain()
            poured += 65536
            assert poured < 100 * 1024 * 1024, "nobody stops us"


async def test_garbage_is_400_and_the_connection_ends(client: Any) -> None:
    client.writer.write(b"\x00\x01\x02 nonsense\r\n\r\n")
    assert (await client.reader.read()).startswith(b"HTTP/1.1 400")


async def test_a_graceful_stop_answers_what_was_taken_in(running: Any, client: Any) -> None:
    running.hub.log.held = []
    client.write(sample())
    await running.hub.log.holds.wait()
    running.server.should_exit = True
    await asyncio.sleep(0.3)
    running.hub.log.release()
    status, headers, _ = await client.answer()
    assert (status, headers["connection"]) == (200, "close")
    await asyncio.wait_for(asyncio.shield(running.task), 5)
