"""What a transaction does to chapters, the part of an account that says what was delivered. On the writer thread only.

See ``DeliveryStore.begin``, ``turn`` and ``Account``. ``schema.ACCOUNT_TABLES`` says where the last chapter stands.
"""

from typing import Any

from postroad.log.delivery import SKIPS_KEPT, LetterId
from postroad.log.tally import DIGEST_MASK, fingerprint
from postroad.log.transaction import Transaction

_STANDS = """
SELECT cursor.position, since_position, coalesce(terms, '')
FROM cursor LEFT JOIN chapter ON chapter.subscription_id = cursor.subscription_id AND first_position = since_position
WHERE cursor.subscription_id = ?
"""
_MAKE = "INSERT INTO cursor VALUES (?, ?, ?, ?, ?, 0, 0)"
_CLOSE = """
INSERT INTO chapter
SELECT cursor.subscription_id, since_position, cursor.position, cursor.began_us, cursor.events, cursor.digest,
       coalesce(terms, '')
FROM cursor LEFT JOIN chapter ON chapter.subscription_id = cursor.subscription_id AND first_position = since_position
WHERE cursor.subscription_id = ?
ON CONFLICT DO UPDATE SET end_position = excluded.end_position, events = excluded.events, digest = excluded.digest
"""
_OPEN = "UPDATE cursor SET since_position = position, began_us = ?, events = 0, digest = 0 WHERE subscription_id = ?"
_WRITE_TERMS = """
INSERT INTO chapter SELECT subscription_id, since_position, NULL, began_us, 0, 0, ?2 FROM cursor
WHERE subscription_id = ?1
ON CONFLICT DO UPDATE SET terms = excluded.terms
"""
_LONG = """
SELECT cursor.subscription_id, coalesce(terms, '')
FROM cursor LEFT JOIN chapter ON chapter.subscription_id = cursor.subscription_id AND first_position = since_position
WHERE cursor.position > since_position AND (cursor.began_us < ? OR cursor.position - since_position >= ?)
"""
_ADD_TO_LAST = """
UPDATE cursor SET events = events + 1, digest = digest + ?3 & ?4
WHERE subscription_id = ?1 AND since_position <= ?2 AND position > ?2
"""
_ADD_TO_CLOSED = """
UPDATE chapter SET events = events + 1, digest = digest + ?3 & ?4
WHERE subscription_id = ?1 AND end_position > ?2
  AND first_position = (SELECT max(first_position) FROM chapter WHERE subscription_id = ?1 AND first_position <= ?2)
"""
_CLOSED_BELOW = "FROM chapter WHERE subscription_id = ? AND end_position <= ?"
_SKIPS_BELOW = "FROM skip WHERE subscription_id = ? AND end_position <= ?"


def begin(tx: Transaction, subscription_id: int, position: int, terms: str) -> None:
    """See ``DeliveryStore.begin``."""
    row: Any = tx.connection.execute(_STANDS, (subscription_id,)).fetchone()
    if row is None:
        tx.connection.execute(_MAKE, (subscription_id, position, tx.now_us, position, tx.now_us))
    else:
        cursor, since, before = row
        if terms == before:
            return
        if since < cursor:
            _close(tx, subscription_id)
    tx.connection.execute(_WRITE_TERMS, (subscription_id, terms))


def turn(tx: Transaction, *, first_position: int, began_before_us: int, max_positions: int) -> None:
    """See ``DeliveryStore.turn``."""
    rows: list[Any] = tx.connection.execute(_LONG, (began_before_us, max_positions)).fetchall()
    for subscription_id, terms in rows:
        _close(tx, subscription_id)
        tx.connection.execute(_WRITE_TERMS, (subscription_id, terms))
    cursors: list[Any] = tx.connection.execute("SELECT subscription_id, position FROM cursor").fetchall()
    for subscription_id, cursor in cursors:
        _gather_chapters(tx, subscription_id, first_position)
        _gather_skips(tx, subscription_id, min(first_position, cursor))


def deliver(tx: Transaction, subscription_id: int, id_: LetterId) -> None:
    """A letter was delivered: its chapter counts it. One from before the account begins is in none."""
    values = (subscription_id, id_.position, fingerprint(id_.position, id_.slot), DIGEST_MASK)
    tx.connection.execute(_ADD_TO_LAST, values)
    tx.connection.execute(_ADD_TO_CLOSED, values)


def _close(tx: Transaction, subscription_id: int) -> None:
    tx.connection.execute(_CLOSE, (subscription_id,))
    tx.connection.execute(_OPEN, (tx.now_us, subscription_id))


def _gather_chapters(tx: Transaction, subscription_id: int, below: int) -> None:
    """Make one chapter of the closed ones that end at or below a position."""
    columns = "count(*), min(first_position), max(end_position), min(began_us), sum(events), sum(digest)"
    row: Any = tx.connection.execute(f"SELECT {columns} {_CLOSED_BELOW}", (subscription_id, below)).fetchone()
    count, first, end, began_us, events, digest = row
    if count > 1:
        tx.connection.execute(f"DELETE {_CLOSED_BELOW}", (subscription_id, below))
        values = (subscription_id, first, end, began_us, events, digest & DIGEST_MASK, "")
        tx.connection.execute("INSERT INTO chapter VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def _gather_skips(tx: Transaction, subscription_id: int, below: int) -> None:
    """Make one skip of each reason and mask of slots, if there are many that end at or below a position."""
    columns = "reason, slots, min(first_position), max(end_position), sum(events), sum(digest)"
    counts = "count(*), count(digest)"
    query = f"SELECT {columns}, {counts} {_SKIPS_BELOW} GROUP BY reason, slots"
    rows: list[Any] = tx.connection.execute(query, (subscription_id, below)).fetchall()
    for reason, slots, first, end, events, digest, count, counted in rows:
        if count > SKIPS_KEPT:
            same = (subscription_id, below, reason, slots)
            tx.connection.execute(f"DELETE {_SKIPS_BELOW} AND reason = ? AND slots = ?", same)
            sum_of_all = digest & DIGEST_MASK if counted == count else None
            values = (subscription_id, reason, slots, first, end, events, sum_of_all)
            tx.connection.execute("INSERT INTO skip VALUES (?, ?, ?, ?, ?, ?, ?)", values)
