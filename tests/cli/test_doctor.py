"""The doctor recognises each fault by its name and says what to do. The folder is that of a hub that was killed."""

import asyncio
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from fixtures.drivetech import sample
from postroad.cli.doctor import storage
from postroad.cli.doctor.findings import Findings
from postroad.cli.main import cli
from postroad.clock import from_us
from postroad.layout import REGISTRY_FILE
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service import Hub
from postroad.settings import HubSettings, LogSettings, Settings
from postroad.simulate.hub_process import HubProcess

EVENTS = 30
DECLARATION = """\
organizations:
  - name: Andes
    providers: [{name: gps, protocol: drivetech}]
    integrations:
      - name: insurer
        destinations:
          - {name: webhook, transport: https, config: {url: "https://127.0.0.1:1/", auth: {
              type: oauth2_client_credentials, token_url: "https://127.0.0.1:1/", client_id: hub,
              client_secret: {env: TEST_SECRET}}}}
        subscriptions:
          - {name: all, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: all}
"""


async def post_and_kill(hub: HubProcess, token: str) -> None:
    """Events of ever new vehicles, all acknowledged; then a kill, before the write-ahead log is tidied away."""
    await hub.start()
    await asyncio.sleep(1.2)  # until what the start wrote is tidied away: only events are in the write-ahead log
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        for number in range(EVENTS):
            event = sample(plate=f"AA{number:04d}", datetime=from_us(1_790_000_000_000_000).isoformat())
            async with session.post(f"{hub.url}/provider/event/new/", json=event) as answer:
                assert answer.status == 200
    await hub.kill()


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("doctor") / "hub"
    hub = HubProcess(folder, environment={"TEST_SECRET": "s3cret"})
    hub.prepare(DECLARATION)
    asyncio.run(post_and_kill(hub, hub.issue_token("gps")))
    return folder


@pytest.fixture
def folder(killed: Path, tmp_path: Path) -> Path:
    shutil.copytree(killed, tmp_path / "hub", copy_function=shutil.copy2)
    return tmp_path / "hub"


def doctor(folder: Path) -> dict[str, str]:
    """What is wrong: check -> what is said of it."""
    done = CliRunner().invoke(cli, ["doctor", "--json", "--data", str(folder)], standalone_mode=False)
    findings = json.loads(done.stdout)
    wrong = {finding["check"]: finding["detail"] for finding in findings if not finding["ok"]}
    assert (done.return_value or getattr(done.exception, "exit_code", 0) or done.exit_code) == (1 if wrong else 0)
    return wrong


def scribble(path: Path) -> None:
    """Damage a page in the middle of the file."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 16384 * 16384)
        file.write(os.urandom(16384))


def in_the_future(folder: Path) -> None:
    with sqlite3.connect(folder / "shard-00.db") as shard:
        shard.execute("UPDATE batch SET stored_us = ?", ((time.time_ns() // 1000) + 3600 * 1_000_000,))
    shard.close()


def another_key(folder: Path) -> None:
    (folder / "postroad.key").unlink()
    KeyRing.load_or_create(folder / "postroad.key")


def test_a_killed_hub_with_a_dead_destination_has_nothing_else_wrong(folder: Path) -> None:
    wrong = doctor(folder)
    assert list(wrong) == ["destination webhook"], "an unreachable destination is told"


FAULTS: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "missing key": (lambda f: (f / "postroad.key").unlink(), "sealing key", "cannot be read"),
    "wrong key": (another_key, "secrets", "restore that key file"),
    "clock behind the log": (in_the_future, "clock", "NTP"),
    "clock behind the files": (
        lambda f: os.utime(f / "postroad.toml", (time.time() + 3600,) * 2), "clock", "postroad.toml was written at"
    ),
    "corrupt page of the shard": (lambda f: scribble(f / "shard-00.db"), "shard 0", "postroad restore"),
    "corrupt page of the registry": (lambda f: scribble(f / "registry.db"), "registry", "postroad restore"),
    "no database at all": (lambda f: (f / "shard-00.db").write_bytes(b"x" * 65536), "shard 0", "damaged"),
    "truncated write-ahead log": (
        lambda f: os.truncate(f / "shard-00.db-wal", 4096), "end of shard 0", "shard-00.db-wal, was cut off"
    ),
    "missing write-ahead log": (
        lambda f: (f / "shard-00.db-wal").unlink(), "end of shard 0", "goes on above all positions"
    ),
    "missing shard": (lambda f: (f / "shard-00.db").unlink(), "files", "shard-00.db is lost"),
    "missing registry": (lambda f: (f / "registry.db").unlink(), "registry", "postroad restore"),
    "folder open to all": (lambda f: f.chmod(0o755), "folder", "chmod 700"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_doctor_recognises(folder: Path, fault: str) -> None:
    damage, check, told = FAULTS[fault]
    for path in folder.glob("registry.db-*"):  # settle the registry, so that the page damaged is one that counts
        sqlite3.connect(folder / "registry.db").execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
        path.unlink(missing_ok=True)
    if "corrupt" in fault or "clock behind the log" in fault:
        shard = sqlite3.connect(folder / "shard-00.db")
        shard.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shard.close()
    damage(folder)
    wrong = doctor(folder)
    assert told in wrong[check], wrong


@pytest.mark.parametrize(("times", "told"), [(1.05, "answers 503"), (0.6, "nearly full")])
def test_the_doctor_recognises_a_disk_near_full(
    folder: Path, monkeypatch: pytest.MonkeyPatch, times: float, told: str
) -> None:
    monkeypatch.setenv("POSTROAD_LOG_RESERVE_BYTES", str(int(shutil.disk_usage(folder).free * times)))
    assert told in doctor(folder)["disk"]


@pytest.mark.parametrize(("kind", "ok"), [("backlog_half", True), ("backlog_high", False)])
def test_the_doctor_repeats_that_a_shard_fills_up_with_what_is_not_delivered(folder: Path, kind: str, ok: bool) -> None:
    with closing(RegistryStore.open(folder / REGISTRY_FILE)) as registry:
        registry.raise_alert(kind, "shard 0", "telemetry waits longest")
    findings = Findings()
    assert findings.look("backlog", lambda: storage.backlog(folder)) is ok
    assert "shard 0: telemetry waits longest" in findings[0].detail


async def test_a_hub_whose_write_ahead_log_was_cut_off_gives_no_position_twice(folder: Path) -> None:
    os.truncate(folder / "shard-00.db-wal", 4096)
    hub = Hub(folder, Settings(hub=HubSettings(port=0, stop_within_s=0.1), log=LogSettings(reserve_bytes=0)))
    await hub.start()
    assert hub.parts.logs[0].next_position > 1 << 40
    await hub.stop()
    assert "end of shard 0" not in await asyncio.to_thread(doctor, folder)


def test_the_doctor_recognises_a_registry_that_is_too_slow_to_send_by(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTROAD_DELIVERY_REGISTRY_WITHIN_S", "0.1")
    view = RegistryStore.view

    def slowly(registry: RegistryStore) -> Any:
        time.sleep(0.06)
        return view(registry)

    monkeypatch.setattr(RegistryStore, "view", slowly)
    assert "nothing is sent once 0.1 s have passed" in doctor(folder)["registry answers"]
