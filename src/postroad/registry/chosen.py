"""Streams that a customer chooses: of vehicles that his integration has, into subscriptions that leave it to him.

Every call names the integrations that who asks may act for. What it may not touch, or is not there, is ``Forbidden``,
and then nothing has happened. Ids of vehicles are those of subjects.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError, Forbidden
from postroad.registry import accounts, granted, selection, streams
from postroad.registry.records import Stream
from postroad.registry.transaction import Transaction

_streams, _subscriptions, _integrations = schema.streams, schema.subscriptions, schema.integrations


class NewStream(NamedTuple):
    """A stream that is asked for."""

    vehicle_id: int
    subscription_id: int
    reference_url: str | None


def add(transaction: Transaction, integration_ids: Collection[int], wanted: Sequence[NewStream]) -> list[Stream]:
    """Open streams: all that are wanted, or none. One that is open already is given as it is.

    Returns:
        The streams, in the order of ``wanted``.

    Raises:
        ConfigError: Two of ``wanted`` are the same vehicle and subscription.
        Forbidden: One may not be had; its field is ``input[i]``.
    """
    seen = set[tuple[int, int]]()
    for i, one in enumerate(wanted):
        if (one.vehicle_id, one.subscription_id) in seen:
            raise ConfigError("the same vehicle and topic twice", field=f"input[{i}]")
        seen.add((one.vehicle_id, one.subscription_id))
    subscriptions = _chosen(transaction.connection, integration_ids)
    vehicles = {
        integration_id: granted.vehicles(transaction.connection, integration_id)
        for integration_id in {
            subscriptions[one.subscription_id].integration_id for one in wanted if one.subscription_id in subscriptions
        }
    }
    for i, one in enumerate(wanted):
        subscription = subscriptions.get(one.subscription_id)
        if subscription is None or one.vehicle_id not in vehicles[subscription.integration_id]:
            raise Forbidden("no such vehicle and topic", field=f"input[{i}]")
    opened: dict[tuple[int, int], Any] = {}
    for id_ in {one.subscription_id for one in wanted}:
        mine = {one.vehicle_id: one.reference_url for one in wanted if one.subscription_id == id_}
        before = streams.open_of(transaction.connection, id_)
        given = vehicles[subscriptions[id_].integration_id]
        new = {
            vehicle_id: streams.New(given[vehicle_id].shard, reference_url=mine[vehicle_id])
            for vehicle_id in mine.keys() - before.keys()
        }
        streams.open_all(transaction, id_, new)
        accounts.tell(transaction, subscriptions[id_], before)
        now = streams.open_of(transaction.connection, id_)
        for vehicle_id in new:
            noted = mine[vehicle_id]
            fields = {} if noted is None else {"reference_url": (None, noted)}
            streams.note_all(transaction, "create", [now[vehicle_id]], fields)
        opened |= {(vehicle_id, id_): now[vehicle_id] for vehicle_id in mine}
    return [streams.record_of(opened[one.vehicle_id, one.subscription_id]) for one in wanted]


def delete(transaction: Transaction, integration_ids: Collection[int], stream_ids: Collection[int]) -> None:
    """End streams: all of these, or none.

    Raises:
        Forbidden: One may not be ended, or is not open; its field is ``input[i]``.
    """
    subscriptions = _chosen(transaction.connection, integration_ids)
    open_ = _open(transaction.connection, subscriptions, _streams.c.id.in_({*stream_ids}))
    for i, id_ in enumerate(stream_ids):
        if id_ not in open_:
            raise Forbidden("no such stream", field=f"input[{i}]")
    _end(transaction, subscriptions, [open_[id_] for id_ in {*stream_ids}])


def delete_all(transaction: Transaction, integration_ids: Collection[int], vehicle_ids: Collection[int]) -> int:
    """End every stream of these vehicles that who asks may end; how many those were.

    Raises:
        ConfigError: No vehicle was named.
    """
    if not vehicle_ids:
        raise ConfigError("name at least one vehicle", field="input.vehicleIds")
    subscriptions = _chosen(transaction.connection, integration_ids)
    ending = _open(transaction.connection, subscriptions, _streams.c.subject_id.in_({*vehicle_ids}))
    _end(transaction, subscriptions, ending.values())
    return len(ending)


def update(
    transaction: Transaction, integration_ids: Collection[int], stream_id: int, reference_url: str | None
) -> Stream:
    """Change what is noted with a stream.

    Raises:
        Forbidden: It may not be changed, or is not open; its field is ``input.id``.
    """
    this = _streams.c.id == stream_id
    row = _open(transaction.connection, _chosen(transaction.connection, integration_ids), this).get(stream_id)
    if row is None:
        raise Forbidden("no such stream", field="input.id")
    transaction.connection.execute(sa.update(_streams).where(this).values(reference_url=reference_url))
    transaction.touched = True
    streams.note_all(transaction, "update", [row], {"reference_url": (row.reference_url, reference_url)})
    return streams.record_of(transaction.connection.execute(sa.select(_streams).where(this)).one())


def _chosen(connection: sa.Connection, integration_ids: Collection[int]) -> dict[int, Any]:
    """The subscriptions of these integrations whose vehicles the customer chooses: id -> row."""
    query = (
        sa.select(_subscriptions, _integrations.c.organization_id)
        .join(_integrations, _integrations.c.id == _subscriptions.c.integration_id)
        .where(_integrations.c.id.in_({*integration_ids}), _subscriptions.c.removed_us.is_(None))
    )
    return {row.id: row for row in connection.execute(query) if selection.load(row.vehicles).by == "chosen"}


def _open(connection: sa.Connection, subscriptions: Collection[int], which: sa.ColumnElement[bool]) -> dict[int, Any]:
    """Of the open streams of vehicles into these subscriptions those that ``which`` is true of: id -> row."""
    query = (
        sa.select(_streams)
        .join(schema.subjects, schema.subjects.c.id == _streams.c.subject_id)
        .where(
            which,
            _streams.c.subscription_id.in_({*subscriptions}),
            ~_streams.c.ended,
            schema.subjects.c.kind == "vehicle",
        )
    )
    return {row.id: row for row in connection.execute(query)}


def _end(transaction: Transaction, subscriptions: Mapping[int, Any], ending: Collection[Any]) -> None:
    for id_ in {row.subscription_id for row in ending}:
        before = streams.open_of(transaction.connection, id_)
        streams.end_all(transaction, [row.id for row in ending if row.subscription_id == id_])
        accounts.tell(transaction, subscriptions[id_], before)
    streams.note_all(transaction, "delete", ending)
