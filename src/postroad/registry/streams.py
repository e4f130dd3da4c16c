"""Streams: one vehicle x one subscription, over an interval of positions.

Which streams are open follows from the subscriptions' selectors, less the vehicles to which a provider has lost access
(``consents``): ``reconcile`` opens and ends streams until the two agree. It runs inside every change that can move a
vehicle into or out of a selector.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import NotFound
from postroad.model.identifiers import PLATE
from postroad.registry import selection
from postroad.registry.transaction import Transaction

_streams = schema.streams


class Moved(NamedTuple):
    """How many streams of one subscription ``reconcile`` opened and ended."""

    opened: int
    ended: int


class _Vehicle(NamedTuple):
    shard: int
    fleet: str | None
    plates: Collection[str]


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
    if row.until_position is None and until_position is not None:
        values.update(until_position=until_position)
    if values:
        transaction.connection.execute(sa.update(_streams).where(_streams.c.id == stream_id).values(values))
        transaction.touched = True


def reconcile(transaction: Transaction, organization_id: int, *, vehicle_id: int | None = None) -> dict[int, Moved]:
    """Make the open streams of an organization those that its subscriptions' selectors cover.

    Args:
        transaction: the change that this is part of.
        organization_id: whose subscriptions and vehicles.
        vehicle_id: look at this vehicle only.

    Returns:
        What happened, by id of the subscription; subscriptions that nothing happened to are left out.
    """
    vehicles = _vehicles(transaction.connection, organization_id, vehicle_id)
    subscriptions, integrations = schema.subscriptions, schema.integrations
    of_organization = (
        sa.select(subscriptions.c.id, subscriptions.c.vehicles, subscriptions.c.removed_us)
        .join(integrations, integrations.c.id == subscriptions.c.integration_id)
        .where(integrations.c.organization_id == organization_id)
    )
    moved = {}
    for subscription in transaction.connection.execute(of_organization).all():
        wanted = set[int]()
        if subscription.removed_us is None:
            selector = selection.load(subscription.vehicles)
            wanted = {id_ for id_, v in vehicles.items() if selector.covers(plates=v.plates, fleet=v.fleet)}
        open_ = _open_streams(transaction.connection, subscription.id, vehicle_id)
        opened, ended = wanted - open_.keys(), open_.keys() - wanted
        _open(transaction, subscription.id, {id_: vehicles[id_].shard for id_ in opened})
        _end_all(transaction, [open_[id_] for id_ in ended])
        if opened or ended:
            moved[subscription.id] = Moved(len(opened), len(ended))
    return moved


def _vehicles(connection: sa.Connection, organization_id: int, vehicle_id: int | None) -> dict[int, _Vehicle]:
    subjects, identifiers, memberships = schema.subjects, schema.identifiers, schema.memberships
    withdrawn = sa.select(schema.consents.c.vehicle_id).where(~schema.consents.c.given)
    fleets = schema.subjects.alias("fleets")
    plates_query = sa.select(identifiers.c.subject_id, identifiers.c.value).where(
        identifiers.c.organization_id == organization_id, identifiers.c.namespace == PLATE
    )
    query = (
        sa.select(subjects.c.id, subjects.c.shard, fleets.c.name.label("fleet"))
        .outerjoin(memberships, (memberships.c.vehicle_id == subjects.c.id) & memberships.c.until_us.is_(None))
        .outerjoin(fleets, fleets.c.id == memberships.c.fleet_id)
        .where(
            subjects.c.organization_id == organization_id,
            subjects.c.kind == "vehicle",
            subjects.c.removed_us.is_(None),
            subjects.c.id.not_in(withdrawn),
        )
    )
    if vehicle_id is not None:
        query = query.where(subjects.c.id == vehicle_id)
        plates_query = plates_query.where(identifiers.c.subject_id == vehicle_id)
    plates: dict[int, list[str]] = defaultdict(list)
    for subject_id, value in connection.execute(plates_query):
        plates[subject_id].append(value)
    return {row.id: _Vehicle(row.shard, row.fleet, plates.get(row.id, ())) for row in connection.execute(query)}


def _open_streams(connection: sa.Connection, subscription_id: int, vehicle_id: int | None) -> dict[int, int]:
    """Vehicle id -> id of its open stream of a subscription."""
    query = sa.select(_streams.c.subject_id, _streams.c.id).where(
        _streams.c.subscription_id == subscription_id, ~_streams.c.ended
    )
    if vehicle_id is not None:
        query = query.where(_streams.c.subject_id == vehicle_id)
    return {row.subject_id: row.id for row in connection.execute(query)}


def _open(transaction: Transaction, subscription_id: int, shards: dict[int, int]) -> None:
    if not shards:
        return
    rows = [
        {
            "subscription_id": subscription_id,
            "subject_id": subject_id,
            "shard": shard,
            "ended": False,
            "created_us": transaction.now_us,
        }
        for subject_id, shard in sorted(shards.items())
    ]
    transaction.connection.execute(sa.insert(_streams), rows)
    transaction.touched = True


def _end_all(transaction: Transaction, stream_ids: Collection[int]) -> None:
    if not stream_ids:
        return
    by_id = sa.update(_streams).where(_streams.c.id == sa.bindparam("stream"))
    by_id = by_id.values(ended=True, ended_us=transaction.now_us)
    transaction.connection.execute(by_id, [{"stream": id_} for id_ in stream_ids])
    transaction.touched = True
