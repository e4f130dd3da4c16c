"""Secrets by which a subscription's customer knows our requests (Standard Webhooks, symmetric signatures).

A secret is ``whsec_`` and the base64 of 24 to 64 random bytes. A subscription may have several at once, the newest
first: while they change, every request is signed with each, so that the customer can take the new one in at leisure.
They are kept sealed, in ``subscription_secrets``.

A file that declares a subscription's secrets decides on them whole. Else they are made here, one at a time, and those
before stay valid over an overlap.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError, StoreCorrupt
from postroad.registry import called
from postroad.registry.notes import SECRET
from postroad.registry.records import SealedSecret, Subscription
from postroad.registry.secrets import KeyRing
from postroad.registry.transaction import Transaction

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64
MAX_SECRETS = 8
"""Of one subscription at once: each is a signature in every request's header."""

_MADE_BYTES = 32
_secrets = schema.subscription_secrets


def signing_place(subscription_id: int, number: int) -> str:
    """The place of a subscription's signing secret; see ``postroad.registry.secrets``."""
    return f"subscription/{subscription_id}/signing/{number}"


def decoded(secret: str) -> bytes:
    """The bytes that a secret's text stands for.

    Raises:
        ConfigError: It is not written as the standard wants. The message does not quote it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""  # without a cause: it could quote the secret
    if not secret.startswith(PREFIX) or not MIN_BYTES <= len(key) <= MAX_BYTES:
        raise ConfigError(f"not a signing secret: {PREFIX} and the base64 of {MIN_BYTES} to {MAX_BYTES} random bytes")
    return key


def opened_signing(subscription: Subscription, keys: KeyRing, now_us: int) -> tuple[str, ...]:
    """The secrets that are valid at an instant, the newest first. Do not keep them longer than needed.

    Raises:
        ConfigError, StoreCorrupt: See ``KeyRing.unseal``.
    """
    return tuple(
        keys.unseal(signing_place(subscription.id, secret.number), secret.sealed)
        for secret in subscription.signing
        if secret.expires_us is None or secret.expires_us > now_us
    )


def read(connection: sa.Connection) -> dict[int, tuple[SealedSecret, ...]]:
    """Sealed secrets by subscription id, the newest first."""
    found: dict[int, tuple[SealedSecret, ...]] = {}
    for row in connection.execute(sa.select(_secrets).order_by(_secrets.c.number.desc())):
        secret = SealedSecret(number=row.number, sealed=row.sealed, expires_us=row.expires_us)
        found[row.subscription_id] = (*found.get(row.subscription_id, ()), secret)
    return found


def rotate(
    transaction: Transaction, subscription_id: int, keys: KeyRing, *, overlap_us: int, random: Callable[[int], bytes]
) -> str:
    """Make a new secret and give it; those before it stay valid for ``overlap_us``, unless they end sooner.

    Raises:
        ConfigError: A file declares this subscription's secrets; or there are too many that are still valid.
    """
    connection, now_us = transaction.connection, transaction.now_us
    _forget(connection, subscription_id, _secrets.c.expires_us <= now_us)
    rows = _rows(connection, subscription_id)
    if any(row.declared for row in rows):
        raise ConfigError("a declared file holds its signing secrets: put a new one first in its list, and apply it")
    if overlap_us <= 0:
        _forget(connection, subscription_id, sa.true())
    elif len(rows) >= MAX_SECRETS:
        raise ConfigError(f"{len(rows)} signing secrets are still valid: wait until one has ended, or take --overlap 0")
    else:
        until_us = now_us + overlap_us
        lasting = sa.or_(_secrets.c.expires_us.is_(None), _secrets.c.expires_us > until_us)
        of_this = _secrets.c.subscription_id == subscription_id
        connection.execute(sa.update(_secrets).where(of_this, lasting).values(expires_us=until_us))
    secret = PREFIX + base64.b64encode(random(_MADE_BYTES)).decode()
    _add(transaction, subscription_id, _next_number(rows), secret, keys, declared=False)
    transaction.touched = True
    name, organization_id = called.subscription(connection, subscription_id)
    fields = {"signing.secrets": (SECRET if rows else None, SECRET)}
    transaction.note("update", "subscription", subscription_id, name, organization_id=organization_id, fields=fields)
    return secret


def declare(transaction: Transaction, subscription_id: int, wanted: Sequence[str] | None, keys: KeyRing) -> int | None:
    """Make a subscription's secrets those that a file lists, the newest first.

    With None the file does not speak of them: they stay as they are, and can be rotated here again.

    Returns:
        How many there were before; None if nothing changed.
    """
    connection = transaction.connection
    rows = _rows(connection, subscription_id)
    if wanted is None:
        of_this = _secrets.c.subscription_id == subscription_id
        connection.execute(sa.update(_secrets).where(of_this, _secrets.c.declared).values(declared=False))
        return None
    found = [_opened(keys, row) for row in rows]
    if found == list(wanted) and all(row.declared and row.expires_us is None for row in rows):
        return None
    _forget(connection, subscription_id, sa.true())
    for number, secret in enumerate(reversed(wanted), _next_number(rows)):
        _add(transaction, subscription_id, number, secret, keys, declared=True)
    transaction.touched = True
    return len(rows)


def forget(transaction: Transaction, subscription_id: int) -> None:
    """Drop every secret of a subscription that is removed."""
    _forget(transaction.connection, subscription_id, sa.true())


def _add(
    transaction: Transaction, subscription_id: int, number: int, secret: str, keys: KeyRing, *, declared: bool
) -> None:
    transaction.connection.execute(
        sa.insert(_secrets).values(
            subscription_id=subscription_id,
            number=number,
            sealed=keys.seal(signing_place(subscription_id, number), secret),
            declared=declared,
            created_us=transaction.now_us,
        )
    )


def _rows(connection: sa.Connection, subscription_id: int) -> Sequence[sa.Row[Any]]:
    """The newest first."""
    query = sa.select(_secrets).where(_secrets.c.subscription_id == subscription_id).order_by(_secrets.c.number.desc())
    return connection.execute(query).all()


def _next_number(rows: Sequence[sa.Row[Any]]) -> int:
    return max((row.number for row in rows), default=0) + 1


def _forget(connection: sa.Connection, subscription_id: int, which: sa.ColumnElement[bool]) -> None:
    connection.execute(sa.delete(_secrets).where(_secrets.c.subscription_id == subscription_id, which))


def _opened(keys: KeyRing, row: sa.Row[Any]) -> str | None:
    try:
        return keys.unseal(signing_place(row.subscription_id, row.number), row.sealed)
    except (ConfigError, StoreCorrupt):
        return None  # its key is lost, or it is damaged: sealing it anew is the cure
