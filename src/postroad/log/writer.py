"""The writer thread: everything that changes a shard's file goes through it, many changes to one commit."""

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import apsw
import msgspec

from postroad.clock import Clock
from postroad.errors import StoreUnavailable
from postroad.log.disk import Reserve
from postroad.log.faults import stored_errors, unavailable
from postroad.log.format import RowPacker
from postroad.log.interface import Done, Part
from postroad.log.schema import PAGE_BYTES
from postroad.log.transaction import ChangeRefused, Heads, Transaction, load_heads

CHECKPOINT_PAGES = 512
"""Checkpoint at 8 MiB of write-ahead log: with 64 MiB the slowest acknowledgements took three times as long."""
RESTART_PAGES = 16 * CHECKPOINT_PAGES
"""From here on a checkpoint waits for readers, lest the write-ahead log grow for ever behind one that never pauses."""
EMPTY_WAIT_MS = 20
"""So long appends wait for a reader that keeps the write-ahead log from being emptied."""
IDLE_S = 1.0
"""After this long without work what is left in the write-ahead log moves to the file."""

_log = logging.getLogger(__name__)


class Append(msgspec.Struct, eq=False):
    """A part on its way into the log."""

    part: Part
    columns: bytes
    done: Done
    cost: int
    """The bytes it counts for in the bound on what is queued."""


class Change(msgspec.Struct, eq=False):
    """Any other change: ``apply`` runs in the transaction, ``done`` gets what it returned."""

    apply: Callable[[Transaction], Any]
    done: Callable[[Any], None]
    cost: int = 0


class EmptyWal(msgspec.Struct, eq=False):
    """Empties the write-ahead log behind what was submitted before; ``done`` hears whether nobody was in the way."""

    done: Callable[[Any], None]
    cost: int = 0


Job = Append | Change | EmptyWal


class Group(msgspec.Struct, frozen=True):
    """What became of the jobs of one transaction, in order: a result each, or the error that met it.

    ``StoreUnavailable`` meets all alike, ``ChangeRefused`` one alone.
    """

    outcomes: Sequence[tuple[Job, Any]]
    heads: Heads
    stored_us: int
    commit_s: float
    """What the transaction took."""


class Writer:
    """Owns the writing connection and its thread.

    ``deliver`` is called on the thread with each group once it is durable or surely not. ``submit`` is for one caller.
    """

    def __init__(
        self, connection: apsw.Connection, *, clock: Clock, reserve: Reserve, deliver: Callable[[Group], None]
    ) -> None:
        with stored_errors():
            self.heads = load_heads(connection)
        self._connection = connection
        self._clock = clock
        self._reserve = reserve
        self._deliver = deliver
        self._packer = RowPacker()
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._closing = False
        self._wal_pages = 0
        connection.set_wal_hook(self._note_wal)
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue ``job``. Never blocks on the disk."""
        self._queue.put(job)

    def close(self) -> None:
        """Finish what was submitted, close the connection, end the thread. Blocks until then."""
        self._queue.put(None)
        self._thread.join()

    def probe(self, tx: Transaction, *, write: bool) -> StoreUnavailable | None:
        """Within a transaction: why an append would be refused now. ``write`` changes a page, to try the disk."""
        if write:
            tx.connection.execute("UPDATE head SET scars = scars + 1")
        return self._reserve.refusal(self._reusable_bytes)

    def _run(self) -> None:
        while True:
            jobs = self._take()
            if jobs:
                self._work_off(jobs)
            elif self._closing:
                break
            if self._wal_pages >= CHECKPOINT_PAGES or not jobs:
                self._checkpoint()
        try:
            self._connection.close()
        except apsw.Error:
            _log.exception("closing the log failed; what was acknowledged is in its write-ahead log")

    def _take(self) -> list[Job]:
        """All that is queued; nothing when idle for long enough to tidy up, or when closing."""
        jobs: list[Job] = []
        if self._closing:
            return jobs
        with contextlib.suppress(Empty):
            job = self._queue.get(timeout=IDLE_S if self._wal_pages else None)
            while job is not None:
                jobs.append(job)
                job = self._queue.get_nowait()
            self._closing = True
        return jobs

    def _work_off(self, jobs: list[Job]) -> None:
        emptying = [job for job in jobs if isinstance(job, EmptyWal)]
        stored = [job for job in jobs if not isinstance(job, EmptyWal)]
        if stored:
            self._deliver(self._store(stored))
        if emptying:
            outcomes = [(job, self._empty_wal()) for job in emptying]
            self._deliver(Group(outcomes, self.heads, self._clock.now_us(), 0.0))

    def _empty_wal(self) -> bool | StoreUnavailable:
        try:
            return empty_wal(self._connection, EMPTY_WAIT_MS)
        except apsw.Error as exc:
            return unavailable(exc)

    def _store(self, jobs: list[Append | Change]) -> Group:
        """Run ``jobs`` in one transaction, but for appends while the disk is under its reserve."""
        now_us = self._clock.now_us()
        refusal = self._reserve.refusal(self._reusable_bytes)
        admitted = [job for job in jobs if not (refusal and isinstance(job, Append))]
        begun_s = self._clock.monotonic_s()
        results = self._commit(admitted, now_us) if admitted else []
        took_s = self._clock.monotonic_s() - begun_s
        if len(admitted) == len(jobs):
            return Group(list(zip(jobs, results, strict=True)), self.heads, now_us, took_s)
        given = iter(results)
        outcomes = [(job, refusal if isinstance(job, Append) else next(given)) for job in jobs]
        return Group(outcomes, self.heads, now_us, took_s)

    def _commit(self, jobs: list[Append | Change], now_us: int) -> list[Any]:
        tx = Transaction(self._connection, self.heads, self._packer, now_us)
        committing = False
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            results = [tx.append(job.part, job.columns) if isinstance(job, Append) else _apply(job, tx) for job in jobs]
            tx.flush()
            committing = True
            self._connection.execute("COMMIT")
        except Exception as exc:  # noqa: BLE001 - whatever it was, those who wait must hear of it and the thread live on
            failure = unavailable(exc)
            if failure.reason == "io":
                _log.error("a group of %d changes was not stored", len(jobs), exc_info=exc)
            self._undo(unsure=committing)
            return [failure] * len(jobs)
        self.heads = tx.heads
        return results

    def _undo(self, *, unsure: bool) -> None:
        """Roll back, and make sure of it.

        When it was the last sync that failed, the whole transaction may stand in the write-ahead log behind its valid
        end; were the process killed now, recovery would find it and keep what we said was not kept. A small
        transaction written over its beginning makes it unreadable.
        """
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if unsure:
                self._connection.execute("UPDATE head SET scars = scars + 1")
        except apsw.Error:
            _log.warning(
                "the log cannot be written at all; the next write that succeeds makes sure of the last failure"
            )

    def _reusable_bytes(self) -> int:
        try:
            return int(self._connection.pragma("freelist_count")) * PAGE_BYTES
        except apsw.Error:
            return 0  # the transaction that follows meets the same fault and reports it

    def _note_wal(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        mode = apsw.SQLITE_CHECKPOINT_RESTART if self._wal_pages >= RESTART_PAGES else apsw.SQLITE_CHECKPOINT_PASSIVE
        self._wal_pages = 0
        try:
            self._connection.wal_checkpoint(mode=mode)
        except apsw.Error:
            _log.warning("a checkpoint of the log failed; it will be tried again", exc_info=True)


def empty_wal(connection: apsw.Connection, wait_ms: int) -> bool:
    """Move what is in the write-ahead log into the file, and cut it off; whether no reader was in the way."""
    kept_ms = connection.pragma("busy_timeout")
    connection.set_busy_timeout(wait_ms)
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError:
        return False
    finally:
        connection.set_busy_timeout(kept_ms)
    return True


def _apply(change: Change, tx: Transaction) -> Any:
    try:
        return change.apply(tx)
    except ChangeRefused as exc:
        return exc
