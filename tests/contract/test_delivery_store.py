"""What every delivery store promises (``postroad.log.delivery.DeliveryStore``)."""

import asyncio
from typing import Any

import pytest
from log_members import Member, letter_of, part_of

from fixtures.accounts import told
from fixtures.clock import VirtualClock
from postroad.errors import StoreUnavailable
from postroad.log.delivery import (
    Changes,
    Cursor,
    DeadLetter,
    DeliveryStore,
    Letter,
    LetterCounts,
    LetterFilter,
    LetterId,
    Posted,
    Skip,
    Superseded,
)
from postroad.log.interface import ShardLog


@pytest.fixture
async def log(member: Member) -> ShardLog:
    return await member.open()


@pytest.fixture
def store(log: ShardLog) -> DeliveryStore:
    return log.delivery


def posting(*letters: Letter) -> Changes:
    """Each with a body that tells its name."""
    return Changes(posted=[Posted(letter, body_of(letter)) for letter in letters])


def body_of(letter: Letter) -> bytes:
    return b"%d/%d" % (letter.position, letter.slot)


async def dead_of(store: DeliveryStore, **which: Any) -> list[tuple[int, int, int]]:
    """Subscription, position and slot of the dead letters that are meant."""
    found = await store.dead(LetterFilter(**which))
    assert await store.count_dead(LetterFilter(**which)) == len(found)
    return [(one.subscription_id, one.letter.position, one.letter.slot) for one in found]


async def test_a_new_store_has_no_cursors(log: ShardLog) -> None:
    assert await log.delivery.cursors() == {}


async def test_settling_makes_the_cursor_and_dates_it(log: ShardLog, clock: VirtualClock) -> None:
    await log.delivery.settle(7, 42)
    assert await log.delivery.cursors() == {7: Cursor(7, 42, clock.now_us())}


async def test_a_cursor_never_goes_backwards(log: ShardLog, clock: VirtualClock) -> None:
    settled_us = clock.now_us()
    await log.delivery.settle(7, 42)
    clock.us += 1_000_000
    for position in (41, 42, 0):
        await log.delivery.settle(7, position)
    assert await log.delivery.cursors() == {7: Cursor(7, 42, settled_us)}
    await log.delivery.settle(7, 43)
    assert await log.delivery.cursors() == {7: Cursor(7, 43, clock.now_us())}


async def test_the_highest_of_concurrent_settles_stands(log: ShardLog) -> None:
    await asyncio.gather(*[log.delivery.settle(7, position) for position in (3, 9, 1, 8)])
    assert (await log.delivery.cursors())[7].position == 9


async def test_subscriptions_do_not_touch_each_other(log: ShardLog) -> None:
    await log.delivery.settle(7, 42)
    await log.delivery.settle(8, 2**62)
    await log.delivery.forget(7)
    assert {number: cursor.position for number, cursor in (await log.delivery.cursors()).items()} == {8: 2**62}


async def test_what_was_forgotten_may_begin_again_lower(log: ShardLog) -> None:
    await log.delivery.settle(7, 42)
    await log.delivery.forget(7)
    await log.delivery.forget(7)
    await log.delivery.settle(7, 5)
    assert (await log.delivery.cursors())[7].position == 5


async def test_cursors_are_there_after_reopening(member: Member, log: ShardLog) -> None:
    if not member.survives_restart:
        pytest.skip("this engine promises nothing over a restart")
    await log.delivery.settle(7, 42)
    await log.delivery.settle(8, 1)
    await log.delivery.forget(8)
    before = await log.delivery.cursors()
    await log.close()
    assert await (await member.open()).delivery.cursors() == before


async def test_cursors_outlive_the_batches_they_passed(log: ShardLog) -> None:
    await log.append(part_of(b"1"))
    await log.delivery.settle(7, log.next_position)
    await log.retain(received_before_us=2**62, settled=log.next_position, max_bytes=0)
    assert (await log.delivery.cursors())[7].position == log.next_position


async def test_what_is_no_position_is_refused_at_once(log: ShardLog) -> None:
    for position in (-1, 2**63):
        with pytest.raises(ValueError, match="position"):
            await log.delivery.settle(7, position)


async def test_a_letter_is_kept_as_it_was_posted(store: DeliveryStore) -> None:
    full = letter_of(
        2**62,
        slot=63,
        subject_id=2**62,
        size=1024 * 1024,
        recorded_us=-1,
        document=b"trip \x00\xff",
        revision=3,
        deletes=True,
        attempts=4,
        first_attempt_us=5,
        due_us=6,
        reason="rejected",
        status=422,
        detail='"distance" é missing\n',
    )
    bare = letter_of(1)
    body = bytes(range(256)) * 4096
    await store.settle(7, 1, Changes(posted=[Posted(full, body), Posted(bare, b"")]))
    assert await store.parked(7) == [bare, full]
    assert await store.body(7, full.id) == body
    assert await store.body(7, bare.id) == b""


async def test_letters_and_skips_are_there_after_reopening(member: Member, log: ShardLog) -> None:
    if not member.survives_restart:
        pytest.skip("this engine promises nothing over a restart")
    changes = posting(letter_of(1), letter_of(2, dead_us=5))
    await log.delivery.settle(7, 9, Changes(posted=changes.posted, skips=[Skip(3, 5, "expired", 2)]))
    await log.close()
    store = (await member.open()).delivery
    assert await store.parked(7) == [letter_of(1)]
    assert await store.dead(LetterFilter()) == [DeadLetter(7, letter_of(2, dead_us=5))]
    assert await store.body(7, LetterId(2, 0)) == b"2/0"
    assert await store.skips(7) == [Skip(3, 5, "expired", 2)]


async def test_parked_letters_come_in_the_order_of_the_log_and_of_one_subscription(store: DeliveryStore) -> None:
    places = [(2, 0), (1, 3), (10, 0), (1, 0)]
    await store.settle(7, 1, posting(*[letter_of(position, slot=slot) for position, slot in places]))
    await store.settle(8, 1, posting(letter_of(1), letter_of(3, dead_us=1)))
    assert [(letter.position, letter.slot) for letter in await store.parked(7)] == sorted(places)
    assert await store.parked(8) == [letter_of(1)]
    assert await store.parked(9) == []


async def test_a_letter_posted_again_without_a_body_keeps_the_one_it_has(store: DeliveryStore) -> None:
    await store.settle(7, 1, posting(letter_of(1), letter_of(2)))
    again = letter_of(1, attempts=1, first_attempt_us=3, due_us=9, reason="timeout", detail="slow")
    await store.settle(7, 1, Changes(posted=[Posted(again), Posted(letter_of(2), b"another")]))
    assert await store.parked(7) == [again, letter_of(2)]
    assert [await store.body(7, LetterId(position, 0)) for position in (1, 2)] == [b"1/0", b"another"]


async def test_a_parked_letter_that_dies_is_dead_and_no_longer_parked(store: DeliveryStore) -> None:
    await store.settle(7, 1, posting(letter_of(1)))
    await store.settle(7, 1, Changes(posted=[Posted(letter_of(1, dead_us=8))]))
    assert await store.parked(7) == []
    assert await store.dead(LetterFilter()) == [DeadLetter(7, letter_of(1, dead_us=8))]


async def test_a_removed_letter_is_gone_with_its_body(store: DeliveryStore) -> None:
    await store.settle(7, 1, posting(letter_of(1), letter_of(1, slot=1), letter_of(2, dead_us=1)))
    await store.settle(7, 1, Changes(removed=[LetterId(1, 0), LetterId(2, 0), LetterId(77, 0)]))
    assert await store.parked(7) == [letter_of(1, slot=1)]
    assert await dead_of(store) == []
    assert await store.body(7, LetterId(1, 0)) is None
    assert await store.body(7, LetterId(1, 1)) == b"1/1"


async def test_what_is_posted_and_removed_at_once_is_gone(store: DeliveryStore) -> None:
    await store.settle(7, 1, Changes(posted=posting(letter_of(1)).posted, removed=[LetterId(1, 0)]))
    assert await store.letter_counts() == {}


async def test_a_lower_position_still_makes_its_changes(store: DeliveryStore) -> None:
    await store.settle(7, 9)
    await store.settle(7, 3, posting(letter_of(1)))
    assert (await store.cursors())[7].position == 9
    assert await store.parked(7) == [letter_of(1)]


MALFORMED = {
    "no body and not stored": Changes(posted=[Posted(letter_of(5), b"5"), Posted(letter_of(6))]),
    "position": posting(letter_of(5), letter_of(-1)),
    "slot": posting(letter_of(5), letter_of(1, slot=2**63)),
    "subject": posting(letter_of(5), letter_of(1, subject_id=2**64 - 1)),
    "instant": posting(letter_of(5), letter_of(1, due_us=2**63)),
    "revision": posting(letter_of(5), letter_of(1, revision=2**63)),
    "no number": posting(letter_of(5), letter_of(1, size=None)),
    "text": posting(letter_of(5), letter_of(1, detail="\ud800")),
    "removed": Changes(posted=posting(letter_of(5)).posted, removed=[LetterId(-1, 0)]),
    "empty skip": Changes(posted=posting(letter_of(5)).posted, skips=[Skip(4, 4, "expired", 1)]),
    "skip of no position": Changes(posted=posting(letter_of(5)).posted, skips=[Skip(-1, 4, "expired", 1)]),
    "every letter superseded": Changes(posted=posting(letter_of(5)).posted, superseded=[Superseded(b"", 1)]),
}


@pytest.mark.parametrize("malformed", MALFORMED)
async def test_a_malformed_change_fails_alone_and_leaves_nothing(log: ShardLog, malformed: str) -> None:
    store = log.delivery
    answers = await asyncio.gather(
        store.settle(7, 1, posting(letter_of(1))),
        log.append(part_of(b"before")),
        store.settle(7, 6, MALFORMED[malformed]),
        store.settle(7, 2, posting(letter_of(2))),
        log.append(part_of(b"after")),
        return_exceptions=True,
    )
    assert [isinstance(answer, BaseException) for answer in answers] == [False, False, True, False, False], answers
    assert isinstance(answers[2], ValueError)
    assert (await store.cursors())[7].position == 2
    assert await store.parked(7) == [letter_of(1), letter_of(2)]
    assert await store.skips(7) == []


async def test_changes_made_at_once_are_all_made(store: DeliveryStore) -> None:
    await asyncio.gather(
        *[
            store.settle(
                7 + number % 2,
                number,
                Changes(posted=posting(letter_of(number)).posted, skips=[Skip(number, number + 1, "expired", 1)]),
            )
            for number in range(20)
        ]
    )
    assert [letter.position for letter in await store.parked(7)] == list(range(0, 20, 2))
    assert [letter.position for letter in await store.parked(8)] == list(range(1, 20, 2))
    assert sum(skip.events for skip in await store.skips(8)) == 10


@pytest.mark.parametrize(
    ("which", "meant"),
    [
        ({}, [1, 2, 3, 4]),
        ({"subscription_id": 7}, [1, 2, 3]),
        ({"subscription_id": 9}, []),
        ({"slots": frozenset({1, 5})}, [2]),
        ({"slots": frozenset()}, []),
        ({"subject_id": 0}, [3]),
        ({"since_us": 20}, [2, 3, 4]),
        ({"until_us": 20}, [1]),
        ({"since_us": 20, "until_us": 30}, [2, 4]),
        ({"reasons": frozenset({"rejected", "other"})}, [1, 4]),
        ({"reasons": frozenset()}, []),
        ({"ids": frozenset({LetterId(1, 0), LetterId(2, 0), LetterId(4, 2)})}, [1, 4]),
        ({"subscription_id": 7, "ids": frozenset({LetterId(4, 2), LetterId(3, 0), LetterId(9, 0)})}, [3]),
        ({"ids": frozenset()}, []),
    ],
)
async def test_a_filter_means_the_letters_that_fit_every_field(
    store: DeliveryStore, which: Any, meant: list[int]
) -> None:
    await store.settle(
        7,
        1,
        posting(
            letter_of(1, dead_us=10, reason="rejected"),
            letter_of(2, slot=1, dead_us=20),
            letter_of(3, dead_us=30, subject_id=0),
            letter_of(9, reason="rejected"),
        ),
    )
    await store.settle(8, 1, posting(letter_of(4, slot=2, dead_us=20, reason="rejected")))
    assert [position for _, position, _ in await dead_of(store, **which)] == meant


async def test_dead_letters_are_paged_in_order_without_loss_or_repetition(store: DeliveryStore) -> None:
    for subscription_id in (8, 7):
        letters = [letter_of(position, slot=slot, dead_us=99 - position) for position in (3, 1, 2) for slot in (1, 0)]
        await store.settle(subscription_id, 1, posting(*letters, letter_of(2, slot=5)))
    told: list[tuple[int, int, int]] = []
    after = None
    while page := await store.dead(LetterFilter(), after=after, limit=5):
        assert len(page) <= 5
        told += [(one.subscription_id, one.letter.position, one.letter.slot) for one in page]
        after = page[-1].subscription_id, page[-1].letter.id
    assert told == [(number, position, slot) for number in (7, 8) for position in (1, 2, 3) for slot in (0, 1)]
    assert len(await store.dead(LetterFilter(subscription_id=8), after=(7, LetterId(3, 1)), limit=1)) == 1


async def test_a_revived_letter_is_parked_anew_with_its_body_and_what_it_failed_of(store: DeliveryStore) -> None:
    died = letter_of(1, attempts=9, first_attempt_us=2, dead_us=5, reason="rejected", status=422, detail="no")
    await store.settle(7, 1, posting(died))
    expected = letter_of(1, due_us=77, reason="rejected", status=422, detail="no")
    assert await store.revive([DeadLetter(7, died)], [77]) == [DeadLetter(7, expected)]
    assert await store.parked(7) == [expected]
    assert await dead_of(store) == []
    assert await store.body(7, died.id) == b"1/0"


async def test_only_what_is_still_dead_is_revived_or_dropped(store: DeliveryStore) -> None:
    dead, parked, gone = letter_of(1, dead_us=5), letter_of(2), letter_of(3, dead_us=5)
    await store.settle(7, 1, posting(dead, parked, gone))
    await store.settle(7, 1, Changes(removed=[gone.id]))
    meant = [DeadLetter(7, gone), DeadLetter(7, parked), DeadLetter(8, dead), DeadLetter(7, dead), DeadLetter(7, dead)]
    assert await store.revive(meant, [1, 2, 3, 4, 5]) == [DeadLetter(7, letter_of(1, due_us=4))]
    assert await store.revive(meant, [1, 2, 3, 4, 5]) == []
    assert await store.drop(meant) == 0
    assert await store.parked(7) == [letter_of(1, due_us=4), parked]
    assert await store.skips(7) == []


async def test_of_two_who_revive_the_same_letter_one_has_it(store: DeliveryStore) -> None:
    await store.settle(7, 1, posting(letter_of(1, dead_us=5)))
    meant = await store.dead(LetterFilter())
    answers = await asyncio.gather(*[store.revive(meant, [due]) for due in (1, 2, 3)], store.drop(meant))
    assert sorted(map(len, answers[:3])) == [0, 0, 1]
    assert answers[3] == 0


async def test_letters_are_revived_each_with_its_instant_or_not_at_all(store: DeliveryStore) -> None:
    await store.settle(7, 1, posting(letter_of(1, dead_us=5)))
    for due_us in ([], [1, 2], [2**63]):
        with pytest.raises(ValueError, match=r"instants|due_us"):
            await store.revive(await store.dead(LetterFilter()), due_us)
    assert await dead_of(store) == [(7, 1, 0)]


async def test_a_dropped_letter_is_gone_and_recorded(store: DeliveryStore) -> None:
    await store.settle(7, 1, posting(*[letter_of(position, dead_us=5) for position in (1, 2, 4)]))
    meant = await store.dead(LetterFilter())
    assert await store.drop([*meant, *meant]) == 3
    assert await dead_of(store) == []
    assert await store.body(7, LetterId(1, 0)) is None
    assert told(await store.skips(7)) == [(1, 3, "dropped", 2), (4, 5, "dropped", 1)]


async def test_a_newer_edition_removes_older_dead_ones_of_its_document_only(store: DeliveryStore) -> None:
    trip = {"document": b"trip", "dead_us": 5}
    await store.settle(
        7,
        1,
        posting(
            letter_of(1, revision=1, **trip),
            letter_of(2, revision=2, **trip),
            letter_of(3, revision=3, **trip),
            letter_of(4, revision=1, document=b"trip"),
            letter_of(5, revision=1, document=b"other", dead_us=5),
            letter_of(6, dead_us=5),
        ),
    )
    await store.settle(8, 1, posting(letter_of(1, revision=1, **trip)))
    await store.settle(7, 9, Changes(superseded=[Superseded(b"trip", 3)]))
    assert await dead_of(store) == [(7, 3, 0), (7, 5, 0), (7, 6, 0), (8, 1, 0)]
    assert await store.parked(7) == [letter_of(4, revision=1, document=b"trip")]
    assert told(await store.skips(7)) == [(1, 3, "superseded", 2)]
    assert await store.body(7, LetterId(1, 0)) is None


async def test_what_is_posted_dead_is_superseded_in_the_same_breath(store: DeliveryStore) -> None:
    older = posting(letter_of(1, document=b"trip", revision=1, dead_us=5))
    await store.settle(7, 2, Changes(posted=older.posted, superseded=[Superseded(b"trip", 2)]))
    assert await store.letter_counts() == {}
    assert told(await store.skips(7)) == [(1, 2, "superseded", 1)]


async def test_letters_are_counted_with_their_bytes(store: DeliveryStore) -> None:
    assert await store.letter_counts() == {}
    letters = [
        letter_of(1, size=3000, received_us=5, dead_us=1),
        letter_of(2, size=10, received_us=6),
        letter_of(3, size=200, received_us=7),
    ]
    await store.settle(7, 1, posting(*letters))
    await store.settle(8, 1, posting(letter_of(1, size=5, dead_us=1)))
    await store.settle(9, 1)
    assert await store.letter_counts() == {7: LetterCounts(2, 1, 210, 3000, 6), 8: LetterCounts(0, 1, 0, 5, None)}
    await store.settle(8, 1, Changes(removed=[LetterId(1, 0)]))
    assert await store.letter_counts() == {7: LetterCounts(2, 1, 210, 3000, 6)}


async def test_skips_of_one_reason_that_touch_or_overlap_are_one_whatever_their_order(store: DeliveryStore) -> None:
    for skips in (
        [Skip(5, 6, "expired", 1), Skip(1, 2, "expired", 1)],
        [Skip(5, 6, "expired", 1)],
        [Skip(2, 5, "access_ended", 0)],
        [Skip(10, 12, "expired", 2)],
        [Skip(2, 4, "expired", 1)],
        [Skip(8, 10, "expired", 2)],
    ):
        await store.settle(7, 1, Changes(skips=skips))
    await store.settle(8, 1, Changes(skips=[Skip(4, 5, "expired", 1)]))
    assert await store.skips(7) == [
        Skip(1, 4, "expired", 2),
        Skip(2, 5, "access_ended", 0),
        Skip(5, 6, "expired", 2),
        Skip(8, 12, "expired", 4),
    ]
    await store.settle(7, 1, Changes(skips=[Skip(3, 11, "expired", 8)]))
    assert await store.skips(7) == [Skip(1, 12, "expired", 16), Skip(2, 5, "access_ended", 0)]


async def test_skipped_events_are_counted_by_reason(store: DeliveryStore) -> None:
    assert await store.skipped() == {}
    skips = [Skip(1, 3, "expired", 2), Skip(9, 10, "expired", 1), Skip(2, 5, "access_ended", 0)]
    await store.settle(7, 1, Changes(skips=skips))
    await store.settle(8, 1, Changes(skips=[Skip(1, 2, "dropped", 1)]))
    assert await store.skipped() == {7: {"expired": 3, "access_ended": 0}, 8: {"dropped": 1}}
    await store.forget(7)
    assert await store.skipped() == {8: {"dropped": 1}}


async def test_forgotten_is_everything_of_a_subscription_and_nothing_of_another(store: DeliveryStore) -> None:
    many = [letter_of(position, dead_us=position % 2 or None) for position in range(600)]
    for subscription_id in (7, 8):
        changes = Changes(posted=posting(*many).posted, skips=[Skip(1, 9, "expired", 8)])
        await store.settle(subscription_id, 700, changes)
    await store.forget(7)
    assert list(await store.cursors()) == list(await store.letter_counts()) == [8]
    assert await store.parked(7) == await store.skips(7) == await dead_of(store, subscription_id=7) == []
    assert await store.body(7, LetterId(1, 0)) is None
    assert await store.letter_counts() == {8: LetterCounts(300, 300, 3000, 3000, 1)}
    assert await store.body(8, LetterId(599, 0)) == b"599/0"
    assert await store.skips(8) == [Skip(1, 9, "expired", 8)]


async def test_retention_and_a_new_epoch_leave_letters_and_skips_as_they_are(log: ShardLog) -> None:
    store = log.delivery
    position = (await log.append(part_of(b"1", b"2"))).position
    letters = [letter_of(position), letter_of(position + 1, dead_us=5)]
    changes = Changes(posted=posting(*letters).posted, skips=[Skip(position, position + 1, "expired", 1)])
    await store.settle(7, log.next_position, changes)
    await log.retain(received_before_us=2**62, settled=2**62, max_bytes=0)
    await log.begin_epoch()
    assert (await log.append(part_of(b"3"))).position > position + 1
    assert await log.read(0, max_bytes=1) != []
    assert await store.parked(7) == letters[:1]
    assert await store.dead(LetterFilter()) == [DeadLetter(7, letters[1])]
    assert await store.body(7, letters[0].id) == body_of(letters[0])
    assert await store.skips(7) == list(changes.skips)


async def test_once_closed_every_call_of_the_store_says_so(log: ShardLog) -> None:
    await log.close()
    store, which = log.delivery, LetterFilter()
    for call in (
        store.cursors(),
        store.begin(7, 1, "these"),
        store.turn(first_position=0, began_before_us=0, max_positions=1),
        store.account(7),
        store.settle(7, 1, posting(letter_of(1))),
        store.parked(7),
        store.body(7, LetterId(1, 0)),
        store.dead(which),
        store.count_dead(which),
        store.revive([], []),
        store.drop([]),
        store.letter_counts(),
        store.skips(7),
        store.forget(7),
    ):
        with pytest.raises(StoreUnavailable) as failure:
            await call
        assert failure.value.reason == "closed"
