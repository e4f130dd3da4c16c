"""The log in memory, for tests in virtual time: the same promises, but for a restart."""

import asyncio
from collections import deque
from collections.abc import Collection
from itertools import islice

from msgspec import structs

from postroad.clock import Clock
from postroad.errors import StoreUnavailable
from postroad.log.format import pack_columns, tombstoned, without_keys
from postroad.log.interface import (
    DEDUP_KEY_BYTES,
    EMPTY_BODY_BYTES,
    EPOCH_BITS,
    ERASED,
    MAX_PART_BYTES,
    MAX_POSITION,
    Appended,
    Batch,
    Done,
    Erased,
    Erasing,
    Listener,
    Part,
    Quarantined,
    Refusal,
    Retained,
)
from postroad.log.memory_delivery import MemoryDeliveryStore

MAX_KEYS = 1_000_000


class MemoryLog:
    """A ``ShardLog`` that forgets all when the process ends. ``clock`` dates what is stored."""

    survives_restart = False

    def __init__(self, shard: int, *, clock: Clock, max_refusals: int = 1000) -> None:
        self.shard = shard
        self.epoch = 0
        self.next_position = 1
        self.delivery = MemoryDeliveryStore(clock, self._check_open)
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._batches: deque[Batch] = deque()
        self._named: dict[bytes, int] = {}
        self._seen: deque[tuple[int, bytes, int]] = deque()
        """When received, dedup keys, and the part's position."""
        self._seen_keys = 0
        self._quarantine: dict[int, Quarantined] = {}
        self._refusals: deque[Refusal] = deque(maxlen=max_refusals)
        self._listeners: list[Listener] = []
        self._closed = False
        self.jumps: list[range] = []

    @property
    def first_position(self) -> int:
        """See ``ShardLog``."""
        return self._batches[0].position if self._batches else self.next_position

    def submit(self, part: Part, done: Done) -> None:
        """See ``ShardLog``. Raises ``ValueError`` for a malformed part."""
        pack_columns(part)
        if self._closed:
            self._loop.call_soon(done, StoreUnavailable("closed", "the log is closed"))
        else:
            self._loop.call_soon(self._store, part, done)

    async def append(self, part: Part) -> Appended:
        """See ``ShardLog``."""
        future: asyncio.Future[Appended | StoreUnavailable] = self._loop.create_future()
        self.submit(part, lambda result: None if future.done() else future.set_result(result))
        result = await future
        if isinstance(result, StoreUnavailable):
            raise result
        return result

    def _store(self, part: Part, done: Done) -> None:
        position = self._named.get(part.key) if part.key else None
        if position is not None:
            done(Appended(position, duplicate=True))
            return
        appended = Appended(self.next_position)
        batch = Batch(position=appended.position, stored_us=self._clock.now_us(), **structs.asdict(part))
        self.next_position = batch.end
        # As a durable engine reads it back; the listeners alone get what ingest decoded.
        self._batches.append(structs.replace(batch, decoded=None, dedup_keys=b"", unreadable=(), resolves=None))
        self._set_apart(batch)
        if part.key:
            self._named[part.key] = batch.position
        if part.dedup_keys:
            self._seen.append((part.received_us, part.dedup_keys, batch.position))
            self._seen_keys += len(part)
        while self._seen_keys > MAX_KEYS:
            self._seen_keys -= len(self._seen.popleft()[1]) // DEDUP_KEY_BYTES
        for listener in self._listeners:
            self._loop.call_soon(listener, [batch])
        self._loop.call_soon(done, appended)

    def _set_apart(self, batch: Batch) -> None:
        for one in batch.unreadable:
            position = batch.position + one.index
            self._quarantine[position] = Quarantined(
                position=position,
                provider_id=batch.provider_id,
                protocol=batch.protocol,
                reason=one.reason,
                received_us=batch.received_at_us(one.index),
            )
        if batch.resolves in self._quarantine:
            resolved = self._quarantine[batch.resolves]
            self._quarantine[batch.resolves] = structs.replace(resolved, resolved_by=batch.position)

    async def quarantined(self, *, after: int = 0, unresolved_only: bool = True, limit: int = 100) -> list[Quarantined]:
        """See ``ShardLog``."""
        self._check_open()
        found = [
            one
            for one in self._quarantine.values()
            if one.position > after and (one.resolved_by is None or not unresolved_only)
        ]
        return found[:limit]

    async def dismiss(self, positions: Collection[int]) -> int:
        """See ``ShardLog``."""
        self._check_open()
        return sum(self._quarantine.pop(position, None) is not None for position in {*positions})

    def listen(self, listener: Listener) -> None:
        """See ``ShardLog``."""
        self._listeners.append(listener)

    async def read(self, position: int, *, max_bytes: int = 4 * MAX_PART_BYTES) -> list[Batch]:
        """See ``ShardLog``."""
        self._check_open()
        batches: list[Batch] = []
        size = 0
        for batch in self._batches:
            if batch.end > position:
                batches.append(batch)
                size += len(batch.body) or EMPTY_BODY_BYTES
                if size >= max_bytes:
                    break
        return batches

    async def dedup_keys(self, *, since_us: int, limit: int) -> list[tuple[int, bytes]]:
        """See ``ShardLog``."""
        self._check_open()
        kept = []
        for received_us, keys, _ in reversed(self._seen):
            if limit <= 0:
                break
            if received_us >= since_us:
                kept.append((received_us, keys))
                limit -= len(keys) // DEDUP_KEY_BYTES
        return kept[::-1]

    def refuse(self, refusal: Refusal) -> None:
        """See ``ShardLog``."""
        self._refusals.appendleft(refusal)

    async def refusals(self, *, limit: int = 100) -> list[Refusal]:
        """See ``ShardLog``."""
        self._check_open()
        return list(islice(self._refusals, limit))

    async def bytes_from(self, position: int) -> int:
        """See ``ShardLog``."""
        self._check_open()
        return sum(len(batch.body) for batch in self._batches if batch.end > position)

    async def surplus_end(self, *, max_bytes: int, below: int) -> int:
        """See ``ShardLog``."""
        self._check_open()
        remaining = sum(len(batch.body) for batch in self._batches)
        end = self.first_position
        for batch in self._batches:
            if remaining <= max_bytes or batch.end > below:
                break
            end, remaining = batch.end, remaining - len(batch.body)
        return end

    async def retain(
        self, *, received_before_us: int, settled: int, max_bytes: int, given_up: int = MAX_POSITION
    ) -> Retained:
        """See ``ShardLog``. Names and keys are kept: memory bounds them, not time."""
        self._check_open()
        items = batches = 0
        remaining = sum(len(batch.body) for batch in self._batches)
        while self._batches:
            batch = self._batches[0]
            old = batch.received_us < received_before_us and batch.end <= settled
            if not old and (remaining <= max_bytes or batch.end > given_up):
                break
            self._batches.popleft()
            items, batches, remaining = items + len(batch), batches + 1, remaining - len(batch.body)
        first = self.first_position
        self._quarantine = {position: one for position, one in self._quarantine.items() if position >= first}
        return Retained(items, batches, first)

    async def erase(self, erasing: Erasing) -> Erased:
        """See ``ShardLog``."""
        self._check_open()
        items, wanted = 0, set[int]() if erasing.letters_only else set(erasing.positions)
        for number, batch in enumerate(self._batches):
            living = [
                index
                for index in range(len(batch))
                if batch.position + index in wanted and batch.kinds[index] != ERASED
            ]
            if living:
                items += len(living)
                self._batches[number] = tombstoned(batch, living)
                self._seen = deque(
                    (received_us, without_keys(keys, living) if position == batch.position else keys, position)
                    for received_us, keys, position in self._seen
                )
        self._quarantine = {position: one for position, one in self._quarantine.items() if position not in wanted}
        kept = [refusal for refusal in self._refusals if not erasing.refused(refusal)]
        refusals = len(self._refusals) - len(kept)
        self._refusals = deque(kept, self._refusals.maxlen)
        return Erased(items, self.delivery.erase(erasing), refusals)

    async def begin_epoch(self, above_epoch: int = 0) -> int:
        """See ``ShardLog``."""
        self._check_open()
        ended = self.next_position
        self.epoch = max(self.epoch, above_epoch) + 1
        self.next_position = (self.epoch << EPOCH_BITS) + 1
        self.jumps.append(range(ended, self.next_position))
        return self.epoch

    async def close(self) -> None:
        """See ``ShardLog``."""
        self._closed = True
        flushed = self._loop.create_future()
        self._loop.call_soon(lambda: self._loop.call_soon(flushed.set_result, None))  # behind what was submitted
        await flushed

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("closed", "the log is closed")
