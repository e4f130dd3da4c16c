"""Hostile bytes at the HTTP entrances, over real sockets: the short way, and the ordinary way of what is pushed.

Whatever comes in: never a 500, never a crash, never a hang, never more answers than requests, and the next good request
on a new connection is taken.
"""

import asyncio
import gzip
import json
import logging
import random
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fixtures.drivetech import sample
from postroad.ingest.http.limits import ConnectionLimits
from postroad.ingest.http.pushed import Pushes
from postroad.metrics.counts import Counts
from postroad.registry.records import Receiver
from postroad.transports import PUSHES
from postroad.transports.receiving import Push, Received, Verdict

LIMITS = ConnectionLimits(head_within_s=0.3, body_within_s=0.3)
ALLOWED = {200, 400, 401, 404, 405, 408, 413, 431, 503}
PATH = b"/provider/event/new/"
SECRET = "a-secret-of-16-or-more"
PUSHED = b"/in/event_grid/1?code=" + SECRET.encode()
STRANGERS = b"/in/event_grid/1"
GOOD = json.dumps(sample()).encode()
SEEDS_QUICK, SEEDS_LONG = range(12), range(1000, 1600)


def request(
    body: bytes = GOOD,
    *,
    line: bytes = b"POST " + PATH + b" HTTP/1.1",
    headers: tuple[bytes, ...] = (),
    length: bytes | None = None,
) -> bytes:
    """A request; ``length`` stands in for its Content-Length, empty for none."""
    fixed = [line, b"Host: hub", b"Authorization: Bearer prt_test-token"]
    size = str(len(body)).encode() if length is None else length
    sized = [b"Content-Length: " + size] if size else []
    return b"\r\n".join([*fixed, *sized, *headers]) + b"\r\n\r\n" + body


def chunked(body: bytes, *headers: bytes) -> bytes:
    return request(body, length=b"", headers=(b"Transfer-Encoding: chunked", *headers))


def with_value(text: str, name: str = "speed") -> bytes:
    """A request whose body has ``text``, as it is, for a field's value."""
    field = b'"%s": ' % name.encode()
    return request(re.sub(field + rb"[^,}]*", lambda _: field + text.encode(), GOOD))


SMUGGLED = request(line=b"POST /smuggled HTTP/1.1")
N = b"%x" % len(GOOD)

CASES: dict[str, tuple[bytes, int]] = {  # what is sent, and how many requests that is at most
    "chunk size that is no number": (chunked(b"zz\r\n{}\r\n0\r\n\r\n"), 1),
    "negative chunk size": (chunked(b"-1\r\n{}\r\n0\r\n\r\n"), 1),
    "huge chunk size": (chunked(b"f" * 40 + b"\r\n{}"), 1),
    "chunk size of 64 bits": (chunked(b"ffffffffffffffff\r\n{}"), 1),
    "chunk size in 0x form": (chunked(b"0x2\r\n{}\r\n0\r\n\r\n"), 1),
    "chunk longer than said": (chunked(b"1\r\n{}\r\n0\r\n\r\n"), 1),
    "chunk extension": (chunked(N + b";a=b\r\n" + GOOD + b"\r\n0\r\n\r\n"), 1),
    "endless chunk extension": (chunked(b"2;" + b"a" * 100_000 + b"\r\n{}\r\n0\r\n\r\n"), 1),
    "trailers": (chunked(N + b"\r\n" + GOOD + b"\r\n0\r\nX-Trailer: y\r\n\r\n"), 1),
    "a thousand trailers": (chunked(N + b"\r\n" + GOOD + b"\r\n0\r\n" + b"X: y\r\n" * 1000 + b"\r\n"), 1),
    "a trailer that names another token": (chunked(b"2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n"), 1),
    "chunks without their end": (chunked(b"2\r\n{}\r\n"), 1),
    "bare line feeds in chunks": (chunked(N + b"\n" + GOOD + b"\n0\n\n"), 1),
    "length and chunks": (request(b"0\r\n\r\n" + SMUGGLED, length=b"5", headers=(b"Transfer-Encoding: chunked",)), 2),
    "chunks and a length that hides a request": (
        request(b"0\r\n\r\n" + SMUGGLED, headers=(b"Transfer-Encoding: chunked",)), 2,
    ),
    "chunked twice": (request(SMUGGLED, length=b"", headers=(b"Transfer-Encoding: chunked",) * 2), 2),
    "chunked not last": (request(SMUGGLED, length=b"", headers=(b"Transfer-Encoding: chunked, identity",)), 2),
    "chunked, misspelt": (request(SMUGGLED, length=b"", headers=(b"Transfer-Encoding: xchunked",)), 2),
    "chunked behind a tab": (request(b"0\r\n\r\n", length=b"", headers=(b"Transfer-Encoding:\tchunked",)), 1),
    "space before the colon": (request(SMUGGLED, length=b"", headers=(b"Transfer-Encoding : chunked",)), 2),
    "two lengths": (request(SMUGGLED, length=b"0", headers=(b"Content-Length: 5",)), 2),
    "a list of lengths": (request(SMUGGLED, length=b"0, 5"), 2),
    "negative length": (request(length=b"-1"), 1),
    "signed length": (request(length=b"+5"), 1),
    "huge length": (request(length=b"9" * 40), 1),
    "length over the limit": (request(length=b"99999999999"), 1),
    "length without a body": (request(b"", length=b"10"), 1),
    "no length": (request(b"", length=b""), 1),
    "folded header": (request(headers=(b"X-Folded: a", b" b")), 1),
    "header injection by a bare carriage return": (request(headers=(b"X: a\rContent-Length: 0",)), 1),
    "bare line feeds": (request().replace(b"\r\n", b"\n"), 1),
    "NUL in a header": (request(headers=(b"X: a\0b",)), 1),
    "NUL in the path": (request(line=b"POST " + PATH + b"\0 HTTP/1.1"), 1),
    "NUL in the token": (request().replace(b"prt_test", b"prt\0test"), 1),
    "bytes above ASCII in the token": (request().replace(b"prt_test", b"prt\xff\xfetest"), 1),
    "bytes above ASCII in the path": (request(line=b"POST /\xff\xfe HTTP/1.1"), 1),
    "percent and nothing": (request(line=b"POST /%%%zz%00%ff HTTP/1.1"), 1),
    "absolute form": (request(line=b"POST http://elsewhere:1" + PATH + b" HTTP/1.1"), 1),
    "absolute form without a path": (request(line=b"POST http://elsewhere HTTP/1.1"), 1),
    "absolute form, broken": (request(line=b"POST http://:99999999/ HTTP/1.1"), 1),
    "asterisk": (request(b"", line=b"OPTIONS * HTTP/1.1"), 1),
    "asterisk by POST": (request(line=b"POST * HTTP/1.1"), 1),
    "CONNECT": (request(b"", line=b"CONNECT elsewhere:443 HTTP/1.1"), 1),
    "double slashes": (request(line=b"POST //" + PATH + b" HTTP/1.1"), 1),
    "dots": (request(line=b"POST /a/.." + PATH + b" HTTP/1.1"), 1),
    "HTTP/0.9": (b"GET /\r\n\r\n", 1),
    "HTTP/1.0": (request(line=b"POST " + PATH + b" HTTP/1.0"), 1),
    "HTTP/1.0, then more": (request(line=b"POST " + PATH + b" HTTP/1.0") + SMUGGLED, 1),
    "HTTP/2.0": (request(line=b"POST " + PATH + b" HTTP/2.0"), 1),
    "HTTP/9.9": (request(line=b"POST " + PATH + b" HTTP/9.9"), 1),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 1),
    "a hello of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 1),
    "upgrade to WebSocket": (
        request(b"", headers=(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: x")), 1,
    ),
    "upgrade to h2c": (request(headers=(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c")), 1),
    "an expectation nobody knows": (request(headers=(b"Expect: miracles",)), 1),
    "a method nobody knows": (request(line=b"STEAL " + PATH + b" HTTP/1.1"), 1),
    "a last request, then more": (request(headers=(b"Connection: close",)) + SMUGGLED, 1),
    "garbage behind a good request": (request() + b"\x00garbage\r\n\r\n", 2),
    "garbage behind an ordinary one": (request(line=b"POST /nowhere HTTP/1.1") + b"\x00garbage\r\n\r\n", 2),
    "line breaks before a request": (b"\r\n" * 100 + request(), 1),
    "nothing but line breaks": (b"\r\n" * 1000, 0),
    "gzip, truncated": (request(gzip.compress(GOOD)[:-9], headers=(b"Content-Encoding: gzip",)), 1),
    "gzip bomb": (request(gzip.compress(b" " * 3_000_000), headers=(b"Content-Encoding: gzip",)), 1),
    "gzip of gzip": (request(gzip.compress(gzip.compress(GOOD)), headers=(b"Content-Encoding: gzip",)), 1),
    "gzip of a thousand members": (request(gzip.compress(b"") * 200, headers=(b"Content-Encoding: gzip",)), 1),
    "gzip and garbage": (request(gzip.compress(GOOD) + b"rest", headers=(b"Content-Encoding: gzip",)), 1),
    "gzip twice by name": (request(gzip.compress(GOOD), headers=(b"Content-Encoding: gzip, gzip",)), 1),
    "gzip in name only": (request(headers=(b"Content-Encoding: gzip",)), 1),
    "deep lists": (request(b"[" * 4000), 1),
    "deep objects": (request(b'{"a":' * 800), 1),
    "deep and whole within a field": (with_value("[" * 1500 + "]" * 1500, "azimuth"), 1),
    "NaN": (with_value("NaN"), 1),
    "Infinity": (with_value("-Infinity"), 1),
    "a number of a thousand digits": (with_value("9" * 1000), 1),
    "a number beyond double": (with_value("1e999"), 1),
    "a number near nothing": (with_value("1e-999"), 1),
    "a huge odometer": (with_value("9" * 30, "odometer"), 1),
    "a lone surrogate": (with_value('"\\ud800"', "plate"), 1),
    "a lone surrogate in a name": (request(b'{"\\udfff": 1, ' + GOOD[1:]), 1),
    "a plate of NUL": (with_value('"\\u0000"', "plate"), 1),
    "bytes that are no UTF-8": (request(GOOD.replace(b"KXRT41", b"\xff\xfe\x80")), 1),
    "a byte order mark": (request(b"\xef\xbb\xbf" + GOOD), 1),
    "UTF-16": (request(GOOD.decode().encode("utf-16")), 1),
    "a name twice": (request(GOOD[:-1] + b', "plate": "OTHER1"}'), 1),
    "a date beyond the calendar": (with_value('"9999-12-31T23:59:60.999999999-23:59"', "datetime"), 1),
    "a date before it": (with_value('"0001-01-01T00:00:00+23:59"', "datetime"), 1),
    "a date of year zero": (with_value('"0000-00-00T00:00:00Z"', "datetime"), 1),
    "a list instead": (request(b"[]"), 1),
    "nothing instead": (request(b"null"), 1),
}  # fmt: skip


@pytest.mark.parametrize("path", [PATH, b"/nowhere"])
async def test_a_field_behind_the_body_is_no_header(start, caplog, path):
    running = start()
    client = await running.connect()
    head = b"POST " + path + b" HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailer = b"Authorization: Bearer prt_test-token\r\n"
    client.writer.write(head + b"%x\r\n%s\r\n0\r\n" % (len(GOOD), GOOD) + trailer + b"\r\n")
    assert (await client.answer())[0] == (401 if path == PATH else 404)
    assert await running.hub.stored() == []
    await assert_unharmed(running, caplog)


def statuses(data: bytes) -> list[int]:
    """The statuses of what was answered, which must be whole, well-formed responses and nothing else."""
    found = []
    while data:
        head, separator, rest = data.partition(b"\r\n\r\n")
        match = re.fullmatch(rb"HTTP/1\.1 (\d{3}) [A-Za-z \-]+(\r\n[a-z\-]+: [^\r\n\0]*)*", head)
        assert separator, data
        assert match, head
        status = int(match[1])
        if status == 100:
            data = rest
            continue
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None, head
        assert len(rest) >= int(length[1]), data
        data = rest[int(length[1]) :]
        found.append(status)
    return found


async def said_to(client: Any, data: bytes, cut: Callable[[bytes], list[bytes]]) -> bytes:
    """What the server says to these bytes until it hangs up, or says nothing for longer than its own limits."""
    received = b""
    try:
        for piece in cut(data):
            client.writer.write(piece)
            await client.writer.drain()
            await asyncio.sleep(0)
        while piece := await asyncio.wait_for(client.reader.read(65536), 1.0):
            received += piece
    except TimeoutError:  # kept alive
        pass
    except ConnectionError:  # it hung up while we were still talking
        pass
    return received


def whole(data: bytes) -> list[bytes]:
    return [data]


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(min(len(data), 3000))] + [data[3000:]]


async def assert_unharmed(running: Any, caplog: pytest.LogCaptureFixture) -> None:
    good = await running.connect()
    assert (await good.post(sample(datetime="2026-07-02T15:00:00Z")))[0] == 200
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def pushes() -> Pushes:
    """One webhook of Event Grid, whose messages go nowhere."""
    config = PUSHES["event_grid"].config_type(secret=SECRET)

    def opened(*_: Any) -> Push:
        return PUSHES["event_grid"].open(config, None)  # type: ignore[arg-type]  # it needs no means

    async def take(_: Received) -> Verdict:
        return "stored"

    return Pushes(
        PUSHES,
        open_push=opened,
        take_for=lambda _id: take,
        tell=lambda *_: None,
        body_limit_bytes=10_000,
        counts=Counts(),
    )


@pytest.fixture
async def running(start: Any) -> Any:
    way_in = pushes()
    running = start(limits=LIMITS, pages=way_in.pages())
    view = running.hub.intake.view
    pushing = msgspec.structs.replace(view.providers[1], receiver=Receiver(transport="event_grid", config={}))
    way_in.use(msgspec.structs.replace(view, providers={1: pushing}))
    return running


@pytest.mark.parametrize(
    ("path", "cut"),
    [(PATH, whole), (PATH, bytewise), (PUSHED, whole), (STRANGERS, whole)],
    ids=["an entrance", "an entrance, bytewise", "a push", "a stranger's push"],
)
async def test_no_trick_is_a_500_a_hang_or_an_answer_too_many(
    running: Any, caplog: pytest.LogCaptureFixture, path: bytes, cut: Callable[[bytes], list[bytes]]
) -> None:
    async def one(name: str) -> None:
        data, most = CASES[name]
        data = data.replace(PATH, path)
        answered = statuses(await said_to(await running.connect(), data, cut))
        assert set(answered) <= ALLOWED, (name, answered)
        assert len(answered) <= most, (name, answered)

    for names in batches(list(CASES), 45):
        await asyncio.gather(*map(one, names))
        await assert_unharmed(running, caplog)


@pytest.mark.parametrize(
    "name",
    [
        "length and chunks",
        "chunks and a length that hides a request",
        "chunked not last",
        "chunked, misspelt",
        "space before the colon",
        "two lengths",
        "a list of lengths",
        "header injection by a bare carriage return",
        "NUL in a header",
    ],
)
async def test_a_request_whose_end_is_in_doubt_is_refused_and_nothing_of_it_is_taken(running: Any, name: str) -> None:
    answered = statuses(await said_to(await running.connect(), CASES[name][0], whole))
    assert answered == [400]
    assert await running.hub.stored() == []


@pytest.mark.parametrize("name", ["a last request, then more", "HTTP/1.0, then more"])
async def test_what_stands_behind_a_last_request_is_not_a_request(running: Any, name: str) -> None:
    first, second = CASES[name][0].split(b"POST /smuggled")
    again = first + b"POST " + PATH + second.replace(b"14:03", b"14:04")  # another event, not a resend
    assert statuses(await said_to(await running.connect(), again, whole)) == [200]
    assert len(await running.hub.stored()) == 1


async def test_garbage_behind_a_request_that_waits_is_answered_after_it(running: Any) -> None:
    running.hub.log.held = []
    client = await running.connect()
    client.writer.write(CASES["garbage behind a good request"][0])
    await running.hub.log.holds.wait()
    assert client.reader._buffer == b""
    running.hub.log.release()
    assert statuses(await client.reader.read()) == [200, 400]


async def test_hundreds_of_slow_clients_keep_nobody_from_being_served(
    running: Any, caplog: pytest.LogCaptureFixture
) -> None:
    slow = [await running.connect() for _ in range(200)]
    for number, client in enumerate(slow):
        client.writer.write(request()[: number + 1])
    await assert_unharmed(running, caplog)
    ended = await asyncio.wait_for(asyncio.gather(*(client.reader.read() for client in slow)), 10)
    assert {status for data in ended for status in statuses(data)} == {408}


def batches(things: list[Any], size: int) -> list[list[Any]]:
    return [things[at : at + size] for at in range(0, len(things), size)]


def mutated(rng: random.Random) -> tuple[bytes, int]:
    """Several requests, hurt at random. Line ends bound how many they may be read as, beside garbage at the end."""
    parts = [CASES[rng.choice(list(CASES))][0][:20_000] if rng.random() < 0.5 else request() for _ in range(3)]
    data = bytearray(b"".join(parts))
    for _ in range(rng.choice((0, 1, 1, 3, 20))):
        at = rng.randrange(len(data))
        match rng.randrange(5):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                del data[at : at + rng.randrange(1, 30)]
            case 2:
                data[at:at] = rng.choice((b"\r\n", b"\n", b"\0", b"\r\n\r\n", b"0\r\n\r\n", b"{", b"chunked", b"-"))
            case 3:
                data[at:at] = data[rng.randrange(len(data)) :][: rng.randrange(1, 100)]
            case _:
                del data[rng.randrange(len(data) // 2, len(data)) :]
        if not data:
            data += b"x"
    return bytes(data), data.count(b"\n") + 1


async def fuzz(running: Any, caplog: pytest.LogCaptureFixture, seeds: range) -> None:
    async def one(seed: int) -> None:
        data, most = mutated(random.Random(seed))
        answered = statuses(await said_to(await running.connect(), data, whole))
        assert set(answered) <= ALLOWED, (seed, answered)
        assert len(answered) <= most, (seed, answered)

    for some in batches(list(seeds), 30):
        await asyncio.gather(*map(one, some))
        await assert_unharmed(running, caplog)


async def test_requests_hurt_at_random_harm_nobody(running: Any, caplog: pytest.LogCaptureFixture) -> None:
    await fuzz(running, caplog, SEEDS_QUICK)


@pytest.mark.slow
async def test_many_requests_hurt_at_random_harm_nobody(running: Any, caplog: pytest.LogCaptureFixture) -> None:
    await fuzz(running, caplog, SEEDS_LONG)
