"""What the cursor passes: what was delivered adds up; what was not is in few stretches that say no more than that."""

from hypothesis import given
from hypothesis import strategies as st

from fixtures.accounts import told
from postroad.delivery.passing import Passing
from postroad.log.delivery import Skip
from postroad.log.tally import ALL_SLOTS, NOTHING, mask_of, slots_in, tally_of


def test_what_was_delivered_adds_up_and_is_told_once() -> None:
    passing = Passing(1)
    for position in (3, 1, 2):
        passing.went_through(position, 0)
    assert passing.up_to(3) == (tally_of([(1, 0), (2, 0)]), [])
    assert passing.up_to(3) == (NOTHING, [])
    assert passing.up_to(9) == (tally_of([(3, 0)]), [])


def test_items_skipped_whole_one_after_another_are_one_stretch_with_what_is_not_ours_around_them() -> None:
    passing = Passing(10)
    for position in (20, 15, 30):
        for slot in (0, 3):
            passing.skipped(position, slot, "access_ended")
    events = [(position, slot) for position in (15, 20, 30) for slot in (0, 3)]
    assert passing.up_to(40) == (NOTHING, [Skip(10, 40, "access_ended", 6, ALL_SLOTS, tally_of(events).digest)])
    passing.skipped(50, 0, "access_ended")
    _, [skip] = passing.up_to(51)
    assert skip.first == 40, "so that the store makes one stretch of both"


def test_an_event_that_was_delivered_or_is_a_letter_ends_a_stretch() -> None:
    passing = Passing(1)
    for position in (1, 2, 4, 6, 8):
        passing.skipped(position, 0, "too_old")
    passing.went_through(3, 0)
    passing.became_letter(5, 0)
    passing.skipped(7, 0, "access_ended")
    delivered, skips = passing.up_to(9)
    assert delivered == tally_of([(3, 0)])
    assert told(skips) == [
        (1, 3, "too_old", 2),
        (4, 5, "too_old", 1),
        (6, 7, "too_old", 1),
        (7, 8, "access_ended", 1),
        (8, 9, "too_old", 1),
    ]


def test_of_an_item_that_was_not_skipped_whole_the_slots_are_named() -> None:
    passing = Passing(1)
    passing.went_through(1, 0)
    for slot, reason in ((1, "too_old"), (2, "too_old"), (3, "superseded")):
        passing.skipped(1, slot, reason)
    _, skips = passing.up_to(2)
    assert {skip.reason: slots_in(skip.slots) for skip in skips} == {"too_old": [1, 2], "superseded": [3]}
    assert [skip.digest for skip in skips if skip.reason == "too_old"] == [tally_of([(1, 1), (1, 2)]).digest]


EVENTS = st.dictionaries(
    st.tuples(st.integers(1, 30), st.integers(0, 3)), st.sampled_from(["", "letter", "too_old", "access_ended"])
)


@given(events=EVENTS, cuts=st.lists(st.integers(1, 31), max_size=4))
def test_every_event_is_told_of_once_and_no_stretch_speaks_for_another_event(
    events: dict[tuple[int, int], str], cuts: list[int]
) -> None:
    passing, delivered, skips = Passing(1), NOTHING, []
    for (position, slot), what in events.items():
        if what == "letter":
            passing.became_letter(position, slot)
        elif what:
            passing.skipped(position, slot, what)
        else:
            passing.went_through(position, slot)
    for cut in [*sorted(cuts), 31]:
        more, told_now = passing.up_to(cut)
        delivered, skips = delivered + more, skips + told_now
    assert delivered == tally_of([event for event, what in events.items() if what == ""])
    told_of = []
    for skip in skips:
        meant = [
            (position, slot)
            for position, slot in events
            if skip.first <= position < skip.end and skip.slots >> slot & 1
        ]
        assert {events[event] for event in meant} <= {skip.reason}
        assert (skip.events, skip.digest) == (len(meant), tally_of(meant).digest)
        told_of += meant
    assert sorted(told_of) == sorted(event for event, what in events.items() if what not in {"", "letter"})
    assert mask_of([63]) == -(2**63)
