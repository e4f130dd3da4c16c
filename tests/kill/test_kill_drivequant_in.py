"""The hub is killed while a platform pushes trips and deletes some of them, and some drivers with all they have."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import msgspec
import pytest

from fixtures.drivequant_hub import DECLARATION, driver_deleted, trip, trip_deleted
from fixtures.prepared_hub import PreparedHub
from fixtures.remote import Remote, Reply, Request
from postroad.clock import SystemClock
from postroad.log.reader import open_reader
from postroad.simulate.drivequant_platform import POLICIES, Basic, DriveQuantPlatform, OAuth, Policy

DRIVERS, TRIPS = 12, 12
SOON = {service: Policy(attempts=None, then_every_s=0.05) for service in POLICIES}


def deleted(driver: int) -> bool:
    return driver % 4 == 0


class Drivers:
    """What becomes of drivers and trips at the platform."""

    def __init__(self, platform: DriveQuantPlatform) -> None:
        self.platform = platform
        self.random = Random(6)

    async def drive(self, driver: int) -> None:
        """Trips one after another; of every third its deletion comes before, beside or after it."""
        for number in range(TRIPS):
            name = f"t{driver}-{number}"
            pushes: list[tuple[str, dict[str, Any]]] = [("trip", trip(name, driver=f"d{driver}"))]
            if number % 3 == 0:
                pushes.insert(number % 2, ("trip_deleted", trip_deleted(name)))
            await asyncio.gather(*[self.platform.push(service, said) for service, said in pushes])
            await asyncio.sleep(self.random.uniform(0.0, 0.4))
            if deleted(driver) and number == TRIPS // 2:
                await self.platform.push("driver_deleted", driver_deleted(f"d{driver}"))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kills", [2, pytest.param(5, marks=pytest.mark.slow)])
async def test_nothing_deleted_comes_back_and_nothing_else_is_lost_whenever_it_is_killed(
    tmp_path: Path, remote: Remote, ca_file: str, kills: int
) -> None:
    received: list[dict[str, Any]] = []

    def answer(request: Request) -> Reply:
        received.append(json.loads(request.body))
        return Reply()

    remote.answer = answer
    hub = PreparedHub(tmp_path / "hub", environment={})
    await asyncio.to_thread(hub.prepare, DECLARATION.format(url=remote.url, ca=ca_file, drivers="all"))
    pair = msgspec.json.decode(await asyncio.to_thread(hub.postroad, "token", "issue", "dq", "--client", "--json"))
    await hub.start()
    random = Random(3)
    async with aiohttp.ClientSession() as session:
        auth = OAuth(token_url=f"{hub.url}/oauth/token", client=Basic(pair["client_id"], pair["client_secret"]))
        url = f"{hub.url}/in/drivequant"
        platform = DriveQuantPlatform(url, auth, session=session, clock=SystemClock(), policies=SOON)
        drivers = Drivers(platform)
        driving = asyncio.gather(*[drivers.drive(driver) for driver in range(DRIVERS)])
        for _ in range(kills):
            await asyncio.sleep(random.uniform(0.1, 0.8))
            await hub.kill()
            await hub.start()
        await driving
        kept = {
            f"t{driver}-{number}" for driver in range(DRIVERS) if not deleted(driver) for number in range(TRIPS)
            if number % 3
        }  # fmt: skip
        gone = sum(map(deleted, range(DRIVERS)))
        async with asyncio.timeout(30):
            while not (
                kept <= {one["itinId"] for one in received if "itinId" in one}
                and sum(one.get("event") == "DRIVER_DELETION" for one in received) >= gone
            ):
                remote.arrived.clear()
                await remote.arrived.wait()
    await hub.stop()
    reader = open_reader(tmp_path / "hub" / "shard-00.db")
    stored = [json.loads(raw) for batch in reader.read(0, max_bytes=2**40) for raw in batch.items()]
    reader.close()
    assert platform.tokens_had == 1, "a token outlives the hub"
    counted = Counter(json.dumps(one) for one in stored)
    assert [said for said, count in counted.items() if count > 1] == []
    order = {(one.get("itinId", one.get("userId")), one.get("event")): at for at, one in enumerate(stored)}
    for driver in range(DRIVERS):
        end = order.get((f"d{driver}", "DRIVER_DELETION"))
        assert (end is not None) == deleted(driver)
        for number in range(TRIPS):
            name = f"t{driver}-{number}"
            came, ended = order.get((name, None)), order.get((name, "TRIP_DELETION"))
            assert (ended is not None) == (number % 3 == 0)
            assert came is None or ended is None or came < ended, f"{name} came back"
            assert came is None or end is None or came < end, f"{name} came back after its driver was deleted"
            assert came is not None or name not in kept
