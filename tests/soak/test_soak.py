"""A long run under a steady load, with a customer that fails at times: memory and file handles stay flat."""

import asyncio
import datetime as dt
import os
import statistics
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import aiohttp
import pytest

from fixtures.declared import ENVIRONMENT, PROVIDER, Declared, declaration, settings_of
from postroad.clock import SystemClock
from postroad.simulate.certificates import make_server_context
from postroad.simulate.counter import compare
from postroad.simulate.customer import Customer
from postroad.simulate.drivetech_vehicle import Limits
from postroad.simulate.fleet import make_fleet
from postroad.simulate.hub_process import HubProcess
from postroad.simulate.injector import Injector, Resending
from postroad.simulate.traces import load_traces

VEHICLES = 200
TYPES = ("gps_position", "car_ignition", "car_odometer_km")
SAMPLE_S = 2.0
FAILS_EVERY_S, FAILS_FOR_S = 60.0, 5.0
GROWTH_MB = 16.0
"""Between the second and the last quarter of the run; a leak of 1 kB an event would be 60 MB in ten minutes."""


class Usage:
    """What the hub's process holds, over time."""

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")
        self.resident_mb: list[float] = []
        self.handles: list[int] = []

    def sample(self) -> None:
        pages = int((self._process / "statm").read_text().split()[1])
        self.resident_mb.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
        self.handles.append(len(list((self._process / "fd").iterdir())))


def quarter(values: list[float] | list[int], number: int) -> list[float] | list[int]:
    size = len(values) // 4
    return values[number * size : (number + 1) * size]


async def soak(folder: Path, *, seconds: float) -> Usage:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        context, ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
        customer = Customer(settings_of("insurer"), clock=clock)
        base = await customer.start(context)
        stack.push_async_callback(customer.stop)
        hub = HubProcess(folder / "hub", environment=ENVIRONMENT)
        declared = Declared(name="insurer", base=base, ca_file=ca_file, types=TYPES, retry_s=0.5)
        await asyncio.to_thread(hub.prepare, declaration(declared))
        token = await asyncio.to_thread(hub.issue_token, PROVIDER)
        await hub.start()
        stack.push_async_callback(hub.stop)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        injector = Injector(
            make_fleet(load_traces(), count=VEHICLES, seed=7, start_us=clock.now_us(), limits=Limits(report_s=1)),
            session=session,
            url=f"{hub.url}/provider/event/new/",
            token=token,
            clock=clock,
            random=Random(7),
            concurrency=64,
            resending=Resending(first_s=0.1, cap_s=1.0),
        )
        driving = asyncio.create_task(injector.run())
        usage = Usage(hub.pid)
        began_s = clock.monotonic_s()
        while (elapsed_s := clock.monotonic_s() - began_s) < seconds:
            customer.trouble = "unavailable" if elapsed_s % FAILS_EVERY_S > FAILS_EVERY_S - FAILS_FOR_S else None
            usage.sample()
            await clock.sleep(SAMPLE_S)
        customer.trouble = None
        injector.stop()
        await driving
        async with asyncio.timeout(60):
            while compare([injector.ledger], customer.record).lost:
                await clock.sleep(0.5)
        count = compare([injector.ledger], customer.record)
        assert count.acknowledged > VEHICLES / 2 * seconds
        assert count.out_of_order == count.altered == count.malformed == count.doubled == 0
        return usage


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_ten_minutes_under_load_leave_memory_and_handles_flat(tmp_path: Path) -> None:
    usage = await soak(tmp_path, seconds=600)
    grown_mb = statistics.median(quarter(usage.resident_mb, 3)) - statistics.median(quarter(usage.resident_mb, 1))
    assert grown_mb < GROWTH_MB, usage.resident_mb
    assert max(quarter(usage.handles, 3)) <= max(quarter(usage.handles, 1)) + 8, usage.handles


async def test_the_soak_sees_what_a_process_holds() -> None:
    usage = Usage(os.getpid())
    usage.sample()
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
    ballast = os.urandom(50_000_000)
    usage.sample()
    for descriptor in held:
        os.close(descriptor)
    assert usage.handles[1] >= usage.handles[0] + 20
    assert usage.resident_mb[1] > usage.resident_mb[0] + len(ballast) / 2e6
