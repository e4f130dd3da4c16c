"""Two disks that go wrong, as SQLite VFSes over the real one: one fails a write, one loses its power."""

import itertools
import random
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
_numbers = itertools.count()


class _File(apsw.VFSFile):
    def __init__(self, disk: "Disk", name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._path = name if isinstance(name, str) else name.filename()

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - apsw's name
        self._disk.note("write", self._path, offset, data)
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802 - apsw's name
        self._disk.note("truncate", self._path, size)
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802 - apsw's name
        self._disk.note("sync", self._path)
        super().xSync(flags)


class Disk(apsw.VFS):
    """The real disk, counting what changes it. Reads, locks and shared memory pass through."""

    def __init__(self) -> None:
        self.name = f"disk-{next(_numbers)}"
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's name
        if name is None:
            raise AssertionError("the log needs no temporary file: one could fail, too")
        self.opened(Path(name if isinstance(name, str) else name.filename()))
        return _File(self, name, flags)

    def opened(self, path: Path) -> None:
        """Called before each opening."""

    def note(self, what: str, path: str, at: int = 0, data: bytes = b"") -> None:
        raise NotImplementedError


class FaultyDisk(Disk):
    """Fails one operation: the ``fail_at``-th from when it was set, with ``error``."""

    def __init__(self) -> None:
        super().__init__()
        self.countdown = 0
        self.error: type[apsw.Error] = apsw.IOError
        self.failed: str | None = None

    def fail_at(self, nth: int, error: type[apsw.Error]) -> None:
        self.countdown, self.error, self.failed = nth, error, None

    def note(self, what: str, path: str, at: int = 0, data: bytes = b"") -> None:  # noqa: ARG002 - others need all
        self.countdown -= 1
        if self.countdown == 0:
            self.failed = f"{what} of {Path(path).name}"
            raise self.error(f"made to fail: {self.failed}")


class PowerCutDisk(Disk):
    """Keeps apart what was written since each file's last sync; at the cut that is at the mercy of ``image``."""

    def __init__(self, cut_at: int) -> None:
        super().__init__()
        self._left = cut_at
        self._durable: dict[str, bytearray] = {}
        self._pending: dict[str, list[tuple[str, int, bytes]]] = {}

    def opened(self, path: Path) -> None:
        if path.exists():  # what was there before this disk was looked at is durable
            self._durable.setdefault(str(path), bytearray(path.read_bytes()))
            self._pending.setdefault(str(path), [])

    @property
    def cut(self) -> bool:
        return self._left <= 0

    def note(self, what: str, path: str, at: int = 0, data: bytes = b"") -> None:
        if self.cut:
            raise apsw.IOError("no power")
        pending = self._pending.setdefault(path, [])
        if what != "sync":
            pending.append((what, at, bytes(data)))  # that under way at the cut may have reached the disk, too
        self._left -= 1
        if self.cut:
            raise apsw.IOError("power cut")
        if what == "sync":
            content = self._durable.setdefault(path, bytearray())
            for change in pending:
                _apply(content, *change)
            pending.clear()

    def xDelete(self, path: str, syncdir: bool) -> None:  # noqa: N802 - apsw's name
        super().xDelete(path, syncdir)
        if not self.cut:
            self._durable.pop(path, None)
            self._pending.pop(path, None)

    def image(self, folder: Path, rng: random.Random) -> None:
        """Write to ``folder`` what a machine finds after the cut: all that was synced, and any of the rest."""
        kept_share = rng.choice([0.0, 0.5, 0.9])
        for path, pending in self._pending.items():
            content = bytearray(self._durable.get(path, b""))
            for what, at, data in pending:
                for start in range(0, max(len(data), 1), SECTOR):  # a write can be torn at any sector
                    if rng.random() < kept_share:
                        _apply(content, what, at + start, data[start : start + SECTOR])
            if path in self._durable or content:
                (folder / Path(path).name).write_bytes(content)


def _apply(content: bytearray, what: str, at: int, data: bytes) -> None:
    if what == "truncate":
        del content[at:]
    else:
        content.extend(bytes(max(0, at + len(data) - len(content))))
        content[at : at + len(data)] = data
