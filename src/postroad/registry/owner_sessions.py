"""Who is signed in: sessions of owners, kept in the registry so that ending one ends it at once, and for good.

Of a session's token only the SHA-256 is kept. No view shows sessions: the version stays as it is.
"""

from typing import Final

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry.tokens import digest
from postroad.registry.transaction import Transaction

NOTED_US: Final = 60_000_000
"""That a session is in use is noted once a minute: it need not cost a write each time."""

_sessions = schema.owner_sessions


def begin(transaction: Transaction, owner_id: int, token: str) -> None:
    """Somebody has signed in, and shows this token from now on."""
    now_us = transaction.now_us
    values = {"sha256": digest(token), "owner_id": owner_id, "begun_us": now_us, "seen_us": now_us}
    transaction.connection.execute(sa.insert(_sessions).values(values))


def find(connection: sa.Connection, token: str, *, unused_since_us: int, begun_since_us: int) -> tuple[int, int] | None:
    """The owner whose session this is, and when it was last noted to be in use; ``None``: it has ended, or never was.

    A session ends by itself when it was last seen before ``unused_since_us``, or began before ``begun_since_us``.
    """
    query = sa.select(_sessions.c.owner_id, _sessions.c.seen_us).where(
        _sessions.c.sha256 == digest(token),
        _sessions.c.seen_us > unused_since_us,
        _sessions.c.begun_us > begun_since_us,
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.owner_id, row.seen_us)


def note_use(transaction: Transaction, token: str) -> None:
    """It is in use now."""
    this = sa.update(_sessions).where(_sessions.c.sha256 == digest(token))
    transaction.connection.execute(this.values(seen_us=transaction.now_us))


def end(transaction: Transaction, token: str) -> None:
    """End a session. Ending it again changes nothing."""
    transaction.connection.execute(sa.delete(_sessions).where(_sessions.c.sha256 == digest(token)))


def end_all(transaction: Transaction, owner_id: int) -> None:
    """End every session of an owner."""
    transaction.connection.execute(sa.delete(_sessions).where(_sessions.c.owner_id == owner_id))


def prune(connection: sa.Connection, *, unused_since_us: int, begun_since_us: int) -> int:
    """Forget sessions that have ended by themselves; how many those were."""
    ended = (_sessions.c.seen_us <= unused_since_us) | (_sessions.c.begun_us <= begun_since_us)
    return connection.execute(sa.delete(_sessions).where(ended)).rowcount
