"""The hub is killed under load at random moments; an independent counter compares acknowledged with delivered."""

import asyncio
import datetime as dt
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from fixtures.declared import ENVIRONMENT, Declared, declaration, settings_of
from fixtures.killing import kill_under_load
from fixtures.prepared_hub import PreparedHub
from postroad.clock import SystemClock
from postroad.simulate.certificates import make_server_context
from postroad.simulate.counter import Count, compare
from postroad.simulate.customer import Customer

INJECTORS = 8
VEHICLES_EACH = 6
BULK_ITEMS = {"small": 50, "large": 1000}
"""Two subscriptions; duplicates are bounded by one bulk for each kill."""
TYPES = ("gps_position", "car_ignition")
QUIET_WITHIN_S = 60.0


async def killed_hub(folder: Path, *, kills: int, seed: int) -> dict[str, Count]:
    """Run a hub under load, kill it ``kills`` times, let everything become quiet; what each customer has."""
    async with AsyncExitStack() as stack:
        context, ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
        customers: dict[str, Customer] = {}
        declared = []
        for name, items in BULK_ITEMS.items():
            customers[name] = Customer(settings_of(name), clock=SystemClock())
            base = await customers[name].start(context)
            stack.push_async_callback(customers[name].stop)
            declared.append(Declared(name=name, base=base, ca_file=ca_file, types=TYPES, retry_s=0.2, max_items=items))
        ledgers = await kill_under_load(
            PreparedHub(folder / "hub", environment=ENVIRONMENT),
            declaration(*declared),
            kills=kills,
            seed=seed,
            injectors=INJECTORS,
            vehicles_each=VEHICLES_EACH,
            stack=stack,
        )
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
async def test_after_2_kills_nothing_is_lost_and_at_most_one_bulk_a_kill_is_repeated(tmp_path: Path) -> None:
    check(await killed_hub(tmp_path, kills=2, seed=1), kills=2)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_after_100_kills_nothing_is_lost_and_at_most_one_bulk_a_kill_is_repeated(tmp_path: Path) -> None:
    for seed in range(20):
        folder = tmp_path / str(seed)
        folder.mkdir()
        check(await killed_hub(folder, kills=5, seed=100 + seed), kills=5)
