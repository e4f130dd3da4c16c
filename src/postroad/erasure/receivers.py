"""Who had what is erased, and how the word of it fared with them: from the intervals, the cursors and the letters."""

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence, Set
from itertools import repeat

from postroad.access.streams import StreamIndex
from postroad.errors import NotFound, PostroadError
from postroad.log.delivery import DeliveryStore, LetterFilter, LetterId, Skip
from postroad.log.interface import Batch, ShardLog
from postroad.protocols.base import SLOT_BITS, TargetProtocol
from postroad.registry.erasures import Fate, Receiver
from postroad.registry.records import RegistryView, Subscription
from postroad.routing.translation import BatchTranslation, Decoder, selection_of


class Receivers:
    """Looks at one shard by one view."""

    def __init__(
        self,
        log: ShardLog,
        view: RegistryView,
        *,
        decoder: Decoder,
        targets: Mapping[str, TargetProtocol],
        created_us: Mapping[int, int],
    ) -> None:
        """``created_us``: of streams, by id."""
        self._log = log
        self._view = view
        self._streams = StreamIndex(view.streams)
        self._decoder = decoder
        self._targets = targets
        self._created_us = created_us

    async def of(
        self, subject_id: int, places: Sequence[tuple[int, int]], notices: Sequence[int]
    ) -> tuple[Receiver, ...]:
        """Those who had access to the subject; ``places``: (position, subject) of what is found of it."""
        store, found = self._log.delivery, list[Receiver]()
        cursors = await store.cursors()
        for subscription_id in sorted(self._streams.subscriptions(subject_id)):
            cursor = cursors.get(subscription_id)
            unsent = _Unsent(
                0 if cursor is None else cursor.position,
                await store.skips(subscription_id),
                {*await _waiting(store, subscription_id), *notices},
            )
            sent = await asyncio.to_thread(self._sent, subscription_id, places, unsent)
            found.append(
                Receiver(
                    subscription_id=subscription_id,
                    subscription=self._name(subscription_id),
                    events=sent,
                    since_us=self._since_us(subscription_id, subject_id),
                    notice=await self._expected(subscription_id, subject_id, notices),
                )
            )
        return tuple(found)

    async def fate(self, subscription_id: int, notices: Sequence[int]) -> Fate:
        """How the notices that a subscription is to be told have fared."""
        store = self._log.delivery
        cursor = (await store.cursors()).get(subscription_id)
        if subscription_id not in self._view.subscriptions or cursor is None:
            return "given_up"
        if any(position >= cursor.position for position in notices):
            return "under_way"
        if {letter.position for letter in await store.parked(subscription_id)} & set(notices):
            return "under_way"
        ids = frozenset(LetterId(position, slot) for position in notices for slot in range(1 << SLOT_BITS))
        dead = await store.count_dead(LetterFilter(subscription_id=subscription_id, ids=ids))
        unsent = _Unsent(cursor.position, await store.skips(subscription_id), set())
        return "given_up" if dead or any(map(unsent.holds, notices)) else "told"

    async def _expected(self, subscription_id: int, subject_id: int, notices: Sequence[int]) -> Fate:
        """Whether any notice says something in the words of a subscription."""
        subscription = self._view.subscriptions.get(subscription_id)
        for position in notices if subscription is not None else ():
            covered = self._streams.covers(subscription_id, subject_id, position)
            if subscription is not None and covered and await self._says(subscription, subject_id, position):
                return "under_way"
        return "not_told"

    async def _says(self, subscription: Subscription, subject_id: int, position: int) -> bool:
        batches: list[Batch] = await self._log.read(position, max_bytes=1)
        target = self._targets.get(subscription.protocol)
        if not batches or target is None or not batches[0].position <= position < batches[0].end:
            return False
        translation = BatchTranslation(batches[0], self._decoder, self._targets, self._view)
        index, scopes = position - batches[0].position, self._streams.scopes(subscription.id, subject_id)
        try:
            return translation.meant_for(index, subscription.id) and bool(
                translation.selected(index, selection_of(subscription, target), scopes)
            )
        except (NotFound, PostroadError):
            return False

    def _sent(self, subscription_id: int, places: Sequence[tuple[int, int]], unsent: "_Unsent") -> int:
        return sum(
            self._had(subscription_id, whose, position) and not unsent.holds(position) for position, whose in places
        )

    def _had(self, subscription_id: int, subject_id: int, position: int) -> bool:
        return self._streams.covers(subscription_id, subject_id, position) or self._streams.given(
            subscription_id, subject_id, position
        )

    def _since_us(self, subscription_id: int, subject_id: int) -> int:
        return min(
            self._created_us[stream.id]
            for stream in self._view.streams.values()
            if (stream.subscription_id, stream.subject_id) == (subscription_id, subject_id)
        )

    def _name(self, subscription_id: int) -> str:
        subscription = self._view.subscriptions.get(subscription_id)
        return str(subscription_id) if subscription is None else subscription.name


class _Unsent:
    """What a subscription was not sent, though it was to have it."""

    def __init__(self, cursor: int, skips: Sequence[Skip], waiting: set[int]) -> None:
        self._cursor = cursor
        self._waiting = waiting
        self._ends: dict[str, list[int]] = {}
        self._firsts: dict[str, list[int]] = {}
        for skip in skips:  # in order; those of one reason do not overlap
            self._firsts.setdefault(skip.reason, []).append(skip.first)
            self._ends.setdefault(skip.reason, []).append(skip.end)

    def holds(self, position: int) -> bool:
        """Whether the item there was not sent, as far as is known."""
        return (
            position >= self._cursor or position in self._waiting or any(map(self._skips, self._ends, repeat(position)))
        )

    def _skips(self, reason: str, position: int) -> bool:
        at = bisect_right(self._ends[reason], position)
        return at < len(self._ends[reason]) and self._firsts[reason][at] <= position


def access_was_had(view: RegistryView, subjects: Set[int | None]) -> set[int]:
    """The subscriptions that have, or had, a stream of any of these subjects."""
    return {stream.subscription_id for stream in view.streams.values() if stream.subject_id in subjects}


async def _waiting(store: DeliveryStore, subscription_id: int) -> set[int]:
    """Positions of what waits beside the log: it was not sent."""
    waiting = {letter.position for letter in await store.parked(subscription_id)}
    which, after = LetterFilter(subscription_id=subscription_id), None
    while page := await store.dead(which, after=after, limit=1_000):
        waiting |= {dead.letter.position for dead in page}
        after = subscription_id, page[-1].letter.id
    return waiting
