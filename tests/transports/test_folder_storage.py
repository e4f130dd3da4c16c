"""Copies as files: who may read them, what a crash leaves, and what is left alone."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postroad.transports.base import Copy
from postroad.transports.storage.base import StorageFailed
from postroad.transports.storage.config import FolderStorage
from postroad.transports.storage.folder import Folder

KEY = "0f7b/processed_track/aa.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "copies"
    root.mkdir(mode=0o755)
    return root


@pytest.fixture
def folder(root: Path) -> Iterator[Folder]:
    opened = Folder(FolderStorage(path=str(root)))
    yield opened
    opened._thread.shutdown(cancel_futures=True)


def copy(edition: int) -> Copy:
    return Copy(key=KEY, edition=edition, body=b'{"edition":%d}' % edition)


def modes_below(root: Path) -> dict[str, int]:
    """Of everything, by its path."""
    return {str(one.relative_to(root)): stat.S_IMODE(one.stat().st_mode) for one in (root, *root.rglob("*"))}


async def test_files_are_the_owner_s_alone_whatever_the_umask_and_the_root_is_left_as_it_is(
    folder: Folder, root: Path
) -> None:
    before = os.umask(0)
    try:
        await folder.put(copy(1))
    finally:
        os.umask(before)
    modes = modes_below(root)
    assert modes[KEY] == 0o600
    assert modes.pop(".") == 0o755
    assert {mode for name, mode in modes.items() if not name.endswith(".json")} == {0o700}


@pytest.mark.parametrize("step", ["fsync", "rename"])
async def test_a_copy_that_fails_half_way_leaves_the_one_before_whole_and_nothing_else(
    folder: Folder, root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await folder.put(copy(1))

    def full(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full) if step == "fsync" else broken.setattr(Path, "rename", full)
        with pytest.raises(StorageFailed) as raised:
            await folder.put(copy(2))
    assert (raised.value.reason, raised.value.detail) == ("unexpected", "No space left on device")
    assert (root / KEY).read_bytes() == copy(1).body
    assert [name for name in modes_below(root) if name.endswith(".part")] == []


async def test_after_a_crash_between_edition_and_file_the_newer_is_still_taken_and_the_older_is_not(
    folder: Folder, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await folder.put(copy(1))
    rename = Path.rename

    def only_the_edition(self: Path, target: Path) -> Path:
        if ".editions" in target.parts:
            return rename(self, target)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", only_the_edition)
        with pytest.raises(StorageFailed):
            await folder.put(copy(3))
    await folder.put(copy(2))
    assert (root / KEY).read_bytes() == copy(1).body, "3 is on its way again, and 2 was too late"
    await folder.put(copy(3))
    assert (root / KEY).read_bytes() == copy(3).body


async def test_a_name_too_long_for_the_file_system_is_the_copy_s_failure(folder: Folder) -> None:
    with pytest.raises(StorageFailed) as raised:
        await folder.put(Copy(key="a" * 300, edition=1, body=b"{}"))
    assert raised.value.reason == "rejected"


@pytest.mark.parametrize("path", ["relative", "./x", "", "a\0b"])
def test_a_path_that_is_not_absolute_is_refused(path: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "folder", "path": path}, FolderStorage)
