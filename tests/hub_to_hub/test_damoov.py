"""Damoov from hub to hub: A notifies and serves, B fetches; merged, replaced and removed tracks are the same at both."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.damoov_platform import DamoovPlatform, frame
from fixtures.site import soon
from postroad import layout, service
from postroad.model.documents import Crash, Trip, TripDeleted
from postroad.protocols import damoov
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.routing.translation import BatchTranslation
from postroad.service import Hub
from postroad.settings import DeliverySettings, EgressSettings, HubSettings, LogSettings, Settings
from postroad.simulate.certificates import SERVER_FILE, make_server_context

TRIP = frame("drivequant", "trip-with-everything")


class Receiver:
    """Hub B, and the platform that is hub A."""

    def __init__(self, folder: Path, a: DamoovPlatform) -> None:
        self.folder = folder
        self.a = a
        self.hub: Hub

    async def start(self) -> None:
        self.folder.mkdir()
        _, ca_file = await asyncio.to_thread(make_server_context, self.folder, dt.datetime.now(dt.UTC))
        token = await asyncio.to_thread(self._prepare)
        settings = Settings(
            hub=HubSettings(port=0, stop_within_s=1.0, tls_cert_file=SERVER_FILE),
            egress=EgressSettings(allow_cidrs=("127.0.0.1/32",), ca_file=str(self.a.site._ca)),
            delivery=DeliverySettings(registry_poll_ms=20),
            log=LogSettings(reserve_bytes=0),
        )
        self.hub = Hub(self.folder, settings)
        await self.hub.start()
        self.a.environment["B"] = f"Bearer {token}"
        to = {
            "url": f"https://127.0.0.1:{self.hub.port}/in/damoov",
            "ca_file": str(ca_file),
            "headers": {"Authorization": {"env": "B"}},
        }
        await self.a.redeclare(config=to)

    def _prepare(self) -> str:
        hosts = [self.a.base.removeprefix("https://")]
        provider = {"name": "hub-a", "protocol": "damoov", "settings": {"fetch": {"hosts": hosts}}}
        file = self.folder / "declared.yaml"
        file.write_text(yaml.safe_dump({"organizations": [{"name": "B", "providers": [provider]}]}), encoding="utf-8")
        registry = RegistryStore.open(self.folder / layout.REGISTRY_FILE)
        keys = KeyRing.load_or_create(self.folder / layout.KEY_FILE)
        apply_file(registry, file, catalogue=service.catalogue(), keys=keys, environment={}, prune=True)
        _, token = registry.issue_token("hub-a", "test")
        registry.close()
        return token

    async def documents(self) -> dict[str, Any]:
        """What counts at B, by key: the newest edition of each trip and crash."""
        log, found = self.hub.parts.logs[0], {}
        for batch in await log.read(0, max_bytes=2**30):
            said = BatchTranslation(batch, self.hub.parts.decoder, {}, self.hub.parts.following.view)
            for index in range(len(batch)):
                for event in said.events(index):
                    if not isinstance(event, Trip | TripDeleted | Crash):
                        continue
                    known = found.get(event.key)
                    if known is None or event.revision >= known.revision:
                        found[event.key] = event
        return found

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async def so() -> bool:
            return condition(await self.documents())

        await soon(so)
        return await self.documents()


@pytest.fixture
async def b(tmp_path: Path, platform: DamoovPlatform) -> AsyncIterator[Receiver]:
    b = Receiver(tmp_path / "b", platform)
    await b.start()
    yield b
    await b.hub.stop()


async def test_a_trip_and_a_crash_arrive_and_a_correction_replaces_and_a_deletion_removes(b: Receiver) -> None:
    await b.a.push("trip", TRIP)
    await b.a.push("crash", frame("drivequant", "crash-confirmed"))
    found = await b.until(lambda documents: len(documents) == 2)
    [trip] = [one for one in found.values() if isinstance(one, Trip)]
    [crash] = [one for one in found.values() if isinstance(one, Crash)]
    assert crash.happened_us is not None
    assert trip.distance_m == TRIP["itineraryStatistics"]["distance"]
    assert trip.path
    assert trip.driver.value == b.a.token(TRIP["userId"]), "A's name of the driver is all that B knows"

    await b.a.push("trip", TRIP | {"itineraryStatistics": {"distance": 4321}})
    await b.until(lambda documents: getattr(documents[trip.key], "distance_m", None) == 4321.0)

    await b.a.push("trip_deleted", frame("drivequant", "trip-deleted") | {"itinId": TRIP["itinId"]})
    found = await b.until(lambda documents: isinstance(documents[trip.key], TripDeleted))
    assert isinstance(found[crash.key], Crash)


async def test_a_track_that_is_absorbed_at_the_source_is_withdrawn_two_hubs_on(b: Receiver) -> None:
    merged = frame("damoov", "processed-track-after-a-merge")
    absorbed = merged["Notification"]["Details"]["TracksRemoved"][0]["Id"]
    alone = json.loads(json.dumps(merged))
    alone["Notification"] |= {"Timestamp": "2025-03-18T01:00:00Z", "Details": {}}
    alone["Notification"]["Object"]["Id"] = absorbed
    alone["Dataset"]["Result"]["Track"]["TrackToken"] = absorbed
    await b.a.notify(alone)
    found = await b.until(lambda documents: len(documents) == 1)
    [key] = found
    assert isinstance(found[key], Trip)
    assert key == damoov.canonical(key) != damoov.canonical(absorbed)
    await b.a.notify(merged, {"Notification": merged["Notification"], "Withdrawn": absorbed})
    found = await b.until(lambda documents: len(documents) == 2 and isinstance(documents[key], TripDeleted))
    [kept] = [one for one in found.values() if isinstance(one, Trip)]
    assert kept.distance_m == 27514.0
