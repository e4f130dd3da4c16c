"""A backup of a hub under load, restored elsewhere, against the independent counter."""

import asyncio
import datetime as dt
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import aiohttp
import pytest

from fixtures.declared import ENVIRONMENT, PROVIDER, Declared, declaration, settings_of
from postroad.clock import SystemClock
from postroad.log.interface import EPOCH_BITS
from postroad.protocols.base import position_and_slot
from postroad.simulate.certificates import make_server_context
from postroad.simulate.counter import compare, match_vehicles
from postroad.simulate.customer import Customer
from postroad.simulate.drivetech_vehicle import Limits
from postroad.simulate.fleet import make_fleet
from postroad.simulate.hub_process import HubProcess
from postroad.simulate.injector import Injector, Resending
from postroad.simulate.traces import load_traces


@pytest.mark.timeout(120)
async def test_a_hub_copied_under_load_goes_on_elsewhere_and_skips_nothing(tmp_path: Path) -> None:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        context, ca_file = make_server_context(tmp_path, dt.datetime.now(dt.UTC))
        customer = Customer(settings_of("insurer"), clock=clock)
        base = await customer.start(context)
        stack.push_async_callback(customer.stop)
        hub = HubProcess(tmp_path / "hub", environment=ENVIRONMENT)
        declared = Declared(name="insurer", base=base, ca_file=ca_file, types=("gps_position",), retry_s=0.1)
        await asyncio.to_thread(hub.prepare, declaration(declared))
        token = await asyncio.to_thread(hub.issue_token, PROVIDER)
        await hub.start()
        stack.push_async_callback(hub.stop)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        fleet = make_fleet(
            load_traces(), count=12, seed=5, start_us=clock.now_us() - 3600_000_000, limits=Limits(report_s=1)
        )
        injector = Injector(
            fleet, session=session, url=f"{hub.url}/provider/event/new/", token=token, clock=clock, random=Random(1),
            concurrency=12, resending=Resending(first_s=0.05, cap_s=0.2, jitter=1.0, timeout_s=5.0),
        )  # fmt: skip
        driving = asyncio.create_task(injector.run())
        await _until(lambda: customer.record.events > 200)
        customer.trouble = "unavailable"  # so that the backup holds what was not delivered
        await asyncio.sleep(0.3)
        backed_up_before = list(injector.ledger.acknowledged)
        # The command runs elsewhere; the injector goes on here meanwhile.
        await asyncio.to_thread(hub.postroad, "backup", str(tmp_path / "backup"))
        after_backup = len(injector.ledger.acknowledged)
        await _until(lambda: len(injector.ledger.acknowledged) > after_backup + 50)
        customer.trouble = None
        # All that the backup holds is delivered, in order: what is new after the restore is of the new epoch.
        await _until(lambda: len(customer.record.first) > after_backup + 50)
        await hub.kill()

        other = HubProcess(tmp_path / "other", environment=ENVIRONMENT)
        other._port, other.url = hub._port, hub.url  # takes the first one's place
        told = json.loads(await asyncio.to_thread(other.postroad, "restore", str(tmp_path / "backup"), "--json"))
        assert len(told["missing_keys"]) == 1
        (tmp_path / "other" / "postroad.key").write_bytes((tmp_path / "hub" / "postroad.key").read_bytes())
        (tmp_path / "other" / "postroad.key").chmod(0o600)
        restored_at = len(injector.ledger.acknowledged)
        highest_before = max(d.event_id for d in customer.record.first.values())
        await other.start()
        stack.push_async_callback(other.stop)
        await _until(lambda: len(injector.ledger.acknowledged) > restored_at + 300)
        injector.stop()
        await driving
        after_restore = injector.ledger.acknowledged[restored_at:]
        # Every event in the backup and every event after the restore reaches the customer; of those acknowledged
        # between the two only what the first hub had delivered does.
        wanted = {(sent.plate, sent.recorded_us // 1000) for sent in [*backed_up_before, *after_restore]}

        def missing() -> int:
            ids = match_vehicles(injector.ledger.acknowledged, customer.record)
            had = {(key[0], key[2]) for key in customer.record.first}
            return sum((ids.get(plate, -1), time_ms) not in had for plate, time_ms in wanted)

        await _until(lambda: not missing())
        count = compare([injector.ledger], customer.record)
        assert count.unknown == count.altered == count.malformed == count.out_of_order == 0, count
        new = [d.event_id for d in customer.record.first.values() if d.event_id > highest_before]
        assert min(position_and_slot(id_)[0] for id_ in new) > 1 << EPOCH_BITS
        await other.stop()
        log = other.log_path.read_text()
        assert "lost positions" not in log
        assert "Traceback" not in log


async def _until(condition: Callable[[], object]) -> None:
    """Look until it is so: it happens in another process, which has no other way to tell."""
    until_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until_s
        await asyncio.sleep(0.05)
