"""Erasure in a shard's file: items become tombstones, and their bytes leave every page of the file.

Three steps, each slice by slice in the writer's own transactions, so that appends never wait long. Rows are written
anew with ``secure_delete``, which overwrites what they held. Then every free page goes back to the disk: retention
leaves what it removed in them. Last, the write-ahead log is emptied, for it holds pages as they were.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from postroad.clock import Clock
from postroad.errors import StoreCorrupt, StoreUnavailable
from postroad.log import letters
from postroad.log.format import RowUnpacker, packed_columns, tombstoned, without_keys
from postroad.log.interface import ERASED, Erased, Erasing, Refusal
from postroad.log.transaction import Transaction

SLICE_BATCHES = 64
SLICE_BYTES = 1024 * 1024
"""Bodies rewritten in one transaction, decompressed: appends wait some 30 ms for it."""
SLICE_PAGES = 512
"""Free pages given back in one transaction: 8 MiB are moved."""
EMPTY_TRIES = 60
EMPTY_AGAIN_S = 0.5
"""A backup reads the write-ahead log for as long as it takes to copy the shard; it cannot be emptied meanwhile."""

_POSITIONS_AT_ONCE = 10_000
_T = TypeVar("_T")

_BATCH = """
SELECT position, count, provider_id, protocol, revision, received_us, stored_us,
       stored_size, size, codec, checksum, part_key, columns, body
FROM batch WHERE position = (SELECT max(position) FROM batch WHERE position <= ?1) AND position + count > ?1
"""
_REWRITE = (
    "UPDATE batch SET stored_size = ?, size = ?, codec = ?, checksum = ?, columns = ?, body = ? WHERE position = ?"
)
_AT = "position IN (SELECT value FROM json_each(?))"


class Change(Protocol):
    """Has something run in the writer's next transaction; gives what it returned once that is durable."""

    def __call__(self, apply: Callable[[Transaction], _T], /) -> Awaitable[_T]:
        """Raises ``StoreUnavailable``."""


class Eraser:
    """Carries one erasure out, through the shard's writer."""

    def __init__(
        self,
        erasing: Erasing,
        *,
        key_rows: Mapping[int, int],
        change: Change,
        empty_wal: Callable[[], Awaitable[bool]],
        clock: Clock,
    ) -> None:
        """``key_rows``: position of a part -> the row of its dedup keys. ``empty_wal`` says whether it could be."""
        self._erasing = erasing
        self._key_rows = key_rows
        self._change = change
        self._empty_wal = empty_wal
        self._clock = clock
        self._unpacker = RowUnpacker()

    async def run(self) -> Erased:
        """See ``ShardLog.erase``."""
        erased = await self._items()
        erased += Erased(letters=await self._letters(), refusals=await self._refusals())
        while await self._change(_give_back_pages):
            pass
        for _ in range(EMPTY_TRIES):
            if await self._empty_wal():
                return erased
            await self._clock.sleep(EMPTY_AGAIN_S)
        raise StoreUnavailable(
            "locked", "the shard's write-ahead log cannot be emptied: somebody reads it all the time"
        )

    async def _items(self) -> Erased:
        erased, start = Erased(), 0
        positions = () if self._erasing.letters_only else self._erasing.positions
        while start < len(positions):
            items, start, damaged = await self._change(_Securely(self._slice, positions, start))
            if damaged is not None:
                raise damaged
            erased += Erased(items)
        return erased

    def _slice(self, tx: Transaction, positions: Sequence[int], start: int) -> tuple[int, int, StoreCorrupt | None]:
        """Rewrite some batches: how many items became tombstones, up to which of the positions, and what ended it."""
        tx.flush()
        items = batches = size = 0
        while start < len(positions) and batches < SLICE_BATCHES and size < SLICE_BYTES:
            row: Any = tx.connection.execute(_BATCH, (positions[start],)).fetchone()
            if row is None:
                start += 1
                continue
            first, stop = start, start
            while stop < len(positions) and positions[stop] < row[0] + row[1]:
                stop += 1
            try:
                items += self._rewrite(tx, row, [positions[at] - row[0] for at in range(first, stop)])
            except StoreCorrupt as exc:  # raised, it would fail all that is committed with this
                return items, start, exc
            batches, size, start = batches + 1, size + row[8], stop
        return items, start, None

    def _rewrite(self, tx: Transaction, row: Any, indexes: Sequence[int]) -> int:
        batch = self._unpacker.unpack(row)
        living = [index for index in indexes if batch.kinds[index] != ERASED]
        if not living:
            return 0
        changed = tombstoned(batch, living)
        columns = packed_columns(changed)
        stored_size, size, codec, checksum, _, columns, body = tx.packer.pack(
            changed, columns, batch.position, batch.stored_us
        )[7:]
        db = tx.connection
        db.execute(_REWRITE, (stored_size, size, codec, checksum, columns, body, batch.position))
        db.execute("DELETE FROM request WHERE position = ?", (batch.position,))
        at = msgspec.json.encode([batch.position + index for index in living]).decode()
        db.execute(f"DELETE FROM quarantine WHERE {_AT}", (at,))  # noqa: S608 - a constant
        last_key = self._key_rows.get(batch.position)
        keys: bytes | None = db.execute("SELECT keys FROM seen WHERE last_key = ?", (last_key,)).get
        if keys is not None:
            db.execute("UPDATE seen SET keys = ? WHERE last_key = ?", (without_keys(keys, living), last_key))
        return len(living)

    async def _letters(self) -> int:
        removed = 0
        for which, values in self._letter_terms():
            while count := await self._change(_Securely(letters.erase, which, values)):
                removed += count
        return removed

    def _letter_terms(self) -> Iterator[tuple[str, Sequence[object]]]:
        positions = self._erasing.positions
        for start in range(0, len(positions), _POSITIONS_AT_ONCE):
            yield _AT, [msgspec.json.encode(positions[start : start + _POSITIONS_AT_ONCE]).decode()]
        if self._erasing.subject_id is not None:
            besides = msgspec.json.encode(self._erasing.besides).decode()
            yield f"subject_id = ? AND NOT {_AT}", [self._erasing.subject_id, besides]

    async def _refusals(self) -> int:
        return await self._change(_Securely(_erase_refusals, self._erasing.refused))


class _Securely:
    """A change whose freed pages are overwritten, too; otherwise only what is freed within a page is."""

    def __init__(self, apply: Callable[..., Any], *arguments: Any) -> None:
        self._apply = apply
        self._arguments = arguments

    def __call__(self, tx: Transaction) -> Any:
        tx.connection.pragma("secure_delete", "ON")
        try:
            return self._apply(tx, *self._arguments)
        finally:
            tx.connection.pragma("secure_delete", "FAST")


def _erase_refusals(tx: Transaction, refused: Callable[[Refusal], bool]) -> int:
    query = "SELECT id, received_us, provider_id, protocol, reason, body FROM refusal"
    rows: list[Any] = tx.connection.execute(query).fetchall()
    gone = [
        row_id
        for row_id, received_us, provider_id, protocol, reason, body in rows
        if refused(
            Refusal(received_us=received_us, provider_id=provider_id, protocol=protocol, reason=reason, body=body)
        )
    ]
    for row_id in gone:
        tx.connection.execute("DELETE FROM refusal WHERE id = ?", (row_id,))
    return len(gone)


def _give_back_pages(tx: Transaction) -> bool:
    """Give some free pages back to the disk; whether there are more."""
    tx.flush()
    # Each step frees one page, so it must be stepped through to its end.
    tx.connection.execute(f"PRAGMA incremental_vacuum({SLICE_PAGES})").fetchall()
    return bool(tx.connection.pragma("freelist_count"))
