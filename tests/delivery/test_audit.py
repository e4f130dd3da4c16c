"""The audit of one account: what agrees is proven, what differs is a gap, what cannot be known is never sound."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from postroad.delivery.audit import Audit, Auditor, Expected, Gap
from postroad.log.delivery import Account, Chapter, LetterId, Skip, skip_of
from postroad.log.tally import ALL_SLOTS, tally_of

EVENTS = [(position, slot) for position in range(1, 9) for slot in (0, 1)]
"""Two events of each item from 1 to 8."""


def chapter(first: int, end: int, *delivered: tuple[int, int], terms: str = "these") -> Chapter:
    return Chapter(first, end, tally_of(delivered), 0, terms)


def without(*events: tuple[int, int], among: Sequence[tuple[int, int]] = EVENTS) -> list[tuple[int, int]]:
    return [event for event in among if event not in events]


def account(*delivered: tuple[int, int], skips: Sequence[Skip] = (), **letters: Sequence[tuple[int, int]]) -> Account:
    named = {state: frozenset(LetterId(*event) for event in letters.get(state, ())) for state in ("parked", "dead")}
    return Account(9, [chapter(1, 9, *delivered)], skips, named["parked"], named["dead"])


def audit(
    of: Account,
    events: Sequence[tuple[int, int]] = EVENTS,
    *,
    first_position: int = 1,
    same: Mapping[str, bool | None] | None = None,
) -> Audit:
    """``same``: by the terms of a chapter, whether events are the same today; ``None``: nobody knows them."""

    def look(chapter: Chapter) -> Expected | None:
        today = (same or {}).get(chapter.terms, True)
        within = [(at, [slot]) for at, slot in events if chapter.first <= at < chapter.end]
        return None if today is None else Expected(within, today)

    return Auditor(of, look, lambda: first_position).audit()


def sound(of: Account, **options: Any) -> bool:
    told = audit(of, **options)
    return (told.gaps, told.unproven) == ([], [])


def test_an_account_that_says_of_each_event_what_became_of_it_is_sound() -> None:
    skips = [
        skip_of(LetterId(2, 1), "dropped"),
        Skip(4, 6, "access_ended", 3, ALL_SLOTS, tally_of([(4, 0), (4, 1), (5, 0)]).digest),
    ]
    gone = [(2, 1), (4, 0), (4, 1), (5, 0), (5, 1), (7, 0)]
    told = audit(account(*without(*gone), skips=skips, parked=[(5, 1)], dead=[(7, 0)]))
    assert (told.gaps, told.unproven) == ([], [])
    assert [(one.first, one.end, one.outcome, one.events) for one in told.ranges] == [
        (1, 3, "delivered", 3),
        (2, 3, "dropped", 1),
        (3, 4, "delivered", 2),
        (4, 6, "access_ended", 3),
        (5, 6, "parked", 1),
        (6, 7, "delivered", 2),
        (7, 8, "dead", 1),
        (7, 9, "delivered", 3),
    ]


def test_an_event_of_which_nothing_is_recorded_is_a_gap() -> None:
    assert audit(account(*without((3, 0)))).gaps == [Gap(1, 9, "delivered", 15, 16)]


def test_an_event_that_stands_twice_for_another_is_a_gap_though_the_number_is_right() -> None:
    assert audit(account(*without((3, 0)), (3, 1))).gaps == [Gap(1, 9, "delivered", 16, 16)]


def test_an_event_with_two_outcomes_is_a_gap() -> None:
    assert audit(account(*EVENTS, skips=[skip_of(LetterId(3, 0), "too_old")])).gaps == [
        Gap(1, 9, "delivered", 16, 15),
    ]
    assert audit(account(*EVENTS, dead=[(3, 0)])).gaps == [Gap(1, 9, "delivered", 16, 15)]
    both = account(*without((3, 0)), skips=[skip_of(LetterId(3, 0), "too_old")], dead=[(3, 0)])
    assert audit(both).gaps == [Gap(3, 4, "too_old", 1, 0)]


def test_what_expired_comes_before_a_stretch_that_was_laid_around_it() -> None:
    skips = [
        Skip(1, 9, "access_ended", 12, ALL_SLOTS, tally_of([one for one in EVENTS if not 3 <= one[0] < 5]).digest),
        Skip(3, 5, "expired", 4, ALL_SLOTS, tally_of([one for one in EVENTS if 3 <= one[0] < 5]).digest),
    ]
    assert sound(account(skips=skips))
    assert sound(account(skips=skips[::-1]))


def test_a_letter_of_no_event_is_a_gap() -> None:
    assert audit(account(*EVENTS, parked=[(3, 7)])).gaps == [Gap(3, 4, "parked", 1, 0)]


def test_what_lies_behind_the_cursor_is_nobodys_fault() -> None:
    assert sound(account(*EVENTS, parked=[(12, 0)], skips=[Skip(20, 30, "expired", 5)]))


def test_what_retention_took_while_it_was_looked_at_is_unproven() -> None:
    told = audit(account(*EVENTS, dead=[(1, 7)]), EVENTS[4:], first_position=3)
    assert (told.gaps, [one.why for one in told.unproven]) == ([], ["retention"])


def test_a_chapter_that_cannot_be_judged_leaves_the_others_to_be() -> None:
    first, second = chapter(1, 5, terms="old"), chapter(5, 9, *[one for one in EVENTS if one[0] >= 5])
    of = structs.replace(account(), chapters=[first, second])
    assert audit(of).gaps == [Gap(1, 5, "delivered", 0, 8)]
    for same, why in ((None, "terms"), (False, "translation")):
        told = audit(of, same={"old": same})
        assert (told.gaps, [(one.first, one.end, one.why) for one in told.unproven]) == ([], [(1, 5, why)])
    lost = structs.replace(of, chapters=[first, chapter(5, 9)])
    assert audit(lost, same={"old": None}).gaps == [Gap(5, 9, "delivered", 0, 8)]


def test_a_skip_is_judged_by_all_chapters_that_it_lies_in() -> None:
    skip = Skip(4, 6, "access_ended", 4, ALL_SLOTS, 7)
    delivered = [one for one in EVENTS if not 4 <= one[0] < 6]
    parts = [chapter(1, 5, *[one for one in delivered if one[0] < 5], terms="old")]
    parts.append(chapter(5, 9, *[one for one in delivered if one[0] >= 5]))
    of = structs.replace(account(skips=[skip]), chapters=parts)
    assert audit(of).gaps == [Gap(4, 6, "access_ended", 4, 4)]
    for same, why in ((None, "terms"), (False, "translation")):
        told = audit(of, same={"old": same})
        assert (told.gaps, {(one.first, one.why) for one in told.unproven} - {(1, why)}) == ([], {(4, why)})


def test_what_was_not_counted_is_unproven_where_the_log_has_events() -> None:
    told = audit(account(*without((3, 0), (3, 1)), skips=[Skip(3, 4, "expired", 0)]))
    assert (told.gaps, [(one.first, one.why) for one in told.unproven]) == ([], [(3, "uncounted")])
    assert sound(account(*EVENTS, skips=[Skip(30, 40, "expired", 0)]))


def test_what_was_skipped_before_the_account_begins_is_not_asked_for() -> None:
    of = structs.replace(account(), chapters=[chapter(5, 9, *[one for one in EVENTS if one[0] >= 5])])
    told = audit(structs.replace(of, skips=[Skip(1, 3, "expired", 9)]), EVENTS)
    assert (told.begins, told.gaps, told.unproven) == (5, [], [])


def test_what_was_erased_since_is_unproven_where_more_is_recorded_and_a_gap_where_less_is() -> None:
    left = [(3, ()), *((at, (slot,)) for at, slot in EVENTS if at != 3)]

    def after(of: Account) -> Audit:
        return Auditor(of, lambda _: Expected(left, same_today=True), lambda: 1).audit()

    told = after(account(*EVENTS))
    assert (told.gaps, [(one.first, one.end, one.why) for one in told.unproven]) == ([], [(1, 9, "erased")])
    assert after(account(*without((3, 0), (3, 1)))).unproven == [], "it was never delivered"
    assert after(account(*without((3, 0), (3, 1), (5, 0)))).gaps == [Gap(1, 9, "delivered", 13, 14)]
    waited = account(*without((3, 0), (3, 1)), skips=[skip_of(LetterId(3, 0), "erased")])
    assert (after(waited).gaps, after(waited).unproven) == ([], [])
    elsewhere = account(*without((3, 0), (3, 1)), skips=[skip_of(LetterId(4, 7), "erased")])
    assert after(elsewhere).gaps == [Gap(4, 5, "erased", 1, 0)]
