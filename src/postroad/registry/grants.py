"""Grants: an integration may have a vehicle, or every vehicle that is in a fleet, of whichever organization.

What follows from a grant, its end, and vehicles that move between fleets that have given access is in the same
transaction: streams that begin and end, and what is told of it (``governed``, docs/decisions/0023).
"""

from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import NotFound
from postroad.model.identifiers import CONNECTED_CARS_FLEET, PLATE, VIN
from postroad.registry import called, coverage, memberships
from postroad.registry.transaction import Transaction, insert

_grants, _subjects, _memberships = schema.grants, schema.subjects, schema.memberships


class Agreed(NamedTuple):
    """What the owner of a vehicle agreed to."""

    account_id: int
    scopes: Collection[str]


def give(transaction: Transaction, integration_id: int, subject_id: int, *, agreed: Agreed | None = None) -> bool:
    """Give an integration access to a vehicle, or to a fleet with every vehicle in it; whether that is news.

    Without ``agreed`` it is its organization's grant: of whatever is requested.

    Raises:
        NotFound: There is no such integration, vehicle or fleet.
    """
    _require_integration(transaction.connection, integration_id)
    subject = _subject(transaction.connection, subject_id, "fleet", "vehicle")
    if _open(transaction.connection, integration_id, subject_id) is not None:
        return False
    values: dict[str, Any] = {
        "integration_id": integration_id,
        "subject_id": subject_id,
        "since_us": transaction.now_us,
    }
    if agreed is not None:
        values |= {"account_id": agreed.account_id, "scopes": sorted(agreed.scopes)}
    grant_id = insert(transaction.connection, _grants, **values)
    transaction.touched = True
    _note(transaction, "create", [_Changed(grant_id, integration_id, subject_id, values.get("scopes"))])
    coverage.reconcile_integration(
        transaction, integration_id, vehicle_id=subject_id if subject.kind == "vehicle" else None
    )
    return True


def revoke(transaction: Transaction, integration_id: int, subject_id: int) -> bool:
    """End the grant of a vehicle or fleet; whether there was one.

    It ends every stream of the vehicle, or of a vehicle that is in the fleet, into what grants govern: by another grant
    that stands, one may begin anew.
    """
    grant_id = _open(transaction.connection, integration_id, subject_id)
    if grant_id is None:
        return False
    _end(transaction, _grants.c.id == grant_id)
    subject = _subject(transaction.connection, subject_id, "fleet", "vehicle")
    of_vehicle = subject.kind == "vehicle"
    coverage.reconcile_integration(
        transaction,
        integration_id,
        vehicle_id=subject_id if of_vehicle else None,
        anew=[subject_id] if of_vehicle else memberships.members(transaction.connection, subject_id),
    )
    return True


def delete_fleet(transaction: Transaction, fleet_id: int) -> None:
    """Delete a fleet, which takes back the access that it gave. Its vehicles are in no fleet then.

    Raises:
        NotFound: There is no such fleet.
    """
    fleet = _subject(transaction.connection, fleet_id, "fleet")
    name, organization_id = called.subject(transaction.connection, fleet_id)
    transaction.note("delete", "fleet", fleet_id, name, organization_id=organization_id, subject_id=fleet_id)
    memberships.end(transaction, _memberships.c.fleet_id == fleet_id)
    identifiers = schema.identifiers  # or what a provider calls so next would be this one
    transaction.connection.execute(sa.delete(identifiers).where(identifiers.c.subject_id == fleet_id))
    removed = sa.update(_subjects).where(_subjects.c.id == fleet_id).values(removed_us=transaction.now_us)
    transaction.connection.execute(removed)
    transaction.touched = True
    end_dead(transaction)
    coverage.reconcile(transaction, fleet.organization_id)


def move(transaction: Transaction, vehicle_id: int, fleet_id: int | None) -> None:
    """Have a vehicle in this fleet from now on; None: in none.

    Raises:
        NotFound: There is no such vehicle, or its organization has no such fleet.
    """
    vehicle = _subject(transaction.connection, vehicle_id, "vehicle")
    if fleet_id is not None:
        fleet = _subject(transaction.connection, fleet_id, "fleet")
        if fleet.organization_id != vehicle.organization_id:
            raise NotFound(f"there is no fleet {fleet_id} of the vehicle's organization")
    before = memberships.fleets_of(transaction.connection, [vehicle_id]).get(vehicle_id)
    if memberships.put(transaction, vehicle_id, fleet_id):
        transaction.note(
            "update",
            "vehicle",
            vehicle_id,
            called.subject(transaction.connection, vehicle_id).name,
            organization_id=vehicle.organization_id,
            subject_id=vehicle_id,
            fields={"fleet_id": (before, fleet_id)},
        )
        coverage.reconcile(transaction, vehicle.organization_id, vehicle_id=vehicle_id)


class Listed(NamedTuple):
    """An open grant, as people call what it is of, with the ids of both ends."""

    integration: str
    """``organization/integration``"""
    kind: str
    subject: str
    """``organization/fleet``, or ``organization/plate``"""
    since_us: int
    id: int
    integration_id: int
    integrations_organization_id: int
    subject_id: int
    subjects_organization_id: int


def get(connection: sa.Connection, grant_id: int) -> Listed:
    """One open grant. Raises ``NotFound``."""
    for one in _listed(connection, _grants.c.id == grant_id):
        return one
    raise NotFound(f"there is no grant {grant_id}")


def between(connection: sa.Connection, integration_id: int, subject_id: int) -> Listed:
    """The open grant of a subject to an integration. Raises ``NotFound``."""
    ends = (_grants.c.integration_id == integration_id) & (_grants.c.subject_id == subject_id)
    for one in _listed(connection, ends):
        return one
    raise NotFound(f"integration {integration_id} has no grant of {subject_id}")


def listed(connection: sa.Connection) -> list[Listed]:
    """The open grants, oldest first."""
    return _listed(connection, sa.true())


def _listed(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[Listed]:
    integrations, of_integrations = schema.integrations, schema.organizations
    owners, names = schema.organizations.alias("owners"), schema.identifiers
    first_name = (
        sa.select(sa.func.min(names.c.value))
        .where(names.c.subject_id == _subjects.c.id, names.c.namespace.in_([PLATE, VIN, CONNECTED_CARS_FLEET]))
        .scalar_subquery()
    )
    query = (
        sa.select(
            of_integrations.c.name + "/" + integrations.c.name,
            _subjects.c.kind,
            owners.c.name + "/" + sa.func.coalesce(_subjects.c.name, first_name, "?"),
            _grants.c.since_us,
            _grants.c.id,
            integrations.c.id,
            integrations.c.organization_id,
            _subjects.c.id,
            _subjects.c.organization_id,
        )
        .join(integrations, integrations.c.id == _grants.c.integration_id)
        .join(of_integrations, of_integrations.c.id == integrations.c.organization_id)
        .join(_subjects, _subjects.c.id == _grants.c.subject_id)
        .join(owners, owners.c.id == _subjects.c.organization_id)
        .where(which, _grants.c.until_us.is_(None))
        .order_by(_grants.c.id)
    )
    return [Listed(*row) for row in connection.execute(query)]


def end_dead(transaction: Transaction) -> None:
    """End the grants by and to what is no more. What follows is ``coverage``'s to find out."""
    subjects = sa.select(_subjects.c.id).where(_subjects.c.removed_us.is_not(None))
    integrations = sa.select(schema.integrations.c.id).where(schema.integrations.c.removed_us.is_not(None))
    _end(transaction, _grants.c.subject_id.in_(subjects) | _grants.c.integration_id.in_(integrations))


def _end(transaction: Transaction, which: sa.ColumnElement[bool]) -> None:
    columns = (_grants.c.id, _grants.c.integration_id, _grants.c.subject_id, _grants.c.scopes)
    ending = sa.select(*columns).where(which, _grants.c.until_us.is_(None)).order_by(_grants.c.id)
    rows = transaction.connection.execute(ending).all()
    ended = sa.update(_grants).where(_grants.c.id == sa.bindparam("grant")).values(until_us=transaction.now_us)
    if rows:
        transaction.connection.execute(ended, [{"grant": row.id} for row in rows])
        transaction.touched = True
        _note(transaction, "revoke", [_Changed(*row) for row in rows])


class _Changed(NamedTuple):
    """A grant that was made, or has ended."""

    id: int
    integration_id: int
    subject_id: int
    scopes: Sequence[str] | None
    """What its owner agreed to; None: an organization's grant."""


def _note(transaction: Transaction, action: Literal["create", "revoke"], changed: Sequence[_Changed]) -> None:
    """Note what was done to grants."""
    subjects = called.subjects(transaction.connection, {one.subject_id for one in changed})
    for grant_id, integration_id, subject_id, scopes in changed:
        name, organization_id = subjects[subject_id]
        to = called.integration(transaction.connection, integration_id).name
        transaction.note(
            action,
            "grant",
            grant_id,
            name,
            organization_id=organization_id,
            subject_id=subject_id,
            fields={
                field: (None, value) if action == "create" else (value, None)
                for field, value in (("integration", to), ("scopes", scopes))
                if value is not None
            },
        )


def _open(connection: sa.Connection, integration_id: int, subject_id: int) -> int | None:
    """The id of the open grant."""
    this = (_grants.c.integration_id == integration_id) & (_grants.c.subject_id == subject_id)
    grant_id: int | None = connection.scalar(sa.select(_grants.c.id).where(this, _grants.c.until_us.is_(None)))
    return grant_id


def _require_integration(connection: sa.Connection, integration_id: int) -> None:
    table = schema.integrations
    live = sa.select(table.c.id).where(table.c.id == integration_id, table.c.removed_us.is_(None))
    if connection.scalar(live) is None:
        raise NotFound(f"there is no integration {integration_id}")


def _subject(connection: sa.Connection, subject_id: int, *kinds: str) -> sa.Row[int, str, int]:
    """The kind and organization of what is not removed."""
    live = sa.select(_subjects.c.id, _subjects.c.kind, _subjects.c.organization_id).where(
        _subjects.c.id == subject_id, _subjects.c.kind.in_(kinds), _subjects.c.removed_us.is_(None)
    )
    row = connection.execute(live).one_or_none()
    if row is None:
        raise NotFound(f"there is no {' or '.join(kinds)} {subject_id}")
    return row
