"""Object and kind of dataset -> where its newest edition stands in the log. Derived: it can be made anew from that.

A SQLite file of its own beside the shard, so that the shard's format is not touched and no memory is held for what
nobody asks for. What is noted and how far the log was read for it are one transaction: after a kill the same is read
again, and noting it again changes nothing. About 100 bytes a dataset.
"""

import json
import logging
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from postroad.errors import StoreUnavailable
from postroad.protocols.damoov import REMOVES, DatasetKind

VERSION: Final = 1
"""Of the file; one of another version is made anew."""
KINDS: Final[Mapping[DatasetKind, int]] = {
    "removed_track": 0,
    "received_track": 1,
    "processed_track": 2,
    "accident": 3,
    "accident_extra": 4,
}
"""The number of each kind in the file."""

_SCHEMA: Final = """
CREATE TABLE head (version INTEGER NOT NULL, epoch INTEGER NOT NULL, position INTEGER NOT NULL) STRICT;
CREATE TABLE datasets (
  object_id BLOB NOT NULL, kind INTEGER NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL,
  subject_id INTEGER NOT NULL, PRIMARY KEY (object_id, kind)) STRICT, WITHOUT ROWID;
CREATE INDEX datasets_by_position ON datasets (position);
"""
_FILES: Final = ("", "-wal", "-shm")
_OF_IT: Final = "subject_id = ? OR position IN (SELECT value FROM json_each(?))"

_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where a dataset is, and whose it is."""

    position: int
    subject_id: int
    """Streams of this subject give it, and its token is the one that the notification names."""


class Entry(NamedTuple):
    """A dataset that an item holds."""

    object_id: uuid.UUID
    kind: DatasetKind
    revision: int
    place: Place


class DatasetIndex:
    """The file of one shard. Its methods block, and may be called on any thread.

    All raise ``StoreUnavailable``.
    """

    def __init__(self, path: Path, *, epoch: int, end: int) -> None:
        """Open the file, or make it anew: if it is of another epoch, ahead of the log's ``end``, or cannot be read."""
        self._lock = threading.Lock()
        self._path = path
        try:
            self._connection = _connect(path)
            head = self._connection.execute("SELECT version, epoch, position FROM head").fetchone()
        except sqlite3.Error:
            head = None
        if head is None or head[:2] != (VERSION, epoch) or head[2] > end:
            self._make_anew(epoch)
            head = (VERSION, epoch, 0)
        self.position: int = head[2]
        """Everything below was looked at when the file was opened."""

    def note(self, entries: Sequence[Entry], position: int) -> None:
        """Note what stands below ``position``, in order: the newest of each object and kind stays."""
        with self._transaction() as connection:
            for entry in entries:
                _note(connection, entry)
            connection.execute("UPDATE head SET position = max(position, ?)", (position,))

    def find(self, object_id: uuid.UUID, kind: DatasetKind) -> Place | None:
        """Where the newest one is."""
        query = "SELECT position, subject_id FROM datasets WHERE object_id = ? AND kind = ?"
        with self._lock, _at_the_seam():
            row = self._connection.execute(query, (object_id.bytes, KINDS[kind])).fetchone()
        return None if row is None else Place(*row)

    def forget_below(self, position: int) -> int:
        """Forget what stands below ``position``, as the log has; how many that were."""
        with self._transaction() as connection:
            return connection.execute("DELETE FROM datasets WHERE position < ?", (position,)).rowcount

    def count(self, positions: Sequence[int], subject_id: int | None) -> int:
        """How much stands at ``positions`` or is a subject's."""
        query = f"SELECT count(*) FROM datasets WHERE {_OF_IT}"  # noqa: S608 - a constant
        with self._lock, _at_the_seam():
            found: int = self._connection.execute(query, (subject_id, json.dumps(list(positions)))).fetchone()[0]
        return found

    def erase(self, positions: Sequence[int], subject_id: int | None) -> int:
        """Forget what stands at ``positions`` or is a subject's, and leave nothing of it in the file; how many."""
        with self._transaction() as connection:
            gone = f"DELETE FROM datasets WHERE {_OF_IT}"  # noqa: S608 - a constant
            found = connection.execute(gone, (subject_id, json.dumps(list(positions)))).rowcount
        with self._lock, _at_the_seam():
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return found

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _at_the_seam(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def _make_anew(self, epoch: int) -> None:
        with _at_the_seam():
            if hasattr(self, "_connection"):
                self._connection.close()
            for ending in _FILES:
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
            self._connection = _connect(self._path)
            self._connection.executescript(_SCHEMA)
            self._connection.execute("INSERT INTO head VALUES (?, ?, 0)", (VERSION, epoch))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read from the log again
    return connection


def _note(connection: sqlite3.Connection, entry: Entry) -> None:
    """Deletions count as in delivery: they are newer than what they delete, also if they bear the same revision."""
    object_id, kind, revision = entry.object_id.bytes, KINDS[entry.kind], entry.revision
    removes = [KINDS[one] for one in sorted(REMOVES.get(entry.kind, ()))]
    removed_by = [KINDS[one] for one, those in REMOVES.items() if entry.kind in those]
    newer = "SELECT 1 FROM datasets WHERE object_id = ? AND kind = ? AND revision"
    if any(connection.execute(f"{newer} >= ?", (object_id, one, revision)).fetchone() for one in removed_by):
        return
    if any(connection.execute(f"{newer} > ?", (object_id, one, revision)).fetchone() for one in removes):
        return
    for one in (*removes, *removed_by):
        connection.execute("DELETE FROM datasets WHERE object_id = ? AND kind = ?", (object_id, one))
    connection.execute(
        "INSERT INTO datasets VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET revision = excluded.revision,"
        " position = excluded.position, subject_id = excluded.subject_id"
        " WHERE excluded.revision >= revision",
        (object_id, kind, revision, *entry.place),
    )


@contextmanager
def _at_the_seam() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise StoreUnavailable("io", f"the index of datasets cannot be used: {type(exc).__name__}") from exc
