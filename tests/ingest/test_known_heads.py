"""Requests whose head was parsed before get what any other request gets."""

import json
from typing import Any

import pytest

from fixtures.drivetech import sample
from postroad.ingest.http.known_heads import END, MAX_HEAD_BYTES, MAX_HEADS, KnownHeads

HEAD = b"POST /provider/event/new/ HTTP/1.1\r\nHost: hub\r\nContent-Length: 5"


def at(second: int) -> dict[str, Any]:
    """An event of its own instant; all of them have the same length."""
    return sample(datetime=f"2026-07-02T14:00:{second:02d}Z")


def whole(body: bytes) -> bytes:
    """A request as a client sends it."""
    return (
        b"POST /provider/event/new/ HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer prt_test-token\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )


@pytest.fixture
def parsed(running: Any, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every path the parser saw."""
    seen: list[bytes] = []
    bound = running.server.config.http
    on_url = bound.on_url

    def noting(self: Any, url: bytes) -> None:
        seen.append(url)
        on_url(self, url)

    monkeypatch.setattr(bound, "on_url", noting)
    return seen


async def test_a_head_is_parsed_once_for_all_connections(running: Any, parsed: list[bytes], client: Any) -> None:
    other = await running.connect()
    for number in range(6):
        assert (await (client, other)[number % 2].post(at(number)))[0] == 200
    assert [item["datetime"] for item in await running.hub.stored()] == [at(n)["datetime"] for n in range(6)]
    assert len(parsed) == 1


async def test_a_known_head_of_a_revoked_token_is_401(running: Any, client: Any) -> None:
    for number in range(2):
        assert (await client.post(at(number)))[0] == 200
    running.hub.tokens.pop("prt_test-token")
    running.hub.use()
    assert (await client.post(at(2)))[0] == 401
    assert len(await running.hub.stored()) == 2


async def test_a_head_that_was_401_works_once_its_token_is_known(running: Any, client: Any) -> None:
    for _ in range(2):
        assert (await client.post(at(0), token="prt_new"))[0] == 401
    running.hub.tokens["prt_new"] = 1
    running.hub.use()
    assert (await client.post(at(0), token="prt_new"))[0] == 200


async def test_a_known_head_says_nothing_of_the_body(client: Any) -> None:
    body = json.dumps(at(0)).encode()
    assert (await client.post(body))[0] == 200
    assert (await client.post(b"{" * len(body)))[0] == 400
    assert (await client.post(body.replace(b"-", b"x")))[0] == 400


@pytest.mark.parametrize("cut", [1, 40, -1, -100])
async def test_a_known_head_in_two_pieces_is_read_as_ever(running: Any, client: Any, cut: int) -> None:
    body = json.dumps(at(0)).encode()
    assert (await client.post(body))[0] == 200
    client.writer.write(whole(body))
    assert (await client.answer())[0] == 200
    request = whole(json.dumps(at(1)).encode())
    client.writer.write(request[:cut])
    await client.writer.drain()
    other = await running.connect()
    assert (await other.post(at(2)))[0] == 200  # the hub has seen the first piece by now
    client.writer.write(request[cut:])
    assert (await client.answer())[0] == 200
    assert (await client.post(at(3)))[0] == 200
    assert {item["datetime"] for item in await running.hub.stored()} == {at(n)["datetime"] for n in range(4)}


async def test_two_requests_in_one_piece_behind_a_known_head_are_both_answered(running: Any, client: Any) -> None:
    bodies = [json.dumps(at(n)).encode() for n in range(4)]
    client.writer.write(whole(bodies[0]))
    assert (await client.answer())[0] == 200
    client.writer.write(whole(bodies[1]) + whole(b"{") + whole(bodies[2]))
    assert [(await client.answer())[0] for _ in range(3)] == [200, 400, 200]
    client.writer.write(whole(bodies[3]))
    assert (await client.answer())[0] == 200
    assert len(await running.hub.stored()) == 4


async def test_a_known_head_inside_a_body_is_not_a_request(running: Any, client: Any) -> None:
    request = whole(json.dumps(at(0)).encode())
    client.writer.write(request)
    assert (await client.answer())[0] == 200
    client.writer.write(b"POST /provider/event/new/ HTTP/1.1\r\nHost: hub\r\nContent-Length: %d\r\n\r\n" % len(request))
    await client.writer.drain()
    other = await running.connect()
    assert (await other.post(at(1)))[0] == 200  # the hub has seen the head by now
    client.writer.write(request)
    assert (await client.answer())[0] == 401
    assert len(await running.hub.stored()) == 2


def learned(data: bytes, body: bytes) -> bool:
    heads = KnownHeads()
    heads.learn(data, object(), [], body)  # type: ignore[arg-type]  # an entrance is only kept
    return heads.find(data.partition(END)[0]) is not None


def test_only_one_whole_request_with_a_plain_body_is_learned() -> None:
    assert learned(HEAD + END + b"12345", b"12345")
    assert not learned(HEAD + END + b"5\r\n12345\r\n0\r\n\r\n", b"12345")
    assert not learned(HEAD + END + b"12345" + HEAD + END + b"67890", b"67890")
    assert not learned(b"\r\n\r\n" + HEAD + END + b"12345", b"12345")
    assert not learned(b"345", b"12345")
    assert not learned(HEAD + b"\r\nX: " + b"x" * MAX_HEAD_BYTES + END + b"12345", b"12345")


def test_a_flood_of_different_heads_takes_bounded_memory() -> None:
    heads = KnownHeads()
    for number in range(MAX_HEADS * 2 + 1):
        heads.learn(HEAD + b"\r\nX: %d" % number + END + b"12345", object(), [], b"12345")  # type: ignore[arg-type]
    known = [heads.find(HEAD + b"\r\nX: %d" % number) for number in range(MAX_HEADS * 2 + 1)]
    assert sum(one is not None for one in known) == 1
