"""The outbox: what is to be told of the registry's own changes, written in the transaction of the change.

A relay appends each row to its subject's shard, with the row's id as the key of the part, and deletes the row when that
is durable: recorded once, whatever is killed between two steps. A farewell, which says that a stream has ended, is the
one item that still goes out by it: its position becomes the stream's.
"""

from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.protocols.postroad import Word, encode, kind_of
from postroad.registry.transaction import Transaction

_outbox, _streams = schema.outbox, schema.streams


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A row: an item that is to be appended to ``shard``."""

    id: int
    shard: int
    subject_id: int
    stream_id: int
    payload: bytes
    farewell: bool
    created_us: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A word to the subscription of a stream."""

    stream_id: int
    shard: int
    word: Word
    farewell: bool = False
    """It is the stream's last."""


def tell(transaction: Transaction, organization_id: int, words: Sequence[Told]) -> None:
    """Have words told, in this order."""
    rows = [
        {
            "organization_id": organization_id,
            "subject_id": told.word.subject_id,
            "stream_id": told.stream_id,
            "shard": told.shard,
            "kind": kind_of(told.word),
            "payload": encode(told.word),
            "farewell": told.farewell,
            "created_us": transaction.now_us,
        }
        for told in words
    ]
    if rows:
        transaction.connection.execute(sa.insert(_outbox), rows)
        transaction.touched = True


def pending(connection: sa.Connection, shard: int, limit: int) -> list[Pending]:
    """What is to be relayed to a shard now, in order.

    A stream must have begun before it is told of, so nothing at or after a row of one that has not is given.
    """
    query = (
        sa.select(_outbox, _streams.c.from_position, _streams.c.ended)
        .join(_streams, _streams.c.id == _outbox.c.stream_id)
        .where(_outbox.c.shard == shard)
        .order_by(_outbox.c.id)
        .limit(limit)
    )
    rows: list[Pending] = []
    for row in connection.execute(query).mappings():
        if row["from_position"] is None and not row["ended"]:
            break
        rows.append(Pending(**{name: row[name] for name in Pending.__struct_fields__}))
    return rows


def relayed(transaction: Transaction, rows: Sequence[Pending], positions: Mapping[int, int]) -> None:
    """Rows stand in the log, at these positions by id: forget them, and note where streams end."""
    for row in rows:
        transaction.connection.execute(sa.delete(_outbox).where(_outbox.c.id == row.id))
        if row.farewell:
            at = positions[row.id]
            ends = sa.update(_streams).where(_streams.c.id == row.stream_id)
            transaction.connection.execute(
                ends.values(farewell_position=at, until_position=sa.func.coalesce(_streams.c.until_position, at + 1))
            )
            transaction.touched = True


def conclude(transaction: Transaction, shard: int, position: int) -> None:
    """Let ended streams that nobody is told of end at ``position``."""
    told = sa.select(_outbox.c.id).where(_outbox.c.stream_id == _streams.c.id, _outbox.c.farewell)
    ended = (_streams.c.shard == shard) & _streams.c.ended & _streams.c.until_position.is_(None) & ~told.exists()
    count = transaction.connection.execute(sa.update(_streams).where(ended).values(until_position=position)).rowcount
    transaction.touched |= count > 0
