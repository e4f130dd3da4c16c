"""Bearer tokens, which are API keys: random, shown once, stored as their SHA-256, several active at a time.

A provider's token lets it push events in; an integration's lets a customer ask about its own deliveries. Operators,
auditors and fleet owners have keys that stand for nothing but their role, of an organization or of all.
A plain hash is enough: a token is 256 random bits, not something a person chose, so there is nothing to guess.
"""

import base64
import hashlib
from collections.abc import Callable, Container
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import NotFound
from postroad.registry.owners import OWNERS, find_owner, name_of, organization_of
from postroad.registry.records import Account, RoleName
from postroad.registry.transaction import Transaction, insert

_TOKEN_BYTES = 32
_PUBLIC_ID_BYTES = 5  # 8 characters of base32


class _Kind(NamedTuple):
    """The tokens of one role."""

    prefix: str
    """So that people and scanners of repositories recognise a token, and tell what it opens."""
    table: sa.Table


_KINDS: dict[RoleName, _Kind] = {
    "provider": _Kind("prt_", schema.provider_tokens),
    "integration": _Kind("pit_", schema.integration_tokens),
    "operator": _Kind("pop_", schema.api_keys),
    "auditor": _Kind("pau_", schema.api_keys),
    "fleet_owner": _Kind("pfo_", schema.api_keys),
}


class TokenInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of a token: never the token. Instants are microseconds since 1970, UTC."""

    id: str
    role: RoleName
    owner: str | None
    """The name of the provider, the integration or the organization; None: of all organizations."""
    owner_id: int | None
    organization_id: int | None
    """Of the owner."""
    label: str
    created_us: int
    revoked_us: int | None


def digest(token: str) -> bytes:
    """What is stored, and looked up, of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def issue(
    transaction: Transaction, role: RoleName, owner: int | str | None, label: str, random: Callable[[int], bytes]
) -> tuple[str, str]:
    """Make a token for an owner; give its public id and the token itself, which nothing can show again.

    Raises:
        NotFound, ConfigError: See ``find_owner``.
    """
    of = _KINDS[role]
    owner_id = find_owner(transaction.connection, role, owner)
    token = of.prefix + base64.urlsafe_b64encode(random(_TOKEN_BYTES)).decode().rstrip("=")
    public_id = new_public_id(random)
    values = {OWNERS[role].column: owner_id, "public_id": public_id, "sha256": digest(token), "label": label}
    if of.table is schema.api_keys:
        values["role"] = role
    insert(transaction.connection, of.table, **values, created_us=transaction.now_us)
    transaction.touched = True
    transaction.note(
        "create",
        "token",
        public_id,
        label,
        organization_id=organization_of(transaction.connection, role, owner_id),
        fields={"role": (None, role), "owner": (None, name_of(transaction.connection, role, owner_id))},
    )
    return public_id, token


def new_public_id(random: Callable[[int], bytes]) -> str:
    """What a credential is called where it may be seen."""
    return base64.b32encode(random(_PUBLIC_ID_BYTES)).decode().lower()


def revoke(transaction: Transaction, public_id: str) -> None:
    """End a token, now. Ending it again changes nothing.

    Raises:
        NotFound: No token has this public id.
    """
    for role, of in _KINDS.items():
        this = (of.table.c.public_id == public_id) & _of_role(role)
        if transaction.connection.scalar(sa.select(of.table.c.id).where(this)) is not None:
            _revoke(transaction, role, this)
            return
    raise NotFound(f"there is no token {public_id!r}")


def revoke_all(transaction: Transaction, role: RoleName, owner_id: int) -> None:
    """End every token of an owner that is removed."""
    _revoke(transaction, role, (_owner_id(role) == owner_id) & _of_role(role))


def active(connection: sa.Connection, role: RoleName, owners: Container[int]) -> dict[bytes, int]:
    """SHA-256 of each active token -> its owner's id; only those of ``owners``. For providers and integrations."""
    table = _KINDS[role].table
    query = sa.select(table.c.sha256, _owner_id(role)).where(table.c.revoked_us.is_(None))
    return {sha256: owner_id for sha256, owner_id in connection.execute(query) if owner_id in owners}


def active_keys(connection: sa.Connection, organizations: Container[int]) -> dict[bytes, Account]:
    """SHA-256 of each active key of the other roles -> what it stands for; of ``organizations``, or of all, only."""
    query = sa.select(schema.api_keys).where(schema.api_keys.c.revoked_us.is_(None))
    return {
        row.sha256: Account(id=row.public_id, role=row.role, organization_id=row.organization_id)
        for row in connection.execute(query)
        if row.organization_id is None or row.organization_id in organizations
    }


def clients(connection: sa.Connection, owners: Container[int]) -> dict[str, bytes]:
    """Public id of each active token of these providers -> its SHA-256: a client's id, and what its secret is."""
    table = schema.provider_tokens
    query = sa.select(table.c.public_id, table.c.sha256, table.c.provider_id).where(table.c.revoked_us.is_(None))
    return {row.public_id: row.sha256 for row in connection.execute(query) if row.provider_id in owners}


def listed(connection: sa.Connection) -> list[TokenInfo]:
    """Every token there ever was, by role, each oldest first."""
    return [
        TokenInfo(
            id=row.public_id,
            role=role,
            owner=row.owner,
            owner_id=getattr(row, OWNERS[role].column),
            organization_id=organization_of(connection, role, getattr(row, OWNERS[role].column)),
            label=row.label,
            created_us=row.created_us,
            revoked_us=row.revoked_us,
        )
        for role, of in _KINDS.items()
        for row in connection.execute(
            sa.select(of.table, OWNERS[role].table.c.name.label("owner"))
            .outerjoin(OWNERS[role].table, OWNERS[role].table.c.id == _owner_id(role))
            .where(_of_role(role))
            .order_by(of.table.c.id)
        )
    ]


def _owner_id(role: RoleName) -> sa.ColumnElement[int]:
    column: sa.Column[int] = _KINDS[role].table.c[OWNERS[role].column]
    return column


def _of_role(role: RoleName) -> sa.ColumnElement[bool]:
    """Which rows of its table are a role's."""
    return schema.api_keys.c.role == role if _KINDS[role].table is schema.api_keys else sa.true()


def _revoke(transaction: Transaction, role: RoleName, which: sa.ColumnElement[bool]) -> None:
    table, connection = _KINDS[role].table, transaction.connection
    ending = connection.execute(sa.select(table).where(which, table.c.revoked_us.is_(None)).order_by(table.c.id)).all()
    for row in ending:
        connection.execute(sa.update(table).where(table.c.id == row.id).values(revoked_us=transaction.now_us))
        owner_id = getattr(row, OWNERS[role].column)
        organization_id = organization_of(connection, role, owner_id)
        transaction.note("revoke", "token", row.public_id, row.label, organization_id=organization_id)
        transaction.touched = True
