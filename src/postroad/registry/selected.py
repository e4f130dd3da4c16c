"""Subscriptions whose vehicles an operator selects: their streams follow the selector, and each change is told.

A selector that names a fleet is a grant by the fleet, any other a grant by each vehicle. A fleet of a provider's own
has no name here, so no selector names it and nobody is granted it: in which of them a vehicle is, is told to whoever
has the vehicle. Fleets that are selected have a stream too, for what is told of them. What ends a stream is its
farewell.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.model.identifiers import PLATE
from postroad.registry import accounts, memberships, outbox, selection, streams
from postroad.registry.streams import Moved
from postroad.registry.telling import Change, Having, Holding, Said
from postroad.registry.transaction import Transaction


class Vehicle(NamedTuple):
    """A vehicle that can be selected."""

    shard: int
    fleet_id: int | None
    fleet: str | None
    plates: Collection[str]


class Site(NamedTuple):
    """What an organization has to select from."""

    vehicles: Mapping[int, Vehicle]
    fleets: Mapping[str, tuple[int, int]]
    """Name -> id and shard."""


NOTHING = Site({}, {})


def read(connection: sa.Connection, organization_id: int, vehicle_id: int | None) -> Site:
    """An organization's fleets, and its vehicles or one of them."""
    return Site(_vehicles(connection, organization_id, vehicle_id), _fleets(connection, organization_id))


def cover(transaction: Transaction, subscription: Any, site: Site, *, vehicle_id: int | None = None) -> Moved:
    """Make a subscription's streams those that its selector covers, and tell what changed.

    ``subscription`` is its row, with the id of its organization; ``vehicle_id``: look at this vehicle only.
    """
    removed = subscription.removed_us is not None
    selector = selection.load(subscription.vehicles)
    before = streams.open_of(transaction.connection, subscription.id)
    had_fleets = {id_ for id_, row in before.items() if row.kind == "fleet"}
    had = {
        id_: Having(row.fleet_id, direct=row.fleet_id not in had_fleets)
        for id_, row in before.items()
        if row.kind == "vehicle" and vehicle_id in (None, id_)
    }
    selected = {} if removed else {id_: shard for name, (id_, shard) in site.fleets.items() if name in selector.fleets}
    has = {} if removed else _having(selector, site.vehicles, selected.keys())
    opened, ended = has.keys() - had.keys(), had.keys() - has.keys()
    new, gone = selected.keys() - had_fleets, had_fleets - selected.keys()
    begins = {id_: streams.New(site.vehicles[id_].shard, has[id_].fleet_id) for id_ in opened}
    begins |= {id_: streams.New(selected[id_]) for id_ in new}
    streams.open_all(transaction, subscription.id, begins)
    streams.end_all(transaction, [before[id_].id for id_ in ended | gone])
    for id_ in had.keys() & has.keys():
        if had[id_].fleet_id != has[id_].fleet_id:
            streams.note_fleet(transaction, before[id_].id, has[id_].fleet_id)
    if not removed and (had != has or new or gone):
        members = memberships.fleets_of(
            transaction.connection, ended | {id_ for id_ in had if had[id_] != has.get(id_)}
        )
        change = Change(Holding(had_fleets, had), Holding(selected.keys(), has), members, leaving_takes_access=False)
        _tell(transaction, subscription, before, change.words())
    accounts.tell(transaction, subscription, before)
    return Moved(len(opened), len(ended))


def _having(
    selector: selection.Selector, vehicles: Mapping[int, Vehicle], fleet_ids: Collection[int]
) -> dict[int, Having]:
    """How each vehicle is had: by a selected fleet; else by itself, and then a fleet of a provider's is told."""
    return {
        id_: Having(
            vehicle.fleet_id if vehicle.fleet is None or vehicle.fleet_id in fleet_ids else None,
            direct=vehicle.fleet_id not in fleet_ids,
        )
        for id_, vehicle in vehicles.items()
        if selector.covers(plates=vehicle.plates, fleet=vehicle.fleet)
    }


def _tell(transaction: Transaction, subscription: Any, before: Mapping[int, Any], said: Collection[Said]) -> None:
    now = streams.open_of(transaction.connection, subscription.id)
    told = []
    for one in said:
        stream, last = (now[one.subject_id], False) if one.subject_id in now else (before[one.subject_id], True)
        word = one.to(subscription.id, transaction.now_us)
        told.append(outbox.Told(stream_id=stream.id, shard=stream.shard, word=word, farewell=last))
    outbox.tell(transaction, subscription.organization_id, told)


def _fleets(connection: sa.Connection, organization_id: int) -> dict[str, tuple[int, int]]:
    subjects = schema.subjects.c
    query = sa.select(subjects.id, subjects.shard, subjects.name).where(
        subjects.organization_id == organization_id,
        subjects.kind == "fleet",
        subjects.name.is_not(None),
        subjects.removed_us.is_(None),
    )
    return {row.name: (row.id, row.shard) for row in connection.execute(query)}


def _vehicles(connection: sa.Connection, organization_id: int, vehicle_id: int | None) -> dict[int, Vehicle]:
    subjects, identifiers, members = schema.subjects, schema.identifiers, schema.memberships
    withdrawn = sa.select(schema.consents.c.vehicle_id).where(~schema.consents.c.given)
    fleets = schema.subjects.alias("fleets")
    plates_query = sa.select(identifiers.c.subject_id, identifiers.c.value).where(
        identifiers.c.organization_id == organization_id, identifiers.c.namespace == PLATE
    )
    query = (
        sa.select(subjects.c.id, subjects.c.shard, fleets.c.name.label("fleet"), members.c.fleet_id)
        .outerjoin(members, (members.c.vehicle_id == subjects.c.id) & members.c.until_us.is_(None))
        .outerjoin(fleets, fleets.c.id == members.c.fleet_id)
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
    return {
        row.id: Vehicle(row.shard, row.fleet_id, row.fleet, plates.get(row.id, ())) for row in connection.execute(query)
    }
