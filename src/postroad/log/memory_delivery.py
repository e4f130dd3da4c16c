"""Delivery state in memory, for tests in virtual time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec import structs

from postroad.clock import Clock
from postroad.log.changes import check_changes, check_due, check_terms
from postroad.log.delivery import (
    ERASED_REASON,
    NO_CHANGES,
    SKIPS_KEPT,
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
    merged,
    skip_of,
)
from postroad.log.interface import Erasing
from postroad.log.tally import DIGEST_MASK, NOTHING, tally_of


class MemoryDeliveryStore:
    """A ``DeliveryStore`` in memory."""

    def __init__(self, clock: Clock, check_open: Callable[[], Any]) -> None:
        self._clock = clock
        self._check_open = check_open
        self._cursors: dict[int, Cursor] = {}
        self._chapters: dict[int, list[Chapter]] = {}
        self._letters: dict[int, dict[LetterId, tuple[Letter, bytes]]] = {}
        self._skips: dict[int, list[Skip]] = {}

    async def cursors(self) -> dict[int, Cursor]:
        """See ``DeliveryStore``."""
        self._check_open()
        return dict(self._cursors)

    async def settle(self, subscription_id: int, position: int, changes: Changes = NO_CHANGES) -> None:
        """See ``DeliveryStore``."""
        check_changes(position, changes)
        self._check_open()
        letters = self._letters.get(subscription_id, {})
        for posted in changes.posted:
            if posted.body is None and posted.letter.id not in letters:
                raise ValueError("a letter that is not stored was posted without a body")
        known = self._cursors.get(subscription_id)
        if known is None:
            self._begin_at(subscription_id, position)
        elif position > known.position:
            self._cursors[subscription_id] = Cursor(subscription_id, position, self._clock.now_us())
            *_, last = chapters = self._chapters[subscription_id]
            chapters[-1] = structs.replace(last, end=position, delivered=last.delivered + changes.delivered)
        self._change(subscription_id, changes)

    async def begin(self, subscription_id: int, position: int, terms: str) -> None:
        """See ``DeliveryStore``."""
        check_terms(position, terms)
        self._check_open()
        if subscription_id not in self._cursors:
            self._begin_at(subscription_id, position)
        *_, last = chapters = self._chapters[subscription_id]
        if terms == last.terms:
            return
        if last.first < last.end:
            chapters.append(Chapter(last.end, last.end, NOTHING, self._clock.now_us(), terms))
        else:
            chapters[-1] = structs.replace(last, terms=terms)

    def _begin_at(self, subscription_id: int, position: int) -> None:
        now_us = self._clock.now_us()
        self._cursors[subscription_id] = Cursor(subscription_id, position, now_us)
        self._chapters[subscription_id] = [Chapter(position, position, NOTHING, now_us)]

    async def turn(self, *, first_position: int, began_before_us: int, max_positions: int) -> None:
        """See ``DeliveryStore``."""
        self._check_open()
        for subscription_id, chapters in self._chapters.items():
            last = chapters[-1]
            long = last.began_us < began_before_us or last.end - last.first >= max_positions
            if long and last.first < last.end:
                chapters.append(Chapter(last.end, last.end, NOTHING, self._clock.now_us(), last.terms))
            gone = [chapter for chapter in chapters[:-1] if chapter.end <= first_position]
            if len(gone) > 1:
                delivered = sum((chapter.delivered for chapter in gone), NOTHING)
                began_us = min(chapter.began_us for chapter in gone)
                chapters[: len(gone)] = [Chapter(gone[0].first, gone[-1].end, delivered, began_us)]
            below = min(first_position, last.end)
            self._skips[subscription_id] = _gathered(self._skips.get(subscription_id, ()), below)

    async def account(self, subscription_id: int) -> Account | None:
        """See ``DeliveryStore``."""
        self._check_open()
        cursor = self._cursors.get(subscription_id)
        if cursor is None:
            return None
        letters = [letter for letter, _ in self._letters.get(subscription_id, {}).values()]
        return Account(
            cursor=cursor.position,
            chapters=list(self._chapters[subscription_id]),
            skips=list(self._skips.get(subscription_id, ())),
            parked=frozenset(letter.id for letter in letters if letter.dead_us is None),
            dead=frozenset(letter.id for letter in letters if letter.dead_us is not None),
        )

    def _change(self, subscription_id: int, changes: Changes) -> None:
        letters = self._letters.setdefault(subscription_id, {})
        for posted in changes.posted:
            id_ = posted.letter.id
            letters[id_] = posted.letter, letters[id_][1] if posted.body is None else posted.body
        for id_ in changes.removed:
            if letters.pop(id_, None) is not None:
                self._deliver(subscription_id, id_)
        for unwanted in changes.unwanted:
            if letters.pop(unwanted.id, None) is not None:
                self._skip(subscription_id, [skip_of(unwanted.id, unwanted.reason)])
        self._skip(subscription_id, changes.skips)
        for superseded in changes.superseded:
            for id_, (letter, _) in list(letters.items()):
                older = letter.document == superseded.document and letter.revision < superseded.revision
                if older and letter.dead_us is not None:
                    del letters[id_]
                    self._skip(subscription_id, [skip_of(id_, "superseded")])

    def _deliver(self, subscription_id: int, id_: LetterId) -> None:
        chapters = self._chapters[subscription_id]
        for index, chapter in enumerate(chapters):
            if chapter.first <= id_.position < chapter.end:
                delivered = chapter.delivered + tally_of([(id_.position, id_.slot)])
                chapters[index] = structs.replace(chapter, delivered=delivered)

    def _skip(self, subscription_id: int, skips: Sequence[Skip]) -> None:
        self._skips[subscription_id] = merged([*self._skips.get(subscription_id, ()), *skips])

    async def parked(self, subscription_id: int) -> list[Letter]:
        """See ``DeliveryStore``."""
        self._check_open()
        letters = self._letters.get(subscription_id, {})
        return [letter for _, (letter, _) in sorted(letters.items()) if letter.dead_us is None]

    async def body(self, subscription_id: int, letter_id: LetterId) -> bytes | None:
        """See ``DeliveryStore``."""
        self._check_open()
        found = self._letters.get(subscription_id, {}).get(letter_id)
        return None if found is None else found[1]

    async def dead(
        self, which: LetterFilter, *, after: tuple[int, LetterId] | None = None, limit: int = 100
    ) -> list[DeadLetter]:
        """See ``DeliveryStore``."""
        self._check_open()
        found = [dead for dead in self._dead(which) if after is None or (dead.subscription_id, dead.letter.id) > after]
        return found[:limit]

    async def count_dead(self, which: LetterFilter) -> int:
        """See ``DeliveryStore``."""
        self._check_open()
        return sum(1 for _ in self._dead(which))

    def _dead(self, which: LetterFilter) -> Iterator[DeadLetter]:
        for subscription_id, letters in sorted(self._letters.items()):
            for _, (letter, _) in sorted(letters.items()):
                if which.fits(subscription_id, letter):
                    yield DeadLetter(subscription_id, letter)

    async def revive(self, dead: Sequence[DeadLetter], due_us: Sequence[int]) -> list[DeadLetter]:
        """See ``DeliveryStore``."""
        check_due(dead, due_us)
        self._check_open()
        revived = []
        for one, at_us in zip(dead, due_us, strict=True):
            letters = self._letters.get(one.subscription_id, {})
            letter, body = letters.get(one.letter.id, (None, b""))
            if letter is None or letter.dead_us is None:
                continue
            letter = structs.replace(letter, attempts=0, first_attempt_us=None, due_us=at_us, dead_us=None)
            letters[letter.id] = letter, body
            revived.append(DeadLetter(one.subscription_id, letter))
        return revived

    async def drop(self, dead: Sequence[DeadLetter]) -> int:
        """See ``DeliveryStore``."""
        self._check_open()
        dropped = 0
        for one in dead:
            letters, id_ = self._letters.get(one.subscription_id, {}), one.letter.id
            if id_ in letters and letters[id_][0].dead_us is not None:
                del letters[id_]
                self._skip(one.subscription_id, [skip_of(id_, "dropped")])
                dropped += 1
        return dropped

    def erase(self, erasing: Erasing) -> int:
        """Remove the letters that are meant, each recorded as a skip; how many those were."""
        positions, besides = set(erasing.positions), set(erasing.besides)
        erased = 0
        for subscription_id, letters in self._letters.items():
            for id_, (letter, _) in list(letters.items()):
                of_subject = letter.subject_id == erasing.subject_id and id_.position not in besides
                if id_.position in positions or of_subject:
                    del letters[id_]
                    self._skip(subscription_id, [skip_of(id_, ERASED_REASON)])
                    erased += 1
        return erased

    async def letter_counts(self) -> dict[int, LetterCounts]:
        """See ``DeliveryStore``."""
        self._check_open()
        counts = {}
        for subscription_id, letters in self._letters.items():
            waiting = [letter for _, (letter, _) in sorted(letters.items()) if letter.dead_us is None]
            parked = [letter.size for letter in waiting]
            dead = [letter.size for letter, _ in letters.values() if letter.dead_us is not None]
            if letters:
                counts[subscription_id] = LetterCounts(
                    *(len(parked), len(dead), sum(parked), sum(dead)), waiting[0].received_us if waiting else None
                )
        return counts

    async def skips(self, subscription_id: int) -> list[Skip]:
        """See ``DeliveryStore``."""
        self._check_open()
        return list(self._skips.get(subscription_id, ()))

    async def skipped(self) -> dict[int, dict[str, int]]:
        """See ``DeliveryStore``."""
        self._check_open()
        found: dict[int, dict[str, int]] = {}
        for subscription_id, skips in self._skips.items():
            of_this = found.setdefault(subscription_id, {}) if skips else {}
            for skip in skips:
                of_this[skip.reason] = of_this.get(skip.reason, 0) + skip.events
        return found

    async def forget(self, subscription_id: int) -> None:
        """See ``DeliveryStore``."""
        self._check_open()
        self._cursors.pop(subscription_id, None)
        self._chapters.pop(subscription_id, None)
        self._letters.pop(subscription_id, None)
        self._skips.pop(subscription_id, None)


def _gathered(skips: Iterable[Skip], below: int) -> list[Skip]:
    """One of each reason and mask of slots of those that end at or below a position, if they are many."""
    gone: dict[tuple[str, int], list[Skip]] = {}
    kept = []
    for skip in skips:
        if skip.end <= below:
            gone.setdefault((skip.reason, skip.slots), []).append(skip)
        else:
            kept.append(skip)
    for (reason, slots), those in gone.items():
        if len(those) > SKIPS_KEPT:
            digests = [skip.digest for skip in those if skip.digest is not None]
            digest = sum(digests) & DIGEST_MASK if len(digests) == len(those) else None
            kept.append(Skip(those[0].first, those[-1].end, reason, sum(skip.events for skip in those), slots, digest))
        else:
            kept += those
    return merged(kept)
