"""The hub is killed while it receives from one queue and sends to another; only the queue brings anything again."""

import asyncio
import importlib
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from fixtures.bulks import event
from fixtures.cloud import require
from fixtures.prepared_hub import PreparedHub
from fixtures.queues import Queues
from fixtures.until import until_so
from postroad.log.reader import open_reader

MEMBERS = {
    "aws": ("cloud_aws", "AwsQueues", "aiobotocore"),
    "event_hubs": ("azure_queues", "FromEventHubs", "azure.eventhub"),
    "pubsub": ("cloud_pubsub", "PubSubQueues", "google.pubsub_v1"),
    "service_bus": ("azure_queues", "FromServiceBus", "azure.servicebus"),
}
"""Name -> fixture module, class, and the SDK's module."""
MESSAGES, ITEMS, VEHICLES = 120, 25, 6
KILLS = 2
EVERYTHING = set(range(MESSAGES * ITEMS))


@pytest.fixture(params=sorted(MEMBERS))
async def queues(request: pytest.FixtureRequest, authority: Any, ca_file: str) -> AsyncIterator[Queues]:
    module, name, sdk = MEMBERS[request.param]
    require(sdk)
    queues: Queues = getattr(importlib.import_module(f"fixtures.{module}"), name)(authority, ca_file)
    await queues.start()
    yield queues
    await queues.close()


def declaration(queues: Queues) -> str:
    subscription = {
        "name": "telemetry",
        "protocol": "connected_cars",
        "destination": "queue",
        "types": ["car_odometer_km"],
        "vehicles": "all",
        "delivery": {"retry": {"first_waits_s": [], "then_s": 0.05, "cap_s": 0.05}},
    }
    insurer = {
        "name": "insurer",
        "destinations": [{"name": "queue", **queues.destination()}],
        "subscriptions": [subscription],
    }
    streams = {"name": "streams", "protocol": "connected_cars", "receive": queues.receive()}
    return yaml.safe_dump({"organizations": [{"name": "Andes", "providers": [streams], "integrations": [insurer]}]})


async def put(queues: Queues, number: int) -> None:
    vehicle = 1 + number % VEHICLES
    values = range(number * ITEMS, (number + 1) * ITEMS)
    await queues.put(json.dumps([event(value, vehicle) for value in values]).encode(), key=f"car-{vehicle}")


async def sent(queues: Queues) -> list[tuple[str, int]]:
    """Key and value of each event."""
    return [(key, one["value"]) for key, body in await queues.sent() for one in json.loads(body) if "value" in one]


def stored(folder: Path) -> Counter[int]:
    reader = open_reader(folder / "shard-00.db")
    batches = reader.read(0, max_bytes=2**40)
    reader.close()
    return Counter(json.loads(raw)["id"] for batch in batches for raw in batch.items() if b"odometer" in raw)


@pytest.mark.timeout(120)
async def test_what_a_queue_brought_is_stored_once_and_sent_on_in_order_over_kills(
    tmp_path: Path, queues: Queues
) -> None:
    hub = PreparedHub(tmp_path / "hub", environment=queues.environment)
    await asyncio.to_thread(hub.prepare, declaration(queues))
    await hub.start()
    random = Random(7)
    for number in range(MESSAGES):
        await put(queues, number)
        if number % (MESSAGES // KILLS) == MESSAGES // KILLS // 2:
            before = len(await queues.sent())

            async def more_is_sent(seen: int = before) -> bool:
                return len(await queues.sent()) > seen

            await until_so(more_is_sent)
            await asyncio.sleep(random.uniform(0.0, 0.05))
            await hub.kill()
            await hub.start()

    async def all_is_sent() -> bool:
        return {value for _, value in await sent(queues)} == EVERYTHING

    await until_so(all_is_sent, within_s=60)
    await until_so(queues.is_empty)
    await hub.stop()
    counts = stored(tmp_path / "hub")
    assert {id_ for id_, count in counts.items() if count > 1} == set()
    assert counts.keys() == EVERYTHING
    first_time: dict[str, list[int]] = defaultdict(list)
    for key, value in dict.fromkeys(await sent(queues)):
        first_time[key].append(value)
    assert len(first_time) == VEHICLES
    assert all(values == sorted(values) for values in first_time.values())
