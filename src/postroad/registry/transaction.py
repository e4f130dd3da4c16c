"""One change of the registry: a transaction in which the version rises by one if anything changed, else not at all."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from postroad.db import schema
from postroad.db.engine import Database
from postroad.registry import audit_log
from postroad.registry.actor import HUB, Actor
from postroad.registry.notes import Note, Notes

_MACHINES = ("hub", "provider")
"""By themselves these change much that takes nothing from anybody; they note what does."""


class Transaction:
    """A change under way. Everything written through ``connection`` happens together, or not at all.

    Attributes:
        connection: the transaction's.
        now_us: the instant of the change, microseconds since 1970.
        touched: set this once anything was written that a view shows.
        random: gives that many random bytes.
        dropped: set this to undo everything at the end instead.
        by: who makes the change.
        notes: what the audit log is to say of it.
    """

    def __init__(self, connection: sa.Connection, now_us: int, random: Callable[[int], bytes], by: Actor = HUB) -> None:
        self.connection = connection
        self.random = random
        self.now_us = now_us
        self.touched = False
        self.dropped = False
        self.by = by
        self.notes = Notes()

    @property
    def asked_for(self) -> bool:
        """Whether somebody asked for this, rather than a machine doing it by itself."""
        return self.by.origin not in _MACHINES

    def note(
        self,
        action: str,
        kind: str,
        id_: int | str | None,
        name: str = "",
        *,
        organization_id: int | None = None,
        subject_id: int | None = None,
        fields: Mapping[str, tuple[Any, Any]] = {},
    ) -> None:
        """Have the audit log say that this was done. Called where the change is written, once it is.

        What is noted of the same thing twice becomes one entry, with the fields of both.

        Args:
            action: what was done, in lower_snake_case: ``create``, ``update``, ``delete``, ``revoke`` ...
            kind: to what: ``token``, ``grant``, ``subscription`` ...
            id_: its number or public id.
            name: what people call it. Personal, as ``fields`` are: erasure removes both.
            organization_id: whose it is, where it is an organization's: its auditor is shown the entry.
            subject_id: the vehicle, driver, fleet or account that it is about.
            fields: what was and what is, by field; of a secret only that there is one (``notes.SECRET``).
        """
        self.notes.add(Note(action, kind, None if id_ is None else str(id_), name, organization_id, subject_id, fields))


@contextmanager
def transaction(
    database: Database, now_us: int, random: Callable[[int], bytes], by: Actor = HUB
) -> Iterator[Transaction]:
    """Begin a change; it is committed at the end of the block.

    Changes happen one after another, on every engine: the version's row is locked first, so that what a change has read
    is still so when it writes. That is what makes "find, or create" safe without retries.
    """
    table = schema.registry_version
    with database.write() as raw:
        connection = raw.connection
        version = connection.execute(sa.select(table.c.version).with_for_update()).scalar_one()
        under_way = Transaction(connection, now_us, random, by)
        yield under_way
        if under_way.dropped:
            raw.rollback()
            return
        if under_way.touched:
            version += 1
            connection.execute(sa.update(table).values(version=version))
        notes = under_way.notes.all()
        if under_way.touched and under_way.asked_for and not notes:
            notes = [Note("change", "registry", None, "", None, None, {})]  # nobody's change goes by unseen
        audit_log.append(connection, notes, by, at_us=now_us, version=version, random=random)


def insert(connection: sa.Connection, table: sa.Table, **values: object) -> int:
    """Insert one row and give its id."""
    key = connection.execute(sa.insert(table).values(values)).inserted_primary_key
    if key is None:
        raise AssertionError  # single-row inserts always have one
    return int(key[0])
