"""DriveQuant's pushes from hub to hub: six URLs, one token endpoint, both hubs killed in between."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from fixtures.drivequant import CRASH, DRIVER, TRIP, body, crash, declaration, trip, trip_deleted
from fixtures.hub_pair import HubPair, started
from fixtures.prepared_hub import PreparedHub
from postroad.clock import SystemClock
from postroad.egress.tokens import basic
from postroad.protocols.drivequant import KINDS
from postroad.simulate.hub_process import HubProcess

RETRY = {"first_waits_s": [], "then_s": 0.3, "cap_s": 0.3, "urgent_every_s": 0.3, "max_attempts": 10_000}
"""Days are too long for a test. Nothing is given up meanwhile."""


class Pair(HubPair):
    """``a`` is told by phones and pushes to ``b`` as DriveQuant does."""

    def _prepare(self) -> None:
        phones = {"name": "Andes", "providers": [{"name": "hub-a", "protocol": "drivequant"}]}
        self.b.prepare(yaml.safe_dump({"organizations": [phones]}))
        client = self._client(self.b, "hub-a")
        self.a = PreparedHub(self._folder / "a", environment={"DQ_SECRET": client["client_secret"]})
        auth = {
            "type": "oauth2_client_credentials",
            "token_url": f"{self.b_url}/oauth/token",
            "client_id": client["client_id"],
            "client_secret": {"env": "DQ_SECRET"},
        }
        said = declaration(
            {"name": "all", "delivery": {"retry": RETRY}}, base="", ca_file=str(self._ca_file), auth=auth
        )
        config = said["organizations"][0]["integrations"][0]["destinations"][0]["config"]
        config["urls"] = {service: f"{self.b_url}/in/drivequant/{service}" for service in KINDS}
        self.a.prepare(yaml.safe_dump(said))
        told = self._client(self.a, "phones")
        self._headers = {"Authorization": basic(told["client_id"], told["client_secret"])}

    def _client(self, hub: HubProcess, provider: str) -> dict[str, str]:
        found: dict[str, str] = msgspec.json.decode(hub.postroad("token", "issue", provider, "--client", "--json"))
        return found

    async def say(self, service: str, said: bytes) -> None:
        await self.tell(f"/in/drivequant/{service}", data=said, headers=self._headers)

    def stored(self) -> list[tuple[str, dict[str, Any]]]:
        """What stands in B's log: service and body, in order."""
        return [
            (KINDS[batch.kinds[index]], json.loads(raw))
            for batch, index, raw in self.items("b")
            if batch.protocol == "drivequant"
        ]

    def waiting(self) -> int:
        """Letters that A has parked."""
        with self.shard("a") as shard:
            return sum(counts.parked for counts in shard.letter_counts().values())

    def issued(self) -> str:
        """What A calls the driver."""
        [driver] = [one for one in self.view("a").subjects.values() if one.kind == "driver"]
        return str(driver.issued["drivequant.user_id"])


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with started(Pair(tmp_path)) as pair:
        yield pair


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
