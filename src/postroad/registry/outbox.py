"""The outbox: what is to be told of the registry's own changes, written in the transaction of the change.

A relay appends each row to its subject's shard, with the row's id as the key of the part, and deletes the row when that
is durable: recorded once, whatever is killed between two steps. A farewell, which says that a stream has ended, is the
one item that still goes out by it: its position becomes the stream's. What is told of grants goes to subscriptions
that may have no stream of the subject at all: its positions are kept as *told*, and an item there may be had whatever
streams there are.

Most rows are words of the hub's own, each to one subscription. What a provider said goes this way too where it had to
change the registry (a driver is to be forgotten): then the change and the item are one, and the item, as it was
said, may be the farewell of many streams.
"""

from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.protocols.postroad import Word, encode, kind_of
from postroad.registry.records import ToldAt
from postroad.registry.transaction import Transaction

_outbox, _streams, _told = schema.outbox, schema.streams, schema.told
_OF_NO_STREAM = 0


class Speaker(msgspec.Struct, frozen=True):
    """The provider that said something, and how it is to be read."""

    provider_id: int
    protocol: str
    revision: int
    """Of the provider's decoding settings."""


class Saying(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a provider said, as it goes into the log."""

    by: Speaker
    kind: str
    body: bytes
    received_us: int


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A row: an item that is to be appended to ``shard``."""

    id: int
    shard: int
    subject_id: int
    kind: str
    payload: bytes
    farewell_of: tuple[int, ...]
    """The streams whose last item it is."""
    created_us: int
    told_to: int | None = None
    """The subscription that may have it without any stream."""
    by: Speaker | None = None
    """None: the hub says it."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A word to a subscription."""

    stream_id: int = _OF_NO_STREAM
    """By which the subscription may have the word."""
    told_to: int | None = None
    """The subscription, where it may have the word without any stream."""
    shard: int
    word: Word
    farewell: bool = False
    """It is the stream's last."""


def tell(transaction: Transaction, organization_id: int, words: Sequence[Told]) -> None:
    """Have words told to a subscription of the organization, in this order."""
    rows = [
        {
            "organization_id": organization_id,
            "subject_id": told.word.subject_id,
            "stream_id": told.stream_id,
            "subscription_id": told.told_to,
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


def pass_on(
    transaction: Transaction,
    organization_id: int,
    saying: Saying,
    *,
    subject_id: int,
    shard: int,
    farewell_of: Sequence[int] = (),
) -> None:
    """Have what a provider said appended to a shard, as the last item of these streams, which have ended."""
    row = {
        "organization_id": organization_id,
        "subject_id": subject_id,
        "stream_id": _OF_NO_STREAM,
        "shard": shard,
        "kind": saying.kind,
        "payload": saying.body,
        "farewell": bool(farewell_of),
        "created_us": saying.received_us,
        **msgspec.structs.asdict(saying.by),
        "farewell_of": list(farewell_of),
    }
    transaction.connection.execute(sa.insert(_outbox).values(row))
    transaction.touched = True


def pending(connection: sa.Connection, shard: int, limit: int, below: int | None = None) -> list[Pending]:
    """What is to be relayed to a shard now, in order: rows below ``below``, as ``end`` gave it with a view.

    Whoever reads the item by that view must know whom it names. And a stream must have begun before it is told of, so
    nothing at or after a row of one that has not is given.
    """
    query = (
        sa.select(_outbox, _streams.c.from_position, _streams.c.ended)
        .outerjoin(_streams, _streams.c.id == _outbox.c.stream_id)
        .where(_outbox.c.shard == shard)
        .order_by(_outbox.c.id)
        .limit(limit)
    )
    if below is not None:
        query = query.where(_outbox.c.id < below)
    rows: list[Pending] = []
    for row in connection.execute(query):
        if row.stream_id != _OF_NO_STREAM and row.from_position is None and not row.ended:
            break
        rows.append(_pending(row))
    return rows


def _pending(row: sa.Row[tuple[object, ...]]) -> Pending:
    alone = (row.stream_id,) if row.farewell else ()
    return Pending(
        id=row.id,
        shard=row.shard,
        subject_id=row.subject_id,
        kind=row.kind,
        payload=row.payload,
        farewell_of=alone if row.farewell_of is None else tuple(row.farewell_of),
        created_us=row.created_us,
        told_to=row.subscription_id,
        by=None if row.provider_id is None else Speaker(row.provider_id, row.protocol, row.revision),
    )


def relayed(transaction: Transaction, rows: Sequence[Pending], positions: Mapping[int, int]) -> None:
    """Rows stand in the log, at these positions by id: forget them, and note where streams end and who was told."""
    for row in rows:
        transaction.connection.execute(sa.delete(_outbox).where(_outbox.c.id == row.id))
        at = positions[row.id]
        values = {"farewell_position": at, "until_position": sa.func.coalesce(_streams.c.until_position, at + 1)}
        for stream_id in row.farewell_of:
            transaction.connection.execute(sa.update(_streams).where(_streams.c.id == stream_id).values(values))
            transaction.touched = True
        if row.told_to is not None:
            noted = told_at(row, at)
            transaction.connection.execute(sa.insert(_told).values(noted._asdict()))
            transaction.touched = True


def told_at(row: Pending, position: int) -> ToldAt:
    """What is noted of a row with ``told_to`` that stands at this position."""
    if row.told_to is None:
        raise ValueError("it is told by streams")
    return ToldAt(row.told_to, row.subject_id, row.shard, position)


def told(connection: sa.Connection) -> frozenset[ToldAt]:
    """Where subscriptions are told of grants."""
    columns = (_told.c.subscription_id, _told.c.subject_id, _told.c.shard, _told.c.position)
    return frozenset(ToldAt(*row) for row in connection.execute(sa.select(*columns)))


def forget_told(transaction: Transaction, shard: int, below: int) -> None:
    """Forget what was told below a position, which the shard holds no more."""
    gone = sa.delete(_told).where(_told.c.shard == shard, _told.c.position < below)
    transaction.touched |= bool(transaction.connection.execute(gone).rowcount)


def end(connection: sa.Connection) -> int:
    """Every row that there is has a lower id, and every row to come has this one or a higher."""
    return int(connection.scalar(sa.select(sa.func.max(_outbox.c.id))) or 0) + 1


def conclude(transaction: Transaction, shard: int, position: int) -> None:
    """Let ended streams that nobody is told of end at ``position``."""
    of_it = (_outbox.c.stream_id == _streams.c.id) | (
        (_outbox.c.stream_id == _OF_NO_STREAM) & (_outbox.c.subject_id == _streams.c.subject_id)
    )
    told = sa.select(_outbox.c.id).where(of_it, _outbox.c.farewell)
    ended = (_streams.c.shard == shard) & _streams.c.ended & _streams.c.until_position.is_(None) & ~told.exists()
    count = transaction.connection.execute(sa.update(_streams).where(ended).values(until_position=position)).rowcount
    transaction.touched |= count > 0
