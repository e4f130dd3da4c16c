"""A hub that injects into Drivetech's platform is killed under load: every acknowledged event arrives, in order."""

import asyncio
import datetime as dt
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import yaml

from fixtures.declared import PROVIDER
from fixtures.killing import kill_under_load
from fixtures.prepared_hub import PreparedHub
from postroad.clock import SystemClock
from postroad.protocols.drivetech import KINDS
from postroad.simulate.certificates import make_server_context
from postroad.simulate.drivetech_platform import EVENTS_PATH, Platform
from postroad.simulate.ledger import Sent

TOKEN = "of-the-platform"
WINDOW_ITEMS = 100
QUIET_WITHIN_S = 60.0


def declaration(base: str, ca_file: Path) -> str:
    config = {"url": base + EVENTS_PATH, "ca_file": str(ca_file), "headers": {"Authorization": {"env": "TOKEN"}}}
    retry = {"first_waits_s": [], "then_s": 0.05, "cap_s": 0.05}
    subscription = {
        "name": "injector",
        "protocol": "drivetech",
        "destination": "platform",
        "types": list(KINDS),
        "vehicles": "all",
        "delivery": {"retry": retry, "window": WINDOW_ITEMS},
    }
    integration = {
        "name": "drivetech",
        "destinations": [{"name": "platform", "transport": "https", "config": config}],
        "subscriptions": [subscription],
    }
    providers = [{"name": PROVIDER, "protocol": "drivetech"}]
    organization = {"name": "Andes", "providers": providers, "integrations": [integration]}
    return yaml.safe_dump({"organizations": [organization]}, sort_keys=False)


def missing(platform: Platform, sent: list[Sent]) -> list[Sent]:
    found = {(item.identifier, item.recorded_us // 1000) for item in platform.items}
    return [one for one in sent if (one.plate, one.recorded_us // 1000) not in found]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
async def test_after_kills_the_platform_has_every_acknowledged_event_and_each_vehicles_in_order(
    tmp_path: Path, kills: int
) -> None:
    context, ca_file = await asyncio.to_thread(make_server_context, tmp_path, dt.datetime.now(dt.UTC))
    async with AsyncExitStack() as stack:
        platform = Platform(TOKEN, clock=SystemClock())
        base = await platform.start(context)
        stack.push_async_callback(platform.stop)
        hub = PreparedHub(tmp_path / "hub", environment={"TOKEN": f"Bearer {TOKEN}"})
        ledgers = await kill_under_load(
            hub, declaration(base, ca_file), kills=kills, seed=6, injectors=2, vehicles_each=4, stack=stack
        )
        acknowledged = [sent for ledger in ledgers for sent in ledger.acknowledged]
        assert len(acknowledged) > 20 * kills, "there was no load worth the name"
        async with asyncio.timeout(QUIET_WITHIN_S):
            while missing(platform, acknowledged):  # noqa: ASYNC110 - nothing signals that the hub has caught up
                await asyncio.sleep(0.2)
    assert (platform.malformed, platform.unauthorized) == ([], 0)
    assert platform.repeated <= kills * WINDOW_ITEMS
    instants = defaultdict(list)
    for item in platform.items:
        instants[item.identifier].append(item.recorded_us)
    assert {plate: at == sorted(at) for plate, at in instants.items()} == dict.fromkeys(instants, True)
    assert all(item.late for item in platform.items), "an hour's backlog is old"
