"""The router of one shard: every item once, in order, to the feeds that may have it."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from postroad.access.streams import StreamIndex
from postroad.clock import Clock, SystemClock
from postroad.errors import PostroadError, StoreCorrupt
from postroad.log.interface import Batch, ShardLog
from postroad.protocols.base import TargetProtocol
from postroad.registry.records import RegistryView
from postroad.routing.feed import Feed, RoutedItem
from postroad.routing.history import History, history_for, warm_from
from postroad.routing.pace import Pace
from postroad.routing.readers import Group, Said, Words, groups_of, words_for
from postroad.routing.translation import BatchTranslation, Decoder

SLICE_ITEMS = 128
"""Items routed before other work on the event loop gets its turn."""

INBOX_BYTES = 16 * 1024 * 1024
"""Batches held in memory between the log and routing; beyond it the router reads the log."""

CATCH_UP_BYTES = 1024 * 1024
"""Bodies a feed that lags reads at once."""

_log = logging.getLogger(__name__)

Observe = Callable[[BatchTranslation, range], None]
"""Told of every item, once and in order, as it is routed."""

Gap = Callable[[int, int, int], Awaitable[None]]
"""Called with (subscription id, first, end) when positions were removed that a feed had still to read.

It returns once that is durably recorded; only then does the feed go on behind them. Raises ``StoreUnavailable``.
"""


class Router:
    """Routes one shard. Create it, ``use`` a view, add feeds, then ``run``."""

    def __init__(
        self,
        log: ShardLog,
        *,
        decoder: Decoder,
        targets: Mapping[str, TargetProtocol],
        gap: Gap,
        observe: Observe | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Route from the log's present end; what came before is read by the feeds themselves.

        ``clock`` is for their pace; the machine's if not given.
        """
        self.gate = asyncio.Lock()
        """Held while routing a slice. Hold it to change the registry's view between two positions, exactly."""
        self.routed_to = log.next_position
        """Everything below was offered to the feeds that follow."""
        self._log = log
        self._decoder = decoder
        self._targets = targets
        self._gap = gap
        self._observe = observe
        self._clock = clock or SystemClock()
        self._pace = Pace(self._clock)
        self._view: RegistryView
        self._streams: StreamIndex
        self._feeds: dict[int, Feed] = {}
        self._groups: dict[int, list[Group]] = {}
        """By subject, as far as they were asked for since feeds or streams changed."""
        self._inbox: deque[Batch] = deque()
        self._inbox_bytes = 0
        self._behind = False
        self._wake = asyncio.Event()
        log.listen(self._received)

    def use(self, view: RegistryView, streams: StreamIndex) -> None:
        """Route by this view from ``routed_to`` on."""
        self._view = view
        self._streams = streams
        self._groups = {}

    def add(self, feed: Feed) -> None:
        """Serve a feed, from where it stands."""
        feed.history = history_for(feed.selection, self._targets[feed.selection.protocol])
        self._feeds[feed.subscription_id] = feed
        self._groups = {}
        feed.wake()

    def remove(self, subscription_id: int) -> None:
        """Serve a feed no more."""
        self._feeds.pop(subscription_id, None)
        self._groups = {}

    def _groups_of(self, subject_id: int) -> list[Group]:
        groups = self._groups.get(subject_id)
        if groups is None:
            feeds = [self._feeds[id_] for id_ in self._streams.subscriptions(subject_id) if id_ in self._feeds]
            groups = self._groups[subject_id] = groups_of(subject_id, feeds, self._streams, self.routed_to)
        return groups

    # Live.

    def _received(self, batches: Sequence[Batch]) -> None:
        """The log's listener: keep the batches for ``run``, as far as there is room."""
        for batch in batches:
            if self._behind or self._inbox_bytes > INBOX_BYTES:
                self._behind = True
                break
            self._inbox.append(batch)
            self._inbox_bytes += len(batch.body)
        self._wake.set()

    async def run(self) -> None:
        """Route until cancelled."""
        while True:
            while self._inbox:
                batch = self._inbox.popleft()
                self._inbox_bytes -= len(batch.body)
                await self._route(batch)
            if self._behind:
                await self._read_behind()
                continue
            self._wake.clear()
            await self._wake.wait()

    async def _read_behind(self) -> None:
        """The inbox overflowed: go on from the log until it is overtaken."""
        batches: list[Batch] = []
        try:
            batches = await self._log.read(self.routed_to, max_bytes=CATCH_UP_BYTES)
        except PostroadError as error:
            _log.error("Shard %d cannot be read from position %d on: %s", self._log.shard, self.routed_to, error)
        if not batches or batches[0].position > self.routed_to:
            await self._leave_to_feeds()
        for batch in batches:
            await self._route(batch)
        if self.routed_to >= self._log.next_position:
            self._behind = False

    async def _leave_to_feeds(self) -> None:
        """Go on at the log's end: what the router cannot read each feed tries by itself, and reports what is lost."""
        async with self.gate:
            for feed in self._feeds.values():
                if feed.following:
                    feed.following = False
                    feed.resume_at = max(feed.resume_at, self.routed_to)
                    feed.wake()
            self.routed_to = self._log.next_position

    async def _route(self, batch: Batch) -> None:
        """Offer a batch to the feeds that follow, a slice at a time."""
        if batch.end <= self.routed_to:
            return
        self._pace.live()
        translation: BatchTranslation | None = None
        index = max(0, self.routed_to - batch.position)
        while index < len(batch):
            async with self.gate:
                if translation is None or translation.view is not self._view:
                    translation = BatchTranslation(batch, self._decoder, self._targets, self._view)
                stop = min(index + SLICE_ITEMS, len(batch))
                woken = self._route_slice(translation, range(index, stop))
                if self._observe is not None:
                    self._observe(translation, range(index, stop))
                index = stop
                self.routed_to = batch.position + stop
            for feed in woken:
                feed.wake()
            if index < len(batch):
                await asyncio.sleep(0)

    def _route_slice(self, translation: BatchTranslation, indexes: Iterable[int]) -> set[Feed]:
        woken: set[Feed] = set()
        subjects = translation.batch.subjects
        for index in indexes:
            for group in self._groups_of(subjects[index]):
                self._offer(group, translation, index, woken)
        return woken

    def _offer(self, group: Group, translation: BatchTranslation, index: int, woken: set[Feed]) -> None:
        """Offer an item to those of a group that follow and may have it. It is translated if there is one."""
        batch, of_the_hub = translation.batch, translation.of_the_hub
        position, subject_id = batch.position + index, batch.subjects[index]
        said: Said | None = None
        for feed, types, stretch, covered in group.readers:
            if not feed.following or position not in stretch:
                continue
            if not covered and self._streams.covers(feed.subscription_id, subject_id, position):
                continue  # the farewell of an ended stream stands among what it was to give
            if said is None:
                said = self._said(translation, index, group.words, group.only)
                if said is None:
                    return
            if of_the_hub and not translation.meant_for(index, feed.subscription_id):
                continue
            item = said.of(types, covered=covered)
            if item is not None:
                feed.offer(item)
                woken.add(feed)

    def _said(self, translation: BatchTranslation, index: int, words: Words, to: Feed | None = None) -> Said | None:
        """What an item says, if it says anything; where ``to`` alone asks, anything that it is meant to hear."""
        batch = translation.batch
        try:
            if to is not None and not translation.meant_for(index, to.subscription_id):
                return None
            if to is None or to.history is None:
                outgoing = translation.outgoing(index, *words)
            else:
                first = self._streams.begins_at(to.subscription_id, batch.subjects[index])
                known = to.history.at_item(translation, index, first=first)
                outgoing = translation.filled(index, *words, known)
        except PostroadError as error:
            at = batch.position + index
            _log.error("Position %d of shard %d cannot be read any more: %s", at, self._log.shard, error)
        except Exception:  # noqa: BLE001 - a defect that one item brings to light must not hold up all the others
            at = batch.position + index
            _log.exception("Position %d of shard %d cannot be translated", at, self._log.shard)
        else:
            return Said(batch, index, outgoing, self._streams.edition) if outgoing else None
        return None

    # Catching up.

    async def catch_up(self, feed: Feed) -> None:
        """Read the log for a feed that does not follow, until its queue has something, or it follows again.

        The feed's own task calls this; it works in turns with all others that catch up (``Pace``). It never passes the
        router: which streams there will be where the router has not been yet is not known.
        """
        while not feed.following and not feed.queue:
            async with feed.reading:
                await self._read_for(feed)

    async def _read_for(self, feed: Feed) -> None:
        """One step of catching up."""
        end = self.routed_to
        while (given_up := feed.gave_up(feed.resume_at)) is not None:
            feed.jump(given_up.stop)
        if feed.history is not None and not feed.warm:
            await self._warm(feed, feed.history)
        if feed.resume_at >= end:
            feed.following = True
            return
        batches = await self._log.read(feed.resume_at, max_bytes=CATCH_UP_BYTES)
        first = batches[0].position if batches else end
        if first > feed.resume_at:
            for lost in feed.lost(feed.resume_at, first, self._log.jumps):
                await self._gap(feed.subscription_id, lost.start, lost.stop)
            feed.jump(first)
            if feed.history is not None:
                return  # to be warmed first
        for batch in batches:
            await self._catch_up_batch(feed, batch)

    def _wanted(self, feed: Feed, translation: BatchTranslation, index: int) -> RoutedItem | None:
        """What an item says to the feed; nothing if no stream ever gave it. Delivery sends what one gives still."""
        batch = translation.batch
        subject_id = batch.subjects[index]
        place = feed.subscription_id, subject_id, batch.position + index
        covered = self._streams.covers(*place)
        if not (covered or self._streams.given(*place)):
            return None
        words = words_for(feed, self._streams, subject_id)
        said = self._said(translation, index, words, feed)
        return said.of(feed.types, covered=covered) if said is not None else None

    async def _catch_up_batch(self, feed: Feed, batch: Batch) -> None:
        translation: BatchTranslation | None = None
        mine = set(self._streams.subjects(feed.subscription_id))
        index = max(0, feed.resume_at - batch.position)
        while index < len(batch) and not feed.full and not feed.following:
            async with self._pace, self.gate:
                self._pace.begin()
                if translation is None or translation.view is not self._view:
                    translation = BatchTranslation(batch, self._decoder, self._targets, self._view)
                    mine = set(self._streams.subjects(feed.subscription_id))
                stop = min(index + SLICE_ITEMS, len(batch), self.routed_to - batch.position)
                while index < stop and not feed.full:
                    if batch.subjects[index] in mine and feed.gave_up(batch.position + index) is None:
                        item = self._wanted(feed, translation, index)
                        if item is not None:
                            feed.put(item)
                    index += 1
                    if self._pace.over:
                        break
                feed.resume_at = batch.position + index
                feed.following = feed.resume_at >= self.routed_to

    async def _warm(self, feed: Feed, history: History) -> None:
        """Have the history know what came before ``resume_at``: one window of the log is read back.

        What cannot be read any more is not known.
        """
        history.forget()
        try:
            position = await warm_from(self._log, feed.resume_at, history.window_us, now_us=self._clock.now_us())
            while position < feed.resume_at and (batches := await self._log.read(position, max_bytes=CATCH_UP_BYTES)):
                for batch in batches:
                    await self._warm_with(feed, history, batch)
                position = batches[-1].end
        except StoreCorrupt as error:
            _log.error("What filled events of shard %d cannot be read any more: %s", self._log.shard, error)
        feed.warm = True

    async def _warm_with(self, feed: Feed, history: History, batch: Batch) -> None:
        index, stop = 0, min(len(batch), feed.resume_at - batch.position)
        while index < stop:
            async with self._pace, self.gate:
                self._pace.begin()
                translation = BatchTranslation(batch, self._decoder, self._targets, self._view)
                while index < stop:
                    if self._streams.covers(feed.subscription_id, batch.subjects[index], batch.position + index):
                        with suppress(Exception):  # as in routing, where it was told: one item's defect is its own
                            history.learn(translation, index)
                    index += 1
                    if self._pace.over:
                        break
