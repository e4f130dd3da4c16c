"""The hub is killed at any step of erasing a driver and a vehicle, while others go on saying things."""

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import aiohttp
import msgspec
import pytest

from fixtures.drivequant_hub import crash, trip
from fixtures.drivetech import sample
from fixtures.dying_hub import NEVER, DyingHub
from fixtures.leftovers import leftovers
from fixtures.remote import Remote, Reply, Request
from postroad.egress.tokens import basic
from postroad.errors import StoreUnavailable
from postroad.layout import REGISTRY_FILE, state_path
from postroad.log.interface import ERASED, UNASSIGNED
from postroad.log.reader import open_reader
from postroad.registry.erasures import Erasure
from postroad.registry.store import RegistryStore

DRIVER, PLATE = "ada-4711-lovelace", "KXRT41"
TRIPS, REPORTS = 3, 4
OTHERS = 12
MOST_STEPS = 90
"""An erasure has no more than so many."""
WITHIN_S = 60.0
DECLARATION = """\
organizations:
  - name: Andes
    providers:
      - {{name: dq, protocol: drivequant}}
      - {{name: gps, protocol: drivetech}}
    integrations:
      - name: insurer
        destinations:
          - {{name: pushes, transport: https, config: {{url: "{url}/push", ca_file: "{ca}"}}}}
          - {{name: feed, transport: https, config: {{url: "{url}/feed", ca_file: "{ca}"}}}}
        subscriptions:
          - name: drivers
            protocol: drivequant
            destination: pushes
            types: [trip, crash, driver_deleted]
            drivers: all
          - {{name: vehicles, protocol: connected_cars, destination: feed, types: [gps_position], vehicles: all}}
"""


class Books(NamedTuple):
    """What a folder holds."""

    items: dict[int, tuple[int, int, bytes]]
    """Position -> kind, subject and bytes."""
    cursors: dict[int, int]


def books(folder: Path) -> Books:
    reader = open_reader(folder / "shard-00.db")
    try:
        batches = reader.read(0, max_bytes=2**40)
        items = {
            batch.position + index: (batch.kinds[index], batch.subjects[index], raw)
            for batch in batches
            for index, raw in enumerate(batch.items())
        }
        return Books(items, {id_: cursor.position for id_, cursor in reader.cursors().items()})
    finally:
        reader.close()


def erasures(folder: Path) -> list[Erasure]:
    registry = RegistryStore.open(folder / REGISTRY_FILE)
    try:
        return registry.erasures()
    finally:
        registry.close()


class Site:
    """A hub, who speaks to it, and a customer who takes everything but what names the driver beside another."""

    def __init__(self, folder: Path, remote: Remote, ca_file: str) -> None:
        self.folder = folder
        self.hub = DyingHub(folder, environment={"PYTHONPATH": os.pathsep.join(sys.path)})
        self.pushes: list[dict[str, Any]] = []
        self.feed: list[dict[str, Any]] = []
        self._remote = remote
        self._ca = ca_file
        remote.answer = self._answer

    def _answer(self, request: Request) -> Reply:
        if request.path == "/feed":
            self.feed += json.loads(request.body)
            return Reply()
        push = json.loads(request.body)
        if "companion" in push:
            return Reply(400, f"nobody is called {push['companion']} here".encode())
        self.pushes.append(push)
        return Reply()

    def prepare(self) -> None:
        self.hub.prepare(DECLARATION.format(url=self._remote.url, ca=self._ca))
        self._gps = {"Authorization": f"Bearer {self.hub.issue_token('gps')}"}
        pair = msgspec.json.decode(self.hub.postroad("token", "issue", "dq", "--client", "--json"))
        self._dq = {"Authorization": basic(pair["client_id"], pair["client_secret"])}

    async def push(self, service: str, said: dict[str, Any]) -> None:
        """Until it is taken."""
        await self._post(f"/in/drivequant/{service}", said, self._dq)

    async def drive(self, plate: str, second: int) -> None:
        said = sample(plate=plate, datetime=f"2026-07-02T14:03:0{second}.000Z")
        await self._post("/provider/event/new/", said, self._gps)

    async def refused(self) -> None:
        """Something of the vehicle's that is wrong."""
        url = f"{self.hub.url}/provider/event/new/"
        async with self.session.post(url, json={"plate": "kxrt-41"}, headers=self._gps) as response:
            assert response.status == 400

    async def _post(self, path: str, said: dict[str, Any], headers: dict[str, str]) -> None:
        while True:
            with suppress(aiohttp.ClientError):
                async with self.session.post(self.hub.url + path, json=said, headers=headers) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.05)  # until the hub is back

    async def everything_before(self) -> None:
        """What is to be erased, what is not, and what waits; all of it delivered that can be."""
        for number in range(TRIPS):
            await self.push("trip", trip(f"ada-{number}", driver=DRIVER, firstname="Ada"))
            await self.push("trip", trip(f"bob-{number}", driver="bob"))
        await self.push("crash", crash("c1", driver=DRIVER))
        await self.push("trip", trip("bob-and-ada", driver="bob", companion=DRIVER))
        for second in range(REPORTS):
            await self.drive(PLATE, second)
            await self.drive("BBBB22", second)
        await self.refused()
        await self.until(lambda: len(self.pushes) == 2 * TRIPS + 1 and len(self.positions()) == 2 * REPORTS)
        await self.until(self._accounted_for)

    def positions(self) -> list[dict[str, Any]]:
        return [one for one in self.feed if one["type"] == "gps_position"]

    def _accounted_for(self) -> bool:
        """What nobody wrote down before a kill is not in a receipt either: the hub cannot know that it arrived."""
        reader = open_reader(self.folder / "shard-00.db")
        try:
            parked = sum(counts.parked for counts in reader.letter_counts().values())
            cursors = [cursor.position for cursor in reader.cursors().values()]
            return parked == 1 and len(cursors) == 2 and min(cursors) == reader.heads().next_position
        finally:
            reader.close()

    async def until(self, condition: Any) -> None:
        until_s = time.monotonic() + WITHIN_S
        while not await asyncio.to_thread(condition):
            assert time.monotonic() < until_s, self.hub.log_path.read_text(errors="replace")[-2000:]
            await asyncio.sleep(0.1)

    def done(self) -> bool:
        return {one.state for one in erasures(self.folder)} == {"done"}

    async def starts_and_dies(self, step: int) -> bool:
        """Have the hub run until it dies at this step; False: it has no such step any more."""
        self.hub.dies_at = step
        with suppress(StoreUnavailable):  # it died before it listened
            await self.hub.start()
        until_s = time.monotonic() + WITHIN_S
        while not (died := await self.hub.has_died()) and not await asyncio.to_thread(self.done):
            assert time.monotonic() < until_s, self.hub.log_path.read_text(errors="replace")[-2000:]
            await asyncio.sleep(0.05)
        await self.hub.kill()
        return died


async def erased_with_kills(site: Site, random: Random, kills: int) -> tuple[Books, int]:
    """Have both erased by a hub that is killed again and again; what it held before, and how often it was killed."""
    await asyncio.to_thread(site.prepare)
    async with aiohttp.ClientSession() as site.session:
        await site.hub.start()
        await site.everything_before()
        await site.hub.kill()
        before = books(site.folder)
        for kind, name in (("driver", DRIVER), ("vehicle", PLATE)):
            await asyncio.to_thread(site.hub.postroad, "erase", kind, name, "--wait-s", "0")
        others = asyncio.gather(*[site.push("trip", trip(f"later-{n}", driver="bob")) for n in range(OTHERS)])
        died = 0
        for _ in range(kills):
            died += await site.starts_and_dies(random.randint(1, MOST_STEPS))
        site.hub.dies_at = NEVER
        await site.hub.start()
        await others
        await site.until(site.done)
        await site.until(lambda: {f"later-{n}" for n in range(OTHERS)} <= {one.get("itinId") for one in site.pushes})
        await site.hub.stop()
    return before, died


def check(site: Site, before: Books) -> None:
    assert leftovers(site.folder, DRIVER, PLATE, "kxrt-41") == []
    after = books(site.folder)
    erased = {one.subject_id for one in erasures(site.folder)}
    for position, item in before.items.items():
        theirs = item[1] in erased or DRIVER.encode() in item[2]
        assert after.items[position] == ((ERASED, UNASSIGNED, b"") if theirs else item)
    assert {id_ for id_, at in before.cursors.items() if after.cursors[id_] < at} == set()
    audited = json.loads(site.hub.postroad("audit", "--json"))
    assert [(one["subscription"], one["gaps"]) for one in audited] == [("drivers", []), ("vehicles", [])]
    known_as = {one["userId"] for one in site.pushes if one.get("itinId") == "ada-0"}
    assert {one["userId"] for one in site.pushes if one.get("event") == "DRIVER_DELETION"} == known_as
    number = next(one["vehicleId"] for one in site.feed if one["type"] == "gps_position")
    assert {one["vehicleId"] for one in site.feed if one["type"] == "access_removed_from_vehicle"} == {number}
    receipts = {one.kind: one.receipt for one in erasures(site.folder)}
    told = 1
    assert receipts["driver"].items == TRIPS + 2 + told, "trips, a crash, and what names him beside another"
    assert (receipts["driver"].letters, receipts["driver"].refusals) == (1, 0)
    assert (receipts["vehicle"].refusals, receipts["vehicle"].state, receipts["vehicle"].letters) == (1, 1, 0)
    granted = 1
    assert receipts["vehicle"].items == REPORTS + granted + told
    for kind, subscription, events in (("driver", "drivers", TRIPS + 1), ("vehicle", "vehicles", REPORTS + granted)):
        [receiver] = receipts[kind].receivers
        assert (receiver.subscription, receiver.events, receiver.notice) == (subscription, events, "told")
    known = msgspec.msgpack.decode(state_path(site.folder, 0).read_bytes())[-1]
    assert len(known) == 1, "BBBB22's"


@pytest.mark.timeout(240)
async def test_whatever_step_of_erasing_is_the_last_the_next_hub_finishes_it_whole(
    tmp_path: Path, remote: Remote, ca_file: str
) -> None:
    site = Site(tmp_path / "hub", remote, ca_file)
    before, died = await erased_with_kills(site, Random(1), kills=3)
    check(site, before)
    assert died >= 2


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(100, 120))
async def test_whatever_steps_of_erasing_are_the_last_the_next_hub_finishes_it_whole(
    tmp_path: Path, remote: Remote, ca_file: str, seed: int
) -> None:
    site = Site(tmp_path / "hub", remote, ca_file)
    before, died = await erased_with_kills(site, Random(seed), kills=8)
    check(site, before)
    assert died >= 2
