"""A thin log engine on NATS JetStream, to prove that the seam holds for more than files. For tests only.

One stream a shard, one message a part. A position is ``epoch << 40 | sequence << 14 | index of the item``: it
increases but is not dense. Delivery state and the epoch are kept in a key-value bucket, dedup keys and refusals in
streams of their own. One client writes, as in the hub.

A message cannot be changed in place: what erasure leaves of one is kept as a copy in the bucket, under its sequence,
and the message itself is deleted securely (overwritten by the server). What a value of the bucket replaces is, too: the
server forgets an older revision without overwriting it, so the bucket keeps one more than it needs, to be deleted.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import nats
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, KeyNotFoundError, NoKeysError, NotFoundError

from postroad.clock import Clock
from postroad.errors import StoreUnavailable
from postroad.log.delivery import (
    NO_CHANGES,
    Account,
    Changes,
    Chapter,
    Cursor,
    DeadLetter,
    Letter,
    LetterCounts,
    LetterFilter,
    LetterId,
    Skip,
)
from postroad.log.format import pack_columns, packed_columns, tombstoned, unpack_columns, without_keys
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

INDEX_BITS = 14
NO_MESSAGE = "no message found"
"""What the server says of a message that is not there; its code says only that it cannot be deleted."""
KEY_MEMORY_S = 7 * 24 * 3600


class NatsStartError(Exception):
    pass


class Nats:
    """A real NATS server on a free port of this machine, which syncs each message before it answers."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "store"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        beside_python = Path(sys.executable).with_name("nats-server")
        binary = str(beside_python) if beside_python.exists() else shutil.which("nats-server")
        if binary is None:
            raise NatsStartError("there is no nats-server beside this Python or on the path")
        config = self._folder / "nats.conf"
        store = json.dumps(str(self.store))
        ports = json.dumps(str(self._folder))
        config.write_text(
            f"listen: '127.0.0.1:-1'\nmax_payload: 48MB\nports_file_dir: {ports}\n"
            f"jetstream {{ store_dir: {store}, sync_interval: always }}\n"
        )
        log = (self._folder / "nats.log").open("wb")
        with log:
            self._process = subprocess.Popen([binary, "-c", str(config)], stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self.url:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise NatsStartError((self._folder / "nats.log").read_text()[-500:])
            time.sleep(0.02)  # the server tells its ports in a file, once it listens
            for file in self._folder.glob("*.ports"):
                self.url = json.loads(file.read_text() or "{}").get("nats", [""])[0]

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


class JetStreamLog:
    """See the module. ``open`` makes it."""

    survives_restart = True

    def __init__(self, shard: int, clock: Clock) -> None:
        self.shard = shard
        self.epoch = 0
        self.jumps: list[range] = []
        self._clock = clock
        self._listeners: list[Listener] = []
        self._jobs: asyncio.Queue[Callable[[], Awaitable[None]] | None] = asyncio.Queue()
        self._closed = False
        self._first_position: int | None = None

    @classmethod
    async def open(cls, url: str, name: str, shard: int, *, clock: Clock, max_refusals: int) -> "JetStreamLog":
        log = cls(shard, clock)
        log._client = await nats.connect(url)
        log._js = js = log._client.jetstream()
        log._stream = f"{name}-{shard:02d}"
        for suffix, bound in (("", -1), ("-seen", -1), ("-refused", max_refusals)):
            stream = log._stream + suffix
            await js.add_stream(
                StreamConfig(name=stream, subjects=[stream], max_msgs=bound, duplicate_window=KEY_MEMORY_S)
            )
        log._state = await _bucket(js, log._stream)
        await log._delete_replaced()
        log._redacted = {suffix: await log._copies(suffix) for suffix in ("", "-seen")}
        log.delivery = JetStreamDeliveryStore(log)
        log.epoch = int(await log._get("epoch") or 0)
        log.jumps = [range(*jump) for jump in msgspec.json.decode(await log._get("jumps") or b"[]")]
        info = (await js.stream_info(log._stream)).state
        log._next_sequence = info.last_seq + 1
        first = min([*([info.first_seq] if info.messages else []), *log._redacted[""]], default=None)
        if first is not None:
            log._first_position = (await log._message(first)).position
        log._worker = asyncio.ensure_future(log._work())
        return log

    @property
    def next_position(self) -> int:
        return self._position(self._next_sequence)

    @property
    def first_position(self) -> int:
        return self.next_position if self._first_position is None else self._first_position

    def submit(self, part: Part, done: Done) -> None:
        columns = pack_columns(part)
        if self._closed:
            asyncio.get_running_loop().call_soon(done, StoreUnavailable("closed", "the log is closed"))
        else:
            self._jobs.put_nowait(lambda: self._append(part, columns, done))

    async def append(self, part: Part) -> Appended:
        future: asyncio.Future[Appended | StoreUnavailable] = asyncio.get_running_loop().create_future()
        self.submit(part, lambda result: None if future.done() else future.set_result(result))
        result = await future
        if isinstance(result, StoreUnavailable):
            raise result
        return result

    async def _append(self, part: Part, columns: bytes, done: Done) -> None:
        now_us = self._clock.now_us()
        payload = _payload(part, now_us, self.epoch, columns)
        headers = {"Nats-Msg-Id": part.key.hex()} if part.key else None
        try:
            ack = await self._js.publish(self._stream, payload, headers=headers)
            if ack.duplicate:
                done(Appended(await self._known(ack.seq), duplicate=True))
                return
            if part.dedup_keys:
                seen = msgspec.msgpack.encode((part.received_us, part.dedup_keys, self._position(ack.seq)))
                await self._js.publish(f"{self._stream}-seen", seen)
        except (nats.errors.Error, OSError) as exc:
            done(StoreUnavailable("lost", f"the NATS server did not take it: {exc}"))
            return
        self._next_sequence = ack.seq + 1
        fields = msgspec.structs.asdict(part)
        batch = Batch(position=self._position(ack.seq), stored_us=now_us, **fields)
        if self._first_position is None:
            self._first_position = batch.position
        if part.unreadable or part.resolves is not None:
            await self._set_apart(batch)
        for listener in self._listeners:
            listener([batch])
        done(Appended(batch.position))

    async def _set_apart(self, batch: Batch) -> None:
        found = {one.position: one for one in await self._quarantine()}
        for one in batch.unreadable:
            position = batch.position + one.index
            found[position] = Quarantined(
                position=position,
                provider_id=batch.provider_id,
                protocol=batch.protocol,
                reason=one.reason,
                received_us=batch.received_at_us(one.index),
            )
        if batch.resolves in found:
            found[batch.resolves] = msgspec.structs.replace(found[batch.resolves], resolved_by=batch.position)
        await self._put("quarantine", msgspec.json.encode(list(found.values())))

    async def _quarantine(self) -> list[Quarantined]:
        return msgspec.json.decode(await self._get("quarantine") or b"[]", type=list[Quarantined])

    async def dismiss(self, positions: Collection[int]) -> int:
        """See ``ShardLog``."""
        before = await self._quarantine()
        kept = [one for one in before if one.position not in positions]
        await self._put("quarantine", msgspec.json.encode(kept))
        return len(before) - len(kept)

    async def quarantined(self, *, after: int = 0, unresolved_only: bool = True, limit: int = 100) -> list[Quarantined]:
        self._check_open()
        found = [
            one
            for one in await self._quarantine()
            if after < one.position >= self.first_position and (one.resolved_by is None or not unresolved_only)
        ]
        return found[:limit]

    async def _known(self, sequence: int) -> int:
        try:
            return (await self._message(sequence)).position
        except NotFoundError:
            return self._position(sequence)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def read(self, position: int, *, max_bytes: int = 4 * MAX_PART_BYTES) -> list[Batch]:
        self._check_open()
        batches: list[Batch] = []
        size, sequence = 0, max(1, (position & ((1 << EPOCH_BITS) - 1)) >> INDEX_BITS)
        while size < max_bytes:
            found = await self._next(sequence)
            if found is None:
                break
            sequence, batch = found[0] + 1, _batch(*found)
            if batch.end > position:
                batches.append(batch)
                size += len(batch.body) or EMPTY_BODY_BYTES
        return batches

    async def dedup_keys(self, *, since_us: int, limit: int) -> list[tuple[int, bytes]]:
        self._check_open()
        kept: list[tuple[int, bytes]] = []
        async for message in self._newest_first("-seen"):
            received_us, keys, _ = msgspec.msgpack.decode(message, type=tuple[int, bytes, int])
            if limit > 0 and received_us >= since_us:
                kept.append((received_us, keys))
                limit -= len(keys) // DEDUP_KEY_BYTES
        return kept[::-1]

    def refuse(self, refusal: Refusal) -> None:
        payload = msgspec.msgpack.encode(refusal)
        self._jobs.put_nowait(lambda: self._js.publish(f"{self._stream}-refused", payload))

    async def refusals(self, *, limit: int = 100) -> list[Refusal]:
        self._check_open()
        messages = [message async for message in self._newest_first("-refused")]
        return [msgspec.msgpack.decode(message, type=Refusal) for message in messages[:limit]]

    async def bytes_from(self, position: int) -> int:
        return sum(len(batch.body) for batch in await self.read(position, max_bytes=2**62))

    async def surplus_end(self, *, max_bytes: int, below: int) -> int:
        batches = await self.read(0, max_bytes=2**62)
        remaining, end = sum(len(batch.body) for batch in batches), self.first_position
        for batch in batches:
            if remaining <= max_bytes or batch.end > below:
                break
            end, remaining = batch.end, remaining - len(batch.body)
        return end

    async def retain(
        self, *, received_before_us: int, settled: int, max_bytes: int, given_up: int = MAX_POSITION
    ) -> Retained:
        self._check_open()
        batches = await self.read(0, max_bytes=2**62)
        remaining = sum(len(batch.body) for batch in batches)
        gone = 0
        for batch in batches:
            old = batch.received_us < received_before_us and batch.end <= settled
            if not old and (remaining <= max_bytes or batch.end > given_up):
                break
            gone, remaining = gone + 1, remaining - len(batch.body)
        kept = batches[gone:]
        if gone:
            mask = (1 << EPOCH_BITS) - 1
            first = (kept[0].position & mask) >> INDEX_BITS if kept else self._next_sequence
            await self._js.purge_stream(self._stream, seq=first)
            for sequence in [sequence for sequence in self._redacted[""] if sequence < first]:
                del self._redacted[""][sequence]
                await self._state.purge(f"copy.{sequence}")
            self._first_position = kept[0].position if kept else None
        return Retained(sum(len(batch) for batch in batches[:gone]), gone, self.first_position)

    async def erase(self, erasing: Erasing) -> Erased:
        self._check_open()
        items, wanted = 0, set() if erasing.letters_only else set(erasing.positions)
        for batch in await self.read(0, max_bytes=2**62):
            living = [
                index
                for index in range(len(batch))
                if batch.position + index in wanted and batch.kinds[index] != ERASED
            ]
            if living:
                items += len(living)
                await self._redact_keys(batch.position, living)
                await self._redact("", _sequence(batch.position), _payload(tombstoned(batch, living), batch.stored_us))
        kept = [one for one in await self._quarantine() if one.position not in wanted]
        await self._put("quarantine", msgspec.json.encode(kept))
        letters = await self.delivery._change(lambda state: _erased(state, erasing))
        return Erased(items, letters, await self._erase_refusals(erasing))

    async def _redact_keys(self, position: int, indexes: Sequence[int]) -> None:
        state = (await self._js.stream_info(f"{self._stream}-seen")).state
        copies = self._redacted["-seen"]
        for sequence in range(min([max(1, state.first_seq), *copies]), state.last_seq + 1):
            received_us, keys, of = msgspec.msgpack.decode(await self._data("-seen", sequence))
            if of == position:
                copy = msgspec.msgpack.encode((received_us, without_keys(keys, indexes), of))
                await self._redact("-seen", sequence, copy)

    async def _erase_refusals(self, erasing: Erasing) -> int:
        stream, erased = f"{self._stream}-refused", 0
        state = (await self._js.stream_info(stream)).state
        for sequence in range(max(1, state.first_seq), state.last_seq + 1):
            try:
                message = await self._js.get_msg(stream, seq=sequence)
            except NotFoundError:
                continue
            if erasing.refused(msgspec.msgpack.decode(message.data, type=Refusal)):
                erased += await self._delete(stream, sequence)
        return erased

    async def _redact(self, suffix: str, sequence: int, copy: bytes) -> None:
        """The copy is durable before the message goes; between the two the copy counts."""
        self._redacted[suffix][sequence] = copy
        await self._put(f"copy{suffix}.{sequence}", copy)
        await self._delete(self._stream + suffix, sequence)

    async def _delete(self, stream: str, sequence: int) -> bool:
        """Delete a message securely; False: there is none."""
        try:
            return bool(await self._js.delete_msg(stream, sequence))
        except APIError as exc:
            if exc.description != NO_MESSAGE:
                raise
            return False

    async def _delete_replaced(self) -> None:
        """What a process that was killed had replaced, and not deleted yet."""
        with suppress(NoKeysError):
            for key in await self._state.keys():
                for replaced in (await self._state.history(key))[:-1]:
                    await self._delete(f"KV_{self._stream}", replaced.revision)

    async def _copies(self, suffix: str) -> dict[int, bytes]:
        try:
            keys = [key for key in await self._state.keys() if key.startswith(f"copy{suffix}.")]
        except NoKeysError:
            keys = []
        return {int(key.partition(".")[2]): await self._get(key) or b"" for key in keys}

    async def begin_epoch(self, above_epoch: int = 0) -> int:
        self._check_open()
        ended, epoch = self.next_position, max(self.epoch, above_epoch) + 1
        jump = range(ended, epoch << EPOCH_BITS | self._next_sequence << INDEX_BITS)
        jumps = [*self.jumps, jump]
        await self._put("jumps", msgspec.json.encode([(jump.start, jump.stop) for jump in jumps]))
        await self._put("epoch", b"%d" % epoch)
        self.epoch, self.jumps = epoch, jumps
        return epoch

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._jobs.put_nowait(None)
            await self._worker
            await self._client.close()

    async def _work(self) -> None:
        while job := await self._jobs.get():
            await job()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("closed", "the log is closed")

    def _position(self, sequence: int) -> int:
        return self.epoch << EPOCH_BITS | sequence << INDEX_BITS

    async def _message(self, sequence: int) -> Batch:
        return _batch(sequence, await self._data("", sequence))

    async def _data(self, suffix: str, sequence: int) -> bytes:
        copy = self._redacted[suffix].get(sequence)
        return (await self._js.get_msg(self._stream + suffix, seq=sequence)).data if copy is None else copy

    async def _next(self, sequence: int) -> tuple[int, bytes] | None:
        """The first batch's message at or behind a sequence, or the copy that stands for it."""
        copy = min((one for one in self._redacted[""] if one >= sequence), default=None)
        try:
            message = await self._js.get_msg(self._stream, seq=sequence, subject=self._stream, next=True)
        except NotFoundError:
            message = None
        if copy is not None and (message is None or copy <= message.seq):
            return copy, self._redacted[""][copy]
        return None if message is None else (message.seq, message.data)

    async def _newest_first(self, suffix: str) -> Any:
        stream = self._stream + suffix
        state = (await self._js.stream_info(stream)).state
        copies = self._redacted.get(suffix, {})
        for sequence in range(state.last_seq, min([state.first_seq, *copies]) - 1, -1):
            try:
                yield copies.get(sequence) or (await self._js.get_msg(stream, seq=sequence)).data
            except NotFoundError:
                continue

    async def _get(self, key: str) -> bytes | None:
        try:
            return (await self._state.get(key)).value
        except KeyNotFoundError:
            return None

    async def _put(self, key: str, value: bytes) -> None:
        try:
            replaced = (await self._state.get(key)).revision
        except KeyNotFoundError:
            replaced = None
        await self._state.put(key, value)
        if replaced is not None:
            await self._delete(f"KV_{self._stream}", replaced)


_State = tuple[
    list[Cursor], list[tuple[int, Letter, bytes]], list[tuple[int, list[Skip]]], list[tuple[int, list[Chapter]]]
]


class JetStreamDeliveryStore:
    """The whole state is one value of the bucket, so that whatever changes in it changes at once."""

    def __init__(self, log: JetStreamLog) -> None:
        self._log = log
        self._turn = asyncio.Lock()

    async def cursors(self) -> dict[int, Cursor]:
        return await (await self._load()).cursors()

    async def settle(self, subscription_id: int, position: int, changes: Changes = NO_CHANGES) -> None:
        await self._change(lambda state: state.settle(subscription_id, position, changes))

    async def begin(self, subscription_id: int, position: int, terms: str) -> None:
        await self._change(lambda state: state.begin(subscription_id, position, terms))

    async def turn(self, **bounds: int) -> None:
        await self._change(lambda state: state.turn(**bounds))

    async def account(self, subscription_id: int) -> Account | None:
        return await (await self._load()).account(subscription_id)

    async def parked(self, subscription_id: int) -> list[Letter]:
        return await (await self._load()).parked(subscription_id)

    async def body(self, subscription_id: int, letter_id: LetterId) -> bytes | None:
        return await (await self._load()).body(subscription_id, letter_id)

    async def dead(
        self, which: LetterFilter, *, after: tuple[int, LetterId] | None = None, limit: int = 100
    ) -> list[DeadLetter]:
        return await (await self._load()).dead(which, after=after, limit=limit)

    async def count_dead(self, which: LetterFilter) -> int:
        return await (await self._load()).count_dead(which)

    async def revive(self, dead: Sequence[DeadLetter], due_us: Sequence[int]) -> list[DeadLetter]:
        return await self._change(lambda state: state.revive(dead, due_us))

    async def drop(self, dead: Sequence[DeadLetter]) -> int:
        return await self._change(lambda state: state.drop(dead))

    async def letter_counts(self) -> dict[int, LetterCounts]:
        return await (await self._load()).letter_counts()

    async def skips(self, subscription_id: int) -> list[Skip]:
        return await (await self._load()).skips(subscription_id)

    async def skipped(self) -> dict[int, dict[str, int]]:
        return await (await self._load()).skipped()

    async def forget(self, subscription_id: int) -> None:
        await self._change(lambda state: state.forget(subscription_id))

    async def _change(self, change: Callable[[MemoryDeliveryStore], Awaitable[Any]]) -> Any:
        async with self._turn:
            state = await self._load()
            result = await change(state)
            letters = [
                (number, letter, body)
                for number, letters in state._letters.items()
                for letter, body in letters.values()
            ]
            kept = list(state._skips.items()), list(state._chapters.items())
            stored: _State = list(state._cursors.values()), letters, *kept
            await self._log._put("delivery", msgspec.msgpack.encode(stored))
            return result

    async def _load(self) -> MemoryDeliveryStore:
        self._log._check_open()
        state = MemoryDeliveryStore(self._log._clock, self._log._check_open)
        found = await self._log._get("delivery")
        if found is not None:
            cursors, letters, skips, chapters = msgspec.msgpack.decode(found, type=_State)
            state._cursors = {cursor.subscription_id: cursor for cursor in cursors}
            for number, letter, body in letters:
                state._letters.setdefault(number, {})[letter.id] = letter, body
            state._skips, state._chapters = dict(skips), dict(chapters)
        return state


async def _bucket(js: JetStreamContext, name: str) -> Any:
    """As the client makes one, but that messages may be deleted."""
    try:
        return await js.key_value(name)
    except NotFoundError:
        stream = StreamConfig(
            name=f"KV_{name}",
            subjects=[f"$KV.{name}.>"],
            max_msgs_per_subject=2,
            discard=DiscardPolicy.NEW,
            storage=StorageType.FILE,
            allow_rollup_hdrs=True,
            allow_direct=True,
        )
        await js.add_stream(stream)
        return await js.key_value(name)


async def _erased(state: MemoryDeliveryStore, erasing: Erasing) -> int:
    return state.erase(erasing)


def _sequence(position: int) -> int:
    return (position & ((1 << EPOCH_BITS) - 1)) >> INDEX_BITS


def _payload(part: Part, stored_us: int, epoch: int | None = None, columns: bytes | None = None) -> bytes:
    if isinstance(part, Batch):
        epoch, columns = part.position >> EPOCH_BITS, packed_columns(part)
    fixed = (epoch, part.provider_id, part.protocol, part.revision, part.received_us, stored_us, len(part))
    return msgspec.msgpack.encode((*fixed, part.key, columns, part.body, part.request_id))


def _batch(sequence: int, data: bytes) -> Batch:
    epoch, provider_id, protocol, revision, received_us, stored_us, count, key, columns, body, request_id = (
        msgspec.msgpack.decode(data)
    )
    position = epoch << EPOCH_BITS | sequence << INDEX_BITS
    return Batch(
        position=position,
        stored_us=stored_us,
        provider_id=provider_id,
        protocol=protocol,
        revision=revision,
        received_us=received_us,
        key=key,
        body=body,
        request_id=request_id,
        **unpack_columns(columns, count, position),
    )
