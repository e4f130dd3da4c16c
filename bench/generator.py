"""The load: sends requests that were prepared beforehand, as cheaply as Python can.

``closed``: each connection sends its next request when the answer to the last one has come, so the server sets the
pace. ``open``: each request is sent at its time, whatever has become of those before; what is late counts as latency
from the time it should have been sent, so a server that stalls cannot hide it ("coordinated omission").
"""

import asyncio
import collections
import itertools
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvloop

import vehicles
from machine import quantile
from worker import obey

_GOOD = b"HTTP/1.1 200 "


class _Connection(asyncio.Protocol):
    """One connection of the closed loop."""

    def __init__(self, requests: Iterator[bytes], finished: "_Finished") -> None:
        self.requests = requests
        self.finished = finished
        self.bad = 0
        self.latencies_s: list[float] = []
        self.sent_s = 0.0
        self.answer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def go(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.finished.one()
            return
        self.sent_s = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        answer = self.answer + data if self.answer else data
        if not answer.endswith(b"}"):  # every answer ends so, and only there
            self.answer = answer
            return
        self.answer = b""
        if not answer.startswith(_GOOD):
            self.bad += 1
        self.latencies_s.append(time.perf_counter() - self.sent_s)
        self.go()


class _Finished:
    """Set once all connections have nothing more to send."""

    def __init__(self, connections: int) -> None:
        self.left = connections
        self.event = asyncio.Event()

    def one(self) -> None:
        self.left -= 1
        if not self.left:
            self.event.set()


async def closed(port: int, token: str, first: int, count: int, began_ms: int, connections: int) -> dict[str, Any]:
    """Send events ``first`` to ``first + count - 1``, and say how long that took."""
    prepared = iter([vehicles.request(token, event) for event in vehicles.bodies(first, count, began_ms)])
    finished = _Finished(connections)
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(lambda: _Connection(prepared, finished), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    began_ns, busy_s = time.monotonic_ns(), time.process_time()
    for connection in opened:
        connection.go()
    await finished.event.wait()
    seconds = (time.monotonic_ns() - began_ns) / 1e9
    busy_s = time.process_time() - busy_s
    latencies = [latency for connection in opened for latency in connection.latencies_s]
    for connection in opened:
        connection.transport.close()
    return {
        "began_ns": began_ns,
        "per_s": count / seconds,
        "bad": sum(connection.bad for connection in opened),
        "p50_ms": quantile(latencies, 0.5) * 1000,
        "p99_ms": quantile(latencies, 0.99) * 1000,
        "cpu_share": busy_s / seconds,
    }


async def open_loop(port: int, token: str, first: int, count: int, rate: int, connections: int) -> dict[str, Any]:
    """Send ``count`` events, ``rate`` a second; each one's recorded time is the whole millisecond it is due at."""
    return await asyncio.to_thread(_open_loop, port, token, first, count, rate, connections)


def _open_loop(port: int, token: str, first: int, count: int, rate: int, connections: int) -> dict[str, Any]:
    """In threads, as the event loop's timers are too coarse: they know whole milliseconds only."""
    began_ms = time.time_ns() // 1_000_000 + 2000
    due_ms = [began_ms + n * 1000 // rate for n in range(count)]
    prepared = [vehicles.request(token, vehicles.body(first + n, due_ms[n])) for n in range(count)]
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    waiting: dict[socket.socket, collections.deque[int]] = {sock: collections.deque() for sock in sockets}
    acknowledged: list[float] = []
    receiver = threading.Thread(target=_receive, args=(waiting, acknowledged, count), daemon=True)
    for sock in sockets:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    receiver.start()
    late_ms = []
    for sock, request, due in zip(itertools.cycle(sockets), prepared, due_ms, strict=False):
        while (wait_ms := due - time.time_ns() / 1e6) > 0:
            time.sleep(wait_ms / 1000)
        late_ms.append(-wait_ms)
        waiting[sock].append(due)
        sock.sendall(request)
    receiver.join(30)
    for sock in sockets:
        sock.close()
    return {
        "acknowledged": len(acknowledged),
        "ack_p50_ms": quantile(acknowledged, 0.5),
        "ack_p99_ms": quantile(acknowledged, 0.99),
        "sent_late_p99_ms": quantile(late_ms, 0.99),
    }


def _receive(waiting: "dict[socket.socket, collections.deque[int]]", acknowledged: list[float], count: int) -> None:
    """Note when each answer came; answers of one connection come in order."""
    selector = selectors.DefaultSelector()
    for sock in waiting:
        selector.register(sock, selectors.EVENT_READ)
    until_s = time.monotonic() + 60
    while len(acknowledged) < count and time.monotonic() < until_s:
        for key, _ in selector.select(timeout=1):
            sock: Any = key.fileobj
            answers = sock.recv(65536)
            if not answers:
                selector.unregister(sock)
            now_ms, due = time.time_ns() / 1e6, waiting[sock]
            acknowledged += [now_ms - due.popleft() for _ in range(answers.count(_GOOD))]


if __name__ == "__main__":
    uvloop.run(obey({"closed": closed, "open": open_loop}))
