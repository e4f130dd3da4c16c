"""A hundred customers, or one that is far behind, in one process: each is a path of one HTTPS server.

The one that is behind takes its bulks as fast as they come and only counts what is in them. When ``bad`` is on, some of
the hundred misbehave: black holes accept a request and never answer it, slow ones take half a second to a second, and
the others answer every fifth new bulk with 503 and take it when it is tried again. What such a customer delays by its
own doing is not counted: the bulk it refused, and what was due before it took that.
"""

import asyncio
import contextlib
import re
import ssl
import sys
import time
from random import Random
from typing import Any

import httptools
import uvloop

import declared
from customer import Event, positions
from machine import quantile
from worker import obey

REFUSE_EVERY = 5
SLOW_S = (0.5, 1.0)

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
_EVENT = re.compile(rb'"type":\s*"gps_position"')


class Customer:
    """One path, and what came there."""

    def __init__(self, number: int) -> None:
        """Customer ``number``; what it is like when things are bad follows from that."""
        self.black_hole = number in declared.BLACK_HOLES
        self.slow = number in declared.SLOW
        self.healthy = not self.black_hole and not self.slow
        self.first_tries = self.refused = 0
        """While it refuses any."""
        self._number = number
        self._refused_id = b""
        self._own_fault_ms = 0.0

    def refuses(self, request_id: bytes) -> bool:
        """Whether it answers this try 503: every fifth first try."""
        if request_id == self._refused_id:
            self._refused_id = b""
            self._own_fault_ms = time.time_ns() / 1e6
            return False
        self.first_tries += 1
        if (self.first_tries + self._number) % REFUSE_EVERY == 0:  # not all at once
            self.refused += 1
            self._refused_id = request_id
            return True
        return False

    def latencies_ms(self, events: list[Event]) -> list[float]:
        """How late events are now, but for those that the customer itself has delayed."""
        now_ms = time.time_ns() / 1e6
        due_ms = [event.time.timestamp() * 1000 for event in events]
        return [now_ms - due for due in due_ms if due > self._own_fault_ms]


class Crowd:
    """All customers, and what was delivered since ``clear``."""

    def __init__(self) -> None:
        """Everybody is well."""
        self.bad = False
        self.customers = {b"/c/%d" % n: Customer(n) for n in range(declared.CUSTOMERS)}
        self.held: set[_Connection] = set()
        self.changed = asyncio.Event()
        self.chance = Random(1)
        self.behind_events = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything that came."""
        self.ids: set[int] = set()
        self.latencies_ms: list[float] = []

    def take(self, connection: "_Connection") -> None:
        """A request is complete: answer it, now, later or never."""
        body = b"".join(connection.body)
        if connection.path == declared.BEHIND_PATH:
            self.behind_events += len(_EVENT.findall(body))
            connection.transport.write(_OK)
            return
        customer = self.customers[connection.path]
        if self.bad and customer.black_hole:
            self.held.add(connection)
            return
        if self.bad and customer.healthy and customer.refuses(connection.request_id):
            connection.transport.write(_UNAVAILABLE)
            return
        events = positions(body)
        self.ids.update([event.id for event in events])
        if customer.healthy:
            self.latencies_ms += customer.latencies_ms(events)
        self.changed.set()
        if self.bad and customer.slow:
            asyncio.get_running_loop().call_later(self.chance.uniform(*SLOW_S), connection.transport.write, _OK)
        else:
            connection.transport.write(_OK)


CROWD: Crowd


class _Connection(asyncio.Protocol):
    """One connection of the hub."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def connection_lost(self, _error: Exception | None) -> None:
        CROWD.held.discard(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.path = b""
        self.request_id = b""
        self.body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self.path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-request-id":
            self.request_id = value

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        CROWD.take(self)


async def behave(bad: bool) -> dict[str, Any]:
    """Some misbehave from here on, or nobody does: then what the black holes hold is dropped."""
    CROWD.bad = bad
    if not bad:
        for connection in list(CROWD.held):
            connection.transport.abort()
    return {}


async def clear() -> dict[str, Any]:
    """Count from here on."""
    CROWD.clear()
    return {}


async def arrived(count: int, within_s: float) -> dict[str, Any]:
    """Wait for so many different events; say how many came, and how late the healthy customers' were."""
    with contextlib.suppress(TimeoutError):  # the caller sees how many there are
        async with asyncio.timeout(within_s):
            while len(CROWD.ids) < count:
                CROWD.changed.clear()
                await CROWD.changed.wait()
    late = CROWD.latencies_ms or [0.0]
    return {
        "events": len(CROWD.ids),
        "counted": len(CROWD.latencies_ms),
        "p50_ms": quantile(late, 0.5),
        "p99_ms": quantile(late, 0.99),
        "first_tries": sum(customer.first_tries for customer in CROWD.customers.values()),
        "refused": sum(customer.refused for customer in CROWD.customers.values()),
    }


async def behind() -> dict[str, Any]:
    """How many events the one that is behind has got."""
    return {"events": CROWD.behind_events}


async def main() -> None:
    global CROWD
    CROWD = Crowd()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, ssl=context, backlog=256)

    async def port() -> dict[str, Any]:
        return {"port": server.sockets[0].getsockname()[1]}

    await obey({"port": port, "behave": behave, "clear": clear, "arrived": arrived, "behind": behind})


if __name__ == "__main__":
    uvloop.run(main())
