"""A shard's SQLite file: its tables, its version, and how connections to it are opened.

The file is ``shard-NN.db`` and belongs to this package alone; ``docs/formats/log.md`` describes it for other readers.
"""

from pathlib import Path

import apsw

from postroad.errors import ConfigError, StoreCorrupt
from postroad.log.faults import stored_errors

APPLICATION_ID = 0x50524C47
"""``PRLG``, at a fixed place in the file's header, so that ``file`` and we can tell whose it is."""
FORMAT_VERSION = 3
OLDEST_VERSION = 1
"""The oldest that ``log.upgrade`` brings up to date."""
PAGE_BYTES = 16 * 1024
"""Bodies are large: at 16 KiB a page, bulk appends were 15 % faster than at SQLite's own 4 KiB."""
WAL_KEPT_BYTES = 64 * 1024 * 1024
"""A log that a burst made larger is cut back to this when it starts over."""

# In `batch` and `seen` the counts run on for ever (body_end, last_key): a total is a difference of two ends, so neither
# retention nor the bound on keys ever adds up a whole table. Narrow columns stand before the blobs: SQLite then reads
# them without following a blob's pages.
_TABLES = """
CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    shard INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    next_position INTEGER NOT NULL,
    scars INTEGER NOT NULL
) STRICT;
CREATE TABLE jump (
    first_position INTEGER PRIMARY KEY,
    end_position INTEGER NOT NULL
) STRICT;
CREATE TABLE batch (
    position INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    provider_id INTEGER NOT NULL,
    protocol TEXT NOT NULL,
    revision INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    stored_us INTEGER NOT NULL,
    body_end INTEGER NOT NULL,
    stored_size INTEGER NOT NULL,
    size INTEGER NOT NULL,
    codec INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    part_key BLOB NOT NULL,
    columns BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE named (
    part_key BLOB PRIMARY KEY,
    position INTEGER NOT NULL,
    received_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX named_by_position ON named (position);
CREATE TABLE refusal (
    id INTEGER PRIMARY KEY,
    received_us INTEGER NOT NULL,
    provider_id INTEGER NOT NULL,
    protocol TEXT NOT NULL,
    reason TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
"""

# The last chapter's running totals stand in the cursor's row, so that a settle writes one row. `chapter` has its terms,
# and from the beginning of the next one on its end and totals.
ACCOUNT_TABLES = """
CREATE TABLE cursor (
    subscription_id INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    since_position INTEGER NOT NULL,
    began_us INTEGER NOT NULL,
    events INTEGER NOT NULL,
    digest INTEGER NOT NULL
) STRICT;
CREATE TABLE chapter (
    subscription_id INTEGER NOT NULL,
    first_position INTEGER NOT NULL,
    end_position INTEGER,
    began_us INTEGER NOT NULL,
    events INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    terms TEXT NOT NULL,
    PRIMARY KEY (subscription_id, first_position)
) STRICT, WITHOUT ROWID;
CREATE TABLE skip (
    subscription_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    slots INTEGER NOT NULL,
    first_position INTEGER NOT NULL,
    end_position INTEGER NOT NULL,
    events INTEGER NOT NULL,
    digest INTEGER,
    PRIMARY KEY (subscription_id, reason, slots, first_position)
) STRICT, WITHOUT ROWID;
"""

# Whose keys they are is for erasure, which looks the whole table through: an index would cost each append something.
# Null: from before version 3.
SEEN_TABLE = """
CREATE TABLE seen (
    last_key INTEGER PRIMARY KEY,
    received_us INTEGER NOT NULL,
    position INTEGER,
    keys BLOB NOT NULL
) STRICT;
"""

# A letter's row is written anew at each attempt, its body never again: so they stand apart. No listing touches a body.
LETTER_TABLES = """
CREATE TABLE letter (
    id INTEGER PRIMARY KEY,
    subscription_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    stored_us INTEGER NOT NULL,
    recorded_us INTEGER,
    document BLOB NOT NULL,
    revision INTEGER NOT NULL,
    deletes INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    first_attempt_us INTEGER,
    due_us INTEGER,
    dead_us INTEGER,
    reason TEXT NOT NULL,
    status INTEGER,
    detail TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX letter_in_order ON letter (subscription_id, position, slot);
CREATE INDEX letter_parked ON letter (subscription_id, position, slot, size) WHERE dead_us IS NULL;
CREATE INDEX letter_dead ON letter (subscription_id, dead_us, size) WHERE dead_us IS NOT NULL;
CREATE INDEX letter_document ON letter (subscription_id, document, revision)
    WHERE dead_us IS NOT NULL AND document <> x'';
CREATE TABLE letter_body (
    id INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
"""

# What stands beside a batch and goes with it. Most batches have neither.
QUARANTINE_TABLES = """
CREATE TABLE quarantine (
    position INTEGER PRIMARY KEY,
    provider_id INTEGER NOT NULL,
    protocol TEXT NOT NULL,
    reason TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    resolved_by INTEGER
) STRICT;
CREATE INDEX quarantine_unresolved ON quarantine (position) WHERE resolved_by IS NULL;
CREATE TABLE request (
    position INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL
) STRICT;
"""


def shard_path(folder: Path, shard: int) -> Path:
    """Where shard ``shard`` of a data folder is kept."""
    return folder / f"shard-{shard:02d}.db"


def open_writer(
    path: Path,
    shard: int,
    *,
    busy_timeout_s: float,
    synchronous: str = "FULL",
    vfs: str | None = None,
    oldest: int = FORMAT_VERSION,
) -> apsw.Connection:
    """The writing connection; makes the file when there is none.

    ``oldest`` is the oldest format that the caller can do with. ``synchronous`` and ``vfs`` are for tests of what is
    promised. Raises what ``open_reader`` raises.
    """
    with stored_errors():
        connection = apsw.Connection(str(path), vfs=vfs)
        try:
            connection.set_busy_timeout(round(busy_timeout_s * 1000))
            connection.pragma("page_size", PAGE_BYTES)
            connection.pragma("auto_vacuum", "INCREMENTAL")
            connection.pragma("journal_mode", "WAL")
            connection.pragma("synchronous", synchronous)
            connection.pragma(
                "secure_delete", "FAST"
            )  # what erasure removes is overwritten; what retention frees, reused
            connection.pragma("temp_store", "MEMORY")  # a temporary file is one more that can fail
            connection.pragma("journal_size_limit", WAL_KEPT_BYTES)
            connection.wal_autocheckpoint(0)  # the writer thread does it after its answers are out
            with connection:
                if connection.execute("SELECT count(*) FROM sqlite_schema").get == 0:
                    _create(connection, shard)
            _check(connection, path, shard, oldest)
        except BaseException:
            connection.close(True)
            raise
    return connection


def open_reader(
    path: Path, shard: int | None = None, *, busy_timeout_s: float, oldest: int = FORMAT_VERSION
) -> apsw.Connection:
    """A connection that cannot change anything; ``shard`` ``None`` takes the file's word for it.

    Raises:
        ConfigError: the file is not a shard, not this shard, was written by a newer Postroad, or is to be upgraded.
        StoreUnavailable: the file is not there or cannot be opened now.
        StoreCorrupt: SQLite cannot make sense of it.
    """
    with stored_errors():
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(round(busy_timeout_s * 1000))
            _check(connection, path, shard, oldest)
        except BaseException:
            connection.close(True)
            raise
    return connection


def _create(connection: apsw.Connection, shard: int) -> None:
    connection.execute(_TABLES + SEEN_TABLE + ACCOUNT_TABLES + LETTER_TABLES + QUARANTINE_TABLES)
    connection.execute("INSERT INTO head VALUES (0, ?, 0, 1, 0)", (shard,))
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("user_version", FORMAT_VERSION)


def _check(connection: apsw.Connection, path: Path, shard: int | None, oldest: int) -> None:
    if connection.pragma("application_id") != APPLICATION_ID:
        raise ConfigError("this is not a shard of a Postroad log; move it out of the data folder", file=str(path))
    version = connection.pragma("user_version")
    if version > FORMAT_VERSION:
        raise ConfigError(
            f"the shard's format {version} is newer than {FORMAT_VERSION}, the newest this Postroad reads; "
            "start the Postroad that wrote it, or a newer one",
            file=str(path),
        )
    if version < oldest:
        raise ConfigError(
            f"the shard's format {version} is older than {oldest}; stop its hub and run: "
            f"postroad upgrade --data {path.parent}",
            file=str(path),
        )
    row = connection.execute("SELECT shard FROM head").fetchone()
    if row is None:
        raise StoreCorrupt(f"{path}: the shard has lost its head row")
    if shard is not None and row[0] != shard:
        raise ConfigError(f"the file holds shard {row[0]}, its name says {shard}; give it its own name", file=str(path))
