"""The hub is killed between a copy and its notification: both are made again, the copy with the same bytes."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import yaml

from fixtures.drivequant import trip
from fixtures.prepared_hub import PreparedHub
from fixtures.remote import Remote, Reply, Request
from fixtures.site import soon
from postroad.egress.tokens import basic


def declaration(webhook: Remote, ca_file: str, storage: dict[str, Any]) -> str:
    config = {"url": f"{webhook.url}/n", "ca_file": ca_file, "storage": storage}
    subscription = {
        "name": "told",
        "protocol": "damoov",
        "destination": "webhook",
        "drivers": "all",
        "types": ["TrackEnrichmentFinished"],
        "options": {"stored_url": "file:///srv/copies"},
        "delivery": {"retry": {"then_s": 0.1, "cap_s": 0.1}},
    }
    integration = {
        "name": "insurer",
        "destinations": [{"name": "webhook", "transport": "https", "config": config}],
        "subscriptions": [subscription],
    }
    providers = [{"name": "phones", "protocol": "drivequant"}]
    return yaml.safe_dump({"organizations": [{"name": "Andes", "providers": providers, "integrations": [integration]}]})


def copies(folder: Path) -> dict[str, bytes]:
    """What a customer sees."""
    files = (one.relative_to(folder) for one in folder.rglob("*.json") if one.is_file())
    return {str(one): (folder / one).read_bytes() for one in files if one.parts[0] != ".editions"}


def holds(folder: Path, part: bytes) -> Callable[[], bool]:
    return lambda: any(part in one for one in copies(folder).values())


@pytest.mark.timeout(120)
async def test_killed_between_copy_and_notification_the_notification_still_comes_and_the_newest_copy_stays(
    tmp_path: Path, remote: Remote, ca_file: str
) -> None:
    folder = tmp_path / "storage"
    folder.mkdir()
    hub = PreparedHub(tmp_path / "hub", environment={})
    await asyncio.to_thread(hub.prepare, declaration(remote, ca_file, {"type": "folder", "path": str(folder)}))
    client = msgspec.json.decode(
        await asyncio.to_thread(hub.postroad, "token", "issue", "phones", "--client", "--json")
    )
    headers = {"Authorization": basic(client["client_id"], client["client_secret"])}

    async def never(_request: Request) -> Reply:
        return await asyncio.get_running_loop().create_future()

    remote.answer = never
    await hub.start()
    try:
        async with aiohttp.ClientSession(headers=headers) as session:
            for distance in (1_000.0, 2_000.0):
                said = trip(distance=distance)
                async with session.post(f"{hub.url}/in/drivequant/trip", data=said) as response:
                    assert response.status == 200
                await soon(lambda: len(remote.requests) > 0)
                await soon(holds(folder, f'"Distance":{distance / 1000}'.encode()))
        before = copies(folder)
        await hub.kill()
        unconfirmed, remote.answer = len(remote.requests), lambda _request: Reply()
        await hub.start()
        await soon(lambda: len(remote.requests) > unconfirmed)
        assert copies(folder) == before
        assert len({json.loads(one.body)["Object"]["Id"] for one in remote.requests}) == 1
    finally:
        await hub.stop()
