"""Streams as they are listed: those that are open, and those that have ended, which answer who had what."""

from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import NotFound
from postroad.registry import selection
from postroad.registry.records import Stream
from postroad.registry.streams import record_of

_streams, _subscriptions, _integrations = schema.streams, schema.subscriptions, schema.integrations


class ListedStream(msgspec.Struct, frozen=True, kw_only=True):
    """A stream, and whose it is. Instants are microseconds since 1970, UTC."""

    stream: Stream
    created_us: int
    ended_us: int | None
    integration_id: int
    organization_id: int
    """Of the integration."""
    by: str
    """Who says which vehicles its subscription has: ``selected``, ``granted`` or ``chosen``."""


class Which(NamedTuple):
    """The streams that are asked for; ``None``: any."""

    integration_ids: frozenset[int] | None = None
    subscription_id: int | None = None
    subject_id: int | None = None
    ended: bool | None = None


_query = (
    sa.select(_streams, _subscriptions.c.vehicles, _subscriptions.c.integration_id, _integrations.c.organization_id)
    .join(_subscriptions, _subscriptions.c.id == _streams.c.subscription_id)
    .join(_integrations, _integrations.c.id == _subscriptions.c.integration_id)
)


def listed(connection: sa.Connection, which: Which, *, after: int, limit: int) -> list[ListedStream]:
    """Those with ids above ``after``, in order."""
    query = _query.where(_streams.c.id > after).order_by(_streams.c.id).limit(limit)
    if which.integration_ids is not None:
        query = query.where(_integrations.c.id.in_(which.integration_ids))
    for column in (_streams.c.subscription_id, _streams.c.subject_id, _streams.c.ended):
        if (value := getattr(which, column.name)) is not None:
            query = query.where(column == value)
    return [_made(row) for row in connection.execute(query)]


def one(connection: sa.Connection, stream_id: int) -> ListedStream:
    """One of them. Raises ``NotFound``."""
    row = connection.execute(_query.where(_streams.c.id == stream_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no stream {stream_id}")
    return _made(row)


def _made(row: sa.Row[tuple[object, ...]]) -> ListedStream:
    return ListedStream(
        stream=record_of(row),
        created_us=row.created_us,
        ended_us=row.ended_us,
        integration_id=row.integration_id,
        organization_id=row.organization_id,
        by=selection.load(row.vehicles).by,
    )
