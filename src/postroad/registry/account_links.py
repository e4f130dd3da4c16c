"""Which vehicles an account shares, as the account feed says, and whether its user came by the landing page.

The feed alone makes and ends a link. A visit is what an unsigned URL claims: it marks a link that the feed has made,
and until there is one it waits in a bounded table, for a day. No view shows links yet: they leave the version alone.
Identifiers are normalised.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import sqlalchemy as sa

from postroad.clock import DAY_US
from postroad.db import schema
from postroad.registry.transaction import Transaction

WAITS_US: Final = DAY_US
"""How long a visit waits for the feed."""
MAX_WAITING: Final = 10_000
"""Visits that wait at once; the oldest go first."""

_links, _landings = schema.account_links, schema.landings


class LinkChange(msgspec.Struct, frozen=True):
    """What the feed says of a user: these cars are shared, or no longer (``None``: none is)."""

    user_id: str
    shared: bool
    car_ids: tuple[str, ...] | None


class AccountLink(msgspec.Struct, frozen=True, kw_only=True):
    """An account shares a vehicle. Instants are microseconds since 1970, UTC."""

    organization_id: int
    user_id: str
    car_id: str
    since_us: int
    until_us: int | None = None
    """When the feed said that it ended; None: it has not."""
    visited_us: int | None = None
    """When the user was at the landing page; None: not yet."""


def record(transaction: Transaction, organization_id: int, changes: Sequence[LinkChange], at_us: int) -> None:
    """Take over what the feed says, in order. Saying it again changes nothing."""
    for change in changes:
        if change.shared:
            for car_id in change.car_ids or ():
                _share(transaction, organization_id, change.user_id, car_id, at_us)
        else:
            _end(transaction, organization_id, change, at_us)


def visit(transaction: Transaction, user_id: str, car_id: str) -> Literal["connected", "waiting"]:
    """Note a visit to the landing page; whether the feed has linked the two."""
    connection, now_us = transaction.connection, transaction.now_us
    this = (_links.c.user_id == user_id) & (_links.c.car_id == car_id) & _links.c.until_us.is_(None)
    if connection.execute(sa.select(_links.c.id).where(this)).first() is not None:
        first = sa.update(_links).where(this, _links.c.visited_us.is_(None))
        connection.execute(first.values(visited_us=now_us))
        return "connected"
    _forget(connection, user_id, car_id)
    connection.execute(sa.delete(_landings).where(_landings.c.visited_us < now_us - WAITS_US))
    connection.execute(sa.insert(_landings).values(user_id=user_id, car_id=car_id, visited_us=now_us))
    surplus = (connection.scalar(sa.select(sa.func.count()).select_from(_landings)) or 0) - MAX_WAITING
    if surplus > 0:
        last = sa.select(_landings.c.visited_us).order_by(_landings.c.visited_us).offset(surplus - 1).limit(1)
        connection.execute(sa.delete(_landings).where(_landings.c.visited_us <= last.scalar_subquery()))
    return "waiting"


def listed(connection: sa.Connection, organization_id: int) -> list[AccountLink]:
    """The links of an organization, ended ones too, in the order in which they were made."""
    query = sa.select(_links).where(_links.c.organization_id == organization_id).order_by(_links.c.id)
    return [
        AccountLink(
            organization_id=row.organization_id,
            user_id=row.user_id,
            car_id=row.car_id,
            since_us=row.since_us,
            until_us=row.until_us,
            visited_us=row.visited_us,
        )
        for row in connection.execute(query)
    ]


def _share(transaction: Transaction, organization_id: int, user_id: str, car_id: str, at_us: int) -> None:
    connection = transaction.connection
    open_ = (
        (_links.c.organization_id == organization_id)
        & (_links.c.user_id == user_id)
        & (_links.c.car_id == car_id)
        & _links.c.until_us.is_(None)
    )
    if connection.execute(sa.select(_links.c.id).where(open_)).first() is not None:
        return
    waiting = sa.select(_landings.c.visited_us).where(
        _landings.c.user_id == user_id,
        _landings.c.car_id == car_id,
        _landings.c.visited_us >= transaction.now_us - WAITS_US,
    )
    visited_us = connection.scalar(waiting)
    _forget(connection, user_id, car_id)
    connection.execute(
        sa.insert(_links).values(
            organization_id=organization_id, user_id=user_id, car_id=car_id, since_us=at_us, visited_us=visited_us
        )
    )


def _end(transaction: Transaction, organization_id: int, change: LinkChange, at_us: int) -> None:
    ended = sa.update(_links).where(
        _links.c.organization_id == organization_id, _links.c.user_id == change.user_id, _links.c.until_us.is_(None)
    )
    if change.car_ids is not None:
        ended = ended.where(_links.c.car_id.in_(change.car_ids))
    transaction.connection.execute(ended.values(until_us=at_us))


def _forget(connection: sa.Connection, user_id: str, car_id: str) -> None:
    connection.execute(sa.delete(_landings).where(_landings.c.user_id == user_id, _landings.c.car_id == car_id))
