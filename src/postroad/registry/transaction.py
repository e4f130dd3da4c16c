"""One change of the registry: a transaction in which the version rises by one if anything changed, else not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from postroad.db import schema
from postroad.db.engine import Database


class Transaction:
    """A change under way. Everything written through ``connection`` happens together, or not at all.

    Attributes:
        connection: the transaction's.
        now_us: the instant of the change, microseconds since 1970.
        touched: set this once anything was written that a view shows.
        random: gives that many random bytes.
        dropped: set this to undo everything at the end instead.
    """

    def __init__(self, connection: sa.Connection, now_us: int, random: Callable[[int], bytes]) -> None:
        self.connection = connection
        self.random = random
        self.now_us = now_us
        self.touched = False
        self.dropped = False


@contextmanager
def transaction(database: Database, now_us: int, random: Callable[[int], bytes]) -> Iterator[Transaction]:
    """Begin a change; it is committed at the end of the block.

    Changes happen one after another, on every engine: the version's row is locked first, so that what a change has read
    is still so when it writes. That is what makes "find, or create" safe without retries.
    """
    table = schema.registry_version
    with database.write() as raw:
        connection = raw.connection
        version = connection.execute(sa.select(table.c.version).with_for_update()).scalar_one()
        under_way = Transaction(connection, now_us, random)
        yield under_way
        if under_way.dropped:
            raw.rollback()
        elif under_way.touched:
            connection.execute(sa.update(table).values(version=version + 1))


def insert(connection: sa.Connection, table: sa.Table, **values: object) -> int:
    """Insert one row and give its id."""
    key = connection.execute(sa.insert(table).values(values)).inserted_primary_key
    if key is None:
        raise AssertionError  # single-row inserts always have one
    return int(key[0])
