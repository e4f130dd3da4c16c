"""The hub is killed under load at random moments; an independent counter compares acknowledged with delivered."""

import asyncio
import datetime as dt
import time
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import aiohttp
import pytest

from fixtures.declared import ENVIRONMENT, PROVIDER, Declared, declaration, settings_of
from postroad.clock import SystemClock
from postroad.simulate.certificates import make_server_context
from postroad.simulate.counter import Count, compare
from postroad.simulate.customer import Customer
from postroad.simulate.drivetech_vehicle import Limits
from postroad.simulate.fleet import make_fleet
from postroad.simulate.hub_process import HubProcess
from postroad.simulate.injector import Injector, Resending
from postroad.simulate.traces import load_traces

INJECTORS = 8
VEHICLES_EACH = 6
BULK_ITEMS = {"small": 50, "large": 1000}
"""Two subscriptions; duplicates are bounded by one bulk for each kill."""
TYPES = ("gps_position", "car_ignition")
QUIET_WITHIN_S = 60.0


async def killed_hub(folder: Path, *, kills: int, seed: int) -> dict[str, Count]:
    """Run a hub under load, kill it ``kills`` times, let everything become quiet; what each customer has."""
    random, clock = Random(seed), SystemClock()
    async with AsyncExitStack() as stack:
        context, ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
        customers: dict[str, Customer] = {}
        declared = []
        for name, items in BULK_ITEMS.items():
            customers[name] = Customer(settings_of(name), clock=clock)
            base = await customers[name].start(context)
            stack.push_async_callback(customers[name].stop)
            declared.append(Declared(name=name, base=base, ca_file=ca_file, types=TYPES, retry_s=0.2, max_items=items))
        hub = HubProcess(folder / "hub", environment=ENVIRONMENT)
        await asyncio.to_thread(hub.prepare, declaration(*declared))
        token = await asyncio.to_thread(hub.issue_token, PROVIDER)
        await hub.start()
        stack.push_async_callback(hub.stop)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        injectors = [
            Injector(
                make_fleet(
                    load_traces(),
                    count=VEHICLES_EACH,
                    seed=seed * 1000 + number,
                    start_us=clock.now_us() - 3600_000_000,  # an hour's backlog: sent as fast as it is taken
                    limits=Limits(report_s=1),
                ),
                session=session,
                url=f"{hub.url}/provider/event/new/",
                token=token,
                clock=clock,
                random=Random(number),
                concurrency=VEHICLES_EACH,
                resending=Resending(first_s=0.05, cap_s=0.2, jitter=1.0, timeout_s=5.0),
            )
            for number in range(INJECTORS)
        ]
        driving = [asyncio.create_task(injector.run()) for injector in injectors]
        for _ in range(kills):
            await asyncio.sleep(random.uniform(0.1, 1.5))
            await hub.kill()
            await hub.start()
        await asyncio.sleep(0.5)
        for injector in injectors:
            injector.stop()
        await asyncio.gather(*driving)
        ledgers = [injector.ledger for injector in injectors]
        assert not any(ledger.refused for ledger in ledgers)
        until_s = time.monotonic() + QUIET_WITHIN_S
        while True:
            counts = {name: compare(ledgers, customer.record) for name, customer in customers.items()}
            if all(count.lost == 0 for count in counts.values()) or time.monotonic() > until_s:
                return counts
            await asyncio.sleep(0.3)


def check(counts: dict[str, Count], kills: int) -> None:
    for name, count in counts.items():
        assert count.acknowledged > 100 * kills, "there was no load worth the name"
        assert count.lost == 0, (name, count)
        assert count.out_of_order == 0, (name, count)
        assert count.unknown == count.altered == count.malformed == 0, (name, count)
        assert count.doubled == 0, (name, "a resend was stored twice", count)
        assert count.redelivered <= kills * BULK_ITEMS[name], (name, count)


@pytest.mark.timeout(300)
async def test_after_5_kills_nothing_is_lost_and_at_most_one_bulk_a_kill_is_repeated(tmp_path: Path) -> None:
    check(await killed_hub(tmp_path, kills=5, seed=1), kills=5)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_after_100_kills_nothing_is_lost_and_at_most_one_bulk_a_kill_is_repeated(tmp_path: Path) -> None:
    for seed in range(20):
        folder = tmp_path / str(seed)
        folder.mkdir()
        check(await killed_hub(folder, kills=5, seed=100 + seed), kills=5)
