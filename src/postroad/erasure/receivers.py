"""Who had what is erased, and how the word of it fared with them: from the intervals and the accounts of delivery."""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Mapping, Sequence, Set

from postroad.access.streams import StreamIndex
from postroad.delivery.expected import Expectations, Read
from postroad.erasure.received import Received
from postroad.errors import NotFound, PostroadError
from postroad.log.interface import Batch, ShardLog
from postroad.protocols.base import TargetProtocol
from postroad.registry.erasures import Fate, Receiver
from postroad.registry.records import RegistryView, Subscription
from postroad.routing.translation import BatchTranslation, Decoder, selection_of

READ_BYTES = 1024 * 1024


class Receivers:
    """Looks at one shard by one view."""

    def __init__(
        self,
        log: ShardLog,
        view: RegistryView,
        *,
        before: RegistryView,
        decoder: Decoder,
        targets: Mapping[str, TargetProtocol],
        created_us: Mapping[int, int],
        removed: Mapping[int, Subscription],
    ) -> None:
        """``before``: the view with the names that the subject had. ``created_us``: of streams, by id.

        ``removed``: subscriptions that are removed, and may have had access.
        """
        self._log = log
        self._view = view
        self._before = before
        self._streams = StreamIndex(view.streams, view.told)
        self._decoder = decoder
        self._targets = targets
        self._created_us = created_us
        self._removed = removed

    async def of(self, subject_id: int, positions: Sequence[int], notices: Sequence[int]) -> tuple[Receiver, ...]:
        """Those who had access to the subject, or were told of it; ``positions`` of what is found of it, in order."""
        ids = sorted(self._streams.subscriptions(subject_id))
        received = await self._received(ids, [at for at in positions if at not in {*notices}])
        return tuple(
            [
                Receiver(
                    subscription_id=subscription_id,
                    subscription=self._name(subscription_id),
                    removed=subscription_id not in self._view.subscriptions,
                    events=self._events(subscription_id, received.get(subscription_id)),
                    since_us=self._since_us(subscription_id, subject_id),
                    notice=await self._expected(subscription_id, subject_id, notices),
                )
                for subscription_id in ids
            ]
        )

    async def fate(self, subscription_id: int, subject_id: int | None, notices: Sequence[int]) -> Fate:
        """How the notices that a subscription is to be told have fared."""
        account = await self._log.delivery.account(subscription_id)
        if subscription_id not in self._view.subscriptions or account is None:
            return "given_up"
        whose = 0 if subject_id is None else subject_id
        mine = {at for at in notices if self._had(subscription_id, whose, at)} or {*notices}
        if any(position >= account.cursor for position in mine):
            return "under_way"
        if any(letter.position in mine for letter in account.parked):
            return "under_way"
        dead = any(letter.position in mine for letter in account.dead)
        skipped = any(skip.first <= at < skip.end for skip in account.skips for at in mine)
        return "given_up" if dead or skipped else "told"

    async def _received(self, subscription_ids: Sequence[int], positions: Sequence[int]) -> dict[int, Received]:
        """What each subscription of which there is an account was delivered of these items."""
        found: dict[int, Received] = {}
        for subscription_id in subscription_ids:
            subscription = self._subscription(subscription_id)
            account = await self._log.delivery.account(subscription_id)
            if subscription is not None and account is not None:
                found[subscription_id] = Received(subscription, account, self._expect)
        wanted = frozenset(positions)
        async for batches in self._holding(positions if found else ()):
            for received in found.values():
                await asyncio.to_thread(received.look_at, batches, wanted)
        return found

    def _expect(self, subscription: Subscription, read: Read) -> Expectations:
        return Expectations(
            subscription,
            read,
            view=self._before,
            decoder=self._decoder,
            targets=self._targets,
            streams=self._streams,
        )

    async def _holding(self, positions: Sequence[int]) -> AsyncIterator[list[Batch]]:
        """The batches that hold these positions, some at a time."""
        at = 0
        while at < len(positions) and (batches := await self._log.read(positions[at], max_bytes=READ_BYTES)):
            holding = [batch for batch in batches if _any_in(positions, batch)]
            if holding:
                yield holding
            at = bisect_left(positions, batches[-1].end)

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

    def _had(self, subscription_id: int, subject_id: int, position: int) -> bool:
        return self._streams.covers(subscription_id, subject_id, position) or self._streams.given(
            subscription_id, subject_id, position
        )

    def _since_us(self, subscription_id: int, subject_id: int) -> int | None:
        opened = (
            self._created_us[stream.id]
            for stream in self._view.streams.values()
            if (stream.subscription_id, stream.subject_id) == (subscription_id, subject_id)
        )
        return min(opened, default=None)

    def _events(self, subscription_id: int, received: Received | None) -> int | None:
        """Who has no account has not begun, or is removed, and then nobody knows what it was delivered."""
        if received is not None:
            return received.events
        return 0 if subscription_id in self._view.subscriptions else None

    def _subscription(self, subscription_id: int) -> Subscription | None:
        return self._view.subscriptions.get(subscription_id) or self._removed.get(subscription_id)

    def _name(self, subscription_id: int) -> str:
        subscription = self._subscription(subscription_id)
        return str(subscription_id) if subscription is None else subscription.name


def access_was_had(view: RegistryView, subjects: Set[int | None]) -> set[int]:
    """The subscriptions that have, or had, a stream of any of these subjects, or were told of it."""
    had = {stream.subscription_id for stream in view.streams.values() if stream.subject_id in subjects}
    return had | {at.subscription_id for at in view.told if at.subject_id in subjects}


def last_told(view: RegistryView, subject_id: int) -> dict[int, int]:
    """Where each subscription was last told of grants of a subject: that it has it no more."""
    last: dict[int, int] = {}
    for at in view.told:
        if at.subject_id == subject_id:
            last[at.subscription_id] = max(at.position, last.get(at.subscription_id, 0))
    return last


def _any_in(positions: Sequence[int], batch: Batch) -> bool:
    at = bisect_left(positions, batch.position)
    return at < len(positions) and positions[at] < batch.end
