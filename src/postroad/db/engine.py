"""A SQL database, SQLite or PostgreSQL, behind two kinds of transaction.

``read`` is a snapshot: everything read in it is of one moment. ``write`` may change things; on SQLite it takes the
write lock at once, so that no transaction fails half-way because it began by reading. Exceptions of SQLAlchemy and the
drivers end here.

Calls block: code on an event loop makes them in threads. A ``Database`` may be shared between threads.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from postroad.db.errors import translated
from postroad.errors import ConfigError, StoreUnavailable

_BUSY_TIMEOUT_MS = 5_000
_CONNECT_TIMEOUT_S = 5
_NOTICED_GONE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
"""A server whose packets are dropped on the way is given up after seconds: the system alone would take many minutes."""
_WAL_TRIES = 500
_EMPTY_TRIES = 10
_WAL_TRY_AGAIN_S = 0.01

_WRITES = "postroad_writes"
"""The execution option by which a transaction tells that it is going to write."""


def sqlite_url(path: Path) -> str:
    """The URL of the SQLite database in the file ``path``."""
    return URL.create("sqlite", database=str(path.absolute())).render_as_string()


class Database:
    """One SQL database. ``close`` it."""

    def __init__(self, url: str) -> None:
        """Prepare the engine; nothing is connected to yet.

        Args:
            url: ``sqlite:////absolute/path`` or ``postgresql+psycopg://user:password@host:port/name``.

        Raises:
            ConfigError: The URL cannot be read, names another kind of database, or its driver is not installed.
        """
        parsed = _parse(url)
        self.name = parsed.render_as_string(hide_password=True)
        """The URL without its password, for messages."""
        if parsed.get_backend_name() == "sqlite":
            self.engine = _sqlite_engine(parsed)
        else:
            self.engine = _postgresql_engine(parsed)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that reads one consistent snapshot.

        Raises:
            StoreUnavailable: The database cannot be read now.
            StoreCorrupt: What it holds cannot be read.
        """
        with self._transaction(isolation_level=self._snapshot_level()) as transaction:
            yield transaction.connection

    @contextmanager
    def write(self) -> Iterator[sa.Transaction]:
        """A transaction that may write: committed at the end of the block, rolled back if it raises.

        The block may also call ``rollback`` itself, as its last act.

        Raises:
            StoreUnavailable: The database cannot be written now; nothing was kept.
            StoreCorrupt: What it holds cannot be read.
        """
        with self._transaction(**{_WRITES: True}) as transaction:
            yield transaction

    def scrub(self) -> None:
        """Leave nothing in the files of what was deleted or overwritten.

        SQLite's file is written anew, and its write-ahead log emptied; PostgreSQL is asked for an ordinary VACUUM: what
        its write-ahead log and archives keep is its operator's.

        Raises:
            StoreUnavailable: Somebody uses it all the time.
        """
        with translated(self.name):
            raw = self.engine.raw_connection()
            try:
                if self.engine.dialect.name == "sqlite":
                    _scrub(raw.driver_connection, self.name)
                else:
                    raw.driver_connection.autocommit = True  # type: ignore[union-attr]  # psycopg's connection
                    raw.cursor().execute("VACUUM")
                    raw.driver_connection.autocommit = False  # type: ignore[union-attr]
            finally:
                raw.close()

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()

    @contextmanager
    def _transaction(self, **options: Any) -> Iterator[sa.Transaction]:
        with translated(self.name), self.engine.connect() as connection:
            connection = connection.execution_options(**{k: v for k, v in options.items() if v is not None})
            with connection.begin() as transaction:
                yield transaction

    def _snapshot_level(self) -> str | None:
        # SQLite's transactions always see one snapshot; asking for a level would set a pragma for nothing.
        return None if self.engine.dialect.name == "sqlite" else "REPEATABLE READ"


class Joined(Database):
    """A database as seen from within a transaction that is under way: all that is read and written is part of it."""

    def __init__(self, connection: sa.Connection) -> None:
        """``connection`` is the transaction's. Whoever began it ends it."""
        self.name = "a transaction under way"
        self.engine = connection.engine
        self._connection = connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """What the transaction sees."""
        yield self._connection

    @contextmanager
    def write(self) -> Iterator[sa.Transaction]:
        """The transaction itself, which goes on afterwards; if the block raises, what it wrote is undone."""
        with self._connection.begin_nested() as savepoint:
            yield savepoint


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError) as exc:  # a port that is no number is a ValueError
        # The URL is not shown: it may hold the password.
        message = "the database URL cannot be read; write postgresql+psycopg://user:password@host:port/name"
        raise ConfigError(message) from exc
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        message = f"databases of the kind {parsed.drivername} are not supported; use sqlite or postgresql+psycopg"
        raise ConfigError(message)
    if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigError("the SQLite URL names no file; write sqlite:////absolute/path/registry.db")
    return parsed


def _postgresql_engine(url: URL) -> sa.Engine:
    try:
        return sa.create_engine(
            url, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_TIMEOUT_S, **_NOTICED_GONE}
        )
    except ImportError as exc:
        message = "PostgreSQL needs the driver psycopg: install postroad[postgres]"
        raise ConfigError(message) from exc


def _sqlite_engine(url: URL) -> sa.Engine:
    path = url.database or ""

    def private_file() -> None:
        # Personal data and sealed secrets: for the owner alone, from the first byte on. SQLite gives the files beside
        # it the same mode. Whatever else is wrong with the path, SQLite itself says on connecting.
        # A file that is there is left alone: to close any descriptor of it would drop the locks that this process's
        # other connections hold on it (POSIX), and the next process to close it would take the write-ahead log away
        # from under them.
        with suppress(OSError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))

    engine = sa.create_engine(url)

    @sa.event.listens_for(engine, "do_connect")
    def before_connecting(*_: Any) -> None:
        private_file()

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the module's own idea of when a transaction begins is not ours
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}").close()
        _use_wal(connection)
        for pragma in ("synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def begins(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _scrub(connection: Any, name: str) -> None:
    connection.execute("VACUUM").close()
    for _ in range(_EMPTY_TRIES):
        busy, *_rest = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            return
    raise StoreUnavailable("locked", f"the write-ahead log of {name} cannot be emptied: somebody reads it all the time")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a new file to the write-ahead log; once it is, this only looks.

    SQLite does not wait, whatever the time-out, for another connection that is switching at the same moment: that is a
    matter of milliseconds.
    """
    for tries_left in reversed(range(_WAL_TRIES)):
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not tries_left:
                raise
            time.sleep(_WAL_TRY_AGAIN_S)
        else:
            return
