"""What a transaction does to letters and skips. Runs on the writer thread only."""

from collections.abc import Sequence
from typing import Any

from postroad.log import accounts
from postroad.log.delivery import (
    ERASED_REASON,
    Changes,
    DeadLetter,
    LetterId,
    Posted,
    Skip,
    Superseded,
    merged,
    skip_of,
)
from postroad.log.letter_rows import COLUMNS, FIELDS, body_checksum, letter_of, letter_row
from postroad.log.transaction import ChangeRefused, Transaction

FORGET_LETTERS = 256
"""So many letters of a forgotten subscription go in one transaction: bodies may be large, and appends wait."""

_MARKS = ", ".join("?" * (1 + len(FIELDS)))
_NEW_VALUES = ", ".join(f"{name} = excluded.{name}" for name in FIELDS)
_POST = (
    f"INSERT INTO letter (subscription_id, {COLUMNS}) VALUES ({_MARKS})"  # noqa: S608 - names and marks only
    f" ON CONFLICT (subscription_id, position, slot) DO UPDATE SET {_NEW_VALUES}"
)
_THIS_ONE = "subscription_id = ? AND position = ? AND slot = ?"
_FIND = f"SELECT id FROM letter WHERE {_THIS_ONE}"  # noqa: S608 - constants
_FIND_DEAD = f"{_FIND} AND dead_us IS NOT NULL"
_REVIVE = (
    "UPDATE letter SET attempts = 0, first_attempt_us = NULL, due_us = ?, dead_us = NULL"  # noqa: S608 - constants
    f" WHERE {_THIS_ONE} AND dead_us IS NOT NULL RETURNING {COLUMNS}"
)
_OLDER_DEAD = """
SELECT id, position, slot FROM letter
WHERE subscription_id = ? AND document = ? AND document <> x'' AND revision < ? AND dead_us IS NOT NULL
"""
# Stretches of one reason and the same slots neither touch nor overlap, so those that meet a new one follow each other,
# and the first of them is the last to begin at or before it.
_MET = """
FROM skip
WHERE subscription_id = ?1 AND reason = ?2 AND slots = ?5 AND end_position >= ?3 AND first_position <= ?4
  AND first_position >= coalesce(
      (SELECT max(first_position) FROM skip
       WHERE subscription_id = ?1 AND reason = ?2 AND slots = ?5 AND first_position <= ?3), ?3)
"""
_MEET = f"SELECT first_position, end_position, events, slots, digest {_MET}"


def settle(tx: Transaction, subscription_id: int, position: int, changes: Changes) -> None:
    """See ``DeliveryStore.settle``; the changes have been checked by ``check_changes``.

    Raises ``ChangeRefused`` for a letter that is not stored and was posted without a body.
    """
    for posted in changes.posted:
        if posted.body is None and _find(tx, _FIND, subscription_id, posted.letter.id) is None:
            raise ChangeRefused("a letter that is not stored was posted without a body")
    tx.settle(subscription_id, position, changes.delivered)
    for posted in changes.posted:
        _post(tx, subscription_id, posted)
    for id_ in changes.removed:
        if _taken(tx, subscription_id, id_):
            accounts.deliver(tx, subscription_id, id_)
    for unwanted in changes.unwanted:
        if _taken(tx, subscription_id, unwanted.id):
            _skip(tx, subscription_id, skip_of(unwanted.id, unwanted.reason))
    for skip in changes.skips:
        _skip(tx, subscription_id, skip)
    for superseded in changes.superseded:
        _supersede(tx, subscription_id, superseded)


def revive(tx: Transaction, dead: Sequence[DeadLetter], due_us: Sequence[int]) -> list[DeadLetter]:
    """See ``DeliveryStore.revive``."""
    revived = []
    for one, at_us in zip(dead, due_us, strict=True):
        key = (at_us, one.subscription_id, one.letter.position, one.letter.slot)
        row: Any = tx.connection.execute(_REVIVE, key).fetchone()
        if row is not None:
            revived.append(DeadLetter(one.subscription_id, letter_of(row)))
    return revived


def drop(tx: Transaction, dead: Sequence[DeadLetter]) -> int:
    """See ``DeliveryStore.drop``."""
    dropped = 0
    for one in dead:
        row_id = _find(tx, _FIND_DEAD, one.subscription_id, one.letter.id)
        if row_id is not None:
            _remove(tx, row_id)
            _skip(tx, one.subscription_id, skip_of(one.letter.id, "dropped"))
            dropped += 1
    return dropped


def erase(tx: Transaction, which: str, values: Sequence[object]) -> int:
    """Remove a bounded number of the letters that a condition chooses; how many. None: there are no more."""
    query = f"SELECT id, subscription_id, position, slot FROM letter WHERE {which} LIMIT ?"  # noqa: S608 - a constant's text
    rows: list[Any] = tx.connection.execute(query, (*values, FORGET_LETTERS)).fetchall()
    for row_id, subscription_id, position, slot in rows:
        _remove(tx, row_id)
        _skip(tx, subscription_id, skip_of(LetterId(position, slot), ERASED_REASON))
    return len(rows)


def forget(tx: Transaction, subscription_id: int) -> bool:
    """Remove letters of a subscription, or, once they are few enough, all that is left; whether there is more."""
    query = "SELECT id FROM letter WHERE subscription_id = ? LIMIT ?"
    rows: list[Any] = tx.connection.execute(query, (subscription_id, FORGET_LETTERS)).fetchall()
    for (row_id,) in rows:
        _remove(tx, row_id)
    if len(rows) == FORGET_LETTERS:
        return True
    tx.forget(subscription_id)
    return False


def _post(tx: Transaction, subscription_id: int, posted: Posted) -> None:
    tx.connection.execute(_POST, (subscription_id, *letter_row(posted.letter)))
    if posted.body is not None:
        row_id = _find(tx, _FIND, subscription_id, posted.letter.id)
        values = (row_id, body_checksum(posted.body), posted.body)
        tx.connection.execute("INSERT OR REPLACE INTO letter_body VALUES (?, ?, ?)", values)


def _find(tx: Transaction, query: str, subscription_id: int, id_: LetterId) -> int | None:
    row_id: int | None = tx.connection.execute(query, (subscription_id, id_.position, id_.slot)).get
    return row_id


def _taken(tx: Transaction, subscription_id: int, id_: LetterId) -> bool:
    """Remove a letter; whether it was there."""
    row_id = _find(tx, _FIND, subscription_id, id_)
    if row_id is None:
        return False
    _remove(tx, row_id)
    return True


def _remove(tx: Transaction, row_id: int) -> None:
    tx.connection.execute("DELETE FROM letter WHERE id = ?", (row_id,))
    tx.connection.execute("DELETE FROM letter_body WHERE id = ?", (row_id,))


def _supersede(tx: Transaction, subscription_id: int, superseded: Superseded) -> None:
    key = (subscription_id, superseded.document, superseded.revision)
    rows: list[Any] = tx.connection.execute(_OLDER_DEAD, key).fetchall()
    for row_id, position, slot in rows:
        _remove(tx, row_id)
        _skip(tx, subscription_id, skip_of(LetterId(position, slot), "superseded"))


def _skip(tx: Transaction, subscription_id: int, skip: Skip) -> None:
    key = (subscription_id, skip.reason, skip.first, skip.end, skip.slots)
    met: list[Any] = tx.connection.execute(_MEET, key).fetchall()
    if met:
        tx.connection.execute(f"DELETE {_MET}", key)
    [whole] = merged([skip, *[Skip(first, end, skip.reason, *rest) for first, end, *rest in met]])
    values = (subscription_id, whole.reason, whole.slots, whole.first, whole.end, whole.events, whole.digest)
    tx.connection.execute("INSERT INTO skip VALUES (?, ?, ?, ?, ?, ?, ?)", values)
