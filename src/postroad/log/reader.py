"""Reading a shard's file: for the engine's own reader threads, and for another process that wants a look."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from postroad.log import schema
from postroad.log.delivery import (
    Account,
    Chapter,
    Cursor,
    DeadLetter,
    Letter,
    LetterCounts,
    LetterFilter,
    LetterId,
    Skip,
)
from postroad.log.faults import stored_errors
from postroad.log.format import RowUnpacker
from postroad.log.interface import DEDUP_KEY_BYTES, EMPTY_BODY_BYTES, MAX_PART_BYTES, Batch, Quarantined, Refusal
from postroad.log.letter_rows import COLUMNS, checked_body, filter_terms, letter_of
from postroad.log.tally import Tally
from postroad.log.transaction import Heads, load_heads

_BATCHES = """
SELECT position, count, provider_id, protocol, revision, received_us, stored_us,
       stored_size, size, codec, checksum, part_key, columns, body,
       (SELECT request_id FROM request WHERE request.position = batch.position)
FROM batch
WHERE position >= coalesce((SELECT position FROM batch WHERE position <= ?1 ORDER BY position DESC LIMIT 1), ?1)
  AND position + count > ?1
ORDER BY position
"""

# Without statistics SQLite takes the unique index for the parked ones, too, and would step over all that are dead.
# `body_end` runs on for ever, so what stands at or above a position is a difference of two ends.
_LAST_BODY_END = "SELECT body_end FROM batch ORDER BY position DESC LIMIT 1"
_BYTES_FROM = f"""
SELECT coalesce(({_LAST_BODY_END}) - body_end + CASE WHEN position + count > ?1 THEN stored_size ELSE 0 END, 0)
FROM batch
WHERE position = coalesce((SELECT max(position) FROM batch WHERE position <= ?1), (SELECT min(position) FROM batch))
"""  # noqa: S608 - a constant
_OLDEST = "SELECT position + count, body_end, stored_size FROM batch ORDER BY position"
_PARKED = (
    f"SELECT {COLUMNS} FROM letter INDEXED BY letter_parked"  # noqa: S608 - names only
    " WHERE subscription_id = ? AND dead_us IS NULL ORDER BY position, slot"
)
_BODY = """
SELECT body, checksum FROM letter_body
WHERE id = (SELECT id FROM letter WHERE subscription_id = ? AND position = ? AND slot = ?)
"""
# Each half reads nothing but its index, and one letter of each subscription is looked up.
_LETTER_COUNTS = """
SELECT subscription_id, sum(parked), sum(dead), sum(parked_bytes), sum(dead_bytes), (
    SELECT received_us FROM letter AS oldest INDEXED BY letter_parked
    WHERE oldest.subscription_id = counted.subscription_id AND dead_us IS NULL ORDER BY position, slot LIMIT 1
) FROM (
    SELECT subscription_id, count(*) AS parked, 0 AS dead, sum(size) AS parked_bytes, 0 AS dead_bytes
    FROM letter WHERE dead_us IS NULL GROUP BY subscription_id
    UNION ALL
    SELECT subscription_id, 0, count(*), 0, sum(size) FROM letter WHERE dead_us IS NOT NULL GROUP BY subscription_id
) AS counted GROUP BY subscription_id
"""
_SKIPPED = "SELECT subscription_id, reason, sum(events) FROM skip GROUP BY subscription_id, reason"
_SKIPS = """
SELECT first_position, end_position, reason, events, slots, digest FROM skip
WHERE subscription_id = ? ORDER BY first_position, end_position, reason, slots
"""
_CHAPTERS = """
SELECT first_position, end_position, events, digest, began_us, terms FROM chapter
WHERE subscription_id = ?1 AND end_position IS NOT NULL
UNION ALL
SELECT since_position, position, cursor.events, cursor.digest, cursor.began_us, coalesce(terms, '')
FROM cursor LEFT JOIN chapter ON chapter.subscription_id = cursor.subscription_id AND first_position = since_position
WHERE cursor.subscription_id = ?1
ORDER BY first_position
"""
_LETTER_IDS = "SELECT position, slot, dead_us IS NOT NULL FROM letter WHERE subscription_id = ?"


class ShardReader:
    """A read-only view of one shard's file, for one thread at a time.

    Batches read back carry no ``dedup_keys``: those are kept apart, and not for as long.
    """

    def __init__(self, path: Path, shard: int | None = None, *, busy_timeout_s: float = 2.0) -> None:
        self._connection = schema.open_reader(path, shard, busy_timeout_s=busy_timeout_s)
        self._unpacker = RowUnpacker()

    def heads(self) -> Heads:
        """The shard's epoch, first and next position, all of one moment."""
        with stored_errors():
            return load_heads(self._connection)

    def read(self, position: int, *, max_bytes: int = 4 * MAX_PART_BYTES) -> list[Batch]:
        """See ``ShardLog.read``. Raises ``StoreCorrupt`` at a damaged batch."""
        batches: list[Batch] = []
        size = 0
        with stored_errors():
            rows = self._connection.execute(_BATCHES, (position,))
            try:
                for row in rows:
                    batches.append(self._unpacker.unpack(row[:-1]))
                    batches[-1].request_id = row[-1] or ""
                    size += len(batches[-1].body) or EMPTY_BODY_BYTES
                    if size >= max_bytes:
                        break
            finally:
                rows.close()  # ends the read transaction, which would hold up checkpoints
        return batches

    def bytes_from(self, position: int) -> int:
        """See ``ShardLog.bytes_from``."""
        rows = self._rows(_BYTES_FROM, (position,))
        return int(rows[0][0]) if rows else 0

    def surplus_end(self, *, max_bytes: int, below: int) -> int | None:
        """See ``ShardLog.surplus_end``; ``None`` when no batch must go."""
        end: int | None = None
        with stored_errors():
            last: int = self._connection.execute(_LAST_BODY_END).get or 0
            rows = self._connection.execute(_OLDEST)
            try:
                for batch_end, body_end, stored_size in rows:
                    if last - body_end + stored_size <= max_bytes or batch_end > below:
                        break
                    end = batch_end
            finally:
                rows.close()
        return end

    def dedup_keys(self, *, since_us: int, limit: int) -> list[tuple[int, bytes]]:
        """See ``ShardLog.dedup_keys``."""
        kept: list[tuple[int, bytes]] = []
        with stored_errors():
            rows = self._connection.execute(
                "SELECT received_us, keys FROM seen WHERE received_us >= ? ORDER BY last_key DESC", (since_us,)
            )
            try:
                for received_us, keys in rows:
                    if limit <= 0:
                        break
                    kept.append((received_us, keys))
                    limit -= len(keys) // DEDUP_KEY_BYTES
            finally:
                rows.close()
        return kept[::-1]

    def key_rows(self) -> dict[int, int]:
        """Position of a part -> the row of its dedup keys, for those that are kept still."""
        rows = self._rows("SELECT position, last_key FROM seen WHERE position IS NOT NULL")
        return dict(rows)

    def refusals(self, *, limit: int = 100) -> list[Refusal]:
        """See ``ShardLog.refusals``."""
        query = "SELECT received_us, provider_id, protocol, reason, body FROM refusal ORDER BY id DESC LIMIT ?"
        with stored_errors():
            rows: list[Any] = self._connection.execute(query, (limit,)).fetchall()
        return [
            Refusal(received_us=received_us, provider_id=provider_id, protocol=protocol, reason=reason, body=body)
            for received_us, provider_id, protocol, reason, body in rows
        ]

    def quarantined(
        self,
        *,
        after: int = 0,
        unresolved_only: bool = True,
        provider_ids: Collection[int] | None = None,
        limit: int = 100,
    ) -> list[Quarantined]:
        """See ``ShardLog.quarantined``; only what these providers sent."""
        unresolved = "AND resolved_by IS NULL" if unresolved_only else ""
        of_these = "" if provider_ids is None else "AND provider_id IN (SELECT value FROM json_each(?))"
        query = (
            "SELECT position, provider_id, protocol, reason, received_us, resolved_by FROM quarantine"  # noqa: S608 - constants
            f" WHERE position > ? {unresolved} {of_these} ORDER BY position LIMIT ?"
        )
        providers = () if provider_ids is None else (msgspec.json.encode(sorted(provider_ids)).decode(),)
        return [
            Quarantined(
                position=position,
                provider_id=provider_id,
                protocol=protocol,
                reason=reason,
                received_us=received_us,
                resolved_by=resolved_by,
            )
            for position, provider_id, protocol, reason, received_us, resolved_by in self._rows(
                query, (after, *providers, limit)
            )
        ]

    def quarantined_at(self, position: int) -> Quarantined | None:
        """The item at ``position``, if it is one that could not be read."""
        found = self.quarantined(after=position - 1, unresolved_only=False, limit=1)
        return found[0] if found and found[0].position == position else None

    def last_stored_us(self) -> int | None:
        """When the newest batch was stored; ``None`` when there is none."""
        with stored_errors():
            stored_us: int | None = self._connection.execute(
                "SELECT stored_us FROM batch ORDER BY position DESC LIMIT 1"
            ).get
        return stored_us

    def jumps(self) -> list[range]:
        """See ``ShardLog.jumps``."""
        with stored_errors():
            rows: list[Any] = self._connection.execute(
                "SELECT first_position, end_position FROM jump ORDER BY first_position"
            ).fetchall()
        return [range(first, end) for first, end in rows]

    def cursors(self) -> dict[int, Cursor]:
        """See ``DeliveryStore.cursors``."""
        with stored_errors():
            rows: list[Any] = self._connection.execute(
                "SELECT subscription_id, position, updated_us FROM cursor"
            ).fetchall()
        return {row[0]: Cursor(*row) for row in rows}

    def parked(self, subscription_id: int) -> list[Letter]:
        """See ``DeliveryStore.parked``."""
        return [letter_of(row) for row in self._rows(_PARKED, (subscription_id,))]

    def body(self, subscription_id: int, letter_id: LetterId) -> bytes | None:
        """See ``DeliveryStore.body``. Raises ``StoreCorrupt`` at a damaged one."""
        rows = self._rows(_BODY, (subscription_id, letter_id.position, letter_id.slot))
        return checked_body(letter_id, *rows[0]) if rows else None

    def dead(
        self, which: LetterFilter, *, after: tuple[int, LetterId] | None = None, limit: int = 100
    ) -> list[DeadLetter]:
        """See ``DeliveryStore.dead``."""
        terms, values = filter_terms(which)
        if after is not None:
            terms += " AND (subscription_id, position, slot) > (?, ?, ?)"
            values += [after[0], after[1].position, after[1].slot]
        query = (
            f"SELECT subscription_id, {COLUMNS} FROM letter WHERE {terms}"  # noqa: S608 - names and marks only
            " ORDER BY subscription_id, position, slot LIMIT ?"
        )
        return [DeadLetter(row[0], letter_of(row[1:])) for row in self._rows(query, (*values, limit))]

    def count_dead(self, which: LetterFilter) -> int:
        """See ``DeliveryStore.count_dead``."""
        terms, values = filter_terms(which)
        [[count]] = self._rows(f"SELECT count(*) FROM letter WHERE {terms}", tuple(values))  # noqa: S608 - as above
        return int(count)

    def letter_counts(self) -> dict[int, LetterCounts]:
        """See ``DeliveryStore.letter_counts``."""
        return {row[0]: LetterCounts(*row[1:]) for row in self._rows(_LETTER_COUNTS)}

    def skips(self, subscription_id: int) -> list[Skip]:
        """See ``DeliveryStore.skips``."""
        return [Skip(*row) for row in self._rows(_SKIPS, (subscription_id,))]

    def skipped(self) -> dict[int, dict[str, int]]:
        """See ``DeliveryStore.skipped``."""
        found: dict[int, dict[str, int]] = {}
        for subscription_id, reason, events in self._rows(_SKIPPED):
            found.setdefault(subscription_id, {})[reason] = events
        return found

    def account(self, subscription_id: int) -> Account | None:
        """See ``DeliveryStore.account``."""
        with stored_errors(), self._connection:  # one transaction: one moment
            chapters = self._rows(_CHAPTERS, (subscription_id,))
            skips, letters = self.skips(subscription_id), self._rows(_LETTER_IDS, (subscription_id,))
        if not chapters:
            return None
        return Account(
            cursor=chapters[-1][1],
            chapters=[
                Chapter(first, end, Tally(events, digest), began_us, terms)
                for first, end, events, digest, began_us, terms in chapters
            ],
            skips=skips,
            parked=frozenset(LetterId(position, slot) for position, slot, dead in letters if not dead),
            dead=frozenset(LetterId(position, slot) for position, slot, dead in letters if dead),
        )

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with stored_errors():
            rows: list[Any] = self._connection.execute(query, values).fetchall()
        return rows

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def open_reader(path: Path) -> ShardReader:
    """Open any shard's file for reading, from any process, whether or not a hub is running on it.

    Raises ``ConfigError``, ``StoreUnavailable`` and ``StoreCorrupt`` as ``schema.open_reader`` does.
    """
    return ShardReader(path)
