"""What every delivery store promises of accounts: what was delivered, chapter by chapter, and what was not, and why."""

import pytest
from log_members import Member, letter_of

from fixtures.clock import VirtualClock
from postroad.log.delivery import (
    SKIPS_KEPT,
    Account,
    Changes,
    DeliveryStore,
    LetterFilter,
    LetterId,
    Posted,
    Skip,
    Unwanted,
)
from postroad.log.interface import ShardLog
from postroad.log.tally import ALL_SLOTS, NOTHING, Tally, mask_of, tally_of

DAY_US = 86_400_000_000


@pytest.fixture
async def log(member: Member) -> ShardLog:
    return await member.open()


@pytest.fixture
def store(log: ShardLog) -> DeliveryStore:
    return log.delivery


def delivering(*events: tuple[int, int]) -> Changes:
    return Changes(delivered=tally_of(events))


def parking(*letters: int, dead: bool = False) -> Changes:
    """Letters of slot 0 at these positions."""
    return Changes(posted=[Posted(letter_of(at, dead_us=5 if dead else None), b"{}") for at in letters])


async def account(store: DeliveryStore) -> Account:
    found = await store.account(7)
    assert found is not None
    return found


async def chapters(store: DeliveryStore) -> list[tuple[int, int, Tally, str]]:
    return [(one.first, one.end, one.delivered, one.terms) for one in (await account(store)).chapters]


async def test_without_a_cursor_there_is_no_account(store: DeliveryStore) -> None:
    await store.settle(8, 4)
    assert await store.account(7) is None


async def test_an_account_begins_where_the_cursor_was_made(store: DeliveryStore, clock: VirtualClock) -> None:
    began_us = clock.now_us()
    await store.settle(7, 4, delivering((1, 0)))
    [chapter] = (await account(store)).chapters
    assert (chapter.first, chapter.end, chapter.delivered, chapter.began_us) == (4, 4, NOTHING, began_us)


async def test_what_the_cursor_passes_adds_up_in_the_last_chapter(store: DeliveryStore) -> None:
    await store.begin(7, 1, "these")
    await store.settle(7, 3, delivering((1, 0), (1, 63), (2, 0)))
    await store.settle(7, 2**62, delivering((2**61, 5)))
    whole = tally_of([(2**61, 5), (2, 0), (1, 0), (1, 63)])
    assert await chapters(store) == [(1, 2**62, whole, "these")]
    assert (await account(store)).cursor == 2**62


async def test_what_was_passed_is_not_counted_again_when_it_is_settled_again(store: DeliveryStore) -> None:
    await store.begin(7, 1, "these")
    for _ in range(2):
        await store.settle(7, 3, delivering((1, 0), (2, 0)))
    await store.settle(7, 2, delivering((1, 0)))
    assert await chapters(store) == [(1, 3, tally_of([(1, 0), (2, 0)]), "these")]


async def test_other_terms_begin_a_chapter_and_the_same_do_not(store: DeliveryStore) -> None:
    await store.begin(7, 1, "these")
    await store.begin(7, 99, "others")
    await store.settle(7, 3, delivering((1, 0)))
    await store.begin(7, 99, "others")
    await store.begin(7, 99, "these")
    await store.settle(7, 5, delivering((4, 0)))
    assert await chapters(store) == [
        (1, 3, tally_of([(1, 0)]), "others"),
        (3, 5, tally_of([(4, 0)]), "these"),
    ]


async def test_terms_that_come_late_hold_from_the_cursor_on(store: DeliveryStore) -> None:
    await store.settle(7, 1)
    await store.settle(7, 3, delivering((1, 0)))
    await store.begin(7, 1, "these")
    assert await chapters(store) == [(1, 3, tally_of([(1, 0)]), ""), (3, 3, NOTHING, "these")]


async def test_a_letter_that_is_delivered_is_counted_once_in_the_chapter_of_its_position(store: DeliveryStore) -> None:
    await store.begin(7, 1, "these")
    await store.settle(7, 10, parking(2, 8))
    await store.begin(7, 1, "others")
    await store.settle(7, 20, parking(12))
    gone = Changes(removed=[LetterId(2, 0), LetterId(9, 0), LetterId(12, 0)])
    for _ in range(2):
        await store.settle(7, 20, gone)
    assert await chapters(store) == [
        (1, 10, tally_of([(2, 0)]), "these"),
        (10, 20, tally_of([(12, 0)]), "others"),
    ]
    assert (await account(store)).parked == {LetterId(8, 0)}


async def test_a_letter_from_before_the_account_is_in_no_chapter(store: DeliveryStore) -> None:
    await store.settle(7, 10, parking(2))
    await store.settle(7, 10, Changes(removed=[LetterId(2, 0)]))
    assert await chapters(store) == [(10, 10, NOTHING, "")]


async def test_a_letter_that_is_not_wanted_is_a_skip_of_its_slot_once(store: DeliveryStore) -> None:
    await store.settle(7, 1, Changes(posted=[Posted(letter_of(2, slot=slot), b"{}") for slot in (0, 5, 63)]))
    gone = Changes(unwanted=[Unwanted(LetterId(2, slot), "access_ended") for slot in (5, 63)])
    for _ in range(2):
        await store.settle(7, 1, gone)
    assert await store.skips(7) == [
        Skip(2, 3, "access_ended", 1, mask_of([slot]), tally_of([(2, slot)]).digest) for slot in (63, 5)
    ]
    assert await store.body(7, LetterId(2, 5)) is None
    assert (await account(store)).parked == {LetterId(2, 0)}


async def test_a_dropped_letter_is_a_skip_of_its_slot(store: DeliveryStore) -> None:
    await store.settle(7, 1, parking(2, 3, dead=True))
    await store.drop(await store.dead(LetterFilter()))
    assert await store.skips(7) == [Skip(2, 4, "dropped", 2, mask_of([0]), tally_of([(2, 0), (3, 0)]).digest)]


async def test_skips_of_other_slots_stay_apart_and_digests_add_up(store: DeliveryStore) -> None:
    one, other, third = (tally_of([(at, 3)]).digest for at in (1, 2, 3))
    for skip in (
        Skip(1, 2, "too_old", 1, mask_of([3]), one),
        Skip(3, 4, "too_old", 1, mask_of([3]), third),
        Skip(2, 3, "too_old", 1, ALL_SLOTS, other),
        Skip(2, 3, "too_old", 1, mask_of([3]), other),
    ):
        await store.settle(7, 1, Changes(skips=[skip]))
    assert await store.skips(7) == [
        Skip(1, 4, "too_old", 3, mask_of([3]), tally_of([(1, 3), (2, 3), (3, 3)]).digest),
        Skip(2, 3, "too_old", 1, ALL_SLOTS, other),
    ]


async def test_what_nobody_counted_makes_the_whole_stretch_uncounted(store: DeliveryStore) -> None:
    await store.settle(7, 1, Changes(skips=[Skip(1, 2, "expired", 1, ALL_SLOTS, 5), Skip(2, 9, "expired", 0)]))
    assert await store.skips(7) == [Skip(1, 9, "expired", 1)]


@pytest.mark.parametrize("bound", ["age", "length"])
async def test_a_chapter_that_is_old_or_long_ends_and_one_that_is_neither_goes_on(
    store: DeliveryStore, clock: VirtualClock, bound: str
) -> None:
    await store.begin(7, 1, "these")
    await store.begin(8, 1, "these")
    clock.us += DAY_US
    await store.settle(7, 50, delivering((1, 0)))
    old = clock.now_us() if bound == "age" else 0
    long = 49 if bound == "length" else 50
    await store.turn(first_position=1, began_before_us=old, max_positions=long)
    await store.turn(first_position=1, began_before_us=old, max_positions=long)
    await store.settle(7, 60, delivering((55, 0)))
    assert await chapters(store) == [
        (1, 50, tally_of([(1, 0)]), "these"),
        (50, 60, tally_of([(55, 0)]), "these"),
    ]
    nothing_passed = await store.account(8)
    assert nothing_passed is not None
    assert len(nothing_passed.chapters) == 1
    await store.turn(first_position=1, began_before_us=0, max_positions=50)
    assert len(await chapters(store)) == 2


async def test_of_what_the_log_has_no_more_there_is_one_chapter(store: DeliveryStore) -> None:
    for number in range(5):
        first = 1 + number * 10
        await store.begin(7, 1, f"terms {number}")
        await store.settle(7, first + 10, delivering((first, 0)))
    before = await account(store)
    await store.turn(first_position=37, began_before_us=0, max_positions=1000)
    assert [(c.first, c.end, c.delivered) for c in (await account(store)).chapters] == [
        (1, 31, tally_of([(1, 0), (11, 0), (21, 0)])),
        *[(c.first, c.end, c.delivered) for c in before.chapters[3:]],
    ]


async def test_many_skips_of_what_the_log_has_no_more_become_one_of_each_kind(store: DeliveryStore) -> None:
    positions = range(1, 2 * SKIPS_KEPT + 4, 2)
    counted = [Skip(at, at + 1, "too_old", 1, mask_of([0]), tally_of([(at, 0)]).digest) for at in positions]
    few = [Skip(at, at + 1, "access_ended", 1) for at in (1, 9)]
    uncounted = [Skip(at, at + 1, "expired", 1, ALL_SLOTS, None if at == 5 else 1) for at in positions]
    await store.settle(7, 900, Changes(skips=[*counted, *few, *uncounted]))
    end = positions[SKIPS_KEPT - 1] + 1
    await store.turn(first_position=end, began_before_us=0, max_positions=1000)
    assert len(await store.skips(7)) == 2 * len(positions) + 2, "as many as are kept"
    await store.turn(first_position=end + 2, began_before_us=0, max_positions=1000)
    digest = tally_of([(at, 0) for at in positions[: SKIPS_KEPT + 1]]).digest
    assert set(await store.skips(7)) == {
        Skip(1, end + 2, "too_old", SKIPS_KEPT + 1, mask_of([0]), digest),
        Skip(1, end + 2, "expired", SKIPS_KEPT + 1),
        *few,
        counted[-1],
        uncounted[-1],
    }
    assert await store.skipped() == {
        7: {"too_old": len(positions), "access_ended": 2, "expired": len(positions)},
    }


async def test_what_is_given_up_ahead_of_the_cursor_is_not_gathered(store: DeliveryStore) -> None:
    ahead = [Skip(at, at + 1, "expired", 1) for at in range(5, 5 + 3 * SKIPS_KEPT, 2)]
    await store.settle(7, 5, Changes(skips=ahead))
    await store.turn(first_position=10_000, began_before_us=0, max_positions=1000)
    assert await store.skips(7) == ahead


async def test_an_account_holds_letters_that_wait_and_that_are_dead(store: DeliveryStore) -> None:
    await store.settle(7, 9, parking(2, 11))
    await store.settle(7, 9, parking(3, dead=True))
    found = await account(store)
    assert (found.parked, found.dead) == ({LetterId(2, 0), LetterId(11, 0)}, {LetterId(3, 0)})


async def test_accounts_are_there_after_reopening(member: Member, log: ShardLog) -> None:
    if not member.survives_restart:
        pytest.skip("this engine promises nothing over a restart")
    store = log.delivery
    await store.begin(7, 1, "these")
    await store.settle(7, 3, delivering((1, 0)))
    await store.begin(7, 1, "others")
    await store.settle(7, 5, delivering((3, 0)))
    before = await store.account(7)
    await log.close()
    assert await (await member.open()).delivery.account(7) == before


async def test_a_forgotten_account_is_gone_and_another_stays(store: DeliveryStore) -> None:
    for subscription_id in (7, 8):
        await store.begin(subscription_id, 1, "these")
        await store.settle(subscription_id, 3, delivering((1, 0)))
        await store.begin(subscription_id, 1, "others")
    await store.forget(7)
    assert await store.account(7) is None
    kept = await store.account(8)
    assert kept is not None
    assert [chapter.terms for chapter in kept.chapters] == ["these", "others"]
    await store.begin(7, 2, "these")
    assert await chapters(store) == [(2, 2, NOTHING, "these")]


@pytest.mark.parametrize(
    "changes",
    [
        Changes(delivered=Tally(1, 2**48)),
        Changes(delivered=Tally(1, -1)),
        Changes(delivered=Tally(2**64, 1)),
        Changes(skips=[Skip(1, 2, "expired", 1, 2**63)]),
        Changes(skips=[Skip(1, 2, "expired", 1, ALL_SLOTS, 2**48)]),
        Changes(unwanted=[Unwanted(LetterId(-1, 0), "access_ended")]),
    ],
)
async def test_what_no_account_can_hold_is_refused_and_leaves_nothing(store: DeliveryStore, changes: Changes) -> None:
    with pytest.raises(ValueError, match=r"digest|events|slots|position"):
        await store.settle(7, 4, changes)
    assert await store.account(7) is None
