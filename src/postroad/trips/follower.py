"""Following reports: what they show of trips is recorded in the log, in the same shard, as the hub's own items.

One reader a shard, behind the router, so that the streams of everything it reads are known. An edition's part has a key
made of vehicle, trip and revision, and a snapshot speaks only of what is appended: after a kill the same items are read
again, make the same editions, and the log answers those that it has with where they are. It holds up no retention.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from postroad.clock import Clock
from postroad.derive import TripSettings, VehicleTrips
from postroad.derive.sample import SECOND_US
from postroad.errors import PostroadError
from postroad.log.interface import UNASSIGNED, Batch, Part, ShardLog
from postroad.model.documents import Trip, TripDeleted
from postroad.model.events import Report
from postroad.model.header import OF_THE_HUB
from postroad.protocols import postroad
from postroad.protocols.base import TargetProtocol
from postroad.registry.records import RegistryView
from postroad.routing.translation import BatchTranslation, Decoder
from postroad.trips.snapshot import SNAPSHOT_VERSION, Head, read, write
from postroad.trips.wanted import Wanted

READ_BYTES = 1024 * 1024
"""Bodies read at once."""
HOLD_S = 0.003
"""So long other work on the event loop waits for this."""
TRY_AGAIN_S = 1.0
LOOK_EVERY_S = 60.0
"""Between two looks for vehicles that have fallen silent."""
ARRIVES_WITHIN_S = 60
"""What arrived so long ago is in the log, or was refused."""

_log = logging.getLogger(__name__)
_NO_TARGETS: dict[str, TargetProtocol] = {}


class TripFollower:
    """Derives the trips of one shard: run ``run`` as a task, and call ``routed`` when the router has come further."""

    def __init__(
        self,
        log: ShardLog,
        path: Path,
        *,
        decoder: Decoder,
        view: Callable[[], RegistryView],
        routed_to: Callable[[], int],
        clock: Clock,
        settings: TripSettings | None = None,
    ) -> None:
        """``path``: of the snapshot. ``routed_to``: everything below was routed, by ``view`` or an older one."""
        self.position = 0
        """Everything below was looked at; what it made is in the log, or pending."""
        self._log = log
        self._path = path
        self._decoder = decoder
        self._view = view
        self._routed_to = routed_to
        self._clock = clock
        self._settings = settings or TripSettings()
        self._vehicles: dict[int, VehicleTrips] = {}
        self._pending: list[Part] = []
        self._seen: RegistryView | None = None
        self._wanted = Wanted({})
        self._working = asyncio.Lock()
        self._news = asyncio.Event()
        self._begun = False

    def routed(self) -> None:
        """There is something new to look at. Where nobody wants trips, nothing is read for it."""
        self._look_at(self._view())
        if self._begun and not (self._wanted or self._vehicles or self._pending):
            self.position = max(self.position, self._routed_to())
        else:
            self._news.set()

    async def run(self) -> None:
        """Begin where the snapshot stands, and follow until cancelled."""
        await self.begin()
        while True:
            self._news.clear()
            try:
                await self.follow()
                await self.end_silent()
            except PostroadError as exc:
                _log.warning("Trips cannot be derived now; trying again: %s", exc)
                await self._clock.sleep(TRY_AGAIN_S)
                continue
            await self._news_or(LOOK_EVERY_S)

    async def _news_or(self, seconds: float) -> None:
        """Until there is something new, but not for longer than so many seconds."""
        waits = [asyncio.ensure_future(self._news.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def remembers(self, subject_id: int | None) -> bool:
        """Whether a trip of a vehicle may be in the making."""
        return subject_id in self._vehicles

    async def forget(self, subject_id: int) -> int:
        """Remember nothing of a vehicle any more, and write that; of how many something was remembered.

        Raises ``OSError``, and ``StoreUnavailable`` if what is pending of others cannot be recorded now.
        """
        async with self._working:
            known = self._vehicles.pop(subject_id, None)
            self._pending = [part for part in self._pending if subject_id not in part.subjects]
            await self._append()
            await self._save()
        return 0 if known is None else 1

    async def save(self) -> None:
        """Write the snapshot. Raises ``OSError``."""
        async with self._working:
            await self._save()

    async def _save(self) -> None:
        if not self._begun or self._pending:
            return  # what is not in the log yet would be taken for recorded
        self._forget_unwanted()
        if not self._vehicles:
            self._path.unlink(missing_ok=True)
            return
        head = Head(SNAPSHOT_VERSION, self._log.epoch, self.position)
        memories = {subject_id: trips.memory for subject_id, trips in self._vehicles.items()}
        await asyncio.to_thread(write, self._path, head, memories)  # nothing changes meanwhile

    async def begin(self) -> None:
        """Remember what the snapshot says, or begin where the first wanted item is."""
        found = await asyncio.to_thread(read, self._path, self._log.epoch)
        if found is not None and found[0] <= self._log.next_position:
            self.position, memories = found
            for subject_id, memory in memories.items():
                self._vehicles[subject_id] = VehicleTrips(subject_id, self._settings, memory)
                await asyncio.sleep(0)
        else:
            self._look_at(self._view())
            first = self._wanted.first_position
            self.position = self._routed_to() if first is None else max(first, self._log.first_position)
        self._begun = True

    async def follow(self) -> None:
        """Look at everything that was routed. Raises ``StoreUnavailable`` or ``StoreCorrupt``; call it again then."""
        while self._pending or self.position < self._routed_to():
            async with self._working:
                await self._append()
                await self._read_on()

    async def end_silent(self) -> None:
        """Tell the last trips of vehicles that have fallen silent. Raises ``StoreUnavailable``; call it again then.

        Only where all of the log was looked at, and some time after the end is due: what arrived before has come then.
        """
        async with self._working:
            end = self._log.next_position
            if self.position < end:
                return
            self._look_at(self._view())
            until_us = self._clock.now_us() - ARRIVES_WITHIN_S * SECOND_US
            for subject_id, trips in self._vehicles.items():
                if self._wanted.covers(subject_id, end):
                    self._pending += [_part(edition) for edition in trips.silent_until(until_us)]
            await self._append()

    async def _read_on(self) -> None:
        self._look_at(self._view())
        end = self._routed_to()
        batches: Sequence[Batch] = []
        if self._wanted or self._vehicles:
            batches = await self._log.read(self.position, max_bytes=READ_BYTES)
        if not batches:
            self.position = end
        for batch in batches:
            await self._look_into(batch, min(batch.end, end))
            await self._append()

    async def _look_into(self, batch: Batch, end: int) -> None:
        """Take a batch in, up to ``end``, and let others work in between."""
        if batch.protocol == postroad.NAME:
            self.position = max(self.position, end)
        self.position = max(self.position, min(batch.position, end))
        while self.position < end:
            self._look_at(self._view())
            translation = BatchTranslation(batch, self._decoder, _NO_TARGETS, self._view())
            until_s = self._clock.monotonic_s() + HOLD_S
            while self.position < end and self._clock.monotonic_s() < until_s:
                self._take(translation, self.position - batch.position)
                self.position += 1
            await asyncio.sleep(0)

    def _take(self, translation: BatchTranslation, index: int) -> None:
        batch = translation.batch
        subject_id, position = batch.subjects[index], batch.position + index
        if subject_id == UNASSIGNED:
            return
        if not self._wanted.covers(subject_id, position):
            self._vehicles.pop(subject_id, None)
            return
        trips = self._vehicles.get(subject_id)
        if trips is None:
            trips = self._vehicles[subject_id] = VehicleTrips(subject_id, self._settings)
        try:
            for event in translation.events(index):
                if isinstance(event, Report):
                    self._pending += [_part(edition) for edition in trips.feed(event)]
        except Exception as error:  # noqa: BLE001 - trips are derived: one item's defect must not stop all others
            _log.warning("Position %d does not count for trips: %s", position, error)

    async def _append(self) -> None:
        """Have what is pending in the log. Raises ``StoreUnavailable``; then it is pending still."""
        if self._pending:
            await asyncio.gather(*[self._log.append(part) for part in self._pending])
            self._pending = []

    def _look_at(self, view: RegistryView) -> None:
        if view is not self._seen:
            self._seen, self._wanted = view, Wanted.of(view, self._log.shard)

    def _forget_unwanted(self) -> None:
        for subject_id in [id_ for id_ in self._vehicles if not self._wanted.from_here(id_, self.position)]:
            del self._vehicles[subject_id]


def _part(edition: Trip | TripDeleted) -> Part:
    word = postroad.of_document(edition)
    raw = postroad.encode(word)
    return Part(
        provider_id=OF_THE_HUB,
        protocol=postroad.NAME,
        revision=1,
        received_us=word.at_us,
        subjects=[word.subject_id],
        kinds=bytes([postroad.KINDS.index(postroad.kind_of(word))]),
        flags=b"\0",
        lengths=[len(raw)],
        body=raw,
        key=f"trip/{word.key}/{word.revision}".encode(),
        decoded=[postroad.PROTOCOL.read(raw, postroad.Settings())],
    )
