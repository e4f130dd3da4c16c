"""What integrations have by grants, right now: of vehicles and fleets of whichever organization.

A vehicle is had by a grant of its own or of the fleet that it is in. While a provider has lost access to it
(``consents``) nobody has it.
"""

from collections import defaultdict
from typing import Any, NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry.telling import Having

_grants, _subjects, _memberships = schema.grants, schema.subjects, schema.memberships


class Granted(NamedTuple):
    """A vehicle that an integration has."""

    shard: int
    having: Having
    account_id: int | None = None
    """Of the owner who shares it; None: an organization does."""
    scopes: tuple[str, ...] | None = None
    """What the owner agreed to; None: whatever is requested."""


def fleets(connection: sa.Connection, integration_id: int) -> frozenset[int]:
    """The fleets that have given an integration access."""
    query = (
        sa.select(_subjects.c.id)
        .join(_grants, _grants.c.subject_id == _subjects.c.id)
        .where(
            _grants.c.integration_id == integration_id,
            _grants.c.until_us.is_(None),
            _subjects.c.kind == "fleet",
            _subjects.c.removed_us.is_(None),
        )
    )
    return frozenset(connection.scalars(query))


def vehicles(
    connection: sa.Connection, integration_id: int, *, vehicle_id: int | None = None, scoped: bool = False
) -> dict[int, Granted]:
    """The vehicles that an integration has (or one of them), by id.

    ``scoped``: also those that it has within scopes only, for what keeps to them.
    """
    given: dict[int, Granted] = {}
    for row in connection.execute(_by_their_fleets(integration_id, vehicle_id)):
        given[row.id] = Granted(row.shard, Having(row.fleet_id, direct=False))
    for one in connection.execute(_by_themselves(integration_id, vehicle_id, scoped=scoped)):
        providers_fleet = one.fleet_id if one.fleet is None else None  # of an operator's only those that gave access
        fleet_id = given[one.id].having.fleet_id if one.id in given else providers_fleet
        scopes = None if one.scopes is None else tuple(one.scopes)
        given[one.id] = Granted(one.shard, Having(fleet_id, direct=True), one.account_id, scopes)
    return given


def accesses(connection: sa.Connection) -> dict[int, frozenset[int]]:
    """Integration id -> the vehicles that it has without regard to scopes; without integrations that have none."""
    found = defaultdict[int, set[int]](set)
    for query in (_by_their_fleets(None, None), _by_themselves(None, None, scoped=False)):
        for row in connection.execute(query):
            found[row.integration_id].add(row.id)
    return {integration_id: frozenset(ids) for integration_id, ids in found.items()}


def _by_their_fleets(integration_id: int | None, vehicle_id: int | None) -> sa.Select[int, int, int, int]:
    fleets_ = schema.subjects.alias("fleets")
    query = (
        sa.select(_grants.c.integration_id, _subjects.c.id, _subjects.c.shard, _memberships.c.fleet_id)
        .join(_memberships, (_memberships.c.fleet_id == _grants.c.subject_id) & _memberships.c.until_us.is_(None))
        .join(fleets_, fleets_.c.id == _grants.c.subject_id)
        .join(_subjects, _subjects.c.id == _memberships.c.vehicle_id)
        .where(_open(integration_id, vehicle_id), fleets_.c.removed_us.is_(None))
    )
    return query.order_by(_subjects.c.id)


def _by_themselves(integration_id: int | None, vehicle_id: int | None, *, scoped: bool) -> sa.Select[Any]:
    fleets_ = schema.subjects.alias("fleets")
    query = (
        sa.select(
            _grants.c.integration_id,
            _subjects.c.id,
            _subjects.c.shard,
            _memberships.c.fleet_id,
            fleets_.c.name.label("fleet"),
            _grants.c.account_id,
            _grants.c.scopes,
        )
        .join(_subjects, _subjects.c.id == _grants.c.subject_id)
        .outerjoin(
            _memberships, (_memberships.c.vehicle_id == _grants.c.subject_id) & _memberships.c.until_us.is_(None)
        )
        .outerjoin(fleets_, fleets_.c.id == _memberships.c.fleet_id)
        .where(_open(integration_id, vehicle_id))
    )
    if not scoped:
        query = query.where(_grants.c.scopes.is_(None))
    return query.order_by(_subjects.c.id)


def _open(integration_id: int | None, vehicle_id: int | None) -> sa.ColumnElement[bool]:
    withdrawn = sa.select(schema.consents.c.vehicle_id).where(~schema.consents.c.given)
    condition = (
        _grants.c.until_us.is_(None)
        & (_subjects.c.kind == "vehicle")
        & _subjects.c.removed_us.is_(None)
        & _subjects.c.id.not_in(withdrawn)
    )
    if integration_id is not None:
        condition &= _grants.c.integration_id == integration_id
    if vehicle_id is not None:
        condition &= _subjects.c.id == vehicle_id
    return condition
