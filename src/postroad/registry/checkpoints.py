"""How far providers' sources were read whose services leave that to the reader. In no view: the version stays."""

from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry import alerts
from postroad.registry.alerts import about_provider
from postroad.registry.transaction import Transaction

FAILING = "receiver_failing"
"""The alert on a provider whose messages cannot be received; it is cleared as soon as they can."""

_marks = schema.checkpoints


class Part(NamedTuple):
    """A part of a provider's source, which is read by itself."""

    provider_id: int
    source: str
    partition: str


def every(connection: sa.Connection) -> dict[Part, str]:
    """Every mark that there is."""
    return {Part(row.provider_id, row.source, row.partition): row.mark for row in connection.execute(sa.select(_marks))}


def saved_us(connection: sa.Connection) -> dict[int, int]:
    """By provider, when a mark of it was last saved."""
    latest = sa.select(_marks.c.provider_id, sa.func.max(_marks.c.saved_us)).group_by(_marks.c.provider_id)
    return {row[0]: row[1] for row in connection.execute(latest)}


def take_back(transaction: Transaction, earlier: Mapping[Part, str]) -> None:
    """Let every mark be what it was earlier: what was read since then is read again."""
    for part, mark in every(transaction.connection).items():
        if part not in earlier:
            transaction.connection.execute(sa.delete(_marks).where(_this(*part)))
        elif earlier[part] != mark:
            transaction.connection.execute(sa.update(_marks).where(_this(*part)).values(mark=earlier[part]))


def load(connection: sa.Connection, provider_id: int, source: str, partition: str) -> str | None:
    """What was saved last of a part of a source; ``None``: nothing."""
    return connection.scalar(sa.select(_marks.c.mark).where(_this(provider_id, source, partition)))


def save(transaction: Transaction, provider_id: int, source: str, partition: str, mark: str) -> None:
    """Remember it, unless the provider receives no more: then there is nothing to go on with."""
    receives = sa.select(schema.receivers.c.provider_id).where(schema.receivers.c.provider_id == provider_id)
    if transaction.connection.execute(receives).one_or_none() is None:
        return
    values = {"mark": mark, "saved_us": transaction.now_us}
    this = sa.update(_marks).where(_this(provider_id, source, partition)).values(values)
    if transaction.connection.execute(this).rowcount == 0:
        of = {"provider_id": provider_id, "source": source, "partition": partition}
        transaction.connection.execute(sa.insert(_marks).values(of | values))


def forget(transaction: Transaction, provider_id: int) -> None:
    """The provider's messages are not received any more: forget how far that came, and what was wrong with it."""
    transaction.connection.execute(sa.delete(_marks).where(_marks.c.provider_id == provider_id))
    alerts.clear_alert(transaction, FAILING, about_provider(provider_id))


def _this(provider_id: int, source: str, partition: str) -> sa.ColumnElement[bool]:
    return (_marks.c.provider_id == provider_id) & (_marks.c.source == source) & (_marks.c.partition == partition)
