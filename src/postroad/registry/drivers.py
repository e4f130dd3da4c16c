"""Drivers: which subscriptions have a stream of them, and what is left when one is to be forgotten.

A driver's streams follow the subscriptions' ``DriverSelector`` as a vehicle's follow theirs (``coverage``), but nothing
is told of their beginning and end: no protocol has words for it. Their one farewell is the provider's own item that
says that the driver is to be forgotten.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry import alerts, documents, outbox, selection, streams
from postroad.registry.alerts import about_provider
from postroad.registry.outbox import Saying
from postroad.registry.streams import Moved
from postroad.registry.transaction import Transaction, insert

UNNAMED = "deleted_driver_unknown"
"""The alert on a provider that had a driver forgotten, and did not say which; the next time that it does clears it."""

_subjects, _identifiers, _streams = schema.subjects, schema.identifiers, schema.streams
_subscriptions, _integrations = schema.subscriptions, schema.integrations


class _Driver(NamedTuple):
    shard: int
    ids: Collection[str]


def reconcile(transaction: Transaction, organization_id: int, *, driver_id: int | None = None) -> dict[int, Moved]:
    """Make the open streams of an organization's drivers (or one of them) those that the selectors cover.

    Gives what happened, by id of the subscription; subscriptions that nothing happened to are left out.
    """
    drivers = _drivers(transaction.connection, organization_id, driver_id)
    query = (
        sa.select(_subscriptions.c.id, _subscriptions.c.drivers, _subscriptions.c.removed_us)
        .join(_integrations, _integrations.c.id == _subscriptions.c.integration_id)
        .where(_integrations.c.organization_id == organization_id)
    )
    moved = {}
    for row in transaction.connection.execute(query).all():
        selector = selection.load_drivers(row.drivers)
        wanted = {id_ for id_, one in drivers.items() if row.removed_us is None and selector.covers(one.ids)}
        before = _open_of(transaction.connection, row.id, driver_id)
        opened = {id_: streams.New(drivers[id_].shard) for id_ in wanted - before.keys()}
        ended = [stream_id for id_, stream_id in before.items() if id_ not in wanted]
        streams.open_all(transaction, row.id, opened)
        streams.end_all(transaction, ended)
        if opened or ended:
            moved[row.id] = Moved(len(opened), len(ended))
    return moved


def forget(
    transaction: Transaction, organization_id: int, namespace: str, value: str, saying: Saying, *, shard: int
) -> bool:
    """Forget a driver, as the provider said; whether that is news.

    Its streams end with what was said as their farewell, and nothing is taken in of the driver any more: the removed
    subject stays, and keeps the identifier. A driver that nobody knows is made so (``shard`` is for it), so that
    what comes late of it finds this. What the log holds of the driver is not touched here.
    """
    connection = transaction.connection
    alerts.clear_alert(transaction, UNNAMED, about_provider(saying.by.provider_id))
    query = (
        sa.select(_subjects.c.id, _subjects.c.shard, _subjects.c.removed_us)
        .join(_identifiers, _identifiers.c.subject_id == _subjects.c.id)
        .where(
            _identifiers.c.organization_id == organization_id,
            _identifiers.c.namespace == namespace,
            _identifiers.c.value == value,
        )
    )
    row = connection.execute(query).one_or_none()
    if row is not None and row.removed_us is not None:
        return False
    if row is None:
        driver_id = _removed(transaction, organization_id, namespace, value, shard)
    else:
        driver_id, shard = row.id, row.shard
        connection.execute(
            sa.update(_subjects).where(_subjects.c.id == driver_id).values(removed_us=transaction.now_us)
        )
    still_open = sa.select(_streams.c.id).where(_streams.c.subject_id == driver_id, ~_streams.c.ended)
    ending: Sequence[int] = connection.scalars(still_open.order_by(_streams.c.id)).all()
    streams.end_all(transaction, ending)
    documents.forget_owner(transaction, driver_id)
    outbox.pass_on(
        transaction, organization_id, saying, subject_id=driver_id, shard=shard, farewell_of=ending
    )  # touches the version
    transaction.note("delete", "driver", driver_id, value, organization_id=organization_id, subject_id=driver_id)
    return True


def _removed(transaction: Transaction, organization_id: int, namespace: str, value: str, shard: int) -> int:
    values = {"organization_id": organization_id, "kind": "driver", "shard": shard, "declared": False}
    driver_id = insert(
        transaction.connection, _subjects, **values, created_us=transaction.now_us, removed_us=transaction.now_us
    )
    named = {"organization_id": organization_id, "namespace": namespace, "value": value, "subject_id": driver_id}
    transaction.connection.execute(sa.insert(_identifiers).values(named))
    return driver_id


def _open_of(connection: sa.Connection, subscription_id: int, driver_id: int | None) -> dict[int, int]:
    """Driver -> its open stream into a subscription."""
    query = (
        sa.select(_streams.c.subject_id, _streams.c.id)
        .join(_subjects, _subjects.c.id == _streams.c.subject_id)
        .where(_streams.c.subscription_id == subscription_id, ~_streams.c.ended, _subjects.c.kind == "driver")
    )
    if driver_id is not None:
        query = query.where(_subjects.c.id == driver_id)
    return {row.subject_id: row.id for row in connection.execute(query)}


def _drivers(connection: sa.Connection, organization_id: int, driver_id: int | None) -> dict[int, _Driver]:
    query = (
        sa.select(_subjects.c.id, _subjects.c.shard, _identifiers.c.value)
        .outerjoin(_identifiers, _identifiers.c.subject_id == _subjects.c.id)
        .where(
            _subjects.c.organization_id == organization_id,
            _subjects.c.kind == "driver",
            _subjects.c.removed_us.is_(None),
        )
    )
    if driver_id is not None:
        query = query.where(_subjects.c.id == driver_id)
    ids: dict[int, list[str]] = defaultdict(list)
    shards: dict[int, int] = {}
    for row in connection.execute(query):
        shards[row.id] = row.shard
        if row.value is not None:
            ids[row.id].append(row.value)
    return {id_: _Driver(shard, ids[id_]) for id_, shard in shards.items()}
