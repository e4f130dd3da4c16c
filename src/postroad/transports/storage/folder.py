"""Copies as files of a folder: mode 0600 in folders of mode 0700, renamed into place once they are on the disk.

Beside them, in ``.editions``, stands which edition each file has at most: it is written first, so that after a crash
the older of two is never taken for the newer. File systems that know no attributes (NFS, SMB) do as well.
"""

import asyncio
import errno
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from postroad.transports.base import Copy, Reason
from postroad.transports.storage.base import StorageFailed, check_key
from postroad.transports.storage.config import FolderStorage

EDITIONS: Final = ".editions"
TIMEOUT_S: Final = 60.0
"""Of one copy: a file system behind a network may hang."""
_REASONS: Final[dict[int | None, Reason]] = {
    errno.ENAMETOOLONG: "rejected",
    errno.EFBIG: "too_large",
    errno.EACCES: "credentials",
    errno.EPERM: "credentials",
    errno.EROFS: "credentials",
}
"""Of a failure of the file system; any other is the storage's and passes."""


class Folder:
    """A ``Storage``."""

    def __init__(self, config: FolderStorage) -> None:
        self._root = Path(config.path)
        self.name = f"folder {config.path}"
        # One thread: what was cancelled while it hung is still before what comes next, and nothing overtakes it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="folder-storage")

    async def put(self, copy: Copy) -> None:
        """See ``Storage``."""
        check_key(copy.key)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await asyncio.get_running_loop().run_in_executor(self._thread, self._put, copy)
        except TimeoutError as exc:
            raise StorageFailed("timeout", "the folder did not take it in time") from exc
        except OSError as exc:
            raise StorageFailed(_REASONS.get(exc.errno, "unexpected"), exc.strerror or "the folder failed") from exc

    async def close(self) -> None:
        """See ``Storage``."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _put(self, copy: Copy) -> None:
        if not self._root.is_dir():
            raise FileNotFoundError(errno.ENOENT, "the folder does not exist")
        said = self._root / EDITIONS / copy.key
        edition = _edition(said)
        if edition is not None and edition > copy.edition:
            return
        _write(self._root, said, str(copy.edition).encode())
        _write(self._root, self._root / copy.key, copy.body)


def _edition(file: Path) -> int | None:
    try:
        return int(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):  # damaged: what comes now is as good as any
        return None


def _write(root: Path, file: Path, body: bytes) -> None:
    """Put a file in the place of another, or of none; durable once it returns."""
    _make_folders(root, file.parent)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=file.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as part:
            part.write(body)
            part.flush()
            os.fsync(part.fileno())
        Path(name).rename(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync(file.parent)


def _make_folders(root: Path, folder: Path) -> None:
    if folder == root or folder.is_dir():
        return
    _make_folders(root, folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
