"""Following the log: what holds a dataset that an instance may fetch is noted in the index.

Behind the router, so that the streams of everything it looks at are known, and fed by it: while it keeps up, an item is
decoded once for both. When it does not, and after a start, it reads the log. It holds up no retention.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from postroad.clock import Clock
from postroad.datasets.index import DatasetIndex, Entry, Place
from postroad.datasets.instances import Instances
from postroad.errors import PostroadError
from postroad.log.interface import UNASSIGNED, ShardLog
from postroad.protocols import damoov, drivequant, postroad
from postroad.protocols.base import TargetProtocol
from postroad.registry.records import RegistryView
from postroad.routing.translation import BatchTranslation, Decoder

SOURCES: Final = frozenset({damoov.PROTOCOL.name, drivequant.PROTOCOL.name, postroad.NAME})
"""Protocols whose items can hold datasets; those of others are not looked at. A test holds it to what they say."""
READ_BYTES = 1024 * 1024
"""Bodies read at once."""
HOLD_S = 0.003
"""So long other work on the event loop waits for this."""
PENDING_ENTRIES = 10_000
"""Datasets that wait to be noted; what comes beyond is read from the log later."""
TRY_AGAIN_S = 1.0
_NO_TARGETS: Final[dict[str, TargetProtocol]] = {}

_log = logging.getLogger(__name__)


class DatasetFollower:
    """Keeps the index of one shard: run ``run`` as a task, and have the router call ``observe``."""

    def __init__(
        self,
        log: ShardLog,
        index: DatasetIndex,
        *,
        decoder: Decoder,
        view: Callable[[], RegistryView],
        routed_to: Callable[[], int],
        clock: Clock,
    ) -> None:
        """``routed_to``: everything below was routed, by ``view`` or an older one."""
        self.index = index
        self.noted = 0
        """Everything below is in the index."""
        self._log = log
        self._decoder = decoder
        self._view = view
        self._routed_to = routed_to
        self._clock = clock
        self._seen = 0
        """Everything below was looked at; what it holds is pending, or noted."""
        self._pending: list[Entry] = []
        self._known: RegistryView | None = None
        self._instances = Instances({}, {})
        self._news = asyncio.Event()
        self._moved = asyncio.Event()
        self._begun = False

    @property
    def instances(self) -> Instances:
        """Who may have what, by the present view."""
        self._look_at(self._view())
        return self._instances

    def observe(self, translation: BatchTranslation, indexes: range) -> None:
        """These items were routed."""
        first = translation.batch.position + indexes.start
        if not self._begun or first != self._seen or len(self._pending) >= PENDING_ENTRIES:
            self._news.set()
            return
        self._look_at(translation.view)
        self._take(translation, indexes)
        if not self._pending and self.noted == first:
            self._pass(self._seen)
        else:
            self._news.set()

    async def run(self) -> None:
        """Begin where the index stands, and follow until cancelled."""
        self.begin()
        while True:
            self._news.clear()
            try:
                await self.follow()
            except PostroadError as exc:
                _log.warning("Datasets cannot be noted now; trying again: %s", exc)
                await self._clock.sleep(TRY_AGAIN_S)
                continue
            await self._news.wait()

    def begin(self) -> None:
        """Know where to go on: nothing below the first stream of an instance counts."""
        first = self.instances.first_position
        self._seen = self._routed_to() if first is None else max(first, self.index.position, self._log.first_position)
        self._seen = self.noted = min(self._seen, self._routed_to())
        self._begun = True

    async def follow(self) -> None:
        """Note everything that was routed. Raises ``StoreUnavailable`` or ``StoreCorrupt``; call it again then."""
        while self._pending or self.noted < self._routed_to():
            await self._flush()
            if self._seen < self._routed_to():
                await self._read_on()

    async def reach(self, position: int) -> None:
        """Return when everything below ``position`` is in the index."""
        while self.noted < position:
            self._moved.clear()
            await self._moved.wait()

    async def save(self) -> None:
        """Write how far it has come, and forget what the log has forgotten. Raises ``StoreUnavailable``."""
        if self._begun:
            await asyncio.to_thread(self.index.note, (), self.noted)
            await asyncio.to_thread(self.index.forget_below, self._log.first_position)

    async def count(self, positions: Sequence[int], subject_id: int | None) -> int:
        """How much ``erase`` would forget. Raises ``StoreUnavailable``."""
        return await asyncio.to_thread(self.index.count, positions, subject_id)

    async def erase(self, positions: Sequence[int], subject_id: int | None) -> int:
        """Forget what stands at ``positions`` or is a subject's; how much that was. Raises ``StoreUnavailable``."""
        at = frozenset(positions)
        self._pending = [
            entry for entry in self._pending if entry.place.position not in at and entry.place.subject_id != subject_id
        ]
        return await asyncio.to_thread(self.index.erase, positions, subject_id)

    async def _flush(self) -> None:
        entries, upto = self._pending, self._seen
        self._pending = []
        if entries:
            try:
                await asyncio.to_thread(self.index.note, entries, upto)
            except PostroadError:
                self._pending = entries + self._pending
                raise
        self._pass(upto)

    def _pass(self, position: int) -> None:
        self.noted = position
        self._moved.set()

    async def _read_on(self) -> None:
        end = self._routed_to()
        batches = await self._log.read(self._seen, max_bytes=READ_BYTES) if self.instances else []
        if not batches:
            self._seen = max(self._seen, end)
        for batch in batches:
            self._seen = max(self._seen, min(batch.position, end))
            while self._seen < min(batch.end, end):
                self._look_at(self._view())
                translation = BatchTranslation(batch, self._decoder, _NO_TARGETS, self._view())
                start = self._seen - batch.position
                self._take(translation, range(start, min(batch.end, end) - batch.position), hold_s=HOLD_S)
                await asyncio.sleep(0)

    def _take(self, translation: BatchTranslation, indexes: Iterable[int], hold_s: float = float("inf")) -> None:
        """Look at items of a batch, one at least; within ``hold_s``."""
        batch = translation.batch
        until_s = self._clock.monotonic_s() + hold_s
        for index in indexes:
            if batch.protocol in SOURCES and self._instances:
                self._look_into(translation, index)
            self._seen = batch.position + index + 1
            if self._clock.monotonic_s() >= until_s:
                break

    def _look_into(self, translation: BatchTranslation, index: int) -> None:
        batch = translation.batch
        subject_id, position = batch.subjects[index], batch.position + index
        if subject_id == UNASSIGNED or not self._instances.gives(subject_id, position):
            return
        try:
            for event in translation.events(index):
                for one in damoov.held(event):
                    place = Place(position, subject_id)
                    self._pending.append(Entry(uuid.UUID(one.object_id), one.kind, one.revision, place))
        except Exception as error:  # noqa: BLE001 - one item's defect must not hold up the router and all others
            _log.warning("Position %d holds no dataset that can be found: %s", position, type(error).__name__)

    def _look_at(self, view: RegistryView) -> None:
        if view is not self._known:
            self._known, self._instances = view, Instances.of(view)
