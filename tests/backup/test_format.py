"""The folder's format: who may use which folder, and what it remembers."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from postroad.dataformat import FORMAT, FORMAT_FILE, check_format, known_shards, shard_file, write_format
from postroad.db import migrate
from postroad.errors import ConfigError
from postroad.layout import REGISTRY_FILE
from postroad.registry.store import RegistryStore
from postroad.service import Hub
from postroad.settings import HubSettings, LogSettings, Settings

SETTINGS = Settings(hub=HubSettings(port=0, stop_within_s=0.1), log=LogSettings(reserve_bytes=0))
COMMANDS = [
    ["token", "list"],
    ["subscriptions", "list"],
    ["events", "tail"],
    ["explain", "1"],
    ["serve", "--port", "0"],
    ["init"],
    ["apply", __file__],
]


async def started(folder: Path) -> None:
    hub = Hub(folder, SETTINGS)
    await hub.start()
    await hub.stop()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_newer_folder_is_refused_by_every_command_with_one_clear_line(
    hub: Path, postroad: Any, command: list[str]
) -> None:
    (hub / FORMAT_FILE).write_text(json.dumps({"format": FORMAT + 1, "shards": {"0": 0}, "more": True}))
    for refused in (command, ["upgrade"]):
        error = postroad(*refused, "--data", hub).exception
        assert isinstance(error, ConfigError)
        assert "newer" in str(error)
        assert "\n" not in str(error)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_an_older_folder_is_refused_by_every_command_and_says_upgrade(
    hub: Path, postroad: Any, command: list[str]
) -> None:
    (hub / FORMAT_FILE).unlink()
    error = postroad(*command, "--data", hub).exception
    assert isinstance(error, ConfigError)
    assert f"postroad upgrade --data {hub}" in str(error)


async def test_the_hub_refuses_newer_and_older_folders(hub: Path) -> None:
    (hub / FORMAT_FILE).write_text(json.dumps({"format": FORMAT + 1}))
    with pytest.raises(ConfigError, match="newer"):
        await started(hub)
    (hub / FORMAT_FILE).unlink()
    with pytest.raises(ConfigError, match="postroad upgrade"):
        await started(hub)


def test_upgrade_gives_an_older_folder_its_format_and_again_changes_nothing(hub: Path, postroad: Any) -> None:
    (hub / FORMAT_FILE).unlink()
    assert json.loads(postroad("upgrade", "--data", hub, "--json").stdout) == {"before": 0, "after": FORMAT}
    assert known_shards(check_format(hub)) == {0: 0}
    assert json.loads(postroad("upgrade", "--data", hub, "--json").stdout) == {"before": FORMAT, "after": FORMAT}
    asyncio.run(started(hub))


def test_a_registry_is_migrated_by_upgrade_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / REGISTRY_FILE
    RegistryStore.open(path).close()
    with monkeypatch.context() as newer:  # as a Postroad with one migration more sees it
        newer.setattr(migrate, "HEAD", "registry_next")
        newer.setattr(migrate, "OLDER", ("registry_1",))
        with pytest.raises(ConfigError, match="postroad upgrade"):
            RegistryStore.open(path)
        RegistryStore.open(path, upgrade=True).close()
    RegistryStore.open(path).close()


async def test_the_hub_remembers_its_shards_and_refuses_to_begin_one_anew(tmp_path: Path) -> None:
    await started(tmp_path)
    assert known_shards(check_format(tmp_path)) == {0: 0}
    shard_file(tmp_path, 0).unlink()
    with pytest.raises(ConfigError, match=r"has lost shard-00\.db.*postroad restore"):
        await started(tmp_path)
    assert not shard_file(tmp_path, 0).exists()


@pytest.mark.parametrize("command", [["init"], ["token", "list"], ["apply", __file__]], ids=lambda c: c[0])
async def test_a_missing_registry_is_never_made_anew(tmp_path: Path, postroad: Any, command: list[str]) -> None:
    assert (await asyncio.to_thread(postroad, "init", "--data", tmp_path)).exit_code == 0
    await started(tmp_path)
    (tmp_path / REGISTRY_FILE).unlink()
    with pytest.raises(ConfigError, match=r"has lost registry\.db"):
        await started(tmp_path)
    done = await asyncio.to_thread(postroad, *command, "--data", tmp_path)
    assert "has lost" in str(done.exception)
    assert not (tmp_path / REGISTRY_FILE).exists()


async def test_a_missing_key_is_never_made_anew(tmp_path: Path) -> None:
    await started(tmp_path)
    (tmp_path / "postroad.key").unlink()
    with pytest.raises(ConfigError, match="sealing key"):
        await started(tmp_path)
    assert not (tmp_path / "postroad.key").exists()


async def test_a_shard_that_lost_its_end_goes_on_above_all_that_is_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await started(tmp_path)
    with RegistryStore.open(tmp_path / REGISTRY_FILE).transaction() as under_way:
        under_way.connection.exec_driver_sql(
            "INSERT INTO attempts (subscription_id, shard, succeeded, first_position, last_position, items, bulks,"
            " first_at_us, last_at_us, min_elapsed_ms, max_elapsed_ms) VALUES (1, 0, 1, 90, 99, 1, 1, 1, 1, 1, 1)"
        )
    hub = Hub(tmp_path, SETTINGS)
    await hub.start()
    assert hub.parts.logs[0].next_position == (1 << 40) + 1
    await hub.stop()
    assert "has lost its end" in caplog.text
    assert known_shards(check_format(tmp_path)) == {0: 1}
    await started(tmp_path)
    assert known_shards(check_format(tmp_path)) == {0: 1}, "once is enough"


def test_a_format_file_that_is_damaged_is_said_to_be(hub: Path, postroad: Any) -> None:
    write_format(hub, {0: 0})
    (hub / FORMAT_FILE).write_bytes(b"\0\0\0")
    assert "damaged" in str(postroad("token", "list", "--data", hub).exception)
