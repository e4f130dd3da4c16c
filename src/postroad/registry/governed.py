"""Subscriptions that grants govern: their streams follow what their integration has, and each change of that is told.

Where the subscription's vehicles are ``granted``, each that the integration has has a stream. Where they are
``chosen``, the customer makes streams (``chosen``); here they only end, when the access does.

What is told is told whether or not there is a stream of the vehicle: a grant is news to who has nothing yet. The table
``accesses`` holds what a subscription was told that it has. One that begins is told what it has then.
"""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry import accounts, granted, memberships, outbox, selection, streams
from postroad.registry.granted import Granted
from postroad.registry.streams import Moved
from postroad.registry.telling import Change, Having, Holding, Said
from postroad.registry.transaction import Transaction

_accesses, _subjects = schema.accesses, schema.subjects
_OF_A_FLEET = Having(None, direct=False)
_LOOKED_UP_AT_ONCE = 1_000


def cover(
    transaction: Transaction,
    subscription: Any,
    *,
    vehicle_id: int | None = None,
    anew: Collection[int] = (),
    nothing: bool = False,
) -> Moved:
    """Make a subscription's streams those of what its integration has, and tell what changed of that.

    Args:
        transaction: the change that this is part of.
        subscription: its row, with the id of its organization.
        vehicle_id: look at this vehicle only.
        anew: streams of these vehicles end, also where they are had still: there, where they are not chosen, they
            begin again.
        nothing: as though its integration had nothing.
    """
    connection, selector = transaction.connection, selection.load(subscription.vehicles)
    nothing |= subscription.removed_us is not None
    given = {}
    if not nothing:
        given = granted.vehicles(
            connection, subscription.integration_id, vehicle_id=vehicle_id, scoped=selector.covers_shared
        )
    moved = _cover_streams(transaction, subscription, selector, given, vehicle_id, anew)
    if nothing or not selector.told:
        has = Holding()
    else:
        has = Holding(
            granted.fleets(connection, subscription.integration_id),
            {id_: vehicle.having for id_, vehicle in given.items()},
        )
    had = _noted(connection, subscription.id, vehicle_id)
    if had != has:
        _note(transaction, subscription.id, had, has)
        if selector.told and subscription.removed_us is None:
            changed = {id_ for id_, having in had.vehicles.items() if having != has.vehicles.get(id_)}
            members = memberships.fleets_of(connection, changed)
            _tell(transaction, subscription, Change(had, has, members, leaving_takes_access=True).words())
    return moved


def _cover_streams(
    transaction: Transaction,
    subscription: Any,
    selector: selection.Selector,
    given: Mapping[int, Granted],
    vehicle_id: int | None,
    anew: Collection[int],
) -> Moved:
    before = streams.open_of(transaction.connection, subscription.id)
    mine = {id_ for id_, row in before.items() if row.kind == "vehicle" and vehicle_id in (None, id_)}
    ended = (mine - given.keys()) | mine.intersection(anew)
    opened = given.keys() - (mine - ended) if selector.by == "granted" else set[int]()
    streams.end_all(transaction, [before[id_].id for id_ in ended])
    begins = {
        id_: streams.New(one.shard, scopes=one.scopes, account_id=one.account_id)
        for id_, one in given.items()
        if id_ in opened
    }
    streams.open_all(transaction, subscription.id, begins)
    for id_ in opened & ended:
        if before[id_].scopes is not None and given[id_].scopes is None:
            # Who authorised less did not authorise more by another's taking back.
            streams.note_scopes(transaction, subscription.id, id_, before[id_].scopes)
    accounts.tell(transaction, subscription, before)
    return Moved(len(opened), len(ended))


def _noted(connection: sa.Connection, subscription_id: int, vehicle_id: int | None) -> Holding:
    """What a subscription was told that it has; of vehicles, this one only."""
    query = (
        sa.select(_accesses, _subjects.c.kind)
        .join(_subjects, _subjects.c.id == _accesses.c.subject_id)
        .where(_accesses.c.subscription_id == subscription_id)
    )
    if vehicle_id is not None:
        query = query.where((_subjects.c.kind == "fleet") | (_subjects.c.id == vehicle_id))
    rows = connection.execute(query).all()
    return Holding(
        frozenset(row.subject_id for row in rows if row.kind == "fleet"),
        {row.subject_id: Having(row.fleet_id, direct=row.direct) for row in rows if row.kind == "vehicle"},
    )


def _note(transaction: Transaction, subscription_id: int, had: Holding, has: Holding) -> None:
    before = {**dict.fromkeys(had.fleets, _OF_A_FLEET), **had.vehicles}
    after = {**dict.fromkeys(has.fleets, _OF_A_FLEET), **has.vehicles}
    gone = [{"subject": id_} for id_, having in before.items() if after.get(id_) != having]
    rows = [
        {"subscription_id": subscription_id, "subject_id": id_, "fleet_id": having.fleet_id, "direct": having.direct}
        for id_, having in after.items()
        if before.get(id_) != having
    ]
    if gone:
        this = (_accesses.c.subscription_id == subscription_id) & (_accesses.c.subject_id == sa.bindparam("subject"))
        transaction.connection.execute(sa.delete(_accesses).where(this), gone)
    if rows:
        transaction.connection.execute(sa.insert(_accesses), rows)


def _tell(transaction: Transaction, subscription: Any, said: Collection[Said]) -> None:
    shards = _shards(transaction.connection, sorted({one.subject_id for one in said}))
    told = [
        outbox.Told(
            told_to=subscription.id,
            shard=shards[one.subject_id],
            word=one.to(subscription.id, transaction.now_us),
        )
        for one in said
    ]
    outbox.tell(transaction, subscription.organization_id, told)


def _shards(connection: sa.Connection, subject_ids: list[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for first in range(0, len(subject_ids), _LOOKED_UP_AT_ONCE):
        some = _subjects.c.id.in_(subject_ids[first : first + _LOOKED_UP_AT_ONCE])
        found |= {
            row.id: row.shard for row in connection.execute(sa.select(_subjects.c.id, _subjects.c.shard).where(some))
        }
    return found
