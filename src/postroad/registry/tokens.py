"""Providers' bearer tokens: random, shown once, stored as their SHA-256, several active at a time.

A plain hash is enough: a token is 256 random bits, not something a person chose, so there is nothing to guess.
"""

import base64
import hashlib
from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import NotFound
from postroad.registry import lookup
from postroad.registry.transaction import Transaction, insert

PREFIX = "prt_"
"""So that people and scanners of repositories recognise a token."""

_TOKEN_BYTES = 32
_PUBLIC_ID_BYTES = 5  # 8 characters of base32

_tokens = schema.provider_tokens


class TokenInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of a token: never the token. Instants are microseconds since 1970, UTC."""

    id: str
    provider_id: int
    provider: str
    label: str
    created_us: int
    revoked_us: int | None


def digest(token: str) -> bytes:
    """What is stored, and looked up, of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def issue(transaction: Transaction, provider: int | str, label: str, random: Callable[[int], bytes]) -> tuple[str, str]:
    """Make a token for a provider; give its public id and the token itself, which nothing can show again.

    Raises:
        NotFound, ConfigError: See ``lookup.provider_id``.
    """
    provider_id = lookup.provider_id(transaction.connection, provider)
    token = PREFIX + base64.urlsafe_b64encode(random(_TOKEN_BYTES)).decode().rstrip("=")
    public_id = base64.b32encode(random(_PUBLIC_ID_BYTES)).decode().lower()
    insert(
        transaction.connection,
        _tokens,
        provider_id=provider_id,
        public_id=public_id,
        sha256=digest(token),
        label=label,
        created_us=transaction.now_us,
    )
    transaction.touched = True
    return public_id, token


def revoke(transaction: Transaction, public_id: str) -> None:
    """End a token, now. Ending it again changes nothing.

    Raises:
        NotFound: No token has this public id.
    """
    row = transaction.connection.execute(sa.select(_tokens).where(_tokens.c.public_id == public_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no token {public_id!r}")
    if row.revoked_us is None:
        values = {"revoked_us": transaction.now_us}
        transaction.connection.execute(sa.update(_tokens).where(_tokens.c.id == row.id).values(values))
        transaction.touched = True


def listed(connection: sa.Connection) -> list[TokenInfo]:
    """Every token there ever was, oldest first."""
    query = (
        sa.select(_tokens, schema.providers.c.name.label("provider"))
        .join(schema.providers, schema.providers.c.id == _tokens.c.provider_id)
        .order_by(_tokens.c.id)
    )
    return [
        TokenInfo(
            id=row.public_id,
            provider_id=row.provider_id,
            provider=row.provider,
            label=row.label,
            created_us=row.created_us,
            revoked_us=row.revoked_us,
        )
        for row in connection.execute(query)
    ]
