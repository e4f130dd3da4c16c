"""What people call things, and whose they are: for what is kept about them. What is removed still has its name."""

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.model.identifiers import CONNECTED_CARS_FLEET, PLATE, VIN

_organizations, _integrations, _subscriptions = schema.organizations, schema.integrations, schema.subscriptions
_subjects, _identifiers = schema.subjects, schema.identifiers
_LOOKED_UP_AT_ONCE = 1_000


class Called(NamedTuple):
    """A thing's name, with those of its owners before it."""

    name: str
    organization_id: int | None


NOBODY = Called("", None)
"""What is not there."""


def integration(connection: sa.Connection, integration_id: int) -> Called:
    """``organization/integration``."""
    query = (
        sa.select(_organizations.c.name + "/" + _integrations.c.name, _organizations.c.id)
        .join(_organizations, _organizations.c.id == _integrations.c.organization_id)
        .where(_integrations.c.id == integration_id)
    )
    return _one(connection, query)


def subscription(connection: sa.Connection, subscription_id: int) -> Called:
    """``organization/integration/subscription``."""
    names = (_organizations.c.name, _integrations.c.name, _subscriptions.c.name)
    query = (
        sa.select(names[0] + "/" + names[1] + "/" + names[2], _organizations.c.id)
        .join(_integrations, _integrations.c.id == _subscriptions.c.integration_id)
        .join(_organizations, _organizations.c.id == _integrations.c.organization_id)
        .where(_subscriptions.c.id == subscription_id)
    )
    return _one(connection, query)


def subjects(connection: sa.Connection, subject_ids: Collection[int]) -> dict[int, Called]:
    """``organization/fleet`` or ``organization/plate``, by id; nothing stands for a name that is not known."""
    first_name = (
        sa.select(sa.func.min(_identifiers.c.value))
        .where(
            _identifiers.c.subject_id == _subjects.c.id,
            _identifiers.c.namespace.in_([PLATE, VIN, CONNECTED_CARS_FLEET]) | (_subjects.c.kind == "driver"),
        )
        .scalar_subquery()
    )
    name = _organizations.c.name + "/" + sa.func.coalesce(_subjects.c.name, first_name, "")
    query = sa.select(_subjects.c.id, name, _organizations.c.id).join(
        _organizations, _organizations.c.id == _subjects.c.organization_id
    )
    ids, found = sorted(subject_ids), dict[int, Called]()
    for first in range(0, len(ids), _LOOKED_UP_AT_ONCE):
        rows = connection.execute(query.where(_subjects.c.id.in_(ids[first : first + _LOOKED_UP_AT_ONCE])))
        found |= {row[0]: Called(row[1], row[2]) for row in rows}
    return found


def subject(connection: sa.Connection, subject_id: int) -> Called:
    """The same of one."""
    return subjects(connection, [subject_id]).get(subject_id, NOBODY)


def _one(connection: sa.Connection, query: sa.Select[str, int]) -> Called:
    row = connection.execute(query).one_or_none()
    return NOBODY if row is None else Called(*row)
