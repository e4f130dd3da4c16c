"""The hub is killed while bulks come in; all that the provider does is to send each again until it is answered 200."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from random import Random

import aiohttp
import pytest

from fixtures.bulks import DECLARATION, STREAMS, event
from fixtures.prepared_hub import PreparedHub
from postroad.log.reader import open_reader

BULKS, ITEMS = 6, 6_000


async def sent_until_taken(session: aiohttp.ClientSession, url: str, headers: dict[str, str], body: bytes) -> None:
    while True:
        try:
            async with session.post(url, data=body, headers=headers) as response:
                if response.status == 200:
                    return
                assert response.status == 503
        except (aiohttp.ClientError, ConnectionError):
            await asyncio.sleep(0.02)  # until the hub is back


@pytest.mark.timeout(120)
async def test_bulks_that_kills_cut_short_are_stored_whole_once_and_in_order(tmp_path: Path) -> None:
    hub = PreparedHub(tmp_path / "hub", environment={})
    await asyncio.to_thread(hub.prepare, DECLARATION.format(settings="{}"))
    headers = {"Authorization": f"Bearer {await asyncio.to_thread(hub.issue_token, 'streams')}"}
    await hub.start()
    random, kills = Random(4), 0
    async with aiohttp.ClientSession() as session:
        for number in range(BULKS):
            first = number * ITEMS
            body = json.dumps([event(first + index, vehicle=1 + index % 50) for index in range(ITEMS)]).encode()
            sending = asyncio.create_task(sent_until_taken(session, hub.url + STREAMS, headers, body))
            if number % 3 == 0:
                await asyncio.sleep(random.uniform(0.0, 0.4))
                await hub.kill()
                kills += 1
                await hub.start()
            await sending
    await hub.stop()
    reader = open_reader(tmp_path / "hub" / "shard-00.db")
    batches = reader.read(0, max_bytes=2**40)
    reader.close()
    ids = [json.loads(raw)["id"] for batch in batches for raw in batch.items()]
    assert kills == 2
    assert [id_ for id_, count in Counter(ids).items() if count > 1] == []
    assert ids == list(range(BULKS * ITEMS))
