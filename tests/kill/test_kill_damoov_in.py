"""The hub is killed while notifications come in, datasets are fetched and tracks are merged."""

import asyncio
import json
import ssl
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from fixtures.damoov_hub import PROVIDER, declaration, track
from fixtures.prepared_hub import PreparedHub
from fixtures.remote import Remote, Reply, Request
from postroad.clock import SystemClock
from postroad.log.reader import open_reader
from postroad.protocols import damoov
from postroad.simulate.damoov_platform import DamoovPlatform

USERS, TRACKS = 12, 12


def user(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


async def drive(platform: DamoovPlatform, number: int, random: Random) -> None:
    """Tracks one after another; every third absorbs the one before it."""
    for one in range(TRACKS):
        merged: dict[str, Any] = {"TracksRemoved": [{"Id": f"t{number}-{one - 1}"}]} if one % 3 == 2 else {}
        await platform.happens("TrackEnrichmentFinished", user(number), f"t{number}-{one}", track(), **merged)
        await asyncio.sleep(random.uniform(0.0, 0.4))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kills", [2, pytest.param(5, marks=pytest.mark.slow)])
async def test_nothing_acknowledged_is_lost_and_each_dataset_is_stored_once_whenever_it_is_killed(
    tmp_path: Path, remote: Remote, ca_file: str, server_context: ssl.SSLContext, kills: int
) -> None:
    trips: set[str] = set()
    gone: set[str] = set()
    arrived = asyncio.Event()

    def answer(request: Request) -> Reply:
        said = json.loads(request.body)
        (gone if said.get("event") == "TRIP_DELETION" else trips).add(said["itinId"])
        arrived.set()
        return Reply()

    remote.answer = answer
    random = Random(7)
    hub = PreparedHub(tmp_path / "hub", environment={"POSTROAD_EGRESS_CA_FILE": ca_file})
    async with aiohttp.ClientSession() as session:
        headers: dict[str, str] = {}
        platform = DamoovPlatform(f"{hub.url}/in/damoov", headers, session=session, clock=SystemClock(), again_s=0.05)
        await platform.start(server_context)
        await asyncio.to_thread(hub.prepare, declaration(platform.base_url, remote.url, ca_file))
        token = await asyncio.to_thread(hub.issue_token, PROVIDER)
        platform._headers["Authorization"] = f"Bearer {token}"
        await hub.start()
        driving = asyncio.gather(*[drive(platform, number, Random(number)) for number in range(USERS)])
        for _ in range(kills):
            await asyncio.sleep(random.uniform(0.1, 0.8))
            await hub.kill()
            await hub.start()
        await driving
        absorbed = USERS * (TRACKS // 3)
        async with asyncio.timeout(30):
            while len(gone) < absorbed or len(trips - gone) < USERS * TRACKS - absorbed:
                arrived.clear()
                await arrived.wait()
        await hub.stop()
        await platform.stop()
    assert platform.refused > 0, "it was killed while something came in"
    reader = open_reader(tmp_path / "hub" / "shard-00.db")
    stored = [raw for batch in reader.read(0, max_bytes=2**40) if batch.protocol == "damoov" for raw in batch.items()]
    reader.close()
    said = [damoov.decode(raw) for raw in stored]
    names = {(number, one): f"t{number}-{one}" for number in range(USERS) for one in range(TRACKS)}
    withdrawn = {name for (_, one), name in names.items() if one % 3 == 1}
    announced = Counter(one.object_id for one in said if one.kind == "TrackEnrichmentFinished")
    fetched = Counter(one.object_id for one in said if one.kind == "processed_track")
    assert announced == Counter(names.values())
    assert Counter(one.withdrawn for one in said if one.withdrawn) == Counter(withdrawn)
    assert set(fetched.values()) == {1}, "each dataset is stored once"
    assert set(names.values()) - withdrawn <= set(fetched), "what was withdrawn before it was fetched is not fetched"
