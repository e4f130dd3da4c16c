"""A customer at the other end: HTTPS, OAuth 2.0 client credentials, bulks of Connected Cars events.

It checks the token and decodes each event, and remembers ids, so that what is counted was really delivered, once. It is
as cheap as that can be; ``ceiling`` in end_to_end.py says how much it could take.
"""

import asyncio
import datetime as dt
import ssl
import sys
import time
from base64 import b64encode
from typing import Any

import httptools
import msgspec
import uvloop

from machine import quantile
from worker import obey

TOKEN_PATH = "/token"
CLIENT_ID, CLIENT_SECRET = "bench", "bench-secret"
TOKEN = "bench-access-token"

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
_UNAUTHORIZED = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
_TOKEN_BODY = b'{"access_token":"%s","token_type":"Bearer","expires_in":86400}' % TOKEN.encode()
_TOKEN_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(_TOKEN_BODY) + _TOKEN_BODY
)
_BASIC = b"Basic " + b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode())
_BEARER = b"Bearer " + TOKEN.encode()


class Event(msgspec.Struct, rename="camel", gc=False):
    """What is looked at of an event; the rest is parsed and left."""

    id: int
    type: str
    time: dt.datetime


_decode = msgspec.json.Decoder(list[Event]).decode


def positions(body: bytes) -> list[Event]:
    """What counts of a bulk: not the admin events, which come as vehicles become known."""
    return [event for event in _decode(body) if event.type == "gps_position"]


class Arrivals:
    """What was delivered since ``clear``."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.ids: set[int] = set()
        self.events = self.bulks = self.last_ns = 0
        self.latencies_ms: list[float] = []

    def add(self, events: list[Event]) -> None:
        """A bulk with these positions has arrived."""
        if not events:
            return
        self.last_ns = time.monotonic_ns()
        now_ms = time.time_ns() / 1e6
        self.bulks += 1
        self.events += len(events)
        self.ids.update([event.id for event in events])
        self.latencies_ms += [now_ms - event.time.timestamp() * 1000 for event in events]
        self.changed.set()


ARRIVALS: Arrivals


class _Connection(asyncio.Protocol):
    """One connection of the hub."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.path = b""
        self.authorization = b""
        self.body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self.path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"authorization":
            self.authorization = value

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        if self.path == TOKEN_PATH.encode():
            self.transport.write(_TOKEN_ANSWER if self.authorization == _BASIC else _UNAUTHORIZED)
        elif self.authorization != _BEARER:
            self.transport.write(_UNAUTHORIZED)
        else:
            ARRIVALS.add(positions(b"".join(self.body)))
            self.transport.write(_OK)


async def clear() -> dict[str, Any]:
    """Count from here on."""
    ARRIVALS.clear()
    return {}


async def arrived(count: int, within_s: float, subscriptions: int = 1) -> dict[str, Any]:
    """Wait for so many different events by each subscription; say when the last came and how late they were."""
    try:
        async with asyncio.timeout(within_s):
            while len(ARRIVALS.ids) < count or ARRIVALS.events < count * subscriptions:
                ARRIVALS.changed.clear()
                await ARRIVALS.changed.wait()
    except TimeoutError:
        print(f"only {len(ARRIVALS.ids)} of {count} events were delivered", file=sys.stderr)
    late = ARRIVALS.latencies_ms or [0.0]
    return {
        "events": len(ARRIVALS.ids),
        "repeated": ARRIVALS.events - len(ARRIVALS.ids),
        "bulks": ARRIVALS.bulks,
        "last_ns": ARRIVALS.last_ns,
        "p50_ms": quantile(late, 0.5),
        "p95_ms": quantile(late, 0.95),
        "p99_ms": quantile(late, 0.99),
        "max_ms": max(late),
        "cpu_s": time.process_time(),
    }


async def main() -> None:
    global ARRIVALS
    ARRIVALS = Arrivals()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, ssl=context)

    async def port() -> dict[str, Any]:
        return {"port": server.sockets[0].getsockname()[1]}

    await obey({"port": port, "clear": clear, "arrived": arrived})


if __name__ == "__main__":
    uvloop.run(main())
