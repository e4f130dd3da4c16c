"""What a delivery in bulks keeps book of, so that it becomes durable in the one settle that passes it.

There are two: of what comes from the log, where the cursor moves, and of letters that were redriven, where letters are
removed or die again. Both say, right before an attempt, what may still be sent.
"""

import operator
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from postroad.access.scopes import Narrow
from postroad.access.streams import StreamIndex
from postroad.clock import Clock
from postroad.delivery.delivery import Overseer
from postroad.delivery.letter import given_up, incomplete, letter_of, request_id
from postroad.delivery.oversight import tell_dead, tell_incomplete
from postroad.log.delivery import TOO_OLD, Changes, Letter, LetterId, Posted, Skip
from postroad.protocols.base import Outgoing
from postroad.protocols.scoped import Unsent
from postroad.routing.feed import RoutedItem
from postroad.transports.base import Failed

Allow = Callable[[RoutedItem], RoutedItem | None]
"""What of an item may be sent: the very same one if that is all of it, ``None`` if it is nothing."""


class Books(Protocol):
    """What is done with each event of a bulk."""

    def allowed_now(self) -> Allow:
        """What gives of each item what may be sent right now. The rest is noted as skipped: it is not asked again.

        It is of this moment: it looks at the clock and at access once, for a whole bulk.
        """

    def delivered(self, items: Iterable[RoutedItem]) -> None:
        """These went through."""

    def bury(self, item: RoutedItem, failed: Failed, attempts: int) -> None:
        """The one event of this item is given up after so many attempts to deliver it."""

    def request_id(self, items: Sequence[RoutedItem]) -> str:
        """For one bulk of these items."""

    def changes(self, position: int) -> Changes:
        """What is to become durable as the cursor moves to ``position``; it is not given again."""


class LogBooks:
    """The books of what comes from the log."""

    def __init__(
        self,
        subscription_id: int,
        *,
        streams: Callable[[], StreamIndex],
        max_age_s: float,
        narrow: Narrow | None,
        overseer: Overseer,
        clock: Clock,
    ) -> None:
        """Items older than ``max_age_s`` since they arrived expire."""
        self._subscription_id = subscription_id
        self._streams = streams
        self._max_age_s = max_age_s
        self._narrow = narrow
        self._overseer = overseer
        self._clock = clock
        self._posted: list[Posted] = []
        self._skips: list[Skip] = []

    def allowed_now(self) -> Allow:
        """See ``Books``. What gave the items is not asked again as long as it is the same."""
        streams, subscription_id, narrow = self._streams(), self._subscription_id, self._narrow
        edition, covers = streams.edition, streams.covers
        oldest_us = self._clock.now_us() - self._max_age_s * 1e6

        def allowed(item: RoutedItem) -> RoutedItem | None:
            if item.covered_by is not edition and not covers(subscription_id, item.subject_id, item.position):
                self._skip(item, "access_ended")
                return None
            if item.received_us < oldest_us:
                self._expire(item)
                return None
            return item if narrow is None else self._narrowed(item, narrow)

        return allowed

    def _narrowed(self, item: RoutedItem, narrow: Narrow) -> RoutedItem | None:
        left = [narrow(item.subject_id, event) for event in item.events]
        for event, unsent in zip(item.events, left, strict=True):
            if isinstance(unsent, str):
                self._skip(item.part((event,)), unsent)
        return as_far_as(item, left)

    def delivered(self, items: Iterable[RoutedItem]) -> None:
        """See ``Books``: the cursor says it."""

    def bury(self, item: RoutedItem, failed: Failed, attempts: int) -> None:
        """See ``Books``."""
        now_us = self._clock.now_us()
        letter = letter_of(item, item.events[0])
        dead = given_up(letter, failed, attempts=attempts, began_us=now_us, now_us=now_us)
        self._posted.append(Posted(dead, item.events[0].body))
        tell_dead(self._overseer, self._subscription_id, failed)

    def bury_incomplete(self, item: RoutedItem, event: Outgoing) -> None:
        """An event of an item cannot be sent: it lacks what nobody knows."""
        dead = incomplete(letter_of(item, event), event, self._clock.now_us())
        self._posted.append(Posted(dead, event.body))
        tell_incomplete(self._overseer, self._subscription_id, event.incomplete)

    def request_id(self, items: Sequence[RoutedItem]) -> str:  # noqa: ARG002 - a new one for each bulk
        """See ``Books``."""
        return str(uuid.uuid4())

    def changes(self, position: int) -> Changes:
        """See ``Books``. What is of items at or above ``position`` stays: they will be sent again after a kill."""
        passed = Changes(
            posted=tuple([posted for posted in self._posted if posted.letter.position < position]),
            skips=tuple([skip for skip in self._skips if skip.first < position]),
        )
        self._posted = [posted for posted in self._posted if posted.letter.position >= position]
        self._skips = [skip for skip in self._skips if skip.first >= position]
        return passed

    def _expire(self, item: RoutedItem) -> None:
        self._skip(item, TOO_OLD)
        detail = f"events waited for longer than {self._max_age_s:g} s, up to position {item.position}"
        self._overseer.raise_alert("events_expired", self._subscription_id, detail)

    def _skip(self, item: RoutedItem, reason: str) -> None:
        self._skips.append(Skip(item.position, item.position + 1, reason, len(item.events)))


class LetterBooks:
    """The books of letters that were redriven: each of their items has one event."""

    def __init__(
        self,
        subscription_id: int,
        shard: int,
        letters: Sequence[Letter],
        *,
        streams: Callable[[], StreamIndex],
        narrow: Narrow | None,
        overseer: Overseer,
        clock: Clock,
    ) -> None:
        """For these letters."""
        self._subscription_id = subscription_id
        self._shard = shard
        self._letters = {letter.id: letter for letter in letters}
        self._streams = streams
        self._narrow = narrow
        self._overseer = overseer
        self._clock = clock
        self._posted: list[Posted] = []
        self._removed: list[LetterId] = []
        self._skips: list[Skip] = []

    def allowed_now(self) -> Allow:
        """See ``Books``. A letter does not expire: somebody wants it."""
        return self._allowed

    def _allowed(self, item: RoutedItem) -> RoutedItem | None:
        [event] = item.events
        left: Outgoing | Unsent = event
        if not self._streams().covers(self._subscription_id, item.subject_id, item.position):
            left = "access_ended"
        elif self._narrow is not None:
            left = self._narrow(item.subject_id, event)
        if isinstance(left, str):
            self._removed.append(_id(item))
            self._skips.append(Skip(item.position, item.position + 1, left, 1))
        return as_far_as(item, [left])

    def delivered(self, items: Iterable[RoutedItem]) -> None:
        """See ``Books``."""
        self._removed += [_id(item) for item in items]

    def bury(self, item: RoutedItem, failed: Failed, attempts: int) -> None:
        """See ``Books``: it is dead again."""
        now_us = self._clock.now_us()
        letter = self._letters[_id(item)]
        attempts += letter.attempts
        self._posted.append(Posted(given_up(letter, failed, attempts=attempts, began_us=now_us, now_us=now_us)))
        tell_dead(self._overseer, self._subscription_id, failed)

    def request_id(self, items: Sequence[RoutedItem]) -> str:
        """See ``Books``: the same for the same letters, also after a restart."""
        return request_id(self._subscription_id, self._shard, map(_id, items))

    def changes(self, position: int) -> Changes:  # noqa: ARG002 - no letter waits for the cursor
        """See ``Books``."""
        changes = Changes(posted=tuple(self._posted), removed=tuple(self._removed), skips=tuple(self._skips))
        self._posted, self._removed, self._skips = [], [], []
        return changes


def as_far_as(item: RoutedItem, left: Sequence[Outgoing | Unsent]) -> RoutedItem | None:
    """The item with what is left of its events; see ``Allow``."""
    if all(map(operator.is_, item.events, left)):
        return item
    events = tuple([event for event in left if isinstance(event, Outgoing)])
    return item.part(events) if events else None


def _id(item: RoutedItem) -> LetterId:
    return LetterId(item.position, item.events[0].slot)
