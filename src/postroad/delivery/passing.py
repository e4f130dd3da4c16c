"""What became of the events that the cursor is about to pass: gathered event by event, accounted for by the stretch.

Nothing that is for good is written before the cursor passes it, in the very settle by which it does: after a kill the
log gives again what is above the cursor, and whatever becomes of it then is the only thing that is recorded. Letters
are the exception: they are durable by themselves, wherever they stand.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from msgspec import structs

from postroad.log.delivery import Skip
from postroad.log.tally import DIGEST_MASK, Tally, mask_of, tally_of
from postroad.routing.feed import RoutedItem


class _Outcome(NamedTuple):
    """Of one event."""

    position: int
    slot: int
    what: str
    """``_DELIVERED``, ``_LETTER``, or the reason why it was skipped."""


_DELIVERED = ""
_LETTER = "letter"
"""It goes on beside the log, where the account finds it."""
_NOT_SKIPPED = {_DELIVERED, _LETTER}


class Passing:
    """Events whose outcome is known and that no durable cursor has passed."""

    def __init__(self, settled: int) -> None:
        """None are known above ``settled``, the durable cursor."""
        self._from = settled
        self._delivered: list[tuple[int, int]] = []
        """Positions and slots. Apart, and as plain as can be: it is what becomes of nearly every event."""
        self._others: list[_Outcome] = []

    def delivered(self, items: Iterable[RoutedItem]) -> None:
        """All events of these items went through."""
        self._delivered += [(item.position, event.slot) for item in items for event in item.events]

    def went_through(self, position: int, slot: int) -> None:
        """An event did."""
        self._delivered.append((position, slot))

    def skipped(self, position: int, slot: int, reason: str) -> None:
        """An event will not be delivered."""
        self._others.append(_Outcome(position, slot, reason))

    def became_letter(self, position: int, slot: int) -> None:
        """An event is kept beside the log from now on, or is already."""
        self._others.append(_Outcome(position, slot, _LETTER))

    def up_to(self, cursor: int) -> tuple[Tally, list[Skip]]:
        """What was delivered and what was skipped below ``cursor``, which is durable next; it is not given again."""
        begin, self._from = self._from, max(self._from, cursor)
        delivered = [event for event in self._delivered if event[0] < cursor]
        self._delivered = [event for event in self._delivered if event[0] >= cursor]
        if not self._others:
            return tally_of(delivered), []
        others = [outcome for outcome in self._others if outcome.position < cursor]
        self._others = [outcome for outcome in self._others if outcome.position >= cursor]
        outcomes = sorted([*others, *[_Outcome(*event, _DELIVERED) for event in delivered]]) if others else []
        return tally_of(delivered), _stretches(outcomes, begin, cursor)


def _stretches(passed: Sequence[_Outcome], begin: int, end: int) -> list[Skip]:
    """The skips among all outcomes from ``begin`` to below ``end``.

    Items that were skipped whole for one reason, one after another, are one stretch with whatever lies between and
    around them that is not the subscription's. Of other items a skip names the slots.
    """
    skips: list[Skip] = []
    run = ""
    """The reason of the stretch that the last of ``skips`` is, if another item can still join it."""
    for position, group in groupby(passed, key=attrgetter("position")):
        item = list(group)
        reason = item[0].what
        if reason in _NOT_SKIPPED or any(outcome.what != reason for outcome in item):
            skips += [_skip(position, of_one_reason) for of_one_reason in _by_reason(item)]
            run = ""
        else:
            first = skips.pop() if reason == run else Skip(begin, position, reason, 0, digest=0)
            skips.append(_joined(first, _skip(position, item)))
            run = reason
        begin = position + 1
    if run:
        skips[-1] = structs.replace(skips[-1], end=end)
    return skips


def _by_reason(item: Sequence[_Outcome]) -> list[list[_Outcome]]:
    """The events of an item that were skipped."""
    reasons = sorted({outcome.what for outcome in item} - _NOT_SKIPPED)
    return [[outcome for outcome in item if outcome.what == reason] for reason in reasons]


def _skip(position: int, events: Sequence[_Outcome]) -> Skip:
    """Of these events of one item."""
    tally, slots = tally_of([(position, event.slot) for event in events]), mask_of(event.slot for event in events)
    return Skip(position, position + 1, events[0].what, tally.events, slots, tally.digest)


def _joined(stretch: Skip, item: Skip) -> Skip:
    """A stretch with an item that was skipped whole behind it."""
    digest = (stretch.digest or 0) + (item.digest or 0) & DIGEST_MASK
    return structs.replace(stretch, end=item.end, events=stretch.events + item.events, digest=digest)
