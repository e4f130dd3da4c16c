"""What a restore promises of positions, cursors and folders."""

import asyncio
import json
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.pipeline import Road, part, view
from fixtures.pipeline import subscription as subscribed
from postroad.backup import manifest as manifests
from postroad.backup.stopped import stopped_hub
from postroad.clock import SystemClock
from postroad.dataformat import FORMAT, check_format, known_shards, shard_file, write_format
from postroad.errors import ConfigError, StoreCorrupt
from postroad.layout import KEY_FILE, REGISTRY_FILE
from postroad.log.copying import copy_shard
from postroad.log.delivery import Changes, DeadLetter, Letter, LetterFilter, Posted, Skip
from postroad.log.interface import EPOCH_BITS
from postroad.log.reader import open_reader
from postroad.log.schema import shard_path
from postroad.log.sqlite import open_log
from postroad.registry.apply import apply_file
from postroad.registry.checkpoints import Part
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service import catalogue


async def append(folder: Path, *subjects: int) -> list[int]:
    log = await open_log(folder, 0, clock=SystemClock())
    try:
        first = (await log.append(part(*subjects))).position
        return [first + index for index in range(len(subjects))]
    finally:
        await log.close()


def stored(folder: Path) -> list[int]:
    reader = open_reader(shard_file(folder, 0))
    try:
        return [batch.position + index for batch in reader.read(0) for index in range(len(batch))]
    finally:
        reader.close()


@pytest.fixture
def backup(hub: Path, tmp_path: Path, postroad: Any) -> Path:
    target = tmp_path / "backup"
    done = postroad("backup", target, "--data", hub)
    assert done.exit_code == 0, done.exception
    return target


def test_a_backup_is_whole_says_where_it_stands_and_holds_no_key(backup: Path) -> None:
    said = json.loads((backup / "manifest.json").read_bytes())
    assert said["shards"] == {"0": {"epoch": 0, "first_position": 1, "next_position": 5}}
    assert said["format"] == FORMAT
    names = {"postroad.toml", "postroad.format", "registry.db", "shard-00.db"}
    assert {file["name"] for file in said["files"]} == names
    assert {path.name for path in backup.iterdir()} == names | {"manifest.json"}
    assert {path.stat().st_mode & 0o077 for path in (backup, *backup.iterdir())} == {0}


def test_only_when_asked_the_key_is_in_the_backup(hub: Path, tmp_path: Path, postroad: Any) -> None:
    assert postroad("backup", tmp_path / "b", "--with-key", "--data", hub).exit_code == 0
    assert (tmp_path / "b" / "postroad.key").read_bytes() == (hub / "postroad.key").read_bytes()


def test_a_backup_that_fails_leaves_nothing(hub: Path, tmp_path: Path, postroad: Any) -> None:
    (hub / "postroad.toml").chmod(0o600)
    with shard_file(hub, 0).open("r+b") as file:
        file.seek(16384 * 2)
        file.write(os.urandom(16384 * 2))
    before = set(tmp_path.iterdir())
    done = postroad("backup", tmp_path / "b", "--data", hub)
    assert isinstance(done.exception, StoreCorrupt), done.output
    assert set(tmp_path.iterdir()) == before


def test_everything_up_to_the_backup_is_there_and_positions_go_on_above_all_ever_given(
    hub: Path, backup: Path, tmp_path: Path, postroad: Any
) -> None:
    later = asyncio.run(append(hub, 1, 1, 1))
    elsewhere = tmp_path / "elsewhere"
    done = postroad("restore", backup, "--data", elsewhere, "--json")
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout)["positions"] == {"0": [5, (1 << EPOCH_BITS) + 1]}
    assert stored(elsewhere) == [1, 2, 3, 4]
    assert min(asyncio.run(append(elsewhere, 1))) > max(later)
    assert known_shards(check_format(elsewhere)) == {0: 1}


def test_restoring_the_same_backup_again_never_gives_the_same_epoch(
    backup: Path, tmp_path: Path, postroad: Any
) -> None:
    epochs = []
    for name in ("one", "two", "three"):
        done = postroad("restore", backup, "--data", tmp_path / name, "--json")
        epochs.append(json.loads(done.stdout)["epochs"]["0"])
    assert epochs == [1, 2, 3], "and none is wasted"


def test_from_another_copy_of_the_backup_an_epoch_can_be_told_from_outside(
    backup: Path, tmp_path: Path, postroad: Any
) -> None:
    done = postroad("restore", backup, "--above-epoch", 7, "--data", tmp_path / "one", "--json")
    assert json.loads(done.stdout)["epochs"] == {"0": 8}


def _with_a_receiver(hub: Path) -> int:
    """Declare a provider whose only secret is that of its receiver; its id."""
    declared = hub / "declared.yaml"
    declared.write_text(
        "organizations: [{name: A, providers: [{name: p, protocol: damoov,"
        " receive: {transport: event_grid, config: {secret: {env: S}}}}]}]"
    )
    keys = KeyRing.load_or_create(hub / KEY_FILE)
    with closing(RegistryStore.open(hub / REGISTRY_FILE)) as store:
        apply_file(store, declared, catalogue=catalogue(), keys=keys, environment={"S": "x" * 16}, prune=True)
        return next(iter(store.view().providers))


def test_a_backup_names_the_keys_that_the_secrets_of_receivers_need(hub: Path, tmp_path: Path, postroad: Any) -> None:
    _with_a_receiver(hub)
    assert postroad("backup", tmp_path / "b", "--data", hub).exit_code == 0
    said = json.loads((tmp_path / "b" / "manifest.json").read_bytes())
    assert said["key_ids"] == [KeyRing.load(hub / KEY_FILE).current_id]


def test_what_was_read_of_a_source_while_a_backup_was_made_is_read_again_by_the_restored_hub(
    hub: Path, tmp_path: Path, postroad: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = _with_a_receiver(hub)

    def save(**marks: str) -> None:
        with closing(RegistryStore.open(hub / REGISTRY_FILE)) as store:
            for partition, mark in marks.items():
                store.save_checkpoint(provider, "hub", partition, mark)

    def copy_and_go_on(*arguments: Any) -> Any:
        done = copy_shard(*arguments)
        save(a="20", b="1")  # of what that copy does not hold
        return done

    save(a="10")
    monkeypatch.setattr("postroad.backup.create.copy_shard", copy_and_go_on)
    assert postroad("backup", tmp_path / "b", "--data", hub).exit_code == 0
    assert postroad("restore", tmp_path / "b", "--data", tmp_path / "elsewhere").exit_code == 0
    with closing(RegistryStore.open(tmp_path / "elsewhere" / REGISTRY_FILE)) as store:
        assert store.checkpoints() == {Part(provider, "hub", "a"): "10"}
    with closing(RegistryStore.open(hub / REGISTRY_FILE)) as store:
        assert store.checkpoint(provider, "hub", "a") == "20", "the hub that goes on is left alone"


async def _in_epoch(folder: Path, above: int) -> None:
    log = await open_log(folder, 0, clock=SystemClock())
    await log.begin_epoch(above)
    await log.close()


@pytest.mark.parametrize("lost", [False, True])
def test_the_folder_that_is_replaced_is_kept_and_its_epoch_counts(
    hub: Path, backup: Path, postroad: Any, lost: bool
) -> None:
    asyncio.run(_in_epoch(hub, 4))
    if lost:
        write_format(hub, {0: 5})  # as its hub had written; then the file was lost
        shard_file(hub, 0).unlink()
    done = postroad("restore", backup, "--force", "--data", hub, "--json")
    assert done.exit_code == 0, done.exception
    told = json.loads(done.stdout)
    assert told["epochs"] == {"0": 6}
    assert (Path(told["kept"]) / "registry.db").exists()
    assert stored(hub) == [1, 2, 3, 4]


def test_a_folder_that_is_not_empty_is_left_alone(hub: Path, backup: Path, postroad: Any) -> None:
    before = sorted(path.name for path in hub.iterdir())
    done = postroad("restore", backup, "--data", hub)
    assert isinstance(done.exception, ConfigError)
    assert "not empty" in str(done.exception)
    assert sorted(path.name for path in hub.iterdir()) == before


def test_a_folder_with_a_running_hub_is_not_replaced(hub: Path, backup: Path, postroad: Any) -> None:
    with stopped_hub(hub):  # holds the lock, as a running hub does
        done = postroad("restore", backup, "--force", "--data", hub)
    assert "a hub is running" in str(done.exception)
    assert stored(hub) == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["shard-00.db", "registry.db", "postroad.toml"])
def test_a_backup_with_one_changed_byte_is_refused_before_anything_is_touched(
    backup: Path, tmp_path: Path, postroad: Any, name: str
) -> None:
    data = bytearray((backup / name).read_bytes())
    data[len(data) // 2] ^= 1
    (backup / name).write_bytes(data)
    done = postroad("restore", backup, "--data", tmp_path / "new")
    assert isinstance(done.exception, StoreCorrupt)
    assert name in str(done.exception)
    assert not (tmp_path / "new").exists()


def test_a_backup_without_its_manifest_or_a_file_is_refused(backup: Path, tmp_path: Path, postroad: Any) -> None:
    (backup / "registry.db").unlink()
    assert "not whole" in str(postroad("restore", backup, "--data", tmp_path / "new").exception)
    (backup / "manifest.json").unlink()
    assert "not a whole backup" in str(postroad("restore", backup, "--data", tmp_path / "new").exception)


def test_a_backup_of_a_newer_postroad_is_refused(backup: Path, tmp_path: Path, postroad: Any) -> None:
    said = json.loads((backup / "manifest.json").read_bytes())
    (backup / "manifest.json").write_text(json.dumps(said | {"manifest": manifests.MANIFEST_VERSION + 1}))
    assert "newer Postroad" in str(postroad("restore", backup, "--data", tmp_path / "new").exception)


def test_what_is_lost_is_said(backup: Path, tmp_path: Path, postroad: Any) -> None:
    said = postroad("restore", backup, "--data", tmp_path / "new").output
    for word in ("Lost:", "Repeated:", "Undone:", "Revoke again", "before position 5", "epoch 1"):
        assert word in said


async def test_a_cursor_goes_over_the_jump_between_epochs_without_a_false_loss(
    backup: Path, tmp_path: Path, postroad: Any
) -> None:
    done = await asyncio.to_thread(postroad, "restore", backup, "--data", tmp_path / "new")
    assert done.exit_code == 0, done.exception
    log = await open_log(tmp_path / "new", 0, clock=SystemClock())
    assert (await log.delivery.cursors())[1].position == 3
    road = Road(SystemClock(), log=log, used=view(subscribed(), streams=[(1, 1, 1)]))
    road.start()
    feed = road.feed(position=3)
    await road.router.catch_up(feed)
    assert [item.position for item in feed.queue] == [3]
    feed.take()
    await road.router.catch_up(feed)
    assert feed.following
    after = (await log.append(part(1))).position
    while not feed.queue:
        await asyncio.wait_for(feed.wait(), 5)
        feed.looked()
    assert [item.position for item in feed.queue] == [after]
    assert road.gaps == []
    await road.stop()
    await log.close()


def test_the_two_names_of_a_shards_file_agree(tmp_path: Path) -> None:
    assert shard_file(tmp_path, 3) == shard_path(tmp_path, 3)


def test_a_restore_that_cannot_be_counted_leaves_the_folder_as_it_was(hub: Path, backup: Path, postroad: Any) -> None:
    (backup / "restores.json").write_text("no count")
    done = postroad("restore", backup, "--force", "--data", hub)
    assert isinstance(done.exception, ConfigError)
    assert stored(hub) == [1, 2, 3, 4]
    assert not list(hub.parent.glob("hub.before-*"))


async def test_letters_and_skips_come_along_and_nothing_new_takes_their_place(
    hub: Path, tmp_path: Path, postroad: Any
) -> None:
    parked, dead = (
        Letter(position=position, slot=0, subject_id=1, size=3, received_us=1, stored_us=1, due_us=9, dead_us=dead_us)
        for position, dead_us in ((1, None), (2, 5))
    )
    changes = Changes(posted=[Posted(parked, b"one"), Posted(dead, b"two")], skips=[Skip(3, 4, "expired", 1)])
    log = await open_log(hub, 0, clock=SystemClock())
    await log.delivery.settle(1, 4, changes)
    await log.close()
    for command in (("backup", tmp_path / "b", "--data", hub), ("restore", tmp_path / "b", "--data", tmp_path / "new")):
        assert (await asyncio.to_thread(postroad, *command)).exit_code == 0
    log = await open_log(tmp_path / "new", 0, clock=SystemClock())
    store = log.delivery
    assert (await store.cursors())[1].position == 4
    assert await store.parked(1) == [parked]
    assert await store.dead(LetterFilter()) == [DeadLetter(1, dead)]
    assert [await store.body(1, letter.id) for letter in (parked, dead)] == [b"one", b"two"]
    assert await store.skips(1) == [Skip(3, 4, "expired", 1)]
    new = (await log.append(part(1))).position
    assert new > 1 << EPOCH_BITS
    again = Letter(position=new, slot=0, subject_id=1, size=3, received_us=1, stored_us=1)
    await store.settle(1, new + 1, Changes(posted=[Posted(again, b"new")]))
    assert await store.parked(1) == [parked, again]
    await log.close()


def test_a_backup_of_an_older_format_is_restored_as_it_is_and_asks_for_an_upgrade(
    backup: Path, older_hub: Path, tmp_path: Path, postroad: Any
) -> None:
    shutil.copyfile(shard_file(older_hub, 0), shard_file(backup, 0))  # as its own Postroad would have copied it
    (backup / "postroad.format").write_bytes((older_hub / "postroad.format").read_bytes())
    said = json.loads((backup / "manifest.json").read_bytes())
    files = [manifests.described(backup / file["name"]) for file in said["files"]]
    said |= {"format": 1, "files": msgspec.to_builtins(files)}
    said["shards"] = {"0": {"epoch": 1, "first_position": 1, "next_position": (1 << EPOCH_BITS) + 3}}
    (backup / "manifest.json").write_text(json.dumps(said))
    new = tmp_path / "new"
    done = postroad("restore", backup, "--data", new)
    assert done.exit_code == 0, done.exception
    assert "postroad upgrade" in done.output
    assert f"postroad upgrade --data {new}" in str(postroad("serve", "--port", "0", "--data", new).exception)
    assert postroad("upgrade", "--data", new).exit_code == 0
    assert known_shards(check_format(new)) == {0: 2}
    assert asyncio.run(append(new, 1)) == [(2 << EPOCH_BITS) + 1]


def test_an_older_folder_that_is_replaced_has_its_epoch_counted(older_hub: Path, tmp_path: Path, postroad: Any) -> None:
    assert postroad("init", "--data", tmp_path / "other").exit_code == 0
    asyncio.run(append(tmp_path / "other", 1))
    write_format(tmp_path / "other", {0: 0})
    assert postroad("backup", tmp_path / "b", "--data", tmp_path / "other").exit_code == 0
    done = postroad("restore", tmp_path / "b", "--force", "--data", older_hub)
    assert done.exit_code == 0, done.exception
    assert known_shards(check_format(older_hub)) == {0: 2}, "the folder's memory said 0, its shard 1"
