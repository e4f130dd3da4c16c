"""Retention: what goes from a shard, a slice at a time so that appends never wait long behind it."""

import msgspec

from postroad.log.transaction import Heads, Transaction

SLICE_BYTES = 32 * 1024 * 1024
SLICE_BATCHES = 4096
SLICE_PAGES = 4096
FREE_SHARE_KEPT = 4
"""Free pages beyond a quarter of the file go back to the disk; those below are filled again without being moved."""


class Limits(msgspec.Struct, frozen=True):
    """What may stay. The first three are ``ShardLog.retain``'s; the other two bound the memory of keys."""

    received_before_us: int
    settled: int
    max_bytes: int
    keys_received_before_us: int
    max_keys: int

    def allow(self, *, received_us: int, end: int, remaining_bytes: int) -> bool:
        """Whether the oldest batch must go: it is old and settled, or with it ``max_bytes`` is exceeded."""
        old = received_us < self.received_before_us and end <= self.settled
        return old or remaining_bytes > self.max_bytes


class Slice(msgspec.Struct, frozen=True):
    """What one transaction removed, and whether there may be more."""

    items: int
    batches: int
    more: bool


def remove_slice(tx: Transaction, limits: Limits) -> Slice:
    """Remove a bounded number of the oldest batches, up to the first that may stay, and forget old keys.

    Batches go from the oldest on and never from between others, so that what is stored is always one stretch.
    """
    tx.flush()
    items = batches = removed_bytes = 0
    first, more = tx.heads.next_position, False
    rows = tx.connection.execute(
        "SELECT position, count, received_us, body_end - stored_size, stored_size FROM batch ORDER BY position LIMIT ?",
        (SLICE_BATCHES + 1,),
    )
    for position, count, received_us, body_start, stored_size in rows:
        remaining = tx.heads.body_end - body_start
        more = batches == SLICE_BATCHES or removed_bytes >= SLICE_BYTES
        removable = limits.allow(received_us=received_us, end=position + count, remaining_bytes=remaining)
        more = more and removable
        if more or not removable:
            first = position
            break
        items, batches, removed_bytes = items + count, batches + 1, removed_bytes + stored_size
    rows.close()
    if batches:
        _remove_below(tx, first)
    _forget_keys(tx, limits)
    _give_back_pages(tx)
    return Slice(items, batches, more)


def _remove_below(tx: Transaction, first: int) -> None:
    heads = tx.heads
    # The one place where batches go is the one place where the mark must be written: appends need not.
    tx.connection.execute("DELETE FROM batch WHERE position < ?", (first,))
    tx.connection.execute("DELETE FROM quarantine WHERE position < ?", (first,))
    tx.connection.execute("DELETE FROM request WHERE position < ?", (first,))
    tx.connection.execute("UPDATE head SET next_position = ?", (heads.next_position,))
    tx.heads = Heads(heads.epoch, heads.next_position, first, heads.body_end, heads.last_key)


def _forget_keys(tx: Transaction, limits: Limits) -> None:
    db, before = tx.connection, limits.keys_received_before_us
    db.execute("DELETE FROM seen WHERE last_key <= ?", (tx.heads.last_key - limits.max_keys,))
    newer = "SELECT last_key FROM seen WHERE received_us >= ? ORDER BY last_key LIMIT 1"
    db.execute(f"DELETE FROM seen WHERE last_key < coalesce(({newer}), ?)", (before, tx.heads.last_key + 1))  # noqa: S608 - a constant
    # A part's name lives as long as its batch, and as long as keys do.
    db.execute("DELETE FROM named WHERE position < ? AND received_us < ?", (tx.heads.first_position, before))


def _give_back_pages(tx: Transaction) -> None:
    free, pages = tx.connection.pragma("freelist_count"), tx.connection.pragma("page_count")
    surplus = free - (pages - free) // (FREE_SHARE_KEPT - 1)
    if surplus > 0:
        # Each step frees one page, so it must be stepped through to its end.
        tx.connection.execute(f"PRAGMA incremental_vacuum({min(surplus, SLICE_PAGES)})").fetchall()
