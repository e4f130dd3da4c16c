"""Identifiers that the hub issues: numbers and texts by which it speaks of subjects to receivers, never given twice."""

import uuid
from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError
from postroad.model.identifiers import Issue
from postroad.registry.transaction import Transaction

_issued = schema.issued_numbers
_texts = schema.issued_texts
_subjects = schema.subjects


def give(
    transaction: Transaction, organization_id: int, issues: Sequence[Issue], *, subject_id: int | None = None
) -> dict[str, int]:
    """Give each subject of an organization (or one of them) what it lacks of the identifiers that the hub issues.

    Numbers count from 1. No identifier is ever given twice: the rows that hold them are never deleted.

    Returns:
        How many were given, by namespace; without those where none was.

    Raises:
        ConfigError: A namespace has no number left (2^31 - 1 were given).
    """
    given = {}
    for one in issues:
        lacking = _lacking(transaction.connection, organization_id, one, subject_id)
        if lacking:
            (_give_texts if one.text else _give_numbers)(transaction, one.namespace, lacking)
            transaction.touched = True
            given[one.namespace] = len(lacking)
    return given


def give_all(transaction: Transaction, issues: Sequence[Issue]) -> None:
    """``give`` for every organization: what a folder of an older Postroad lacks."""
    for organization_id in transaction.connection.scalars(sa.select(schema.organizations.c.id)).all():
        give(transaction, organization_id, issues)


def issued_identifiers(connection: sa.Connection) -> dict[int, dict[str, int | str]]:
    """Subject id -> namespace -> what the hub issued."""
    issued: dict[int, dict[str, int | str]] = defaultdict(dict)
    for number in connection.execute(sa.select(_issued)):
        issued[number.subject_id][number.namespace] = number.number
    for text in connection.execute(sa.select(_texts)):
        issued[text.subject_id][text.namespace] = text.text
    return issued


def _give_numbers(transaction: Transaction, namespace: str, lacking: Sequence[int]) -> None:
    highest = sa.select(sa.func.max(_issued.c.number)).where(_issued.c.namespace == namespace)
    last = transaction.connection.scalar(highest) or 0
    if last + len(lacking) > schema.INT32_MAX:
        raise ConfigError(f"the namespace {namespace} has no numbers left")
    rows = [
        {"namespace": namespace, "number": number, "subject_id": id_} for number, id_ in enumerate(lacking, last + 1)
    ]
    transaction.connection.execute(sa.insert(_issued), rows)


def _give_texts(transaction: Transaction, namespace: str, lacking: Sequence[int]) -> None:
    rows = [
        {"namespace": namespace, "text": str(uuid.UUID(bytes=transaction.random(16), version=4)), "subject_id": id_}
        for id_ in lacking
    ]
    transaction.connection.execute(sa.insert(_texts), rows)


def _lacking(connection: sa.Connection, organization_id: int, one: Issue, subject_id: int | None) -> Sequence[int]:
    table = _texts if one.text else _issued
    query = (
        sa.select(_subjects.c.id)
        .outerjoin(table, (table.c.subject_id == _subjects.c.id) & (table.c.namespace == one.namespace))
        .where(
            _subjects.c.organization_id == organization_id,
            _subjects.c.kind == one.of,
            _subjects.c.removed_us.is_(None),
            table.c.subject_id.is_(None),
        )
        .order_by(_subjects.c.id)
    )
    if subject_id is not None:
        query = query.where(_subjects.c.id == subject_id)
    return connection.scalars(query).all()
