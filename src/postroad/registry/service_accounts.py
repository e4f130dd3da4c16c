"""Service accounts: machines that sign in with a key pair of their own, of which the registry has the public half.

An account stays what it was made as. For another key, make another account and revoke the first.
"""

from collections.abc import Callable, Container, Mapping

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import NotFound
from postroad.registry.owners import OWNERS, find_owner, name_of, organization_of
from postroad.registry.records import Integration, Provider, RoleName, ServiceAccount
from postroad.registry.tokens import new_public_id
from postroad.registry.transaction import Transaction, insert

_accounts = schema.service_accounts


class ServiceAccountInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of an account. Instants are microseconds since 1970, UTC."""

    id: str
    role: RoleName
    owner: str | None
    """The name of the provider, the integration or the organization; None: of all organizations."""
    owner_id: int | None
    organization_id: int | None
    """Of the owner."""
    key_id: str
    audience: str
    label: str
    created_us: int
    revoked_us: int | None


def create(
    transaction: Transaction,
    role: RoleName,
    owner: int | str | None,
    *,
    audience: str,
    key_id: str,
    public_key: bytes,
    label: str,
    random: Callable[[int], bytes],
) -> str:
    """Make an account; give its public id. ``public_key`` is as in ``ServiceAccount``, and was checked.

    Raises:
        NotFound, ConfigError: See ``find_owner``.
    """
    public_id = new_public_id(random)
    owner_id = find_owner(transaction.connection, role, owner)
    insert(
        transaction.connection,
        _accounts,
        **{OWNERS[role].column: owner_id},
        role=role,
        public_id=public_id,
        label=label,
        audience=audience,
        key_id=key_id,
        public_key=public_key,
        created_us=transaction.now_us,
    )
    transaction.touched = True
    transaction.note(
        "create",
        "service_account",
        public_id,
        label,
        organization_id=organization_of(transaction.connection, role, owner_id),
        fields={
            "role": (None, role),
            "owner": (None, name_of(transaction.connection, role, owner_id)),
            "key_id": (None, key_id),
            "audience": (None, audience),
        },
    )
    return public_id


def revoke(transaction: Transaction, public_id: str) -> None:
    """End an account, now. Ending it again changes nothing.

    Raises:
        NotFound: No account has this public id.
    """
    this = _accounts.c.public_id == public_id
    if transaction.connection.execute(sa.select(_accounts.c.id).where(this)).one_or_none() is None:
        raise NotFound(f"there is no service account {public_id!r}")
    _revoke(transaction, this)


def revoke_all(transaction: Transaction, role: RoleName, owner_id: int) -> None:
    """End every account of an owner that is removed."""
    _revoke(transaction, (_accounts.c.role == role) & (_accounts.c[OWNERS[role].column] == owner_id))


def active(
    connection: sa.Connection,
    organizations: Container[int],
    providers: Mapping[int, Provider],
    integrations: Mapping[int, Integration],
) -> dict[str, ServiceAccount]:
    """The accounts that can sign in, by public id; only those of living owners, or of all organizations."""
    found = {}
    for row in connection.execute(sa.select(_accounts).where(_accounts.c.revoked_us.is_(None))):
        organization_id = row.organization_id
        if row.provider_id is not None or row.integration_id is not None:
            owner = providers.get(row.provider_id) or integrations.get(row.integration_id)
            if owner is None:
                continue
            organization_id = owner.organization_id
        if organization_id is not None and organization_id not in organizations:
            continue
        found[row.public_id] = ServiceAccount(
            id=row.public_id,
            role=row.role,
            organization_id=organization_id,
            provider_id=row.provider_id,
            integration_id=row.integration_id,
            audience=row.audience,
            key_id=row.key_id,
            public_key=row.public_key,
        )
    return found


def listed(connection: sa.Connection) -> list[ServiceAccountInfo]:
    """Every account there ever was, oldest first."""
    organizations, providers, integrations = schema.organizations, schema.providers, schema.integrations
    owner = sa.func.coalesce(providers.c.name, integrations.c.name, organizations.c.name)
    query = (
        sa.select(_accounts, owner.label("owner"))
        .outerjoin(organizations, organizations.c.id == _accounts.c.organization_id)
        .outerjoin(providers, providers.c.id == _accounts.c.provider_id)
        .outerjoin(integrations, integrations.c.id == _accounts.c.integration_id)
        .order_by(_accounts.c.id)
    )
    return [
        ServiceAccountInfo(
            id=row.public_id,
            role=row.role,
            owner=row.owner,
            owner_id=getattr(row, OWNERS[row.role].column),
            organization_id=organization_of(connection, row.role, getattr(row, OWNERS[row.role].column)),
            key_id=row.key_id,
            audience=row.audience,
            label=row.label,
            created_us=row.created_us,
            revoked_us=row.revoked_us,
        )
        for row in connection.execute(query)
    ]


def _revoke(transaction: Transaction, which: sa.ColumnElement[bool]) -> None:
    connection = transaction.connection
    ending = sa.select(_accounts).where(which, _accounts.c.revoked_us.is_(None)).order_by(_accounts.c.id)
    for row in connection.execute(ending).all():
        connection.execute(sa.update(_accounts).where(_accounts.c.id == row.id).values(revoked_us=transaction.now_us))
        organization_id = organization_of(connection, row.role, getattr(row, OWNERS[row.role].column))
        transaction.note("revoke", "service_account", row.public_id, row.label, organization_id=organization_id)
        transaction.touched = True
