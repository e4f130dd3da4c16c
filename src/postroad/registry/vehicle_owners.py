"""Owners: people with vehicles, who sign in with a password and share their vehicles with services.

Each has an account of his own, by which services know him. A vehicle is one owner's at a time, of its own organization.
"""

import unicodedata
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError, NotFound
from postroad.registry import accounts, owner_sessions, sharing
from postroad.registry.notes import SECRET
from postroad.registry.records import Person
from postroad.registry.transaction import Transaction, insert

MAX_LOGIN_CHARS: Final = 200

_owners, _owned, _subjects = schema.owners, schema.owned_vehicles, schema.subjects


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may sign in."""

    id: int
    organization_id: int
    account_id: int
    """Subject id of his account."""
    login: str
    password: str
    """Its hash, see ``postroad.access.passwords``."""
    disabled: bool
    """Then he may not sign in."""

    def __repr__(self) -> str:
        """Without the hash."""
        return f"Owner(id={self.id})"


class OwnerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is listed of an owner. Instants are microseconds since 1970, UTC."""

    login: str
    organization: str
    user_id: str
    """By which services know his account."""
    vehicles: tuple[str, ...]
    """Plates, or else VINs, of those that are his."""
    services: int
    """With how many he shares a vehicle."""
    created_us: int
    disabled_us: int | None


def normalised(login: str) -> str:
    """A login as it is stored and compared: case and the way in which a letter is encoded do not count."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


def add(
    transaction: Transaction, organization_id: int, login: str, *, password: str, person: Person, shard: int
) -> Owner:
    """Make an owner, without vehicles yet. ``password`` is a hash; ``shard``: where his account is to live.

    Raises:
        ConfigError: The login is empty, too long, or somebody's.
    """
    known = normalised(login)
    if not known or len(known) > MAX_LOGIN_CHARS or not known.isprintable():
        raise ConfigError(f"a login has 1 to {MAX_LOGIN_CHARS} printable characters", field="login")
    if transaction.connection.scalar(sa.select(_owners.c.id).where(_owners.c.login == known)) is not None:
        raise ConfigError("somebody has this login already", field="login")
    account_id = accounts.create(transaction, organization_id, shard=shard)
    insert(
        transaction.connection,
        _owners,
        organization_id=organization_id,
        account_id=account_id,
        login=known,
        password=password,
        created_us=transaction.now_us,
        **msgspec.structs.asdict(person),
    )
    transaction.touched = True
    owner = get(transaction.connection, login)
    _note(transaction, "create", owner.id, login=(None, known))
    return owner


def find(connection: sa.Connection, login: str) -> Owner | None:
    """The owner with this login, in any spelling, whose organization there is still."""
    return _one(connection, _owners.c.login == normalised(login))


def by_id(connection: sa.Connection, owner_id: int) -> Owner | None:
    """The owner with this id, whose organization there is still."""
    return _one(connection, _owners.c.id == owner_id)


def get(connection: sa.Connection, login: str) -> Owner:
    """As ``find``. Raises ``NotFound``."""
    owner = find(connection, login)
    if owner is None:
        raise NotFound("there is no owner with this login")
    return owner


def sign_in(transaction: Transaction, owner: Owner, token: str) -> None:
    """The owner has signed in, and shows this token from now on."""
    owner_sessions.begin(transaction, owner.id, token)
    _note(transaction, "sign_in", owner.id)


def sign_out(transaction: Transaction, owner: Owner, token: str) -> None:
    """The owner shows this token no more."""
    owner_sessions.end(transaction, token)
    _note(transaction, "sign_out", owner.id)


def set_password(transaction: Transaction, owner_id: int, password: str, *, keep_sessions: bool = False) -> None:
    """Keep another hash. Whoever is signed in is so no more, unless it is a new hash of the same password."""
    _update(transaction, owner_id, password=password)
    if not keep_sessions:
        owner_sessions.end_all(transaction, owner_id)
        _note(transaction, "update", owner_id, password=(SECRET, SECRET))


def disable(transaction: Transaction, owner_id: int) -> None:
    """Let an owner sign in no more, and end his sessions. What he shares he goes on sharing."""
    _update(transaction, owner_id, disabled_us=transaction.now_us)
    owner_sessions.end_all(transaction, owner_id)
    _note(transaction, "update", owner_id, disabled=(False, True))


def enable(transaction: Transaction, owner_id: int) -> None:
    """Let an owner sign in again."""
    _update(transaction, owner_id, disabled_us=None)
    _note(transaction, "update", owner_id, disabled=(True, False))


def give_vehicle(transaction: Transaction, owner: Owner, vehicle_id: int) -> bool:
    """From now on the vehicle is this owner's; whether that is news.

    Raises:
        ConfigError: It is another organization's, or another owner's.
    """
    connection = transaction.connection
    query = sa.select(_subjects.c.organization_id).where(_subjects.c.id == vehicle_id)
    if connection.scalar(query) != owner.organization_id:
        raise ConfigError("the vehicle belongs to another organization than the owner")
    present = connection.scalar(sa.select(_owned.c.owner_id).where(_owned.c.vehicle_id == vehicle_id, _still))
    if present == owner.id:
        return False
    if present is not None:
        raise ConfigError("the vehicle is another owner's: take it from him first, which ends what he shares of it")
    insert(connection, _owned, owner_id=owner.id, vehicle_id=vehicle_id, since_us=transaction.now_us)
    _note(transaction, "update", owner.id, vehicle=(None, vehicle_id))
    return True


def take_vehicle(transaction: Transaction, owner: Owner, vehicle_id: int) -> bool:
    """The vehicle is this owner's no more, and shared no more by him; whether it was his."""
    this = (_owned.c.owner_id == owner.id) & (_owned.c.vehicle_id == vehicle_id) & _still
    taken = transaction.connection.execute(sa.update(_owned).where(this).values(until_us=transaction.now_us))
    if not taken.rowcount:
        return False
    sharing.unshare_all(transaction, owner.account_id, vehicle_id)
    _note(transaction, "update", owner.id, vehicle=(vehicle_id, None))
    return True


def account_of(connection: sa.Connection, vehicle_id: int) -> int | None:
    """Subject id of the account of the vehicle's owner."""
    query = sa.select(_owners.c.account_id).join(_owned, _owned.c.owner_id == _owners.c.id)
    account_id: int | None = connection.scalar(query.where(_owned.c.vehicle_id == vehicle_id, _still))
    return account_id


def people(connection: sa.Connection) -> dict[int, Person]:
    """Subject id of an account -> the owner whose it is."""
    return {
        row.account_id: Person(first_names=row.first_names, last_name=row.last_name, email=row.email, phone=row.phone)
        for row in connection.execute(sa.select(_owners))
    }


def listed(connection: sa.Connection) -> list[OwnerInfo]:
    """Every owner, in the order in which they were made."""
    organizations, texts, grants = schema.organizations, schema.issued_texts, schema.grants
    query = (
        sa.select(_owners, organizations.c.name.label("organization"), texts.c.text.label("user_id"))
        .join(organizations, organizations.c.id == _owners.c.organization_id)
        .join(texts, (texts.c.subject_id == _owners.c.account_id) & (texts.c.namespace == accounts.ISSUE.namespace))
        .order_by(_owners.c.id)
    )
    services = (
        sa.select(grants.c.account_id, sa.func.count(grants.c.integration_id.distinct()).label("services"))
        .where(grants.c.until_us.is_(None), grants.c.account_id.is_not(None))
        .group_by(grants.c.account_id)
    )
    shared = {row.account_id: row.services for row in connection.execute(services)}
    return [
        OwnerInfo(
            login=row.login,
            organization=row.organization,
            user_id=row.user_id,
            vehicles=tuple(vehicle.name for vehicle in sharing.vehicles_of(connection, row.id)),
            services=shared.get(row.account_id, 0),
            created_us=row.created_us,
            disabled_us=row.disabled_us,
        )
        for row in connection.execute(query)
    ]


_still = _owned.c.until_us.is_(None)


def _one(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Owner | None:
    organizations = schema.organizations
    query = (
        sa.select(_owners)
        .join(organizations, organizations.c.id == _owners.c.organization_id)
        .where(which, organizations.c.removed_us.is_(None))
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Owner(
        id=row.id,
        organization_id=row.organization_id,
        account_id=row.account_id,
        login=row.login,
        password=row.password,
        disabled=row.disabled_us is not None,
    )


def _note(transaction: Transaction, action: str, owner_id: int, **fields: tuple[Any, Any]) -> None:
    """Have the audit log say what was done with an owner."""
    query = sa.select(_owners.c.login, _owners.c.organization_id, _owners.c.account_id).where(_owners.c.id == owner_id)
    row = transaction.connection.execute(query).one()
    transaction.note(
        action,
        "owner",
        owner_id,
        row.login,
        organization_id=row.organization_id,
        subject_id=row.account_id,
        fields=fields,
    )


def _update(transaction: Transaction, owner_id: int, **values: object) -> None:
    transaction.connection.execute(sa.update(_owners).where(_owners.c.id == owner_id).values(values))
    transaction.touched = True
