"""Sends a customer prepared bulks over one connection as fast as it answers: what the customer can take at most."""

import asyncio
import ssl
import sys
import time
from typing import Any

import msgspec
import uvloop

from customer import TOKEN
from worker import obey

_BULK_EVENTS = 1000


def _bulk(number: int) -> bytes:
    body = msgspec.json.encode(
        [
            {
                "id": (number * _BULK_EVENTS + n) << 6, "type": "gps_position", "vehicleId": n, "direction": 270,
                "time": "2026-01-01T00:00:00.000Z", "latitude": -33.4, "longitude": -70.6, "speed": 50,
                "eph": None, "hdop": None,
            }
            for n in range(_BULK_EVENTS)
        ]
    )  # fmt: skip
    head = f"POST /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def blast(bulks: int) -> dict[str, Any]:
    """Send so many bulks, one after the other."""
    prepared = [_bulk(number) for number in range(bulks)]
    context = ssl.create_default_context(cafile=sys.argv[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]), ssl=context)
    began = time.perf_counter()
    for bulk in prepared:
        writer.write(bulk)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the customer answered {answer!r}")
    seconds = time.perf_counter() - began
    writer.close()
    return {"per_s": bulks * _BULK_EVENTS / seconds}


if __name__ == "__main__":
    uvloop.run(obey({"blast": blast}))
