"""Whose a key or a service account is: a provider's, an integration's, an organization's, or nobody's in particular."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError
from postroad.registry import lookup
from postroad.registry.records import RoleName


class Owners(NamedTuple):
    """Who owns what is of one role."""

    table: sa.Table
    column: str
    """In which an owner is referred to."""
    find: Callable[[sa.Connection, int | str], int]


_ORGANIZATIONS: Final = Owners(schema.organizations, "organization_id", lookup.organization_id)
OWNERS: Final[Mapping[RoleName, Owners]] = {
    "provider": Owners(schema.providers, "provider_id", lookup.provider_id),
    "integration": Owners(schema.integrations, "integration_id", lookup.integration_id),
    "operator": _ORGANIZATIONS,
    "auditor": _ORGANIZATIONS,
    "fleet_owner": _ORGANIZATIONS,
}


def organization_of(connection: sa.Connection, role: RoleName, owner_id: int | None) -> int | None:
    """The organization of an owner; ``None``: all."""
    if owner_id is None or OWNERS[role] is _ORGANIZATIONS:
        return owner_id
    table = OWNERS[role].table
    found: int | None = connection.scalar(sa.select(table.c.organization_id).where(table.c.id == owner_id))
    return found


def name_of(connection: sa.Connection, role: RoleName, owner_id: int | None) -> str | None:
    """An owner's own name; ``None``: all organizations."""
    table = OWNERS[role].table
    found: str | None = connection.scalar(sa.select(table.c.name).where(table.c.id == owner_id))
    return found


def find_owner(connection: sa.Connection, role: RoleName, named: int | str | None) -> int | None:
    """The id of whom an operator names as the owner of something of this role; None: of all organizations.

    Raises:
        NotFound: There is none of this name.
        ConfigError: There are several, or it does not go with the role.
    """
    if named is None and role in ("operator", "auditor"):
        return None
    if named is None:
        raise ConfigError(f"a {role.replace('_', ' ')} is of one: say of which")
    if role == "operator":
        raise ConfigError("an operator is of all organizations: name none")
    return OWNERS[role].find(connection, named)
