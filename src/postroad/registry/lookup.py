"""Finding what an operator names on the command line: by id, by name, or by a longer name with slashes."""

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError, NotFound

_providers, _subscriptions = schema.providers, schema.subscriptions
_organizations, _integrations = schema.organizations, schema.integrations

_ORGANIZATIONS = sa.select(_organizations.c.id, _organizations.c.name).where(_organizations.c.removed_us.is_(None))
_PROVIDERS = (
    sa.select(_providers.c.id, _organizations.c.name + "/" + _providers.c.name)
    .join(_organizations, _organizations.c.id == _providers.c.organization_id)
    .where(_providers.c.removed_us.is_(None))
)
_INTEGRATIONS = (
    sa.select(_integrations.c.id, _organizations.c.name + "/" + _integrations.c.name)
    .join(_organizations, _organizations.c.id == _integrations.c.organization_id)
    .where(_integrations.c.removed_us.is_(None))
)
_SUBSCRIPTIONS = (
    sa.select(
        _subscriptions.c.id,
        _organizations.c.name + "/" + _integrations.c.name + "/" + _subscriptions.c.name,
    )
    .join(_integrations, _integrations.c.id == _subscriptions.c.integration_id)
    .join(_organizations, _organizations.c.id == _integrations.c.organization_id)
    .where(_subscriptions.c.removed_us.is_(None))
)


def organization_id(connection: sa.Connection, named: int | str) -> int:
    """The organization with this id or name; raises like ``provider_id``."""
    return _one(connection, _ORGANIZATIONS, "organization", named)


def provider_id(connection: sa.Connection, named: int | str) -> int:
    """The provider with this id, name, or ``organization/name``.

    Raises:
        NotFound: There is none.
        ConfigError: There are several.
    """
    return _one(connection, _PROVIDERS, "provider", named)


def integration_id(connection: sa.Connection, named: int | str) -> int:
    """The integration with this id, name, or ``organization/name``; raises like ``provider_id``."""
    return _one(connection, _INTEGRATIONS, "integration", named)


def subscription_id(connection: sa.Connection, named: int | str) -> int:
    """The subscription with this id, name, or ``[organization/]integration/name``; raises like ``provider_id``."""
    return _one(connection, _SUBSCRIPTIONS, "subscription", named)


def _one(connection: sa.Connection, query: sa.Select[int, str], kind: str, named: int | str) -> int:
    name = str(named)
    found = {
        id_: path
        for id_, path in connection.execute(query)
        if name == str(id_) or path == name or path.endswith("/" + name)
    }
    if not found:
        raise NotFound(f"there is no {kind} {name!r}")
    if len(found) > 1:
        choices = ", ".join(sorted(found.values()))
        raise ConfigError(f"{kind} {name!r} could be any of {choices}; write it out")
    return found.popitem()[0]
