"""Drivetech from hub to hub: one injects into the other's entrance as a provider does, both are killed in between."""

import asyncio
import datetime as dt
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from postroad.clock import SystemClock, from_us
from postroad.log.reader import open_reader
from postroad.model.events import Header
from postroad.protocols.base import Item
from postroad.protocols.drivetech import KINDS, PROTOCOL, DrivetechSettings
from postroad.simulate.certificates import SERVER_FILE, make_server_context
from postroad.simulate.hub_process import HubProcess

EVENTS_PATH = "/provider/event/new/"
FRAMES = Path(__file__).parent.parent / "protocols" / "samples" / "in" / "drivetech"
RETRY = {"first_waits_s": [], "then_s": 0.2, "cap_s": 0.2}
WITHIN_S = 60.0


class Pair:
    """``a`` is told by vehicles and injects into ``b``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        _, self._ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
        self.b = HubProcess(folder / "b", environment={"POSTROAD_HUB_TLS_CERT_FILE": str(folder / SERVER_FILE)})

    async def start(self) -> None:
        self._session = aiohttp.ClientSession()
        await asyncio.to_thread(self._prepare)
        await asyncio.gather(self.a.start(), self.b.start())

    def _prepare(self) -> None:
        hub_a = {"name": "Andes", "providers": [{"name": "hub-a", "protocol": "drivetech"}]}
        self.b.prepare(yaml.safe_dump({"organizations": [hub_a]}))
        self.a = HubProcess(self._folder / "a", environment={"TOKEN": self.b.issue_token("hub-a")})
        config = {
            "url": self.b.url.replace("http:", "https:") + EVENTS_PATH,
            "ca_file": str(self._ca_file),
            "auth": {"type": "bearer", "token": {"env": "TOKEN"}},
        }
        subscription = {
            "name": "injector",
            "protocol": "drivetech",
            "destination": "hub-b",
            "types": list(KINDS),
            "vehicles": "all",
            "delivery": {"retry": RETRY},
        }
        integration = {
            "name": "hub-b",
            "destinations": [{"name": "hub-b", "transport": "https", "config": config}],
            "subscriptions": [subscription],
        }
        vehicles = {"name": "Andes", "providers": [{"name": "gps", "protocol": "drivetech"}]}
        self.a.prepare(yaml.safe_dump({"organizations": [vehicles | {"integrations": [integration]}]}))
        self._headers = {"Authorization": f"Bearer {self.a.issue_token('gps')}"}

    async def say(self, frame: dict[str, Any]) -> None:
        async with self._session.post(self.a.url + EVENTS_PATH, json=frame, headers=self._headers) as response:
            assert response.status == 200, await response.text()

    def stored(self) -> list[Item]:
        """What stands in B's log, in order."""
        reader = open_reader(self._folder / "b" / "shard-00.db")
        try:
            return [
                PROTOCOL.read(raw, DrivetechSettings())
                for batch in reader.read(0, max_bytes=2**40)
                for raw in batch.items()
            ]
        finally:
            reader.close()

    async def arrive(self, count: int) -> list[Item]:
        """B's items, once there are so many."""
        until_s = time.monotonic() + WITHIN_S
        while len(found := await asyncio.to_thread(self.stored)) < count:
            assert time.monotonic() < until_s, (len(found), self.a.log_path.read_text(errors="replace")[-2000:])
            await asyncio.sleep(0.2)
        return found

    async def stop(self) -> None:
        await self._session.close()
        await asyncio.gather(self.a.stop(), self.b.stop())


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    pair = Pair(tmp_path)
    try:
        await pair.start()
        yield pair
    finally:
        await pair.stop()


def frames() -> list[dict[str, Any]]:
    """The published samples, each with an instant of its own: a vehicle's in order, seconds apart, minutes ago."""
    samples = [json.loads(file.read_text(encoding="utf-8"))["frame"] for file in sorted(FRAMES.glob("*.json"))]
    start_us = SystemClock().now_us() - 300_000_000
    return [
        frame | {"datetime": from_us(start_us + number * 1_000_000).isoformat()}
        for number, frame in enumerate(frame for frame in samples if isinstance(frame, dict))
    ]


def facts(item: Item) -> Any:
    """All that an event says in the common language, but for words of a state that Drivetech does not document."""
    header = Header(subject_id=1, provider_id=1, recorded_us=item.recorded_us, received_us=item.recorded_us)
    [event] = PROTOCOL.events(item, header, DrivetechSettings())
    said = {name: value for name, value in event.readings.items() if name != "motion_state"}
    return item.identifier, KINDS[item.kind], item.recorded_us // 1000, event.position, said, event.occurrences


@pytest.mark.timeout(240)
async def test_every_event_of_every_type_arrives_once_and_in_order_though_both_hubs_are_killed(pair: Pair) -> None:
    said = frames()
    sent = [PROTOCOL.read(json.dumps(frame).encode(), DrivetechSettings()) for frame in said]
    assert {KINDS[item.kind] for item in sent} == set(KINDS)
    third = len(said) // 3
    for frame in said[:third]:
        await pair.say(frame)
    await pair.arrive(third)

    await pair.b.kill()  # nobody takes anything
    for frame in said[third : 2 * third]:
        await pair.say(frame)
    await pair.a.kill()
    await pair.a.start()
    for frame in said[2 * third :]:
        await pair.say(frame)
    await pair.a.kill()
    await asyncio.gather(pair.a.start(), pair.b.start())

    found = await pair.arrive(len(said))
    by_plate = {item.identifier for item in sent}
    for plate in by_plate:
        of_one = [facts(item) for item in found if item.identifier == plate]
        assert of_one == [facts(item) for item in sent if item.identifier == plate], plate
    assert len(found) == len(sent)
    assert all(item.late for item in found), "older than 60 s when they were sent"
