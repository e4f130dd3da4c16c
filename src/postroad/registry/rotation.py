"""Rotation of the sealing key.

The order makes every moment safe. First the new key is durable in the file, beside the old ones; then all secrets are
sealed with it in one transaction of the registry; only then may older keys go, and only those that no secret needs.
Killed in between, a rotation leaves a key more than needed, and running it again puts that right. A running hub reads
the file anew when it meets a key that it does not know (``KeyRing.unseal``).
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry import blocklist, erasures, idempotency
from postroad.registry.secrets import (
    KeyRing,
    add_key,
    drop_keys,
    key_id,
    receiver_place,
    secret_place,
    upstream_place,
)
from postroad.registry.signing import signing_place
from postroad.registry.store import RegistryStore

_of_destinations, _of_subscriptions = schema.destination_secrets, schema.subscription_secrets
_of_providers = ((schema.upstream_secrets, upstream_place), (schema.receiver_secrets, receiver_place))


class _Sealed(NamedTuple):
    """A stored secret."""

    table: sa.Table
    this: sa.ColumnElement[bool]
    place: str
    sealed: bytes


class Rotation(NamedTuple):
    """What a rotation did."""

    current: str
    """The new key's id."""
    resealed: int


class KeyUse(NamedTuple):
    """A key, and what needs it."""

    id: str
    current: bool
    held: bool
    """In the key file. If not, the secrets it seals cannot be opened."""
    secrets: int


def rotate(path: Path, registry: RegistryStore) -> Rotation:
    """Make a new current key in the file at ``path``, and seal every stored secret with it.

    Every secret must open with the keys that are there: none is left behind.

    Raises:
        ConfigError: See ``KeyRing.load`` and ``KeyRing.unseal``; or the file cannot be written.
        StoreCorrupt: A stored secret is damaged.
        StoreUnavailable: The registry cannot be changed now.
    """
    _reseal(KeyRing.load(path), registry, keep=True)  # can all be opened? else nothing is begun
    add_key(path)
    keys = KeyRing.load(path)
    return Rotation(keys.current_id, _reseal(keys, registry))


def retire_unused(path: Path, registry: RegistryStore) -> tuple[str, ...]:
    """Drop from the file at ``path`` every key but the current one that no secret needs; the ids of those dropped.

    The registry cannot change meanwhile: nobody seals with a key that is just being dropped.
    """
    with registry.transaction() as transaction:
        used = _used(transaction.connection)
        unused = [id_ for id_ in KeyRing.load(path).ids if not used[id_]]
        dropped = drop_keys(path, unused)
        for id_ in dropped:
            transaction.note("delete", "sealing_key", id_)
        return dropped


def key_use(path: Path, registry: RegistryStore) -> list[KeyUse]:
    """Every key of the file at ``path``, oldest first, then those that secrets need and it does not hold."""
    keys = KeyRing.load(path)
    with registry.transaction() as transaction:
        used = _used(transaction.connection)
    held = [KeyUse(id_, id_ == keys.current_id, True, used.pop(id_, 0)) for id_ in keys.ids]
    return held + [KeyUse(id_, False, False, count) for id_, count in sorted(used.items())]


def _stored(connection: sa.Connection) -> Iterator[_Sealed]:
    """Every sealed secret of the registry, wherever it is kept."""
    table = _of_destinations
    for row in connection.execute(sa.select(table)).all():
        this = (table.c.destination_id == row.destination_id) & (table.c.path == row.path)
        yield _Sealed(table, this, secret_place(row.destination_id, row.path), row.sealed)
    for table, place in _of_providers:
        for row in connection.execute(sa.select(table)).all():
            this = (table.c.provider_id == row.provider_id) & (table.c.path == row.path)
            yield _Sealed(table, this, place(row.provider_id, row.path), row.sealed)
    table = _of_subscriptions
    for row in connection.execute(sa.select(table)).all():
        this = (table.c.subscription_id == row.subscription_id) & (table.c.number == row.number)
        yield _Sealed(table, this, signing_place(row.subscription_id, row.number), row.sealed)

    table = schema.block_key
    for row in connection.execute(sa.select(table)).all():
        yield _Sealed(table, table.c.id == row.id, blocklist.PLACE, row.sealed)
    table = schema.erasures
    for row in connection.execute(sa.select(table).where(table.c.sealed.is_not(None))).all():
        yield _Sealed(table, table.c.id == row.id, erasures.names_place(row.id), row.sealed)
    table = schema.answered
    for row in connection.execute(sa.select(table)).all():
        yield _Sealed(table, table.c.digest == row.digest, idempotency.answer_place(row.digest), row.sealed)


def _used(connection: sa.Connection) -> Counter[str]:
    return Counter(key_id(secret.sealed) for secret in _stored(connection))


def _reseal(keys: KeyRing, registry: RegistryStore, *, keep: bool = False) -> int:
    """Seal every secret anew in one transaction; with ``keep``, only try. How many secrets there are."""
    count = 0
    with registry.transaction() as transaction:
        for secret in _stored(transaction.connection):
            count += 1
            sealed = keys.seal(secret.place, keys.unseal(secret.place, secret.sealed))
            if not keep:
                transaction.connection.execute(sa.update(secret.table).where(secret.this).values(sealed=sealed))
                transaction.touched = True
        if not keep:
            transaction.note("create", "sealing_key", keys.current_id, fields={"resealed": (None, count)})
    return count
