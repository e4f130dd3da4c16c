"""The load in bulks: Connected Cars positions, posted over a few connections, prepared beforehand."""

import asyncio
import datetime as dt
import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from worker import obey

VEHICLES = 500
PATH = "/in/connected_cars"
CONNECTIONS = 2

_EVENT = (
    '{"type":"gps_position","id":%d,"vehicleId":%d,"time":"%s","latitude":%.6f,"longitude":%.6f,"speed":%d,'
    '"direction":%d,"eph":%d,"hdop":null}'
)


def bulk(first: int, count: int, began_ms: int) -> bytes:
    """Events ``first`` to ``first + count - 1``, all different: number n was recorded n ms after ``began_ms``."""
    random = Random(first).random
    events = []
    for number in range(first, first + count):
        recorded_ms = began_ms + number
        moment = dt.datetime.fromtimestamp(recorded_ms // 1000, dt.UTC)
        when = f"{moment:%Y-%m-%dT%H:%M:%S}.{recorded_ms % 1000:03d}Z"
        place = (55.6 + random() / 5, 12.4 + random() / 5, random() * 130, random() * 360, random() * 20)
        events.append(_EVENT % (number, 7000 + number % VEHICLES, when, *place))
    return f"[{','.join(events)}]".encode()


async def post(port: int, token: str, first: int, bulks: int, size: int, began_ms: int) -> dict[str, Any]:
    """Post bulks, and say how long it took until each was answered 200."""
    bodies = iter([bulk(first + n * size, size, began_ms) for n in range(bulks)])
    began_ns, busy_s = time.monotonic_ns(), time.process_time()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        bad = sum(threads.map(lambda _: _post_all(port, token, bodies), range(CONNECTIONS)))
    seconds = (time.monotonic_ns() - began_ns) / 1e9
    return {
        "began_ns": began_ns,
        "bad": bad,
        "per_s": bulks * size / seconds,
        "cpu_share": (time.process_time() - busy_s) / seconds,
    }


def _post_all(port: int, token: str, bodies: Any) -> int:
    """Post from the common iterator until it is empty. Returns how many were not answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    bad = 0
    for body in bodies:
        connection.request("POST", PATH, body, headers)
        answer = connection.getresponse()
        answer.read()
        bad += answer.status != 200
    connection.close()
    return bad


if __name__ == "__main__":
    asyncio.run(obey({"post": post}))
