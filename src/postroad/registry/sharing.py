"""What owners share: grants of their vehicles to services, each within the scopes that the owner agreed to.

A service is an integration that is offered to owners. What it may ask for is what its subscriptions request whose
vehicles are granted, and whose protocol keeps to scopes; nothing else ever gets what an owner shares.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import Forbidden
from postroad.model.identifiers import LEGACY_CAR_ID, LEGACY_USER_ID, PLATE, VIN
from postroad.registry import accounts, called, granted, grants, selection, streams
from postroad.registry.records import Service
from postroad.registry.transaction import Transaction

_grants, _subjects, _integrations = schema.grants, schema.subjects, schema.integrations
_subscriptions, _organizations, _texts = schema.subscriptions, schema.organizations, schema.issued_texts


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A service that owners can share vehicles with."""

    integration_id: int
    organization: str
    name: str
    service: Service
    requested: frozenset[str]
    """The scopes that it asks for."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that its owner shares with a service."""

    integration_id: int
    title: str
    """The service's, or the integration's name if it is offered no more."""
    scopes: frozenset[str]
    since_us: int


class OwnVehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle of an owner."""

    id: int
    """Its subject id."""
    car_id: str
    """By which services know it."""
    name: str
    """Its plate, or else its VIN, or else its number."""
    shares: Mapping[int, Share]
    """By integration."""
    had_by: frozenset[int]
    """Integrations that have it without its owner: by a grant of its organization, or of its fleet."""


def offers(connection: sa.Connection) -> dict[int, Offer]:
    """The services that there are, by integration, in the order of their titles."""
    query = (
        sa.select(_integrations, _organizations.c.name.label("organization"))
        .join(_organizations, _organizations.c.id == _integrations.c.organization_id)
        .where(_integrations.c.removed_us.is_(None), _organizations.c.removed_us.is_(None))
    )
    rows = [row for row in connection.execute(query) if row.service]
    requested = defaultdict[int, set[str]](set)
    for subscription in _scoped(connection, [row.id for row in rows]):
        requested[subscription.integration_id] |= {*subscription.options.get("scopes", ())}
    found = [
        Offer(
            integration_id=row.id,
            organization=row.organization,
            name=row.name,
            service=Service(**row.service),
            requested=frozenset(requested[row.id]),
        )
        for row in rows
        if row.id in requested
    ]
    return {one.integration_id: one for one in sorted(found, key=lambda one: (one.service.title, one.integration_id))}


def vehicles_of(connection: sa.Connection, owner_id: int) -> list[OwnVehicle]:
    """The vehicles of an owner, by name."""
    owned, owners, names = schema.owned_vehicles, schema.owners, schema.identifiers
    name = (
        sa.select(names.c.value)
        .where(names.c.subject_id == _subjects.c.id, names.c.namespace.in_([PLATE, VIN]))
        .order_by(names.c.namespace, names.c.value)
        .limit(1)
        .scalar_subquery()
    )
    query = (
        sa.select(_subjects.c.id, _texts.c.text, name.label("name"), owners.c.account_id)
        .join(owned, owned.c.vehicle_id == _subjects.c.id)
        .join(owners, owners.c.id == owned.c.owner_id)
        .join(_texts, (_texts.c.subject_id == _subjects.c.id) & (_texts.c.namespace == LEGACY_CAR_ID))
        .where(owned.c.owner_id == owner_id, owned.c.until_us.is_(None), _subjects.c.removed_us.is_(None))
    )
    rows = connection.execute(query).all()
    shares = _shares(connection, {row.account_id for row in rows})
    had_by = _had_by_others(connection, {row.id: row.account_id for row in rows})
    found = [
        OwnVehicle(
            id=row.id,
            car_id=row.text,
            name=row.name or f"vehicle {row.id}",
            shares=shares.get(row.id, {}),
            had_by=had_by.get(row.id, frozenset()),
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.name, one.id))


class Known(NamedTuple):
    """A vehicle that services know by an id."""

    id: int
    organization_id: int


def vehicle_of_car(connection: sa.Connection, car_id: str) -> Known | None:
    """The vehicle that services know by this id."""
    query = sa.select(_subjects.c.id, _subjects.c.organization_id).join(_texts, _texts.c.subject_id == _subjects.c.id)
    this = (_texts.c.namespace == LEGACY_CAR_ID) & (_texts.c.text == car_id)
    row = connection.execute(query.where(this, _subjects.c.removed_us.is_(None))).one_or_none()
    return None if row is None else Known(row.id, row.organization_id)


def user_id(connection: sa.Connection, account_id: int) -> str:
    """By what services know an account."""
    issued = sa.select(_texts.c.text).where(_texts.c.subject_id == account_id, _texts.c.namespace == LEGACY_USER_ID)
    return str(connection.execute(issued).scalar_one())


def share(
    transaction: Transaction,
    integration_id: int,
    vehicle_id: int,
    account_id: int,
    scopes: Collection[str],
    *,
    personal: Collection[str],
) -> bool:
    """Have an owner's account share his vehicle with a service within scopes; whether it did not before.

    Where it does already, the scopes become these. ``personal`` scopes are of the owner, not of a vehicle: what he says
    of them here holds for all that he shares with this service.

    Raises:
        Forbidden: There is no such service, it does not ask for one of the scopes, or it has the vehicle otherwise.
    """
    connection = transaction.connection
    offer = offers(connection).get(integration_id)
    if offer is None or not offer.requested.issuperset(scopes):
        raise Forbidden("there is no such service, or it does not ask for that")
    present = connection.execute(_open(integration_id, vehicle_id)).one_or_none()
    otherwise = granted.vehicles(connection, integration_id, vehicle_id=vehicle_id, scoped=True)
    if (present is not None and present.account_id != account_id) or (present is None and otherwise):
        raise Forbidden("the service has the vehicle already, and not by its owner")
    agreed = grants.Agreed(account_id, {*scopes})
    new = present is None and grants.give(transaction, integration_id, vehicle_id, agreed=agreed)
    _agree(transaction, integration_id, vehicle_id, agreed, frozenset(personal))
    return new


def unshare(transaction: Transaction, integration_id: int, vehicle_id: int, account_id: int) -> bool:
    """Have an owner's account share a vehicle with a service no more; whether it did."""
    present = transaction.connection.execute(_open(integration_id, vehicle_id)).one_or_none()
    if present is None or present.account_id != account_id:
        return False
    return grants.revoke(transaction, integration_id, vehicle_id)


def unshare_all(transaction: Transaction, account_id: int, vehicle_id: int) -> None:
    """Have an owner's account share a vehicle with nobody any more."""
    query = sa.select(_grants.c.integration_id).where(
        _grants.c.account_id == account_id, _grants.c.subject_id == vehicle_id, _grants.c.until_us.is_(None)
    )
    for integration_id in transaction.connection.scalars(query).all():
        grants.revoke(transaction, integration_id, vehicle_id)


def _agree(
    transaction: Transaction, integration_id: int, vehicle_id: int, agreed: grants.Agreed, personal: frozenset[str]
) -> None:
    """Make what an account agreed to with a service this, in its grants and in the streams that follow from them."""
    connection = transaction.connection
    mine = sa.select(_grants).where(
        _grants.c.integration_id == integration_id,
        _grants.c.account_id == agreed.account_id,
        _grants.c.until_us.is_(None),
    )
    rows = connection.execute(mine).all()
    scopes = {
        row.subject_id: {*agreed.scopes}
        if row.subject_id == vehicle_id
        else {*row.scopes} - personal | personal.intersection(agreed.scopes)
        for row in rows
    }
    for row in rows:
        was, now = row.scopes, sorted(scopes[row.subject_id])
        connection.execute(sa.update(_grants).where(_grants.c.id == row.id).values(scopes=now))
        if was != now:
            name, organization_id = called.subject(connection, row.subject_id)
            transaction.note(
                "update",
                "grant",
                row.id,
                name,
                organization_id=organization_id,
                subject_id=row.subject_id,
                fields={"scopes": (was, now)},
            )
    for subscription in _scoped(connection, [integration_id]):
        before = streams.open_of(connection, subscription.id)
        for subject_id, of_vehicle in scopes.items():
            stream = before.get(subject_id)
            if stream is not None and stream.account_id == agreed.account_id:
                streams.note_scopes(transaction, subscription.id, subject_id, of_vehicle)
        accounts.tell(transaction, subscription, before)  # which says nothing new, and looks after the account's scopes
    transaction.touched = True


def _scoped(connection: sa.Connection, integration_ids: Sequence[int]) -> list[Any]:
    """The subscriptions of these integrations that what owners share goes to, with their organizations."""
    query = (
        sa.select(_subscriptions, _integrations.c.organization_id)
        .join(_integrations, _integrations.c.id == _subscriptions.c.integration_id)
        .where(_subscriptions.c.integration_id.in_(integration_ids), _subscriptions.c.removed_us.is_(None))
        .order_by(_subscriptions.c.id)
    )
    return [row for row in connection.execute(query).all() if selection.load(row.vehicles).covers_shared]


def _open(integration_id: int, vehicle_id: int) -> sa.Select[Any]:
    return sa.select(_grants).where(
        _grants.c.integration_id == integration_id,
        _grants.c.subject_id == vehicle_id,
        _grants.c.until_us.is_(None),
    )


def _shares(connection: sa.Connection, account_ids: Collection[int]) -> dict[int, dict[int, Share]]:
    """Vehicle -> integration -> what these accounts share."""
    query = (
        sa.select(_grants, _integrations.c.name, _integrations.c.service)
        .join(_integrations, _integrations.c.id == _grants.c.integration_id)
        .where(_grants.c.account_id.in_(account_ids), _grants.c.until_us.is_(None))
        .order_by(_grants.c.id)
    )
    found = defaultdict[int, dict[int, Share]](dict)
    for row in connection.execute(query):
        found[row.subject_id][row.integration_id] = Share(
            integration_id=row.integration_id,
            title=row.service.get("title", row.name),
            scopes=frozenset(row.scopes),
            since_us=row.since_us,
        )
    return found


def _had_by_others(connection: sa.Connection, owners: Mapping[int, int]) -> dict[int, frozenset[int]]:
    """Vehicle (with its owner's account) -> integrations that have it, and not by its owner."""
    members = schema.memberships
    by_fleet = sa.select(members.c.vehicle_id, _grants.c.integration_id).join(
        _grants, (_grants.c.subject_id == members.c.fleet_id) & _grants.c.until_us.is_(None)
    )
    by_fleet = by_fleet.where(members.c.vehicle_id.in_(owners), members.c.until_us.is_(None))
    by_itself = sa.select(_grants.c.subject_id, _grants.c.integration_id, _grants.c.account_id).where(
        _grants.c.subject_id.in_(owners), _grants.c.until_us.is_(None)
    )
    found, own = defaultdict[int, set[int]](set), set[tuple[int, int]]()
    for vehicle_id, integration_id, account_id in connection.execute(by_itself):
        if account_id == owners[vehicle_id]:
            own.add((vehicle_id, integration_id))
        else:
            found[vehicle_id].add(integration_id)
    for vehicle_id, integration_id in connection.execute(by_fleet):
        if (vehicle_id, integration_id) not in own:
            found[vehicle_id].add(integration_id)
    return {vehicle_id: frozenset(ids) for vehicle_id, ids in found.items()}
