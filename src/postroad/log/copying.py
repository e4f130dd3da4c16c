"""Copying a shard's file while a hub appends to it, and going on from such a copy."""

from collections.abc import Callable
from pathlib import Path

import apsw

from postroad.errors import StoreCorrupt
from postroad.log import schema
from postroad.log.faults import stored_errors
from postroad.log.format import RowPacker
from postroad.log.transaction import Heads, Transaction, load_heads

BUSY_TIMEOUT_S = 10.0
_STEPS_BETWEEN_LOOKS = 100_000
"""Of SQLite's virtual machine: how often a check looks whether its time is over."""


def copy_shard(source: Path, target: Path, shard: int) -> Heads:
    """Copy a shard as it stands at one moment into the new file ``target``; where the copy stands.

    The copy is read in one transaction: appends go on meanwhile, into a write-ahead log that cannot start over until
    the copy is done. The copy is one file, without a write-ahead log beside it, durable when this returns.

    Raises:
        ConfigError, StoreUnavailable, StoreCorrupt: See ``schema.open_reader``; or ``target`` cannot be written.
    """
    reader = schema.open_reader(source, shard, busy_timeout_s=BUSY_TIMEOUT_S)
    try:
        with stored_errors():
            copy = apsw.Connection(str(target))
            try:
                with copy.backup("main", reader, "main") as backup:
                    backup.step(-1)  # all at once: between steps a change by another process begins it anew
                copy.pragma("journal_mode", "DELETE")
                heads = load_heads(copy)
            finally:
                copy.close()
    finally:
        reader.close()
    return heads


def raise_epoch(path: Path, shard: int, *, above_epoch: int, now_us: int) -> Heads:
    """Begin a new epoch, above ``above_epoch`` too, in a shard that no hub has open; where it stands then.

    The shard may be of an older format, and stays so: epochs are the same in all.

    Raises:
        ConfigError, StoreUnavailable, StoreCorrupt: See ``schema.open_reader``; or the file cannot be written.
    """
    connection = schema.open_writer(path, shard, busy_timeout_s=BUSY_TIMEOUT_S, oldest=schema.OLDEST_VERSION)
    try:
        with stored_errors():
            with connection:
                transaction = Transaction(connection, load_heads(connection), RowPacker(), now_us)
                transaction.begin_epoch(above_epoch)
            return load_heads(connection)
    finally:
        connection.close()


def reached_epoch(path: Path, shard: int) -> int:
    """The epoch that a shard is in, whatever its format. Raises what ``schema.open_reader`` raises."""
    connection = schema.open_reader(path, shard, busy_timeout_s=BUSY_TIMEOUT_S, oldest=schema.OLDEST_VERSION)
    try:
        with stored_errors():
            return load_heads(connection).epoch
    finally:
        connection.close()


def check_pages(path: Path, shard: int, *, until: Callable[[], bool]) -> bool:
    """Look through the file's pages for damage until ``until()`` says stop; whether all of them were looked at.

    Raises:
        StoreCorrupt: It is damaged; says where.
        ConfigError, StoreUnavailable: See ``schema.open_reader``.
    """
    connection = schema.open_reader(path, shard, busy_timeout_s=BUSY_TIMEOUT_S)
    try:
        connection.set_progress_handler(until, _STEPS_BETWEEN_LOOKS)
        with stored_errors():
            try:
                told = connection.pragma("quick_check", 1)
            except apsw.InterruptError:
                return False
        if told != "ok":
            raise StoreCorrupt(f"{path} is damaged: {' '.join(str(told).split())}")
        return True
    finally:
        connection.close()
