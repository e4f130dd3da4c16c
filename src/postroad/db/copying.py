"""Copying a SQLite database that others are using, and looking for damage in it, with SQLite's own means."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from postroad.errors import StoreCorrupt, StoreUnavailable

_BUSY_TIMEOUT_S = 10.0
_STEPS_BETWEEN_LOOKS = 100_000


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as it stands at one moment into the new file ``target``: one file, durable.

    Raises:
        StoreUnavailable: One of them cannot be opened, read or written now.
        StoreCorrupt: It is no database, or a damaged one.
    """
    try:
        with closing(_opened(source)) as original, closing(sqlite3.connect(target)) as copy:
            original.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE").close()
    except sqlite3.Error as exc:
        raise _told(source, exc) from exc


def check_database(path: Path, *, until: Callable[[], bool]) -> bool:
    """Look through the pages for damage until ``until()`` says stop; whether all of them were looked at.

    Raises:
        StoreCorrupt: It is damaged; says where.
        StoreUnavailable: It cannot be opened now.
    """
    try:
        with closing(_opened(path)) as connection:
            connection.set_progress_handler(until, _STEPS_BETWEEN_LOOKS)
            (told,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as exc:
        if exc.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return False
        raise _told(path, exc) from exc
    except sqlite3.Error as exc:
        raise _told(path, exc) from exc
    if told != "ok":
        raise StoreCorrupt(f"{path} is damaged: {' '.join(told.split())}")
    return True


def _opened(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing; a file that is not there is not made."""
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=_BUSY_TIMEOUT_S)


def _told(path: Path, exc: sqlite3.Error) -> StoreCorrupt | StoreUnavailable:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreCorrupt(f"{path} is damaged: {exc}")
    if code == sqlite3.SQLITE_FULL:
        return StoreUnavailable("disk_full", f"{path} cannot be copied: the disk is full")
    return StoreUnavailable("io", f"{path} cannot be read or copied: {exc}")
