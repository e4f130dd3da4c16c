"""Drivetech from hub to hub: one injects into the other's entrance as a provider does, both are killed in between."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.hub_pair import HubPair, started
from fixtures.prepared_hub import PreparedHub
from postroad.clock import SystemClock, from_us
from postroad.model.events import Header
from postroad.protocols.base import Item
from postroad.protocols.drivetech import KINDS, PROTOCOL, DrivetechSettings

EVENTS_PATH = "/provider/event/new/"
FRAMES = Path(__file__).parent.parent / "protocols" / "samples" / "in" / "drivetech"
RETRY = {"first_waits_s": [], "then_s": 0.2, "cap_s": 0.2}


class Pair(HubPair):
    """``a`` is told by vehicles and injects into ``b``."""

    def _prepare(self) -> None:
        hub_a = {"name": "Andes", "providers": [{"name": "hub-a", "protocol": "drivetech"}]}
        self.b.prepare(yaml.safe_dump({"organizations": [hub_a]}))
        self.a = PreparedHub(self._folder / "a", environment={"TOKEN": self.b.issue_token("hub-a")})
        config = {
            "url": self.b_url + EVENTS_PATH,
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
        await self.tell(EVENTS_PATH, json=frame, headers=self._headers)

    def stored(self) -> list[Item]:
        """What stands in B's log, in order."""
        return [PROTOCOL.read(raw, DrivetechSettings()) for _, _, raw in self.items("b")]

    async def arrive(self, count: int) -> list[Item]:
        """B's items, once there are so many."""
        await self.until(lambda: len(self.stored()) >= count)
        return self.stored()


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with started(Pair(tmp_path)) as pair:
        yield pair


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
