"""Both hubs are killed, again and again, while bulks come in at the first and go on to the second."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from fixtures.hub_pair import started
from fixtures.two_hubs import CAR_PATH, OLDER, STREAMS, STREAMS_PATH, TwoHubs
from postroad.simulate.hub_process import HubProcess

VEHICLES = 20
BULK_ITEMS = 200
BETWEEN_BULKS_S = 0.05
"""So that kills, not the number of items, make the work."""
AT_LEAST_BULKS_A_KILL = 3


def streams_event(number: int) -> dict[str, Any]:
    return {
        "type": "can_odometer_km",
        "id": number,
        "vehicleId": 1 + number % VEHICLES,
        "time": "2026-01-01T12:30:10.000Z",
        "value": number,
    }


def car_message(number: int) -> dict[str, Any]:
    return {
        "type": "odometer",
        "carId": f"car-{number % VEHICLES}",
        "time": "2026-01-01T12:30:10.000Z",
        "odometer": number,
    }


class Sender:
    """Sends numbered items in bulks, each again until it is answered 200."""

    def __init__(self, hubs: TwoHubs, path: str, make: Callable[[int], dict[str, Any]]) -> None:
        self.acknowledged = 0
        self.stopping = False
        self._hubs, self._path, self._make = hubs, path, make

    async def run(self) -> None:
        while not self.stopping:
            numbers = range(self.acknowledged, self.acknowledged + BULK_ITEMS)
            body = json.dumps([self._make(number) for number in numbers]).encode()
            while not await self._taken(body):
                pass
            self.acknowledged += BULK_ITEMS
            await asyncio.sleep(BETWEEN_BULKS_S)

    async def _taken(self, body: bytes) -> bool:
        try:
            status = await self._hubs.post(self._path, body)
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)  # until the hub is back
            return False
        assert status in (200, 503)
        return status == 200


async def killed_hubs(folder: Path, *, kills: int, seed: int) -> None:
    """Kill one hub or both ``kills`` times; then everything must be at the second, once, each vehicle's in order."""
    random = Random(seed)
    async with started(TwoHubs(folder)) as hubs:
        senders = {
            STREAMS: Sender(hubs, STREAMS_PATH, streams_event),
            OLDER: Sender(hubs, CAR_PATH, car_message),
        }
        running = [asyncio.create_task(sender.run()) for sender in senders.values()]
        for number in range(kills):
            await asyncio.sleep(random.uniform(0.1, 1.5))
            victims = [[hubs.a], [hubs.b], [hubs.a, hubs.b]][number % 3]
            await asyncio.gather(*(_killed(hub, random.uniform(0.0, 0.5)) for hub in victims))
        for sender in senders.values():
            sender.stopping = True
        await asyncio.gather(*running)
        await hubs.quiet()
        for provider, sender in senders.items():
            assert sender.acknowledged >= AT_LEAST_BULKS_A_KILL * kills * BULK_ITEMS, "there was no load worth the name"
            _check(hubs, provider, sender.acknowledged)


async def _killed(hub: HubProcess, dead_s: float) -> None:
    await hub.kill()
    await asyncio.sleep(dead_s)
    await hub.start()


def _check(hubs: TwoHubs, provider: str, acknowledged: int) -> None:
    key, vehicle_key = ("value", "vehicleId") if provider == STREAMS else ("odometer", "carId")
    at_a = [stored.json[key] for stored in hubs.stored("a", provider)]
    assert at_a == list(range(acknowledged)), "the first hub stores each once, in the order of their sending"
    items = [stored.json for stored in hubs.stored("b", provider)]
    events = [event for event in items if key in event]
    numbers: dict[object, list[int]] = defaultdict(list)
    for event in events:
        numbers[event[vehicle_key]].append(int(event[key]))
    expected = [list(range(first, acknowledged, VEHICLES)) for first in range(VEHICLES)]
    assert sorted(numbers.values()) == expected, (provider, [len(found) for found in numbers.values()])
    if provider == STREAMS:
        ids = [event["id"] for event in items]
        assert len(set(ids)) == len(ids), "no id of an event or of an admin event is there twice"


@pytest.mark.timeout(180)
async def test_after_3_kills_of_two_hubs_the_second_holds_all_that_the_first_acknowledged_once_and_in_order(
    tmp_path: Path,
) -> None:
    await killed_hubs(tmp_path, kills=3, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(100, 105))
async def test_after_12_kills_of_two_hubs_the_second_holds_all_that_the_first_acknowledged_once_and_in_order(
    tmp_path: Path, seed: int
) -> None:
    """Two minutes each on a slow machine."""
    await killed_hubs(tmp_path, kills=12, seed=seed)
