"""Where SQLite's errors end: each becomes one of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from postroad.errors import StoreCorrupt, StoreUnavailable


def unavailable(exc: BaseException) -> StoreUnavailable:
    """What a failed write means to those who asked for it: nothing was kept, and why."""
    if isinstance(exc, apsw.FullError):
        return StoreUnavailable("disk_full", "the disk of the log is full")
    if isinstance(exc, apsw.BusyError | apsw.LockedError):
        return StoreUnavailable("locked", "another process holds the log's lock")
    return StoreUnavailable("io", f"the log cannot be written: {type(exc).__name__}: {exc}")


@contextmanager
def stored_errors() -> Iterator[None]:
    """Turn SQLite's errors while opening or reading into ``StoreCorrupt`` or ``StoreUnavailable``."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as exc:
        raise StoreCorrupt(f"the log's file is damaged: {exc}") from exc
    except apsw.Error as exc:
        raise unavailable(exc) from exc
