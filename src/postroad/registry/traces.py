"""What of an erased subject stands in the registry beside its identifiers, and goes with it."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from postroad.db import schema
from postroad.model.identifiers import LEGACY_CAR_ID, LEGACY_USER_ID
from postroad.registry.erasures import Names
from postroad.registry.transaction import Transaction

InText = Callable[[str], bool]
"""Whether a text for people names it."""

_TEXTS: tuple[sa.Column[Any], ...] = (
    schema.attempts.c.detail,
    schema.attempts.c.request_id,
    schema.alerts.c.detail,
    schema.tasks.c.detail,
    schema.upstream_runs.c.error,
)
"""Where a text may quote what somebody answered."""


def remove(transaction: Transaction, subject_id: int | None, names: Names, in_text: InText) -> int:
    """Remove rows that name it, and texts that quote it; how many rows that were."""
    connection, links, landings = transaction.connection, schema.account_links, schema.landings
    changed = 0
    for namespace, value in names.identifiers:
        for table in (links, landings) if namespace in (LEGACY_CAR_ID, LEGACY_USER_ID) else ():
            named = table.c.car_id if namespace == LEGACY_CAR_ID else table.c.user_id
            changed += connection.execute(sa.delete(table).where(named == value)).rowcount
    if subject_id is not None:
        consents = sa.delete(schema.consents).where(schema.consents.c.vehicle_id == subject_id)
        changed += connection.execute(consents).rowcount
        changed += _forget_links(transaction, subject_id)
    return changed + sum(_clear_texts(connection, column, in_text) for column in _TEXTS)


def remove_told(transaction: Transaction, subject_id: int) -> None:
    """Forget where subscriptions were told of grants of it: the items there are erased."""
    gone = sa.delete(schema.told).where(schema.told.c.subject_id == subject_id)
    transaction.touched |= bool(transaction.connection.execute(gone).rowcount)


def remove_issued(transaction: Transaction, subject_id: int) -> int:
    """Remove the random identifiers that the hub had issued; how many. Numbers stay, so that none is given twice."""
    texts = schema.issued_texts
    removed = transaction.connection.execute(sa.delete(texts).where(texts.c.subject_id == subject_id)).rowcount
    transaction.touched |= removed > 0
    return removed


def declared_in(connection: sa.Connection, subject_id: int | None, in_text: InText) -> tuple[str, ...]:
    """Where an operator's file names it, who has to take it out: as a vehicle, or in selectors of subscriptions."""
    subjects = schema.subjects
    declared = sa.select(subjects.c.declared).where(subjects.c.id == subject_id)
    subscriptions = schema.subscriptions
    query = sa.select(subscriptions.c.name, subscriptions.c.vehicles, subscriptions.c.drivers)
    rows = connection.execute(query.where(subscriptions.c.removed_us.is_(None)).order_by(subscriptions.c.id))
    named = [row.name for row in rows if any(in_text(text) for text in _strings([row.vehicles, row.drivers]))]
    return (*(["vehicles"] if connection.scalar(declared) else []), *(f"subscription {name}" for name in named))


def _forget_links(transaction: Transaction, subject_id: int) -> int:
    """Clear what customers noted with its streams, for links of their own."""
    noted = (schema.streams.c.subject_id == subject_id) & schema.streams.c.reference_url.is_not(None)
    cleared = transaction.connection.execute(sa.update(schema.streams).where(noted).values(reference_url=None)).rowcount
    transaction.touched |= cleared > 0
    return cleared


def _clear_texts(connection: sa.Connection, column: sa.Column[Any], in_text: InText) -> int:
    [key] = column.table.primary_key
    query = sa.select(key, column).where(column.is_not(None), column != "")
    found = [row[0] for row in connection.execute(query) if in_text(row[1])]
    for value in found:
        connection.execute(sa.update(column.table).where(key == value).values({column.name: ""}))
    return len(found)


def _strings(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for one in value for text in _strings(one)]
        case dict():
            return [text for one in value.values() for text in _strings(one)]
    return []
