"""Subjects as they are listed: page by page, with all that they are known by."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import NotFound
from postroad.model.identifiers import SubjectKind, normalise
from postroad.registry import memberships

_subjects, _identifiers, _memberships = schema.subjects, schema.identifiers, schema.memberships


class ListedSubject(msgspec.Struct, frozen=True, kw_only=True):
    """A subject, and what it is known by."""

    id: int
    organization_id: int
    kind: SubjectKind
    name: str | None
    """Of a fleet that was declared."""
    declared: bool
    created_us: int
    identifiers: dict[str, list[str]]
    """Namespace -> values, sorted."""
    issued: dict[str, int | str]
    """What the hub calls it outside: namespace -> number or text."""
    fleet_id: int | None
    """Of the fleet that a vehicle is in."""
    fleet: str | None
    """That fleet's name; None also if only its provider knows it."""


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """Which subjects are listed. None: whatever it is."""

    organization_id: int | None = None
    kind: SubjectKind | None = None
    namespace: str | None = None
    """With ``value``: who has this identifier."""
    value: str | None = None
    """In any spelling."""
    fleet_id: int | None = None
    """Vehicles that are in this fleet."""


def listed(connection: sa.Connection, which: Which, *, after: int, limit: int) -> list[ListedSubject]:
    """Subjects that are not removed, in the order of their ids, those behind ``after`` first; at most ``limit``."""
    query = sa.select(_subjects).where(_subjects.c.removed_us.is_(None), _subjects.c.id > after)
    if which.organization_id is not None:
        query = query.where(_subjects.c.organization_id == which.organization_id)
    if which.kind is not None:
        query = query.where(_subjects.c.kind == which.kind)
    if which.value is not None:
        of = sa.select(_identifiers.c.subject_id)
        if which.namespace is None:
            spellings = {normalise(namespace, which.value) for namespace in ("plate", "")}
            of = of.where(_identifiers.c.value.in_(spellings))
        else:
            value = normalise(which.namespace, which.value)
            of = of.where(_identifiers.c.namespace == which.namespace, _identifiers.c.value == value)
        query = query.where(_subjects.c.id.in_(of))
    elif which.namespace is not None:
        of = sa.select(_identifiers.c.subject_id).where(_identifiers.c.namespace == which.namespace)
        query = query.where(_subjects.c.id.in_(of))
    if which.fleet_id is not None:
        members = sa.select(_memberships.c.vehicle_id).where(
            _memberships.c.fleet_id == which.fleet_id, _memberships.c.until_us.is_(None)
        )
        query = query.where(_subjects.c.id.in_(members))
    return _whole(connection, connection.execute(query.order_by(_subjects.c.id).limit(limit)).all())


def one(connection: sa.Connection, id_: int, *, kind: SubjectKind | None = None) -> ListedSubject:
    """One that is not removed. Raises ``NotFound``, also for one of another kind."""
    query = sa.select(_subjects).where(_subjects.c.id == id_, _subjects.c.removed_us.is_(None))
    found = _whole(connection, connection.execute(query).all())
    if not found or kind not in (None, found[0].kind):
        raise NotFound(f"there is no {kind or 'subject'} {id_}")
    return found[0]


def _whole(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[ListedSubject]:
    ids = [row.id for row in rows]
    identifiers: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    known = sa.select(_identifiers).where(_identifiers.c.subject_id.in_(ids))
    for row in connection.execute(known.order_by(_identifiers.c.namespace, _identifiers.c.value)):
        identifiers[row.subject_id][row.namespace].append(row.value)
    issued: dict[int, dict[str, int | str]] = defaultdict(dict)
    for table, column in ((schema.issued_numbers, "number"), (schema.issued_texts, "text")):
        for row in connection.execute(sa.select(table).where(table.c.subject_id.in_(ids))):
            issued[row.subject_id][row.namespace] = getattr(row, column)
    fleets = memberships.fleets_of(connection, ids)
    named = sa.select(_subjects.c.id, _subjects.c.name).where(_subjects.c.id.in_({*fleets.values()}))
    names = {row.id: row.name for row in connection.execute(named)}
    return [
        ListedSubject(
            id=row.id,
            organization_id=row.organization_id,
            kind=row.kind,
            name=row.name,
            declared=row.declared,
            created_us=row.created_us,
            identifiers=dict(identifiers[row.id]),
            issued=issued[row.id],
            fleet_id=fleets.get(row.id),
            fleet=names.get(fleets.get(row.id)),
        )
        for row in rows
    ]
