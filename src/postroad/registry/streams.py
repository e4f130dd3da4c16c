"""Streams: one vehicle (or driver) x one subscription, over an interval of positions.

Which there are says ``coverage``, or, of vehicles that a customer chooses, ``chosen``; of drivers ``drivers``.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import NotFound
from postroad.protocols.postroad import AccessRemovedFromVehicle
from postroad.registry import called, outbox
from postroad.registry.records import Stream
from postroad.registry.transaction import Transaction

_streams = schema.streams


def activate(transaction: Transaction, shard: int, position: int, *, subject_ids: Collection[int] | None = None) -> int:
    """Let the open streams of a shard that have no beginning yet begin at ``position``; how many those were.

    With ``subject_ids`` only the streams of these.
    """
    waiting = (_streams.c.shard == shard) & _streams.c.from_position.is_(None) & ~_streams.c.ended
    if subject_ids is not None:
        waiting &= _streams.c.subject_id.in_(subject_ids)
    count = transaction.connection.execute(sa.update(_streams).where(waiting).values(from_position=position)).rowcount
    transaction.touched |= count > 0
    return count


def seen_end(connection: sa.Connection, shard: int) -> int:
    """The shard has reached this position at least, by what streams and attempts say; 0 when they say nothing."""
    sent = schema.attempts.c
    queries = (
        sa.select(sa.func.max(_streams.c.from_position)).where(_streams.c.shard == shard),
        sa.select(sa.func.max(_streams.c.until_position)).where(_streams.c.shard == shard),
        sa.select(sa.func.max(sent.last_position) + 1).where(sent.shard == shard),
    )
    return max(connection.execute(query).scalar() or 0 for query in queries)


def created_us(connection: sa.Connection, subject_id: int) -> dict[int, int]:
    """When each stream of a subject was opened, by its id."""
    query = sa.select(_streams.c.id, _streams.c.created_us).where(_streams.c.subject_id == subject_id)
    return {row.id: row.created_us for row in connection.execute(query)}


def end(transaction: Transaction, stream_id: int, until_position: int | None) -> None:
    """End a stream. Its ``until_position`` (exclusive) may be told later, by another call, but changes only once.

    Raises:
        NotFound: No stream has this id.
    """
    row = transaction.connection.execute(sa.select(_streams).where(_streams.c.id == stream_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no stream {stream_id}")
    values: dict[str, object] = {}
    if not row.ended:
        values.update(ended=True, ended_us=transaction.now_us)
        _say_farewell(transaction, row)
        note_all(transaction, "delete", [row])
    if row.until_position is None and until_position is not None:
        values.update(until_position=until_position)
    if values:
        transaction.connection.execute(sa.update(_streams).where(_streams.c.id == stream_id).values(values))
        transaction.touched = True


def authorise(transaction: Transaction, stream_id: int, scopes: Collection[str] | None) -> None:
    """Say what of a subscription's requested scopes is authorised for a stream; None: all.

    Raises:
        NotFound: No stream has this id.
    """
    given = None if scopes is None else sorted(scopes)
    this = _streams.c.id == stream_id
    row = transaction.connection.execute(sa.select(_streams).where(this)).one_or_none()
    if row is None:
        raise NotFound(f"there is no stream {stream_id}")
    values = {"scopes": sa.null() if given is None else given}
    transaction.connection.execute(sa.update(_streams).where(this).values(values))
    transaction.touched = True
    note_all(transaction, "update", [row], {"scopes": (row.scopes, given)})


def open_of(connection: sa.Connection, subscription_id: int) -> dict[int, sa.Row[tuple[object, ...]]]:
    """Subject id -> row of its open stream into a subscription, with the subject's kind, name and organization."""
    subjects = schema.subjects.c
    query = sa.select(_streams, subjects.kind, subjects.name, subjects.organization_id).join(
        schema.subjects, subjects.id == _streams.c.subject_id
    )
    query = query.where(_streams.c.subscription_id == subscription_id, ~_streams.c.ended)
    return {row.subject_id: row for row in connection.execute(query.order_by(_streams.c.id))}


def note_all(
    transaction: Transaction, action: str, rows: Collection[Any], fields: Mapping[str, tuple[Any, Any]] = {}
) -> None:
    """Note what was done to streams, each by itself; not called where they only follow from another change."""
    vehicles = called.subjects(transaction.connection, {row.subject_id for row in rows})
    ids = {row.subscription_id for row in rows}
    into = {id_: called.subscription(transaction.connection, id_) for id_ in ids}
    for row in rows:
        transaction.note(
            action,
            "stream",
            row.id,
            f"{into[row.subscription_id].name}: {vehicles[row.subject_id].name}",
            organization_id=into[row.subscription_id].organization_id,
            subject_id=row.subject_id,
            fields=fields,
        )


class Moved(NamedTuple):
    """How many streams of one subscription were opened and ended."""

    opened: int
    ended: int


class New(NamedTuple):
    """What a stream begins with."""

    shard: int
    fleet_id: int | None = None
    """The fleet through which a selected vehicle came."""
    reference_url: str | None = None
    """What the customer notes with it."""
    scopes: Collection[str] | None = None
    """What is authorised; None: all that is requested."""
    account_id: int | None = None
    """The owner's account that shares the vehicle; None: its organization's does."""


def open_all(transaction: Transaction, subscription_id: int, new: Mapping[int, New]) -> None:
    """Open streams of subjects, by their ids."""
    if not new:
        return
    rows = [
        {
            "subscription_id": subscription_id,
            "subject_id": subject_id,
            "shard": one.shard,
            "ended": False,
            "created_us": transaction.now_us,
            "fleet_id": one.fleet_id,
            "reference_url": one.reference_url,
            "scopes": None if one.scopes is None else sorted(one.scopes),
            "account_id": one.account_id,
        }
        for subject_id, one in sorted(new.items())
    ]
    transaction.connection.execute(sa.insert(_streams), rows)
    transaction.touched = True


def note_scopes(transaction: Transaction, subscription_id: int, subject_id: int, scopes: Collection[str]) -> None:
    """Note what is authorised for the open stream of a subject, if it has one."""
    this = (_streams.c.subscription_id == subscription_id) & (_streams.c.subject_id == subject_id) & ~_streams.c.ended
    noted = sa.update(_streams).where(this).values(scopes=sorted(scopes))
    transaction.touched |= bool(transaction.connection.execute(noted).rowcount)


def note_fleet(transaction: Transaction, stream_id: int, fleet_id: int | None) -> None:
    """Note through which fleet a stream's vehicle is covered from now on."""
    by_id = sa.update(_streams).where(_streams.c.id == stream_id).values(fleet_id=fleet_id)
    transaction.connection.execute(by_id)
    transaction.touched = True


def end_all(transaction: Transaction, stream_ids: Collection[int]) -> None:
    """End streams."""
    if not stream_ids:
        return
    by_id = sa.update(_streams).where(_streams.c.id == sa.bindparam("stream"))
    by_id = by_id.values(ended=True, ended_us=transaction.now_us)
    transaction.connection.execute(by_id, [{"stream": id_} for id_ in stream_ids])
    transaction.touched = True


def record_of(row: Any) -> Stream:
    """A row as a record."""
    return Stream(
        id=row.id,
        subscription_id=row.subscription_id,
        subject_id=row.subject_id,
        shard=row.shard,
        from_position=row.from_position,
        until_position=row.until_position,
        ended=row.ended,
        farewell_position=row.farewell_position,
        scopes=None if row.scopes is None else frozenset(row.scopes),
        account_id=row.account_id,
        reference_url=row.reference_url,
    )


def note_end(transaction: Transaction, stream_ids: Collection[int], until_position: int) -> None:
    """Let streams that have ended end at ``until_position`` (exclusive), as far as that is not noted yet."""
    ended = _streams.c.id.in_(stream_ids) & _streams.c.until_position.is_(None) & _streams.c.ended
    changed = transaction.connection.execute(sa.update(_streams).where(ended).values(until_position=until_position))
    transaction.touched |= bool(changed.rowcount)


def _say_farewell(transaction: Transaction, stream: sa.Row[tuple[object, ...]]) -> None:
    subject = schema.subjects.c
    query = sa.select(subject.organization_id, subject.kind).where(subject.id == stream.subject_id)
    owner = transaction.connection.execute(query).one()
    if owner.kind == "vehicle":
        word = AccessRemovedFromVehicle(
            at_us=transaction.now_us, subject_id=stream.subject_id, subscription_id=stream.subscription_id
        )
        told = outbox.Told(stream_id=stream.id, shard=stream.shard, word=word, farewell=True)
        outbox.tell(transaction, owner.organization_id, [told])
