"""The hub is killed while it receives from one queue and sends to another; only the queue brings anything again.

It dies in the richest moment that there is: a burst is on its way, and the queue hears, but did not answer yet, that
some of it need not be brought again. All the while the service that the hub sends to is silent, so that whatever was
on its way there is gone. What was acknowledged must be in the log then, and what was sent must be sent once more.
"""

import asyncio
import importlib
import json
import os
import signal
import threading
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
from fixtures.until import until, until_so
from postroad.log.reader import open_reader

MEMBERS = {
    "aws": ("cloud_aws", "AwsQueues", "aiobotocore"),
    "event_hubs": ("azure_queues", "FromEventHubs", "azure.eventhub"),
    "pubsub": ("cloud_pubsub", "PubSubQueues", "google.pubsub_v1"),
    "service_bus": ("azure_queues", "FromServiceBus", "azure.servicebus"),
}
"""Name -> fixture module, class, and the SDK's module."""
ITEMS, VEHICLES = 25, 6
BURST, WHILE_DEAD = 48, VEHICLES
"""Messages that are put before the hub is killed, and while it is dead: of each vehicle one more."""
KILLS = 2
MESSAGES = KILLS * (BURST + WHILE_DEAD)
EVERYTHING = set(range(MESSAGES * ITEMS))
LAST = {number * ITEMS - 1 for number in range(MESSAGES - VEHICLES + 1, MESSAGES + 1)}
"""Of each vehicle: what comes before it has come once this has, or is lost."""


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


class Vendor:
    """Whose messages wait for the hub: values count up, vehicle after vehicle."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self._next = 0

    async def put(self, messages: int) -> None:
        for number in range(self._next, self._next + messages):
            vehicle = 1 + number % VEHICLES
            values = range(number * ITEMS, (number + 1) * ITEMS)
            body = json.dumps([event(value, vehicle) for value in values]).encode()
            await self._queues.put(body, key=f"car-{vehicle}")
        self._next += messages


class Killer:
    """Kills a hub within the call that tells of an acknowledgement."""

    def __init__(self, hub: PreparedHub, queues: Queues) -> None:
        self._hub = hub
        self._queues = queues
        self._at: int | None = None
        self._struck = threading.Event()

    def aim(self, at: int) -> None:
        """Kill it once so many messages are acknowledged in all."""
        self._struck.clear()
        self._at = at

    async def until_dead(self) -> None:
        await until(self._struck.is_set, within_s=60)
        await self._hub.kill()

    def heard(self) -> None:
        if self._at is not None and len(self._queues.acknowledged()) >= self._at:
            self._at = None
            os.kill(self._hub.pid, signal.SIGKILL)
            self._struck.set()


async def sent(queues: Queues) -> list[tuple[str, int]]:
    """Key and value of each event."""
    return [(key, one["value"]) for key, body in await queues.sent() for one in json.loads(body) if "value" in one]


async def more_is_sent(queues: Queues, already: int) -> bool:
    return len(await queues.sent()) > already


def stored(folder: Path) -> Counter[int]:
    """How often each event is in the log."""
    reader = open_reader(folder / "shard-00.db")
    batches = reader.read(0, max_bytes=2**40)
    reader.close()
    return Counter(json.loads(raw)["id"] for batch in batches for raw in batch.items() if b"odometer" in raw)


def acknowledged(queues: Queues) -> set[int]:
    return {one["id"] for body in queues.acknowledged() for one in json.loads(body)}


@pytest.mark.timeout(120)
async def test_what_a_queue_brought_is_stored_once_and_sent_on_in_order_over_kills(
    tmp_path: Path, queues: Queues
) -> None:
    folder = tmp_path / "hub"
    hub = PreparedHub(folder, environment=queues.environment)
    await asyncio.to_thread(hub.prepare, declaration(queues))
    await hub.start()
    vendor, killer, random = Vendor(queues), Killer(hub, queues), Random(7)
    await queues.watch(folder, killer.heard)
    for number in range(KILLS):
        await queues.be_silent(True)
        killer.aim(number * (BURST + WHILE_DEAD) + random.randint(BURST // 2, BURST - VEHICLES))
        await vendor.put(BURST)
        await killer.until_dead()
        assert acknowledged(queues) - stored(folder).keys() == set(), "acknowledged before it was stored"
        await queues.be_silent(False)
        await vendor.put(WHILE_DEAD)
        already = len(await queues.sent())
        await hub.start()
        await until_so(lambda seen=already: more_is_sent(queues, seen))

    async def the_last_are_sent() -> bool:
        return {value for _, value in await sent(queues)} >= LAST

    await until_so(the_last_are_sent, within_s=60)
    arrived = await sent(queues)
    await until_so(queues.is_empty)
    await hub.kill()
    counts = stored(folder)
    assert {id_ for id_, count in counts.items() if count > 1} == set()
    assert counts.keys() == EVERYTHING
    assert EVERYTHING - {value for _, value in arrived} == set(), "taken for delivered before the service had it"
    first_time: dict[str, list[int]] = defaultdict(list)
    for key, value in dict.fromkeys(arrived):
        first_time[key].append(value)
    assert len(first_time) == VEHICLES
    assert all(values == sorted(values) for values in first_time.values())
