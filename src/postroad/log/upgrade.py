"""Bringing a shard's file to this version's format."""

from pathlib import Path

from postroad.log import schema
from postroad.log.copying import BUSY_TIMEOUT_S
from postroad.log.faults import stored_errors

# Format 2 as it was, for what came from format 1; format 3 moves it on.
_SKIPS_OF_2 = """
CREATE TABLE skip (
    subscription_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    first_position INTEGER NOT NULL,
    end_position INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (subscription_id, reason, first_position)
) STRICT, WITHOUT ROWID;
"""
# What was delivered before was not counted: accounts begin at the cursors.
_ACCOUNTS = f"""
ALTER TABLE cursor RENAME TO cursor_of_2;
ALTER TABLE skip RENAME TO skip_of_2;
{schema.ACCOUNT_TABLES}
INSERT INTO cursor SELECT subscription_id, position, updated_us, position, updated_us, 0, 0 FROM cursor_of_2;
INSERT INTO skip SELECT subscription_id, reason, -1, first_position, end_position, events, NULL FROM skip_of_2;
DROP TABLE cursor_of_2;
DROP TABLE skip_of_2;
"""  # noqa: S608 - constants
_KEYS_KNOW_THEIR_PART = f"""
ALTER TABLE seen RENAME TO seen_before;
{schema.SEEN_TABLE}
INSERT INTO seen SELECT last_key, received_us, NULL, keys FROM seen_before;
DROP TABLE seen_before;
"""  # noqa: S608 - constants
_STEPS = {
    1: schema.LETTER_TABLES + _SKIPS_OF_2 + schema.QUARANTINE_TABLES,
    2: _ACCOUNTS + _KEYS_KNOW_THEIR_PART,
}
"""By the format that a shard has: what makes the next one of it."""


def upgrade_shard(path: Path, shard: int) -> None:
    """Bring a shard that no hub has open to this version's format, in one transaction: wholly or not at all.

    A shard that has it already stays as it is.

    Raises:
        ConfigError, StoreUnavailable, StoreCorrupt: See ``schema.open_reader``; or the file cannot be written.
    """
    connection = schema.open_writer(path, shard, busy_timeout_s=BUSY_TIMEOUT_S, oldest=schema.OLDEST_VERSION)
    try:
        with stored_errors(), connection:
            for version in range(connection.pragma("user_version"), schema.FORMAT_VERSION):
                connection.execute(_STEPS[version])
            connection.pragma("user_version", schema.FORMAT_VERSION)
    finally:
        connection.close()
