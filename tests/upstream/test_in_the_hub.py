"""The whole of it in a hub, and the command line beside it; real files, sockets and processes."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.connected_cars_server import TOPIC, ConnectedCarsServer
from fixtures.remote import Reply
from fixtures.until import until
from fixtures.upstream_declared import CC_CATALOGUE, declaration
from postroad.cli.main import cli
from postroad.clock import SystemClock
from postroad.layout import KEY_FILE, REGISTRY_FILE
from postroad.log.interface import Part
from postroad.protocols.connected_cars import PROTOCOL, ConnectedCarsSettings
from postroad.registry.apply import apply_file
from postroad.registry.rotation import retire_unused, rotate
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service import Hub
from postroad.settings import load
from postroad.upstream.connected_cars.keeper import config_of


@pytest.fixture
async def folder(tmp_path: Path, connected_cars: ConnectedCarsServer, ca_file: str, account_pem: str) -> Path:
    """A folder in which a provider's control plane is declared; the server goes by the machine's clock."""
    connected_cars.clock = SystemClock()
    folder = tmp_path / "hub"
    assert CliRunner().invoke(cli, ["init", "--data", str(folder)]).exit_code == 0
    (folder / "postroad.toml").write_text(
        f'[hub]\nport = 0\n[egress]\nallow_cidrs = ["127.0.0.1/32"]\nca_file = "{ca_file}"\n'
        "[delivery]\nregistry_poll_ms = 50\n"
    )
    declared = tmp_path / "fleet.yaml"
    declared.write_text(declaration(connected_cars))
    keys = KeyRing.load_or_create(folder / KEY_FILE)
    store = RegistryStore.open(folder / REGISTRY_FILE)
    apply_file(store, declared, catalogue=CC_CATALOGUE, keys=keys, environment={"ACCOUNT_KEY": account_pem})
    store.close()
    return folder


Command = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def command(folder: Path) -> Command:
    """Run a command in a thread, with an event loop of its own; its exit code and what it printed."""

    async def run(*arguments: str) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, cli, [*arguments, "--data", str(folder)])
        return done.exit_code, done.stdout

    return run


async def test_sync_and_show_on_the_command_line(
    command: Command, connected_cars: ConnectedCarsServer, account_pem: str
) -> None:
    connected_cars.consent(1, 2)
    code, out = await command("upstream", "sync", "cc", "--dry-run", "--json")
    assert (code, json.loads(out)["to_add"], connected_cars.streaming()) == (0, 2, [])
    code, out = await command("upstream", "sync", "cc", "--json")
    assert code == 0
    assert json.loads(out) == {
        "provider": "cc", "dry_run": False, "consenting": 2, "wanted": 2, "streams_before": 0, "to_add": 2,
        "to_delete": 0, "to_update": 0, "added": 2, "deleted": 0, "updated": 0, "error": None,
    }  # fmt: skip
    assert connected_cars.streaming() == [1, 2]
    connected_cars.before = lambda operation: Reply(400, b"no") if operation == "sign_in" else None
    code, refused = await command("upstream", "sync", "cc")
    assert code == 1
    assert "sign_in: refused (400): no" in refused
    code, shown = await command("upstream", "show", "cc", "--json")
    row = json.loads(shown)
    assert (code, row["topic"], row["last_run"]["error"]) == (0, TOPIC, "sign_in: refused (400): no")
    code, people = await command("upstream", "show", "cc")
    assert (code, "last run error" in people) == (0, True)
    for line in account_pem.splitlines()[1:-1]:
        assert line not in out + refused + shown + people
    code, out = await command("alerts", "list")
    assert "upstream_failed" in out


def test_rotating_the_sealing_key_seals_the_account_s_key_anew(folder: Path, account_pem: str) -> None:
    registry = RegistryStore.open(folder / REGISTRY_FILE)
    try:
        assert rotate(folder / KEY_FILE, registry).resealed == 1
        assert len(retire_unused(folder / KEY_FILE, registry)) == 1
        [provider] = registry.view().providers.values()
        assert config_of(provider, KeyRing.load(folder / KEY_FILE)).service_account.private_key == account_pem
    finally:
        registry.close()


async def test_a_process_that_is_killed_in_the_middle_leaves_a_run_that_the_next_one_finishes(
    command: Command, folder: Path, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(*range(1, 251))
    answer, reached = connected_cars.answer, asyncio.Event()

    async def cut(request: Any) -> Reply:
        reply = await answer(request)
        if connected_cars.asked.count("addVehicleDataStreams") == 2 and not reached.is_set():
            reached.set()
            await asyncio.sleep(3600)
        return reply

    connected_cars.remote.answer = cut
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "postroad", "upstream", "sync", "cc", "--data", str(folder)
    )
    await asyncio.wait_for(reached.wait(), 30)
    process.kill()
    await process.wait()
    assert len(connected_cars.streaming()) == 200
    code, out = await command("upstream", "sync", "cc", "--json")
    assert (code, json.loads(out)["added"]) == (0, 50)
    assert connected_cars.streaming() == list(range(1, 251))


async def test_a_hub_asks_at_its_start_and_follows_what_the_feed_says(
    folder: Path, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(1, 2)
    hub = Hub(folder, load(folder, {}))
    await hub.start()
    try:
        following = hub.parts.following

        def open_() -> set[int]:
            known = {id_: name for (_, ns, name), id_ in following.view.identifiers.items() if ns.endswith(".vehicle")}
            open_ = [s.subject_id for s in following.view.streams.values() if not s.ended]
            return {int(known[subject_id]) for subject_id in open_ if subject_id in known}

        await until(lambda: connected_cars.streaming() == [1, 2] and open_() == {1, 2})
        del connected_cars.cars[2]
        raw = b'{"type": "access_removed_from_vehicle", "id": 1, "vehicleId": 2, "time": "2024-03-05T06:41:12Z"}'
        [provider] = following.view.providers.values()
        item = PROTOCOL.read(raw, ConnectedCarsSettings())
        vehicle = following.view.identifiers[provider.organization_id, "connected_cars.vehicle", "2"]
        appended = await hub.parts.logs[0].append(
            Part(
                provider_id=provider.id,
                protocol="connected_cars",
                revision=1,
                received_us=SystemClock().now_us(),
                subjects=[vehicle],
                kinds=bytes([item.kind]),
                flags=b"\0",
                lengths=[len(raw)],
                body=raw,
            )
        )
        await until(lambda: open_() == {1})
        ended = [s for s in following.view.streams.values() if s.subject_id == vehicle]
        assert [s.until_position for s in ended] == [appended.position]
        await until(lambda: hub.parts.followers[0].idle)
        await hub.parts.retention.run_once()
        cursors = await hub.parts.logs[0].delivery.cursors()
        assert cursors[-1].position > appended.position
        await until(lambda: connected_cars.streaming() == [1])  # asked again, soon after
    finally:
        await hub.stop()
