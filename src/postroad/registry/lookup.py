"""Finding what an operator names on the command line: by id, by name, or by a longer name with slashes."""

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError, NotFound
from postroad.model.identifiers import PLATE, VIN, normalise

_providers, _subscriptions = schema.providers, schema.subscriptions
_organizations, _integrations = schema.organizations, schema.integrations

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


_subjects, _identifiers = schema.subjects, schema.identifiers
_OF_SUBJECTS = (
    sa.select(_subjects.c.id)
    .join(_organizations, _organizations.c.id == _subjects.c.organization_id)
    .where(_subjects.c.removed_us.is_(None))
)
_FLEETS = (
    _OF_SUBJECTS.add_columns(
        _organizations.c.name + "/" + sa.func.coalesce(_subjects.c.name, _identifiers.c.value, "?")
    )
    .outerjoin(_identifiers, _identifiers.c.subject_id == _subjects.c.id)
    .where(_subjects.c.kind == "fleet")
)
_VEHICLES = (
    _OF_SUBJECTS.add_columns(_organizations.c.name + "/" + _identifiers.c.value)
    .join(_identifiers, _identifiers.c.subject_id == _subjects.c.id)
    .where(_subjects.c.kind == "vehicle", _identifiers.c.namespace.in_([PLATE, VIN]))
)


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


def fleet_id(connection: sa.Connection, named: str) -> int:
    """The fleet with this name, or ``organization/name``; a provider's own by what the provider calls it.

    Raises like ``provider_id``.
    """
    return _one(connection, _FLEETS, "fleet", named, by_id=False)


def vehicle_id(connection: sa.Connection, named: str) -> int:
    """The vehicle with this plate or VIN, in any spelling, or ``organization/plate``; raises like ``provider_id``."""
    organization, slash, plate = named.rpartition("/")
    return _one(connection, _VEHICLES, "vehicle", organization + slash + normalise(PLATE, plate), by_id=False)


def _one(
    connection: sa.Connection, query: sa.Select[int, str], kind: str, named: int | str, *, by_id: bool = True
) -> int:
    name = str(named)
    found = {
        id_: path
        for id_, path in connection.execute(query)
        if (by_id and name == str(id_)) or path == name or path.endswith("/" + name)
    }
    if not found:
        raise NotFound(f"there is no {kind} {name!r}")
    if len(found) > 1:
        choices = ", ".join(sorted(found.values()))
        raise ConfigError(f"{kind} {name!r} could be any of {choices}; write it out")
    return found.popitem()[0]
