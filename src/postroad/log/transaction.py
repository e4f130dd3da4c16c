"""What one group of changes does to a shard's file, between BEGIN and COMMIT. Runs on the writer thread only."""

from collections.abc import Collection
from typing import Any

import apsw
import msgspec

from postroad.log.format import BatchRow, RowPacker
from postroad.log.interface import DEDUP_KEY_BYTES, EPOCH_BITS, Appended, Part, Refusal
from postroad.log.tally import DIGEST_MASK, NOTHING, Tally

# A statement of many rows is one call into SQLite: with the interpreter's lock given up at each call, a row a
# statement would wait for the event loop thousands of times a group. Powers of two, so few texts are prepared.
_MOST_ROWS = 256


class Heads(msgspec.Struct, frozen=True):
    """Where a shard stands; what the next transaction goes on from."""

    epoch: int
    next_position: int
    first_position: int
    """Of the oldest batch; ``next_position`` when there is none."""
    body_end: int
    """All bytes of bodies ever stored, as stored, since the shard was last empty."""
    last_key: int
    """All dedup keys ever stored, since there were none."""


class ChangeRefused(ValueError):
    """A change cannot be made; raised before it changed anything, so that it fails alone in its group."""


_HEADS = """
WITH last AS (SELECT position + count AS next, body_end FROM batch ORDER BY position DESC LIMIT 1)
SELECT epoch,
       max(next_position, coalesce((SELECT next FROM last), 0)),
       (SELECT min(position) FROM batch),
       coalesce((SELECT body_end FROM last), 0),
       coalesce((SELECT max(last_key) FROM seen), 0)
FROM head
"""


def load_heads(connection: apsw.Connection) -> Heads:
    """Read where the shard stands: the newest batch says it, or the head row where retention left none."""
    row: Any = connection.execute(_HEADS).fetchone()
    epoch, next_position, first, body_end, last_key = row
    return Heads(epoch, next_position, next_position if first is None else first, body_end, last_key)


_SETTLE = """
INSERT INTO cursor VALUES (?1, ?2, ?3, ?2, ?3, 0, 0)
ON CONFLICT DO UPDATE SET position = ?2, updated_us = ?3, events = events + ?4, digest = digest + ?5 & ?6
WHERE position < ?2
"""


class Transaction:
    """The changes of one group, and where the shard will stand if they are committed."""

    def __init__(self, connection: apsw.Connection, heads: Heads, packer: RowPacker, now_us: int) -> None:
        self.connection = connection
        self.heads = heads
        self.now_us = now_us
        self.packer = packer
        self._batches: list[tuple[int, BatchRow]] = []
        self._seen: list[tuple[int, int, int, bytes]] = []
        self._quarantine: list[tuple[int, int, str, str, int, None]] = []
        self._requests: list[tuple[int, str]] = []

    def append(self, part: Part, columns: bytes) -> Appended:
        """Store ``part`` unless its key is known. The rows are written by ``flush``."""
        heads = self.heads
        position = heads.next_position
        if part.key:
            known = self.connection.execute("SELECT position FROM named WHERE part_key = ?", (part.key,)).get
            if known is not None:
                return Appended(known, duplicate=True)
            self.connection.execute("INSERT INTO named VALUES (?, ?, ?)", (part.key, position, part.received_us))
        row = self.packer.pack(part, columns, position, self.now_us)
        body_end = heads.body_end + len(row[-1])
        self._batches.append((body_end, row))
        last_key = heads.last_key + len(part.dedup_keys) // DEDUP_KEY_BYTES
        if part.dedup_keys:
            self._seen.append((last_key, part.received_us, position, part.dedup_keys))
        if part.request_id:
            self._requests.append((position, part.request_id))
        for one in part.unreadable:
            offset_us = part.received_offsets_us[one.index] if part.received_offsets_us else 0
            received_us = part.received_us + offset_us
            self._quarantine.append(
                (position + one.index, part.provider_id, part.protocol, one.reason, received_us, None)
            )
        if part.resolves is not None:
            self._insert_quarantine()
            self.connection.execute(
                "UPDATE quarantine SET resolved_by = ? WHERE position = ?", (position, part.resolves)
            )
        self.heads = Heads(heads.epoch, position + len(part), heads.first_position, body_end, last_key)
        return Appended(position)

    def flush(self) -> None:
        """Write what ``append`` collected; whatever reads or removes batches in the same group calls it first."""
        self._insert("batch", [(*row[:7], body_end, *row[7:]) for body_end, row in self._batches])
        self._insert("seen", self._seen)
        self._insert("request", self._requests)
        self._insert_quarantine()
        self._batches, self._seen, self._requests = [], [], []

    def dismiss(self, positions: Collection[int]) -> int:
        """See ``ShardLog.dismiss``."""
        self._insert_quarantine()
        those = msgspec.json.encode(sorted(positions)).decode()
        gone = "DELETE FROM quarantine WHERE position IN (SELECT value FROM json_each(?)) RETURNING position"
        return len(self.connection.execute(gone, (those,)).fetchall())

    def _insert_quarantine(self) -> None:
        self._insert("quarantine", self._quarantine)
        self._quarantine = []

    def _insert(self, table: str, rows: list[Any]) -> None:
        start = 0
        while start < len(rows):
            count = min(_MOST_ROWS, 1 << (len(rows) - start).bit_length() - 1)
            chunk = rows[start : start + count]
            values = ", ".join([f"({', '.join('?' * len(chunk[0]))})"] * count)
            # OR ROLLBACK spares the journal (a temporary file) that SQLite keeps to undo half a statement.
            sql = f"INSERT OR ROLLBACK INTO {table} VALUES {values}"  # noqa: S608 - nothing but a constant and marks goes in
            self.connection.execute(sql, [value for row in chunk for value in row])
            start += count

    def begin_epoch(self, above_epoch: int = 0) -> int:
        """See ``ShardLog.begin_epoch``."""
        self.flush()
        heads = self.heads
        epoch = max(heads.epoch, above_epoch) + 1
        position = (epoch << EPOCH_BITS) + 1
        self.connection.execute("UPDATE head SET epoch = ?, next_position = ?", (epoch, position))
        self.connection.execute("INSERT INTO jump VALUES (?, ?)", (heads.next_position, position))
        first = position if heads.first_position == heads.next_position else heads.first_position
        self.heads = Heads(epoch, position, first, heads.body_end, heads.last_key)
        return epoch

    def refuse(self, refusal: Refusal, keep: int) -> None:
        """See ``ShardLog.refuse``; ``keep`` is how many remain."""
        self.connection.execute(
            "INSERT INTO refusal (received_us, provider_id, protocol, reason, body) VALUES (?, ?, ?, ?, ?)",
            (refusal.received_us, refusal.provider_id, refusal.protocol, refusal.reason, refusal.body),
        )
        self.connection.execute("DELETE FROM refusal WHERE id <= (SELECT max(id) FROM refusal) - ?", (keep,))

    def settle(self, subscription_id: int, position: int, delivered: Tally = NOTHING) -> None:
        """See ``DeliveryStore.settle``: of the changes, what was delivered."""
        self.connection.execute(
            _SETTLE, (subscription_id, position, self.now_us, delivered.events, delivered.digest, DIGEST_MASK)
        )

    def forget(self, subscription_id: int) -> None:
        """See ``DeliveryStore.forget``."""
        for table in ("skip", "chapter", "cursor"):
            self.connection.execute(f"DELETE FROM {table} WHERE subscription_id = ?", (subscription_id,))  # noqa: S608 - constants
