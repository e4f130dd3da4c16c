"""Chores, in virtual time."""

import asyncio
import subprocess
from pathlib import Path

from fixtures.clock import VirtualClock
from fixtures.pipeline import quiet
from postroad.clock import DAY_US
from postroad.errors import StoreUnavailable
from postroad.registry.actor import Actor
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service.housekeeping import HOUSEKEEPING_EVERY_S, Chore, keep_house, prune_audit_details


async def test_a_chore_that_fails_keeps_no_other_from_being_done_nor_from_being_done_again(clock: VirtualClock) -> None:
    done: list[str] = []

    async def failing() -> None:
        done.append("failing")
        raise StoreUnavailable("locked", "busy") if len(done) == 1 else ZeroDivisionError

    async def working() -> None:
        done.append("working")

    task = asyncio.create_task(keep_house([Chore(failing, "no"), Chore(working, "no")], clock))
    await quiet()
    for _ in range(2):
        clock.advance(HOUSEKEEPING_EVERY_S)
        await quiet()
    task.cancel()
    assert done == ["failing", "working"] * 2


async def test_old_details_of_the_audit_log_go_if_that_is_wanted_and_leave_nothing_in_the_file(
    clock: VirtualClock, tmp_path: Path, keys: KeyRing
) -> None:
    store = RegistryStore.open(tmp_path / "registry.db", clock=clock)
    store.acting(Actor(name="ada-of-the-night-shift", origin="command_line")).issue_key("operator", None, "")
    clock.advance(3 * DAY_US / 1e6)
    for details_days in (0, 5):
        await prune_audit_details(store, keys, details_days, clock)
        assert store.audit_log.entry(1).who is not None
    await prune_audit_details(store, keys, 1, clock)
    assert (store.audit_log.entry(1).who, store.audit_log.entry(1).who_gone) == (None, "retention")
    head = store.audit_log.head()
    await prune_audit_details(store, keys, 1, clock)
    assert store.audit_log.verify() == head == store.audit_log.head(), "nothing is left to do, nor to say"
    assert not _holding(tmp_path, b"ada-of-the-night-shift")
    store.close()


def _holding(folder: Path, secret: bytes) -> list[str]:
    """The registry's files that hold it; copied by a process that has nothing open."""
    copy = folder / "copy"
    copy.mkdir()
    subprocess.run(["cp", *map(str, folder.glob("registry.db*")), str(copy)], check=True)
    return [file.name for file in copy.iterdir() if secret in file.read_bytes()]
