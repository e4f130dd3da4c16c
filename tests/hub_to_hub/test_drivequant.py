"""DriveQuant's pushes from hub to hub: six URLs, one token endpoint, both hubs killed in between."""

import asyncio
import datetime as dt
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import yaml

from fixtures.drivequant import CRASH, DRIVER, TRIP, body, crash, declaration, trip, trip_deleted
from postroad import layout
from postroad.clock import SystemClock
from postroad.egress.tokens import basic
from postroad.log.reader import open_reader
from postroad.protocols.drivequant import KINDS
from postroad.registry.store import RegistryStore
from postroad.simulate.certificates import SERVER_FILE, make_server_context
from postroad.simulate.hub_process import HubProcess

RETRY = {"first_waits_s": [], "then_s": 0.3, "cap_s": 0.3, "urgent_every_s": 0.3, "max_attempts": 10_000}
"""Days are too long for a test. Nothing is given up meanwhile."""
WITHIN_S = 60.0


class Pair:
    """``a`` is told by phones and pushes to ``b`` as DriveQuant does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        _, self._ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
        self.b = HubProcess(folder / "b", environment={"POSTROAD_HUB_TLS_CERT_FILE": str(folder / SERVER_FILE)})

    async def start(self) -> None:
        self._session = aiohttp.ClientSession()
        await asyncio.to_thread(self._prepare)
        await asyncio.gather(self.a.start(), self.b.start())

    def _prepare(self) -> None:
        phones = {"name": "Andes", "providers": [{"name": "hub-a", "protocol": "drivequant"}]}
        self.b.prepare(yaml.safe_dump({"organizations": [phones]}))
        client = self._client(self.b, "hub-a")
        self.a = HubProcess(self._folder / "a", environment={"DQ_SECRET": client["client_secret"]})
        base = self.b.url.replace("http:", "https:")
        auth = {
            "type": "oauth2_client_credentials",
            "token_url": f"{base}/oauth/token",
            "client_id": client["client_id"],
            "client_secret": {"env": "DQ_SECRET"},
        }
        said = declaration(
            {"name": "all", "delivery": {"retry": RETRY}}, base="", ca_file=str(self._ca_file), auth=auth
        )
        config = said["organizations"][0]["integrations"][0]["destinations"][0]["config"]
        config["urls"] = {service: f"{base}/in/drivequant/{service}" for service in KINDS}
        self.a.prepare(yaml.safe_dump(said))
        told = self._client(self.a, "phones")
        self._headers = {"Authorization": basic(told["client_id"], told["client_secret"])}

    def _client(self, hub: HubProcess, provider: str) -> dict[str, str]:
        found: dict[str, str] = msgspec.json.decode(hub.postroad("token", "issue", provider, "--client", "--json"))
        return found

    async def say(self, service: str, said: bytes) -> None:
        url = f"{self.a.url}/in/drivequant/{service}"
        async with self._session.post(url, data=said, headers=self._headers) as response:
            assert response.status == 200, await response.text()

    def stored(self) -> list[tuple[str, dict[str, Any]]]:
        """What stands in B's log: service and body, in order."""
        reader = open_reader(self._folder / "b" / "shard-00.db")
        try:
            return [
                (KINDS[batch.kinds[index]], json.loads(raw))
                for batch in reader.read(0, max_bytes=2**40)
                if batch.protocol == "drivequant"
                for index, raw in enumerate(batch.items())
            ]
        finally:
            reader.close()

    def waiting(self) -> int:
        """Letters that A has parked."""
        reader = open_reader(self._folder / "a" / "shard-00.db")
        try:
            return sum(counts.parked for counts in reader.letter_counts().values())
        finally:
            reader.close()

    def issued(self) -> str:
        """What A calls the driver."""
        registry = RegistryStore.open(self._folder / "a" / layout.REGISTRY_FILE)
        try:
            [driver] = [one for one in registry.view().subjects.values() if one.kind == "driver"]
            return str(driver.issued["drivequant.user_id"])
        finally:
            registry.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        until_s = time.monotonic() + WITHIN_S
        while not await asyncio.to_thread(condition):
            assert time.monotonic() < until_s, (self.stored(), self.a.log_path.read_text(errors="replace")[-2000:])
            await asyncio.sleep(0.2)

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


@pytest.mark.timeout(240)
async def test_pushes_arrive_once_and_as_they_count_though_both_hubs_are_killed(pair: Pair) -> None:
    now_us = SystemClock().now_us()
    for service in ("diagnosis", "crash", "crash_report"):
        await pair.say(service, body(service, now_us))
    await pair.until(lambda: len(pair.stored()) == 3)
    issued = pair.issued()
    arrived = dict(pair.stored())
    assert {said.get("userId", issued) for said in arrived.values()} == {issued}
    assert DRIVER not in json.dumps(arrived)
    assert arrived["crash"]["crashId"] == arrived["crash_report"]["crashId"] == CRASH

    await pair.b.kill()  # nobody takes anything
    await pair.say("trip", trip(distance=100.0))
    await pair.say("trip", trip("deleted meanwhile"))
    await pair.until(lambda: pair.waiting() == 2)
    await pair.a.kill()
    await pair.a.start()
    await pair.say("trip", trip(distance=200.0))
    await pair.say("trip_deleted", trip_deleted("deleted meanwhile"))
    await pair.say("crash", crash(now_us, "another"))
    await pair.a.kill()
    await asyncio.gather(pair.a.start(), pair.b.start())
    await pair.until(lambda: len(pair.stored()) == 6 and pair.waiting() == 0)
    later = pair.stored()[3:]
    assert sorted(service for service, _ in later) == ["crash", "trip", "trip_deleted"]
    by_service = dict(later)
    assert by_service["trip"]["itinId"] == TRIP
    assert by_service["trip"]["itineraryStatistics"]["distance"] == 200.0
    assert by_service["trip_deleted"]["itinId"] == "deleted meanwhile"
