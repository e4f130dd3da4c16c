"""Bearer tokens of providers and integrations: random, shown once, stored as their SHA-256, several active at a time.

A provider's token lets it push events in; an integration's lets a customer ask about its own deliveries.
A plain hash is enough: a token is 256 random bits, not something a person chose, so there is nothing to guess.
"""

import base64
import hashlib
from collections.abc import Callable, Container
from typing import Literal, NamedTuple

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import NotFound
from postroad.registry import lookup
from postroad.registry.transaction import Transaction, insert

Owner = Literal["provider", "integration"]
"""Whose a token is."""

_TOKEN_BYTES = 32
_PUBLIC_ID_BYTES = 5  # 8 characters of base32


class _Kind(NamedTuple):
    """Where the tokens of one kind of owner are."""

    prefix: str
    """So that people and scanners of repositories recognise a token, and tell what it opens."""
    table: sa.Table
    owners: sa.Table
    owner_id: sa.Column[int]
    find: Callable[[sa.Connection, int | str], int]


_KINDS: dict[Owner, _Kind] = {
    "provider": _Kind(
        "prt_",
        schema.provider_tokens,
        schema.providers,
        schema.provider_tokens.c.provider_id,
        lookup.provider_id,
    ),
    "integration": _Kind(
        "pit_",
        schema.integration_tokens,
        schema.integrations,
        schema.integration_tokens.c.integration_id,
        lookup.integration_id,
    ),
}


class TokenInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of a token: never the token. Instants are microseconds since 1970, UTC."""

    id: str
    kind: Owner
    owner_id: int
    owner: str
    """Its name."""
    label: str
    created_us: int
    revoked_us: int | None


def digest(token: str) -> bytes:
    """What is stored, and looked up, of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def issue(
    transaction: Transaction, kind: Owner, owner: int | str, label: str, random: Callable[[int], bytes]
) -> tuple[str, str]:
    """Make a token for an owner; give its public id and the token itself, which nothing can show again.

    Raises:
        NotFound, ConfigError: See ``lookup.provider_id``.
    """
    of = _KINDS[kind]
    owner_id = of.find(transaction.connection, owner)
    token = of.prefix + base64.urlsafe_b64encode(random(_TOKEN_BYTES)).decode().rstrip("=")
    public_id = base64.b32encode(random(_PUBLIC_ID_BYTES)).decode().lower()
    values = {of.owner_id.name: owner_id, "public_id": public_id, "sha256": digest(token), "label": label}
    insert(transaction.connection, of.table, **values, created_us=transaction.now_us)
    transaction.touched = True
    return public_id, token


def revoke(transaction: Transaction, public_id: str) -> None:
    """End a token, now. Ending it again changes nothing.

    Raises:
        NotFound: No token has this public id.
    """
    for of in _KINDS.values():
        table = of.table
        row = transaction.connection.execute(sa.select(table).where(table.c.public_id == public_id)).one_or_none()
        if row is not None:
            _revoke(transaction, table, table.c.id == row.id)
            return
    raise NotFound(f"there is no token {public_id!r}")


def revoke_all(transaction: Transaction, kind: Owner, owner_id: int) -> None:
    """End every token of an owner that is removed."""
    _revoke(transaction, _KINDS[kind].table, _KINDS[kind].owner_id == owner_id)


def active(connection: sa.Connection, kind: Owner, owners: Container[int]) -> dict[bytes, int]:
    """SHA-256 of each active token -> its owner's id; only those of ``owners``."""
    of = _KINDS[kind]
    query = sa.select(of.table.c.sha256, of.owner_id).where(of.table.c.revoked_us.is_(None))
    return {sha256: owner_id for sha256, owner_id in connection.execute(query) if owner_id in owners}


def clients(connection: sa.Connection, owners: Container[int]) -> dict[str, bytes]:
    """Public id of each active token of these providers -> its SHA-256: a client's id, and what its secret is."""
    table = schema.provider_tokens
    query = sa.select(table.c.public_id, table.c.sha256, table.c.provider_id).where(table.c.revoked_us.is_(None))
    return {row.public_id: row.sha256 for row in connection.execute(query) if row.provider_id in owners}


def listed(connection: sa.Connection) -> list[TokenInfo]:
    """Every token there ever was: providers' first, then integrations', each oldest first."""
    return [
        TokenInfo(
            id=row.public_id,
            kind=kind,
            owner_id=row.owner_id,
            owner=row.owner,
            label=row.label,
            created_us=row.created_us,
            revoked_us=row.revoked_us,
        )
        for kind, of in _KINDS.items()
        for row in connection.execute(
            sa.select(of.table, of.owner_id.label("owner_id"), of.owners.c.name.label("owner"))
            .join(of.owners, of.owners.c.id == of.owner_id)
            .order_by(of.table.c.id)
        )
    ]


def _revoke(transaction: Transaction, table: sa.Table, which: sa.ColumnElement[bool]) -> None:
    values = {"revoked_us": transaction.now_us}
    ended = transaction.connection.execute(sa.update(table).where(which, table.c.revoked_us.is_(None)).values(values))
    transaction.touched |= bool(ended.rowcount)
