"""What was erased after a backup was made comes back with it, and is erased again."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fixtures.drivequant_hub import DriveQuantHub, driver_deleted, trip, trip_deleted
from fixtures.leftovers import leftovers
from fixtures.site import soon
from postroad.erasure import eraser
from postroad.errors import ConfigError
from postroad.layout import KEY_FILE, REGISTRY_FILE
from postroad.registry.store import RegistryStore
from postroad.settings import FILE_NAME

DRIVER, TRIP = "ada-4711-lovelace", "5f0c2a61-trip-of-bob"


@pytest.fixture(autouse=True)
def _nothing_lingers(monkeypatch: pytest.MonkeyPatch, dq_hub: DriveQuantHub) -> None:
    """And the folder can be used by commands."""
    monkeypatch.setattr(eraser, "LINGER_US", 0)
    (dq_hub.folder / FILE_NAME).touch()


async def erased(dq: DriveQuantHub, count: int) -> None:
    """Wait until so many erasures are done, and no other is left."""

    async def done() -> bool:
        await dq.hub.parts.erasing.run_once()
        return [one.state for one in dq.registry.erasures()] == ["done"] * count

    await soon(done)


@pytest.fixture
async def backup(dq_hub: DriveQuantHub, tmp_path_factory: pytest.TempPathFactory, postroad: Any) -> Path:
    """Of a hub that knows two drivers, and has erased a third; then it erased one of them, and a trip of the other."""
    dq = dq_hub
    await dq.start()
    assert await dq.say("trip", trip("t-eve", driver="eve")) == 200
    assert await dq.say("driver_deleted", driver_deleted("eve")) == 200
    await erased(dq, 1)
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    assert await dq.say("trip", trip(TRIP, driver="bob")) == 200
    assert await dq.say("trip", trip("t3", driver="bob")) == 200
    place = tmp_path_factory.mktemp("backups") / "weekly"
    assert (await asyncio.to_thread(postroad, "backup", place, "--data", dq.folder)).exit_code == 0
    assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200
    assert await dq.say("trip_deleted", trip_deleted(TRIP)) == 200
    await erased(dq, 3)
    assert leftovers(dq.folder, DRIVER, TRIP) == []
    await dq.stop()
    dq.registry.close()
    return place


async def restored(dq: DriveQuantHub, backup: Path, postroad: Any) -> Any:
    """Restore over the hub's folder, and put the key back."""
    done = await asyncio.to_thread(postroad, "restore", backup, "--force", "--data", dq.folder, "--json")
    assert done.exit_code == 0, done.exception
    told = json.loads(done.stdout)
    shutil.copyfile(Path(told["kept"]) / KEY_FILE, dq.folder / KEY_FILE)
    (dq.folder / KEY_FILE).chmod(0o600)
    dq.registry = RegistryStore.open(dq.folder / REGISTRY_FILE)
    return told


async def test_what_a_backup_brings_back_is_erased_again_when_it_is_restored_over_the_hub(
    dq_hub: DriveQuantHub, backup: Path, postroad: Any
) -> None:
    dq = dq_hub
    told = await restored(dq, backup, postroad)
    assert (told["erased"]["taken"], len(told["erased"]["asked"]), told["erased"]["failure"]) == (2, 2, None)
    assert leftovers(dq.folder, DRIVER) != []
    await dq.start()
    await erased(dq, 5)
    assert leftovers(dq.folder, DRIVER, TRIP) == []
    stored = [raw for batch in await dq.batches() for raw in batch.items()]
    assert [b"t3" in raw for raw in stored if raw] == [True]
    for said in (trip("t9", driver=DRIVER), trip(TRIP, driver="bob"), trip("t8", driver="eve")):
        assert await dq.say("trip", said) == 200
    assert [raw for batch in await dq.batches() for raw in batch.items()] == stored
    again, before = {}, {}
    for one in dq.registry.erasures():
        (again if one.id in told["erased"]["asked"] else before)[one.kind, one.digest] = one.receipt.items
    assert again.keys() < before.keys()
    assert {kind for kind, _ in again} == {"driver", "trip"}
    await dq.stop()


async def test_who_was_allowed_again_is_erased_from_what_came_back_and_has_to_be_allowed_again(
    dq_hub: DriveQuantHub, backup: Path, postroad: Any
) -> None:
    dq = dq_hub
    done = await asyncio.to_thread(postroad, "erase", "allow-again", 2, "--data", dq.folder)
    assert done.exit_code == 0
    told = await restored(dq, backup, postroad)
    assert (told["erased"]["taken"], told["erased"]["allowed"]) == (2, 1)
    await dq.start()
    await erased(dq, 5)
    assert leftovers(dq.folder, DRIVER, TRIP) == []
    ours = next(one.id for one in dq.registry.erasures() if one.kind == "driver" and one.id in told["erased"]["asked"])
    done = await asyncio.to_thread(postroad, "erase", "allow-again", ours, "--data", dq.folder)
    assert done.exit_code == 0
    await soon(lambda: dq.hub.parts.following.view.version == dq.registry.version())
    before = len(await dq.batches())
    assert await dq.say("trip", trip("t9", driver=DRIVER)) == 200
    assert len(await dq.batches()) == before + 1
    await dq.stop()


async def test_what_was_erased_is_carried_to_a_hub_that_is_restored_elsewhere_once(
    dq_hub: DriveQuantHub, backup: Path, postroad: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("elsewhere")
    hub, file = place / "hub", place / "erasures.json"

    def run(*arguments: Any) -> Any:
        return postroad(*arguments, "--data", hub)

    assert postroad("erase", "export", file, "--data", dq_hub.folder).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert DRIVER not in file.read_text()
    assert isinstance(postroad("erase", "export", file, "--data", dq_hub.folder).exception, ConfigError)
    done = run("restore", backup)
    assert "Back again: what was erased after" in done.output
    shutil.copyfile(dq_hub.folder / KEY_FILE, hub / KEY_FILE)
    (hub / KEY_FILE).chmod(0o600)
    first, again = [json.loads(run("erase", "import", file, "--json").stdout) for _ in range(2)]
    assert (first["taken"], len(first["asked"])) == (2, 2)
    assert again == {"taken": 0, "asked": [], "allowed": 0}
    registry = RegistryStore.open(hub / REGISTRY_FILE)
    assert {value for _, _, value in registry.view().identifiers} == {"bob"}
    assert sorted(one.state for one in registry.erasures()) == ["asked", "asked", "done", "done", "done"]
    assert len(registry.view().blocked) == 3
    registry.close()


@pytest.mark.usefixtures("backup")
async def test_erasures_under_another_key_are_refused_and_change_nothing(
    dq_hub: DriveQuantHub, postroad: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("another")
    file = place / "erasures.json"
    assert postroad("erase", "export", file, "--data", dq_hub.folder).exit_code == 0
    registry = RegistryStore.open(dq_hub.folder / REGISTRY_FILE)
    with registry.transaction() as change:
        change.connection.exec_driver_sql("DELETE FROM block_key")
        change.connection.exec_driver_sql("DELETE FROM blocked")
        change.connection.exec_driver_sql("DELETE FROM erasures WHERE id > 1")
    await dq_hub.start()
    assert await dq_hub.say("trip", trip("t1", driver="mallory")) == 200
    assert await dq_hub.say("driver_deleted", driver_deleted("mallory")) == 200
    await dq_hub.stop()
    before = registry.view()
    done = postroad("erase", "import", file, "--data", dq_hub.folder)
    assert "under another key" in str(done.exception)
    assert (registry.view().blocked, len(registry.erasures())) == (before.blocked, 2)
    file.write_text('{"carried": 2, "block_key": null, "erasures": []}')
    assert "newer" in str(postroad("erase", "import", file, "--data", dq_hub.folder).exception)
    file.write_text("[]")
    assert "holds no erasures" in str(postroad("erase", "import", file, "--data", dq_hub.folder).exception)
    registry.close()


async def test_a_folder_whose_erasures_cannot_be_read_is_replaced_all_the_same_and_that_is_said(
    dq_hub: DriveQuantHub, backup: Path, postroad: Any
) -> None:
    (dq_hub.folder / REGISTRY_FILE).unlink()
    done = await asyncio.to_thread(postroad, "restore", backup, "--force", "--data", dq_hub.folder)
    assert done.exit_code == 0, done.exception
    assert "does not hold its registry" in done.output
    assert "postroad erase import" in done.output
    registry = RegistryStore.open(dq_hub.folder / REGISTRY_FILE)
    assert len(registry.erasures()) == 1
    registry.close()
