"""The yardstick of ``bulk_vs_codec``: what the hub does to each event, with nothing around it."""

import asyncio
import time
from typing import Any

import msgspec

from bulk_generator import bulk
from postroad.model.events import Header
from postroad.protocols import connected_cars
from postroad.protocols.base import Addressing
from worker import obey

SENT_AT_ONCE = 1_000
SETTINGS = connected_cars.ConnectedCarsSettings()
OPTIONS = connected_cars.Options()
TO = Addressing(vehicle_id=1)


async def run(first: int, bulks: int, size: int, began_ms: int) -> dict[str, Any]:
    """Decode and encode bulks; say how long it took, and how long one bare typed decode and encode of each takes."""
    bodies = [bulk(first + n * size, size, began_ms) for n in range(bulks)]
    began, busy = time.perf_counter(), time.process_time()
    for number, body in enumerate(bodies):
        translate(body, first + number * size)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - busy
    decoder, encoder = msgspec.json.Decoder(list[connected_cars.GpsPosition]), msgspec.json.Encoder()
    busy = time.process_time()
    for body in bodies:
        encoder.encode(decoder.decode(body))
    return {"seconds": seconds, "cpu_s": cpu_s, "msgspec_cpu_s": time.process_time() - busy}


def translate(body: bytes, first_position: int) -> list[bytes]:
    """The bodies that would be sent of one that came in."""
    protocol = connected_cars.PROTOCOL
    out: list[bytes] = []
    for position, raw in enumerate(connected_cars.split_bulk(body), start=first_position):
        item = protocol.read(raw, SETTINGS)
        header = Header(subject_id=1, provider_id=1, recorded_us=item.recorded_us, received_us=item.recorded_us)
        for event in protocol.events(item, header, SETTINGS):
            written = protocol.write(event, to=TO, position=position, options=OPTIONS)
            out += [one.body for one in written]
    return [protocol.bulk(out[at : at + SENT_AT_ONCE]) for at in range(0, len(out), SENT_AT_ONCE)]


if __name__ == "__main__":
    asyncio.run(obey({"run": run}))
