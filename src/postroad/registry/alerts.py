"""What a person should look at: raised once, kept while it is so, cleared when it is so no longer.

The registry takes any kind; ``AlertKind`` and ``ShardAlertKind`` of ``postroad.delivery.delivery`` name those that are
raised. No view shows alerts: they leave the version alone.
"""

from collections.abc import Collection

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.registry.text import storable
from postroad.registry.transaction import Transaction, insert

PAUSED = "destination_gone"
"""The kind that goes with a pause that the hub made by itself; resuming clears it."""

_alerts = schema.alerts


_SHARD, _PROVIDER = "shard ", "provider "


def about_shard(shard: int) -> str:
    """What an alert about a shard says of it."""
    return f"{_SHARD}{shard}"


def about_provider(provider_id: int) -> str:
    """What an alert about a provider says of it."""
    return f"{_PROVIDER}{provider_id}"


def provider_of(about: str) -> int | None:
    """The provider's id, if it is about one."""
    text = about.removeprefix(_PROVIDER)
    return int(text) if text.isdigit() and about.startswith(_PROVIDER) else None


def number_of(about: str, *, shard: bool) -> int | None:
    """The shard's number or the subscription's id, if it is about one."""
    text = about.removeprefix(_SHARD) if shard else about
    return int(text) if text.isdigit() and about.startswith(_SHARD) == shard else None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A row. Instants are microseconds since 1970, UTC."""

    id: int
    kind: str
    about: str
    """The id of a subscription, ``shard`` or ``provider`` and a number, or empty: the whole hub."""
    detail: str
    raised_us: int
    last_us: int
    """When it was last said to be so."""
    cleared_us: int | None = None
    """None while it is open."""


def raise_alert(transaction: Transaction, kind: str, about: str, detail: str) -> None:
    """It is so; of an alert that is open already only the detail and ``last_us`` change."""
    values = {"detail": storable(detail), "last_us": transaction.now_us}
    said_again = transaction.connection.execute(sa.update(_alerts).where(_open(kind, about)).values(values)).rowcount
    if not said_again:
        insert(transaction.connection, _alerts, kind=kind, about=about, raised_us=transaction.now_us, **values)


def clear_alert(transaction: Transaction, kind: str, about: str) -> None:
    """It is so no longer; nothing happens if it was not."""
    values = {"cleared_us": transaction.now_us}
    transaction.connection.execute(sa.update(_alerts).where(_open(kind, about)).values(values))


def listed(
    connection: sa.Connection,
    *,
    open_only: bool,
    limit: int,
    about: Collection[str] | None = None,
    before: int | None = None,
) -> list[Alert]:
    """The newest first, from the one behind ``before`` (an id) on; only those ``about`` any of these things."""
    query = sa.select(_alerts).order_by(_alerts.c.id.desc()).limit(limit)
    if open_only:
        query = query.where(_alerts.c.cleared_us.is_(None))
    if about is not None:
        query = query.where(_alerts.c.about.in_(about))
    if before is not None:
        query = query.where(_alerts.c.id < before)
    return [Alert(**row) for row in connection.execute(query).mappings()]


def prune(connection: sa.Connection, before_us: int) -> int:
    """Forget alerts that were cleared before an instant; how many those were. An open one is never forgotten."""
    return connection.execute(sa.delete(_alerts).where(_alerts.c.cleared_us < before_us)).rowcount


def _open(kind: str, about: str) -> sa.ColumnElement[bool]:
    return sa.and_(_alerts.c.kind == kind, _alerts.c.about == about, _alerts.c.cleared_us.is_(None))
