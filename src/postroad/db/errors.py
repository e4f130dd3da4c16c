"""Where exceptions of SQLAlchemy, sqlite3 and psycopg become the hub's own."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from postroad.errors import PostroadError, StoreCorrupt, StoreUnavailable

_SQLITE_REASONS = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_FULL: "disk_full",
}
_SQLITE_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL_REASONS = {
    "40001": "locked",  # serialization_failure
    "40P01": "locked",  # deadlock_detected
    "55P03": "locked",  # lock_not_available
    "53100": "disk_full",
}
_POSTGRESQL_CORRUPT = ("XX001", "XX002")  # data_corrupted, index_corrupted


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raise what the database called ``name`` raises in the block as ``StoreUnavailable`` or ``StoreCorrupt``.

    Messages hold the driver's own first line and never a statement's parameters, which may be personal or secret.
    """
    try:
        yield
    except sa.exc.DBAPIError as exc:
        raise _ours(exc, name) from exc
    except sa.exc.TimeoutError as exc:
        raise StoreUnavailable("locked", f"{name}: all connections are in use") from exc


def _ours(exc: sa.exc.DBAPIError, name: str) -> PostroadError:
    cause = exc.orig
    lines = str(cause).splitlines()
    message = f"{name}: {lines[0] if lines else type(cause).__name__}"
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the low byte is the primary code
        if code in _SQLITE_CORRUPT:
            return StoreCorrupt(message)
        return StoreUnavailable(_SQLITE_REASONS.get(code, "io"), message)
    state = getattr(cause, "sqlstate", None)
    if state in _POSTGRESQL_CORRUPT:
        return StoreCorrupt(message)
    if state is None and isinstance(exc, sa.exc.OperationalError):
        return StoreUnavailable("lost", message)
    return StoreUnavailable(_POSTGRESQL_REASONS.get(state or "", "io"), message)
