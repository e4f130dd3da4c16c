"""Limits of what clients may take, over real sockets, by the short way and by the ordinary way."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.clock import VirtualClock
from fixtures.drivetech import sample
from postroad.ingest.http.limits import ConnectionLimits, Connections, RateLimit, client_key

QUICK = ConnectionLimits(head_within_s=0.2, body_within_s=0.2)
HEAD = b"POST /provider/event/new/ HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer prt_test-token\r\n"
WAYS = {"short way": {}, "ordinary way": {"headers": {"Expect": "100-continue"}}}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    return WAYS[request.param]


def at(second: int) -> dict[str, Any]:
    return sample(datetime=f"2026-07-02T14:00:{second:02d}Z")


async def all_of(client: Any) -> bytes:
    data: bytes = await asyncio.wait_for(client.reader.read(), 10)
    return data


async def test_what_no_entrance_gets_to_see_is_counted_by_its_status(start: Any, clock: Any) -> None:
    limits = ConnectionLimits(head_within_s=0.2, body_within_s=0.2, connections_per_address=1)
    running = start(limits=limits, address_rate=RateLimit(1, burst_s=1, clock=clock))
    for head, status in {
        b"no HTTP at all\r\n\r\n": 400,
        HEAD: 408,
        HEAD + b"X: " + b"x" * limits.head_bytes + b"\r\n\r\n": 431,
        HEAD + b"Connection: close\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000: 413,
    }.items():
        client = await running.connect()
        client.writer.write(head)
        assert (await all_of(client)).startswith(f"HTTP/1.1 {status}".encode())
        client.writer.close()
    client = await running.connect()
    assert [(await client.post(at(number)))[0] for number in range(2)] == [200, 503]
    assert (await all_of(await running.connect())).startswith(b"HTTP/1.1 503")
    assert running.turned_away.values == {(400,): 1, (408,): 1, (431,): 1, (413,): 1, (503,): 2}


async def test_a_rate_of_a_provider_is_503_with_the_seconds_to_wait_and_others_go_on(
    start: Any, clock: Any, way: Any
) -> None:
    running = start(provider_rate=RateLimit(0.25, burst_s=8, clock=clock))
    client = await running.connect()
    assert [(await client.post(at(number), **way))[0] for number in range(2)] == [200, 200]
    status, headers, body = await client.post(at(2), **way)
    assert (status, headers["retry-after"], body["status"]) == (503, "4", False)
    assert (await client.post(at(2), token="prt_other-token", **way))[0] == 200
    clock.advance(3)
    assert (await client.post(at(2), **way))[1]["retry-after"] == "1"
    clock.advance(1)
    assert (await client.post(at(2), **way))[0] == 200
    assert len(await running.hub.stored()) == 4, "what was refused left nothing behind"


async def test_a_rate_of_an_address_counts_bad_tokens_too(start: Any, clock: Any, way: Any) -> None:
    running = start(address_rate=RateLimit(1, burst_s=2, clock=clock))
    client = await running.connect()
    assert [(await client.post(at(0), token="guess", **way))[0] for _ in range(2)] == [401, 401]
    status, headers, _ = await client.post(at(0), token="guess", **way)
    assert (status, headers["retry-after"]) == (503, "1")
    clock.advance(1)
    assert (await client.post(at(0), **way))[0] == 200


async def test_one_connection_too_many_is_503_and_a_place_becomes_free_again(start: Any) -> None:
    running = start(limits=ConnectionLimits(connections_per_address=2))
    first, second = await running.connect(), await running.connect()
    assert (await first.post(at(0)))[0] == (await second.post(at(1)))[0] == 200
    answer = await all_of(await running.connect())
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 5\r\n" in answer
    first.writer.write(b"POST /nowhere HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    await all_of(first)
    assert (await (await running.connect()).post(at(2)))[0] == 200


async def test_a_head_that_does_not_end_in_time_is_408(start: Any) -> None:
    client = await start(limits=QUICK).connect()
    client.writer.write(HEAD)
    assert (await all_of(client)).startswith(b"HTTP/1.1 408")


async def test_a_drip_of_headers_does_not_buy_more_time(start: Any) -> None:
    client = await start(limits=QUICK).connect()
    client.writer.write(HEAD)

    async def drip() -> None:
        for number in range(1000):
            client.writer.write(b"X-%d: y\r\n" % number)
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    assert (await all_of(client)).startswith(b"HTTP/1.1 408")
    dripping.cancel()


@pytest.mark.parametrize("extra", [b"", b"Expect: 100-continue\r\n"])
async def test_a_body_that_does_not_end_in_time_is_408(start: Any, extra: bytes) -> None:
    client = await start(limits=QUICK).connect()
    client.writer.write(HEAD + extra + b'Content-Length: 100\r\n\r\n{"plate"')
    answer = (await all_of(client)).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 408")
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_late_request_behind_one_that_waits_is_answered_after_it(start: Any) -> None:
    running = start(limits=QUICK)
    client = await running.connect()
    running.hub.log.held = []
    client.write(at(0))
    client.writer.write(HEAD)
    await running.hub.log.holds.wait()
    await asyncio.sleep(0.5)
    assert client.reader._buffer == b""
    running.hub.log.release()
    assert (await client.answer())[0] == 200
    assert (await all_of(client)).startswith(b"HTTP/1.1 408")


async def test_a_connection_on_which_nothing_is_sent_is_closed(start: Any) -> None:
    assert await all_of(await start(limits=QUICK).connect()) == b""


async def test_an_idle_connection_and_a_slow_store_are_not_hurried(start: Any, way: Any) -> None:
    running = start(limits=QUICK)
    client = await running.connect()
    assert (await client.post(at(0), **way))[0] == 200
    await asyncio.sleep(0.5)
    running.hub.log.held = []
    client.write(at(1), **way)
    await running.hub.log.holds.wait()
    await asyncio.sleep(0.5)
    running.hub.log.release()
    assert (await client.answer())[0] == 200


async def test_more_or_longer_headers_than_allowed_are_431_by_both_ways(start: Any, way: Any) -> None:
    running = start(limits=ConnectionLimits(head_bytes=1000, head_fields=20))
    extra = way.get("headers", {})
    for headers in ({f"X-{n}": "y" for n in range(20)}, {"X": "y" * 1000}):
        client = await running.connect()
        status, answered, _ = await ask(client, headers=extra | headers)
        assert (status, answered["connection"]) == (431, "close")
    client = await running.connect()
    assert (await client.post(at(0), headers=extra | {"X": "y" * 500}))[0] == 200
    big = sample(pad="x" * 3000)
    assert (await client.post(big, headers=extra))[0] == 200, "a body is no head"


async def test_a_head_without_an_end_is_431(start: Any) -> None:
    for piece in (b"x" * 1000, b"X: " + b"y" * 1000):
        client = await start().connect()
        client.writer.write(HEAD.removesuffix(b"\r\n"))
        for _ in range(100):
            client.writer.write(piece)
            await client.writer.drain()
        data = b""
        try:
            while more := await asyncio.wait_for(client.reader.read(100), 10):
                data += more
        except ConnectionResetError:
            pass  # it hung up while we were pouring
        assert data == b"" or data.startswith(b"HTTP/1.1 431")


async def test_a_client_that_reads_no_answers_is_cut_off_with_bounded_memory(start: Any) -> None:
    running = start(limits=QUICK)
    client = await running.connect()
    client.writer.transport.pause_reading()
    request = HEAD + b"Content-Length: 1\r\n\r\n{"
    poured = 0
    try:
        while poured < 300 * 1024 * 1024:
            client.writer.write(request * 200)
            poured += len(request) * 200
            await asyncio.wait_for(client.writer.drain(), 10)
    except ConnectionError:
        pass
    assert poured < 100 * 1024 * 1024, "nobody stops us"
    assert (await (await running.connect()).post(at(1)))[0] == 200


async def ask(client: Any, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    client.write(at(0), headers=headers)
    head, _, body = (await all_of(client)).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    return int(first.split(" ")[1]), {name: value for name, _, value in pairs}, body


# The parts by themselves.


@given(
    waits=st.lists(st.floats(0, 20), max_size=60),
    per_s=st.floats(0.05, 50),
    burst_s=st.floats(0.1, 20),
)
def test_no_more_pass_than_the_rate_and_the_burst_allow(waits: list[float], per_s: float, burst_s: float) -> None:
    clock = VirtualClock()
    rate = RateLimit(per_s, burst_s=burst_s, clock=clock)
    begun_s = clock.monotonic_s()
    passed = 0
    for wait_s in waits:
        clock.advance(wait_s)
        passed += rate.take("a") == 0
    assert passed <= max(1, per_s * burst_s) + (clock.monotonic_s() - begun_s) * per_s + 1e-6


@given(per_s=st.floats(0.05, 50), spent=st.integers(1, 100))
def test_who_waits_as_told_is_let_in(per_s: float, spent: int) -> None:
    clock = VirtualClock()
    rate = RateLimit(per_s, burst_s=1, clock=clock)
    for _ in range(spent):
        if wait_s := rate.take("a"):
            clock.advance(wait_s + 1e-3)
            assert rate.take("a") == 0


def test_a_rate_remembers_no_more_clients_than_it_may_and_forgets_the_quiet_ones() -> None:
    rate = RateLimit(0.001, burst_s=1, clock=VirtualClock(), keys=10)
    assert rate.take("loud") == 0
    for number in range(9):
        rate.take(number)
    assert rate.take("loud") > 0
    for number in range(100, 1100):
        rate.take(number)
    assert len(rate._buckets) == 10


def test_a_client_of_ipv6_is_its_network() -> None:
    assert client_key("2001:db8:1:2:3::4") == client_key("2001:db8:1:2::9") != client_key("2001:db8:1:3::4")
    assert client_key("::ffff:192.0.2.1") == client_key("192.0.2.1") == "192.0.2.1"
    assert client_key("fe80::1%eth0") == "fe80::/64"


def test_counting_connections_leaves_nothing_behind() -> None:
    connections = Connections(ConnectionLimits(connections=3, connections_per_address=2))
    assert [connections.enter(client) for client in ("a", "a", "a", "b", "c")] == [True, True, False, True, False]
    for client in ("a", "a", "b"):
        connections.leave(client)
    assert not connections._by_client
    assert connections.enter("c")
