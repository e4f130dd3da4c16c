"""The hub is killed while it receives from one queue and sends to another; only the queue brings anything again."""

import asyncio
import json
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fixtures.bulks import event
from fixtures.prepared_hub import PreparedHub
from fixtures.pubsub_site import IN, OUT, SUBSCRIPTION, declared
from fixtures.until import until
from postroad.log.reader import open_reader

MESSAGES, ITEMS, VEHICLES = 120, 25, 6
KILLS = 2


@pytest.mark.timeout(120)
async def test_what_a_queue_brought_is_stored_once_and_sent_on_in_order_over_kills(
    tmp_path: Path, pubsub_server: Any, ca_file: str
) -> None:
    hub = PreparedHub(tmp_path / "hub", environment={})
    await asyncio.to_thread(hub.prepare, declared(pubsub_server, keyed=True, ca=ca_file))
    await hub.start()
    random, everything = Random(7), set(range(MESSAGES * ITEMS))

    def put(number: int) -> None:
        vehicle = 1 + number % VEHICLES
        values = range(number * ITEMS, (number + 1) * ITEMS)
        body = json.dumps([event(value, vehicle) for value in values]).encode()
        pubsub_server.put(IN, body, ordering_key=f"car-{vehicle}")

    for number in range(MESSAGES):
        put(number)
        if number % (MESSAGES // KILLS) == MESSAGES // KILLS // 2:
            before = len(pubsub_server.topics[OUT])
            await until(lambda seen=before: len(pubsub_server.topics[OUT]) > seen)
            await asyncio.sleep(random.uniform(0.0, 0.05))
            await hub.kill()
            await hub.start()

    def sent() -> list[tuple[str, int]]:
        return [
            (message.ordering_key, one["value"])
            for message in list(pubsub_server.topics[OUT])
            for one in json.loads(message.data)
            if "value" in one
        ]

    await until(lambda: {value for _, value in sent()} == everything, within_s=60)
    await until(lambda: not pubsub_server.subscriptions[SUBSCRIPTION].held)
    await hub.stop()
    reader = open_reader(tmp_path / "hub" / "shard-00.db")
    batches = reader.read(0, max_bytes=2**40)
    reader.close()
    stored = Counter(json.loads(raw).get("id") for batch in batches for raw in batch.items() if b"odometer" in raw)
    assert {id_ for id_, count in stored.items() if count > 1} == set()
    assert stored.keys() == everything
    first_time: dict[str, list[int]] = defaultdict(list)
    for key, value in dict.fromkeys(sent()):
        first_time[key].append(value)
    assert len(first_time) == VEHICLES
    assert all(values == sorted(values) for values in first_time.values())
