"""What an integration may see of its own deliveries: how far they are behind, how attempts ended, what was given up.

Nothing here tells of others: no positions, whose distances are everybody's traffic, no counts but of its own events.
Its methods block, in a thread of the GraphQL server; ``wait`` is how they ask what lives on the event loop.
"""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from postroad.api.graphql.index import issued_number
from postroad.api.graphql.paging import Cursor, Page, PageInfo
from postroad.api.graphql.types import DeadLetter, DeliveryAttempt, TopicLag
from postroad.delivery.backlog import Backlogs
from postroad.delivery.manager import DeliveryManager, Shard
from postroad.log.delivery import DeadLetter as KeptLetter
from postroad.log.delivery import Letter, LetterFilter, LetterId
from postroad.protocols.base import TargetProtocol, outgoing_id, position_and_slot
from postroad.protocols.connected_cars import VEHICLE_NUMBER
from postroad.registry.records import RegistryView, Subscription
from postroad.registry.store import RegistryStore
from postroad.routing.backlog import Wanted
from postroad.routing.translation import Decoder

LOOK_BYTES: Final = 1024 * 1024
"""Bodies looked through to count what waits for one subscription in one shard."""
USUAL_FIRST: Final = 10
MAX_FIRST: Final = 100
"""Attempts, or dead letters, of one page."""

T = TypeVar("T")


class Wait(Protocol):
    """Have a coroutine run on the event loop, and block until it is done. Raises what it raises."""

    def __call__(self, coroutine: Coroutine[Any, Any, T], /) -> T:
        """See the class."""


class Insight:
    """Of every subscription; whoever asks has seen to it that it is one of the asker's."""

    def __init__(
        self,
        shards: Mapping[int, Shard],
        manager: DeliveryManager,
        backlogs: Backlogs,
        registry: RegistryStore,
        *,
        decoder: Decoder,
        targets: Mapping[str, TargetProtocol],
    ) -> None:
        """Ask these; nothing of them is changed."""
        self._shards = shards
        self._manager = manager
        self._backlogs = backlogs
        self._registry = registry
        self._decoder = decoder
        self._targets = targets

    def lag(self, subscription: Subscription, view: RegistryView, wait: Wait) -> TopicLag:
        """How much waits. Raises ``PostroadError``.

        What is being sent this moment may be counted although it has arrived: it is until the cursor has moved.
        """
        events, complete, oldest_us = 0, True, None
        streams = self._manager.streams
        wanted = Wanted(subscription, view=view, decoder=self._decoder, targets=self._targets, streams=streams)
        for number, shard in self._shards.items():
            start = wait(self._settled_to(subscription.id, number))
            if start is None:
                continue
            arrived_us = [one.received_us for one in wait(_parked(shard, subscription.id)) if one.position < start]
            events += len(arrived_us)
            if start < shard.log.next_position:
                batches = wait(shard.log.read(start, max_bytes=LOOK_BYTES))
                for item in wanted.items(batches, start):
                    events += len(item.slots)
                    arrived_us.append(item.received_us)
                complete &= not batches or batches[-1].end >= shard.log.next_position
            oldest_us = min((us for us in (*arrived_us, oldest_us) if us is not None), default=None)
        return TopicLag(events=events, complete=complete, oldest_received_at=oldest_us)

    def attempts(self, subscription_id: int, first: int) -> Sequence[DeliveryAttempt]:
        """The newest. Raises ``StoreUnavailable``."""
        return [
            DeliveryAttempt(
                succeeded=one.succeeded,
                bulks=one.bulks,
                events=one.items,
                first_at=one.first_at_us,
                last_at=one.last_at_us,
                min_elapsed_ms=one.min_elapsed_ms,
                max_elapsed_ms=one.max_elapsed_ms,
                attempt=one.attempt,
                reason=one.reason,
                status=one.status,
                detail=one.detail,
                request_id=one.request_id,
            )
            for one in self._registry.attempts(subscription_id, limit=first)
        ]

    def dead_letter_count(self, subscription_id: int, wait: Wait) -> int:
        """Raises ``StoreUnavailable``."""
        which = LetterFilter(subscription_id=subscription_id)
        return sum(wait(shard.log.delivery.count_dead(which)) for shard in self._shards.values())

    def dead_letters(
        self, subscription: Subscription, view: RegistryView, wait: Wait, *, first: int, after: Cursor | None
    ) -> Page[DeadLetter]:
        """In the order of shards, and of positions in them: a cursor is (shard, event). Raises ``StoreUnavailable``."""
        found: list[tuple[Cursor, KeptLetter]] = []
        for shard in sorted(self._shards):
            if len(found) <= first and (after is None or shard >= after.order):
                behind = after if after is not None and shard == after.order else None
                found += wait(self._dead(subscription.id, shard, behind, first + 1 - len(found)))
        some = found[:first]
        before = False
        if after is not None and (foremost := wait(self._foremost(subscription.id))) is not None:
            before = foremost < some[0][0] if some else True
        names = {slot: name for name, slot in self._slots(subscription).items()}
        return Page(
            [_shown(kept, cursor, names, view) for cursor, kept in some],
            PageInfo(
                has_next_page=len(found) > first,
                has_previous_page=before,
                start_cursor=some[0][0] if some else None,
                end_cursor=some[-1][0] if some else None,
            ),
        )

    async def _settled_to(self, subscription_id: int, shard: int) -> int | None:
        """Everything below is delivered or not for it; ``None``: it has nothing to wait for in this shard."""
        if shard in self._manager.deliveries(subscription_id):
            return self._backlogs.of(subscription_id, shard).position
        cursor = (await self._shards[shard].log.delivery.cursors()).get(subscription_id)
        return self._manager.streams.first_position(subscription_id) if cursor is None else cursor.position

    async def _dead(
        self, subscription_id: int, shard: int, after: Cursor | None, limit: int
    ) -> list[tuple[Cursor, KeptLetter]]:
        place = None if after is None else (subscription_id, LetterId(*position_and_slot(after.id)))
        store = self._shards[shard].log.delivery
        dead = await store.dead(LetterFilter(subscription_id=subscription_id), after=place, limit=limit)
        return [(Cursor(shard, outgoing_id(one.letter.position, one.letter.slot)), one) for one in dead]

    async def _foremost(self, subscription_id: int) -> Cursor | None:
        for shard in sorted(self._shards):
            if dead := await self._dead(subscription_id, shard, None, 1):
                return dead[0][0]
        return None

    def _slots(self, subscription: Subscription) -> Mapping[str, int]:
        target = self._targets.get(subscription.protocol)
        return {} if target is None else target.slots


async def _parked(shard: Shard, subscription_id: int) -> list[Letter]:
    """Events that wait beside the log. A bounded number."""
    return await shard.log.delivery.parked(subscription_id)


def _shown(kept: KeptLetter, cursor: Cursor, names: Mapping[int, str], view: RegistryView) -> DeadLetter:
    letter = kept.letter
    return DeadLetter(
        id=cursor.id,
        type=names.get(letter.slot),
        vehicle_id=issued_number(view.subjects.get(letter.subject_id), VEHICLE_NUMBER),
        received_at=letter.received_us,
        died_at=letter.dead_us or 0,
        attempts=letter.attempts,
        reason=letter.reason,
        status=letter.status,
        detail=letter.detail,
        bytes=letter.size,
    )
