"""Whether each event that a subscription was to have has exactly one outcome: its account against the log.

The log says which events there were; the account says what became of each. Where the two tallies agree, for a chapter
or a skip, the events are the same ones, so none is missing and none counted twice. Where they do not, that is a *gap*.
Some stretches cannot be looked at any more, or not by the same eyes; those are told as *unproven*, never as sound.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec

from postroad.log.delivery import ERASED_REASON, Account, Chapter, LetterId, Skip, skip_that_names
from postroad.log.tally import NOTHING, Tally, tally_of

DELIVERED = "delivered"
PARKED = "parked"
DEAD = "dead"

Why = Literal[
    "retention",  # the log does not hold all of it any more
    "terms",  # what was to be delivered was not written down, or cannot be read any more
    "translation",  # the tallies differ, but the same items may have been other events when they were delivered
    "uncounted",  # events were skipped of which nobody counted how many
    "ahead",  # it was given up, and the cursor has not passed all of it yet
    "time",  # whoever asked had no time to have it looked at
    "erased",  # more is recorded than the log has, and of items there it has nothing but tombstones
]


class Range(msgspec.Struct, frozen=True):
    """Events that met with one outcome, one after another in the log."""

    first: int
    end: int
    """Exclusive."""
    outcome: str
    """``delivered``, ``parked``, ``dead``, or the reason of a skip."""
    events: int


class Gap(msgspec.Struct, frozen=True):
    """A stretch for which the account and the log do not agree."""

    first: int
    end: int
    outcome: str
    recorded: int
    """Events, by the account."""
    found: int
    """By the log. Also where the numbers are the same, the events are not."""


class Unproven(msgspec.Struct, frozen=True):
    """A stretch of which nothing can be proven."""

    first: int
    end: int
    why: Why
    outcome: str
    recorded: int


class Audit(msgspec.Struct, frozen=True):
    """Of one subscription in one shard. Sound if there are no gaps; proven as far as nothing is unproven."""

    begins: int
    """What lies before was never recorded."""
    cursor: int
    ranges: Sequence[Range]
    """Of all that was looked at, in order; of events of one item with several outcomes each has its own."""
    gaps: Sequence[Gap]
    unproven: Sequence[Unproven]


class Expected(NamedTuple):
    """What the log says of a chapter."""

    items: Iterable[tuple[int, Sequence[int]]]
    """Positions with the slots of the events there that the subscription was to have, in order.

    And, in any order, those of tombstones, without a slot: nobody can tell any more whose they were.
    """
    same_today: bool
    """Whether these are surely the events that they were when they were delivered."""


Look = Callable[[Chapter], Expected | None]
"""``None`` where nobody knows what was to be delivered."""


class Auditor:
    """Goes through one account once."""

    def __init__(self, account: Account, look: Look, first_position: Callable[[], int]) -> None:
        """``first_position`` of the log, asked when all was looked at: retention may run meanwhile."""
        self._account = account
        self._look = look
        self._first_position = first_position
        self._skips = sorted(account.skips, key=lambda skip: skip.first)
        self._found: dict[Chapter | Skip, Tally] = {}
        self._letters: set[LetterId] = set()
        """Those of which the log has the event."""
        self._tombstones: set[int] = set()
        self._looked: list[tuple[range, bool]] = []
        """What was looked at, and whether by the same eyes."""
        self._ranges: list[Range] = []

    def audit(self) -> Audit:
        """The findings. Raises what ``look`` raises."""
        account = self._account
        blind = [chapter for chapter in account.chapters if not self._look_through(chapter)]
        held_from = self._first_position()
        gaps: list[Gap] = []
        unproven = [
            _unproven(chapter, "retention" if chapter.first < held_from else "terms")
            for chapter in blind
            if chapter.first < chapter.end
        ]
        for chapter in account.chapters:
            if chapter not in blind and chapter.first < chapter.end:
                self._judge(chapter, chapter.delivered, held_from, gaps, unproven)
        begins = account.chapters[0].first if account.chapters else account.cursor
        for skip in self._skips:
            if skip.end > begins and skip.first < account.cursor:
                digest = skip.digest
                self._judge(skip, None if digest is None else Tally(skip.events, digest), held_from, gaps, unproven)
        gaps += self._letters_from_nowhere(held_from)
        return Audit(begins, account.cursor, self._ranges, sorted(gaps, key=_place), sorted(unproven, key=_place))

    def _look_through(self, chapter: Chapter) -> bool:
        """Note the outcome of each event of a chapter; ``False``: nobody knows what its events were."""
        expected = self._look(chapter)
        if expected is None:
            return False
        self._looked.append((range(chapter.first, chapter.end), expected.same_today))
        waiting, near = list(reversed(self._skips)), list[Skip]()
        for position, slots in expected.items:
            if not slots:
                self._tombstones.add(position)
                continue
            while waiting and waiting[-1].first <= position:
                near.append(waiting.pop())
            if near:
                near = [skip for skip in near if skip.end > position]
            for slot in slots:
                self._note(chapter, near, LetterId(position, slot))
        return True

    def _note(self, chapter: Chapter, near: Sequence[Skip], event: LetterId) -> None:
        if event in self._account.parked or event in self._account.dead:
            self._letters.add(event)
            self._extend(event.position, PARKED if event in self._account.parked else DEAD)
            return
        record = skip_that_names(near, event.position, event.slot) or chapter
        self._found[record] = self._found.get(record, NOTHING) + tally_of([event.place])
        self._extend(event.position, record.reason if isinstance(record, Skip) else DELIVERED)

    def _extend(self, position: int, outcome: str) -> None:
        last = self._ranges[-1] if self._ranges else None
        if last is not None and last.outcome == outcome:
            self._ranges[-1] = Range(last.first, position + 1, outcome, last.events + 1)
        else:
            self._ranges.append(Range(position, position + 1, outcome, 1))

    def _judge(
        self, record: Chapter | Skip, recorded: Tally | None, held_from: int, gaps: list[Gap], unproven: list[Unproven]
    ) -> None:
        """Compare what is recorded with what the log says."""
        found = self._found.get(record, NOTHING)
        eyes = [same for stretch, same in self._looked if record.first < stretch.stop and stretch.start < record.end]
        covered = sum(
            max(0, min(record.end, stretch.stop) - max(record.first, stretch.start)) for stretch, _ in self._looked
        )
        if record.first < held_from:
            unproven.append(_unproven(record, "retention"))
        elif record.end > self._account.cursor:
            unproven.append(_unproven(record, "ahead"))
        elif covered < record.end - record.first:
            if isinstance(record, Skip):  # a chapter that was not looked at was told already
                unproven.append(_unproven(record, "terms"))
        elif recorded is None:
            if found.events:
                unproven.append(_unproven(record, "uncounted"))
        elif recorded != found:
            if recorded.events > found.events and self._was_erased(record):
                if _outcome(record) != ERASED_REASON:  # which says just that
                    unproven.append(_unproven(record, "erased"))
            elif all(eyes):
                gaps.append(Gap(record.first, record.end, _outcome(record), recorded.events, found.events))
            else:
                unproven.append(_unproven(record, "translation"))

    def _was_erased(self, record: Chapter | Skip) -> bool:
        return any(record.first <= position < record.end for position in self._tombstones)

    def _letters_from_nowhere(self, held_from: int) -> list[Gap]:
        """Letters of which the log, looked at by the same eyes, has no event."""
        letters = [(letter, PARKED) for letter in self._account.parked] + [(one, DEAD) for one in self._account.dead]
        trusted = [stretch for stretch, same in self._looked if same]
        return [
            Gap(letter.position, letter.position + 1, outcome, 1, 0)
            for letter, outcome in letters
            if letter not in self._letters
            and letter.position >= held_from
            and any(letter.position in stretch for stretch in trusted)
        ]


def _outcome(record: Chapter | Skip) -> str:
    return record.reason if isinstance(record, Skip) else DELIVERED


def _unproven(record: Chapter | Skip, why: Why) -> Unproven:
    recorded = record.events if isinstance(record, Skip) else record.delivered.events
    return Unproven(record.first, record.end, why, _outcome(record), recorded)


def _place(stretch: Gap | Unproven) -> tuple[int, int, str]:
    return stretch.first, stretch.end, stretch.outcome
