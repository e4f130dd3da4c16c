"""Backups that were made of this hub: an erasure does not reach them, so its receipt has to name them."""

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry.erasures import Backup
from postroad.registry.text import storable
from postroad.registry.transaction import Transaction

_backups = schema.backups


def record(transaction: Transaction, place: str, made_us: int, until_us: int | None) -> None:
    """Keep that a backup was made; ``until_us``: when the operator lets it go, if he said."""
    values = {"place": storable(place), "made_us": made_us, "until_us": until_us}
    transaction.connection.execute(sa.insert(_backups).values(values))
    if transaction.asked_for:
        transaction.note("create", "backup", None, storable(place), fields={"until_us": (None, until_us)})


def kept(connection: sa.Connection, now_us: int) -> tuple[Backup, ...]:
    """Those that are not said to be gone, the oldest first."""
    here = _backups.c.until_us.is_(None) | (_backups.c.until_us > now_us)
    rows = connection.execute(sa.select(_backups).where(here).order_by(_backups.c.made_us))
    return tuple(Backup(place=row.place, made_us=row.made_us, until_us=row.until_us) for row in rows)
