"""The folder's format: who may use which folder, and what it remembers."""

import asyncio
import json
from pathlib import Path
from typing import Any

import apsw
import pytest

from postroad.clock import SystemClock
from postroad.dataformat import FORMAT, FORMAT_FILE, check_format, known_shards, shard_file, write_format
from postroad.db import migrate
from postroad.errors import ConfigError
from postroad.layout import REGISTRY_FILE
from postroad.log import upgrade
from postroad.log.delivery import Changes, Letter, LetterId, Posted, Skip
from postroad.log.reader import open_reader
from postroad.log.schema import FORMAT_VERSION
from postroad.log.sqlite import open_log
from postroad.log.tally import NOTHING
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
    for older in (None, {"format": 1, "shards": {"0": 0}}):
        (hub / FORMAT_FILE).unlink(missing_ok=True)
        if older is not None:
            (hub / FORMAT_FILE).write_text(json.dumps(older))
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


def contents(path: Path) -> dict[str, Any]:
    """All that a shard's file holds: its tables and indices as they were made, and their rows."""
    file = apsw.Connection(str(path))
    made = file.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
    tables = [name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    rows = {table: file.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables}
    version = file.pragma("user_version")
    file.close()
    return {"version": version, "made": made, "rows": rows}


def test_upgrade_gives_an_older_shard_what_a_new_one_has_and_loses_nothing(
    older_hub: Path, tmp_path: Path, postroad: Any
) -> None:
    path = shard_file(older_hub, 0)
    before = contents(path)
    assert json.loads(postroad("upgrade", "--data", older_hub, "--json").stdout) == {"before": 1, "after": FORMAT}
    after = contents(path)
    rows = before["rows"]
    assert sum(map(len, rows.values())) > 8
    cursors = [(*row, row[1], row[2], 0, 0) for row in rows.pop("cursor")]
    assert after["rows"]["cursor"] == cursors, "each account begins at the cursor"
    positioned = [(last_key, received_us, None, keys) for last_key, received_us, keys in rows.pop("seen")]
    assert after["rows"]["seen"] == positioned, "nobody wrote down whose the older keys are"
    assert {table: after["rows"][table] for table in rows} == rows
    asyncio.run(_opened_and_closed(tmp_path))
    new = contents(shard_file(tmp_path, 0))
    assert (after["version"], after["made"]) == (new["version"], new["made"])
    assert known_shards(check_format(older_hub)) == {0: 1}
    postroad("upgrade", "--data", older_hub)
    assert contents(path) == after


def test_upgrade_keeps_what_was_skipped_and_begins_accounts_at_the_cursors(
    hub_of_format_2: Path, tmp_path: Path, postroad: Any
) -> None:
    path = shard_file(hub_of_format_2, 0)
    before = contents(path)
    assert postroad("upgrade", "--data", hub_of_format_2).exit_code == 0
    after = contents(path)
    reader = open_reader(path)
    account = reader.account(1)
    reader.close()
    assert account is not None
    assert (account.cursor, [(one.first, one.end, one.delivered) for one in account.chapters]) == (3, [(3, 3, NOTHING)])
    assert account.skips == [Skip(1, 2, "access_ended", 1), Skip(3, 5, "expired", 2)]
    assert account.parked == {LetterId(2, 0)}
    positioned = [(last_key, received_us, None, keys) for last_key, received_us, keys in before["rows"]["seen"]]
    assert after["rows"]["seen"] == positioned, "nobody wrote down whose the older keys are"
    same = [table for table in before["rows"] if table not in {"cursor", "skip", "seen"}]
    assert {table: after["rows"][table] for table in same} == {table: before["rows"][table] for table in same}
    asyncio.run(_opened_and_closed(tmp_path))
    assert after["made"] == contents(shard_file(tmp_path, 0))["made"]


async def _opened_and_closed(folder: Path) -> None:
    await (await open_log(folder, 0, clock=SystemClock())).close()


async def test_an_upgraded_shard_goes_on_where_it_stood_and_keeps_letters(older_hub: Path, postroad: Any) -> None:
    assert (await asyncio.to_thread(postroad, "upgrade", "--data", older_hub)).exit_code == 0
    await started(older_hub)
    log = await open_log(older_hub, 0, clock=SystemClock())
    assert (log.epoch, log.next_position) == (1, (1 << 40) + 3)
    assert [len(batch) for batch in await log.read(0)] == [4, 2]
    assert {number: cursor.position for number, cursor in (await log.delivery.cursors()).items()} == {
        1: 3,
        7: (1 << 40) + 3,
    }
    letter = Letter(position=3, slot=0, subject_id=1, size=2, received_us=1, stored_us=1)
    await log.delivery.settle(1, 4, Changes(posted=[Posted(letter, b"{}")]))
    assert await log.delivery.parked(1) == [letter]
    await log.close()


def test_an_upgrade_that_was_ended_half_way_is_done_by_the_next(
    older_hub: Path, postroad: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shard_file(older_hub, 0)
    before = contents(path)
    with monkeypatch.context() as ending:  # within a shard
        ending.setattr(upgrade, "_STEPS", {**upgrade._STEPS, 2: upgrade._STEPS[2] + "SELECT nothing FROM nowhere"})
        assert postroad("upgrade", "--data", older_hub).exit_code != 0
    assert contents(path) == before
    with monkeypatch.context() as ending:  # behind the shards, before the folder says so
        ending.setattr("postroad.backup.upgrade.write_format", _killed)
        assert postroad("upgrade", "--data", older_hub).exit_code != 0
    assert contents(path)["version"] == FORMAT_VERSION
    assert "postroad upgrade" in str(postroad("serve", "--port", "0", "--data", older_hub).exception)
    assert json.loads(postroad("upgrade", "--data", older_hub, "--json").stdout) == {"before": 1, "after": FORMAT}
    asyncio.run(started(older_hub))


def _killed(*_arguments: object) -> None:
    raise KeyboardInterrupt


async def test_an_older_shard_is_refused_by_whoever_opens_it_and_says_upgrade(older_hub: Path) -> None:
    before = contents(shard_file(older_hub, 0))
    with pytest.raises(ConfigError, match=f"postroad upgrade --data {older_hub}"):
        await open_log(older_hub, 0, clock=SystemClock())
    with pytest.raises(ConfigError, match="postroad upgrade"):
        open_reader(shard_file(older_hub, 0))
    assert contents(shard_file(older_hub, 0)) == before


def test_a_registry_is_migrated_by_upgrade_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / REGISTRY_FILE
    RegistryStore.open(path).close()
    with monkeypatch.context() as newer:  # as a Postroad with one migration more sees it
        newer.setattr(migrate, "OLDER", (migrate.HEAD, *migrate.OLDER))
        newer.setattr(migrate, "HEAD", "registry_next")
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
