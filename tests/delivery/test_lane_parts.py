"""The parts of which lanes are made: window, queues, parking, editions, ledger."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.delivery.editions import Editions
from postroad.delivery.entry import Entry
from postroad.delivery.ledger import Ledger
from postroad.delivery.letter import request_id
from postroad.delivery.parking import Parking
from postroad.delivery.queues import Lanes, Queue
from postroad.delivery.unsettled import Unsettled
from postroad.delivery.window import Window
from postroad.log.delivery import Changes, Letter, LetterId, Posted, Superseded, Unwanted, skip_of
from postroad.log.tally import tally_of
from postroad.protocols.base import Outgoing
from postroad.routing.feed import RoutedItem


def letter(position: int, **changes: Any) -> Letter:
    values = {"slot": 0, "subject_id": 1, "size": 10, "received_us": 0, "stored_us": 0}
    return Letter(position=position, **values | changes)


def fresh(position: int, **changes: Any) -> Entry:
    return Entry(letter(position, **changes), b"body")


def stored(position: int, **changes: Any) -> Entry:
    return Entry(letter(position, **changes), None)


def item(position: int) -> RoutedItem:
    return RoutedItem(position=position, subject_id=1, events=(), size=0)


# Window


def test_the_cursor_stands_at_the_first_item_of_which_an_event_is_not_settled() -> None:
    window = Window(10)
    window.take(item(3), 2)
    window.take(item(7), 1)
    window.settle(7)
    window.settle(3)
    assert window.cursor(end=9) == 3
    window.settle(3)
    assert window.cursor(end=9) == 9


def test_an_item_leaves_the_window_when_a_cursor_behind_it_is_durable() -> None:
    window = Window(2)
    window.take(item(1), 1)
    window.take(item(2), 0)
    window.settle(1)
    assert window.full
    window.durable(2)
    assert (len(window), window.full, window.has_settled) == (1, False, True)
    window.durable(3)
    assert (len(window), window.has_settled) == (0, False)


def test_an_event_cannot_be_settled_twice() -> None:
    window = Window(2)
    window.take(item(1), 1)
    window.take(item(2), 1)
    window.settle(2)
    with pytest.raises(ValueError, match="position 2"):
        window.settle(2)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_whatever_the_order_of_settling_the_cursor_passes_nothing_unsettled(events: list[int], chance: Any) -> None:
    window = Window(100)
    for position, count in enumerate(events):
        window.take(item(position), count)
    open_ = [position for position, count in enumerate(events) for _ in range(count)]
    chance.shuffle(open_)
    while open_:
        window.settle(open_.pop())
        assert window.cursor(len(events)) == min(open_, default=len(events))


# Unsettled


def test_what_is_set_aside_is_parked_as_far_as_there_is_room_and_waits_among_the_due() -> None:
    queue = Queue()
    unsettled = Unsettled(
        by_subject=False,
        queue_of=lambda _slot: queue,
        window=3,
        max_parked=2,
        max_parked_bytes=100,
        settled=1,
        now_us=lambda: 7,
    )
    for position in (1, 2, 3):
        event = Outgoing(slot=0, body=b"{}")
        unsettled.take(RoutedItem(position=position, subject_id=1, events=(event,), size=2))
    unsettled.set_aside(queue)
    assert (len(unsettled.parking), unsettled.parking.full) == (2, False)
    assert [lane.head.id.position for lane in queue.all_fresh()] == [3]
    assert queue.next_due_us == 7
    assert [posted.letter.position for posted in unsettled.ledger.pop_changes(3).posted] == [1, 2]
    assert unsettled.window.cursor(9) == 3


# Queues


def test_lanes_with_something_fresh_take_turns() -> None:
    queue = Queue()
    lanes = Lanes(by_subject=True, queue_of=lambda _slot: queue)
    for position in (1, 2, 3):
        lanes.add(fresh(position), 0)
    lanes.add(fresh(4, subject_id=2), 0)
    noisy = queue.fresh()
    assert noisy is not None
    assert noisy.key == 1
    lanes.start(noisy)
    other = queue.fresh()
    assert other is not None
    assert other.key == 2
    noisy.head.gone = True
    lanes.end(noisy, 0)
    assert queue.fresh() is other
    assert [lane.key for lane in queue.all_fresh()] == [2, 1]


def test_the_most_overdue_comes_first_and_nothing_before_its_instant() -> None:
    queue = Queue()
    lanes = Lanes(by_subject=False, queue_of=lambda _slot: queue)
    for position, due_us in ((1, 30), (2, 10), (3, 20)):
        lanes.add(stored(position, due_us=due_us), 0)
    assert queue.due(9) is None
    assert queue.next_due_us == 10
    order = []
    while (lane := queue.due(100)) is not None:
        order.append(lane.head.id.position)
        lane.head.gone = True
        lanes.left(lane.head, 100)
    assert order == [2, 3, 1]
    assert len(lanes) == 0


def test_a_letter_behind_another_is_due_once_that_is_gone() -> None:
    queue = Queue()
    lanes = Lanes(by_subject=True, queue_of=lambda _slot: queue)
    first = stored(1, due_us=50)
    lanes.add(first, 0)
    lanes.add(stored(2), 0)
    assert queue.next_due_us == 50
    first.gone = True
    assert lanes.left(first, 20) is not None
    assert queue.next_due_us == 20


def test_an_older_letter_goes_where_the_log_has_it_but_not_before_what_is_on_its_way() -> None:
    queue = Queue()
    lanes = Lanes(by_subject=True, queue_of=lambda _slot: queue)
    lane = lanes.add(fresh(5), 0)
    lanes.add(fresh(9), 0)
    lane.head.flying = True
    lanes.start(lane)
    lanes.add(stored(2), 0)
    lanes.add(stored(7), 0)
    assert [entry.id.position for entry in lane.entries] == [5, 2, 7, 9]


def test_what_failed_is_not_tried_before_the_instant_it_was_given() -> None:
    queue = Queue()
    lanes = Lanes(by_subject=True, queue_of=lambda _slot: queue)
    lane = lanes.add(fresh(1), 0)
    lanes.start(lane)
    lanes.end(lane, 5, earliest_us=70)
    assert (queue.fresh(), queue.next_due_us) == (None, 70)


# Parking


def test_what_finds_no_room_is_held_in_turn() -> None:
    parking = Parking(max_letters=2, max_bytes=25)
    entries = [fresh(1), fresh(2, size=20), fresh(3)]
    for entry in entries:
        parking.hold(entry)
    assert list(parking.admitted()) == entries[:1]
    assert parking.full  # the third would fit, but it is not its turn
    assert not parking.has_room(fresh(4, size=1))
    parking.remove(entries[0])
    assert list(parking.admitted()) == entries[1:2]
    assert (len(parking), parking.bytes) == (1, 20)
    parking.release(entries[2])
    assert not parking.full


def test_letters_that_are_stored_already_may_exceed_the_bound() -> None:
    parking = Parking(max_letters=1, max_bytes=100)
    for position in (1, 2, 3):
        parking.put(stored(position))
    parking.hold(fresh(4))
    assert list(parking.admitted()) == []
    assert len(parking) == 3


# Editions


def edition(position: int, revision: int, *, deletes: bool = False, document: bytes = b"trip") -> Entry:
    return fresh(position, document=document, revision=revision, deletes=deletes)


def test_a_newer_revision_makes_older_ones_that_wait_needless() -> None:
    editions = Editions()
    first, second, other = edition(1, 1), edition(2, 2), edition(3, 1, document=b"other")
    assert [editions.add(entry) for entry in (first, other, second)] == [[], [], [first]]
    assert editions.needless(first.letter)
    assert not editions.needless(second.letter)
    assert not editions.needless(other.letter)


def test_a_deletion_is_newer_than_what_bears_its_revision() -> None:
    editions = Editions()
    first = edition(1, 1)
    editions.add(first)
    assert editions.add(edition(2, 1, deletes=True)) == [first]
    assert editions.needless(letter(3, document=b"trip", revision=1))


def test_what_names_no_document_supersedes_nothing() -> None:
    editions = Editions()
    assert editions.add(edition(1, 1, document=b"")) == []
    assert editions.add(edition(2, 2, document=b"")) == []
    assert not editions.needless(letter(3))


def test_the_newest_edition_is_remembered_for_a_bounded_number_and_while_it_waits() -> None:
    editions = Editions(remembered=1)
    waits = edition(1, 5)
    editions.add(waits)
    editions.add(edition(2, 1, document=b"other"))
    assert editions.needless(letter(3, document=b"trip", revision=4))
    editions.remove(waits)
    assert not editions.needless(letter(3, document=b"trip", revision=4))


# Ledger


def test_a_later_word_on_a_letter_replaces_an_earlier_one_and_keeps_its_body() -> None:
    ledger = Ledger(9)
    ledger.post(letter(1), b"body")
    again = letter(1, attempts=2)
    ledger.post(again)
    assert ledger.pop_changes(9).posted == [Posted(again, b"body")]
    ledger.finish(LetterId(1, 0), None)
    ledger.finish(LetterId(2, 0), "superseded")
    changes = ledger.pop_changes(9)
    assert (changes.posted, changes.removed) == ([], [LetterId(1, 0)])
    assert changes.unwanted == [Unwanted(LetterId(2, 0), "superseded")]
    assert ledger.pop_changes(9) == Changes(posted=[], removed=[], unwanted=[], skips=[], superseded=[])


def test_a_letter_above_the_cursor_goes_in_the_settle_that_passes_it() -> None:
    ledger = Ledger(3)
    for position in (2, 3, 4, 5):
        ledger.finish(LetterId(position, 0), None)
    assert len(ledger) == 1
    assert ledger.pop_changes(3).removed == [LetterId(2, 0)]
    assert not ledger
    ledger.passed(4)
    assert len(ledger) == 1
    assert ledger.pop_changes(5).removed == [LetterId(3, 0), LetterId(4, 0)]
    assert ledger.pop_changes(9).removed == [LetterId(5, 0)]


def test_a_letter_that_never_came_to_be_stored_counts_as_the_event_it_was() -> None:
    ledger = Ledger(1)
    for slot, skipped in ((0, None), (1, "access_ended")):
        ledger.post(letter(1, slot=slot), b"body")
        ledger.set_apart(1, slot)
        ledger.finish(LetterId(1, slot), skipped)
    changes = ledger.pop_changes(2)
    assert (changes.posted, changes.removed, changes.unwanted) == ([], [], [])
    assert changes.delivered == tally_of([(1, 0)])
    assert changes.skips == [skip_of(LetterId(1, 1), "access_ended")]


def test_a_deletion_that_dies_is_not_among_what_it_supersedes() -> None:
    ledger = Ledger(1)
    ledger.supersede(b"trip", 6)
    ledger.post(letter(1, document=b"trip", revision=5, deletes=True, dead_us=1), b"body")
    assert ledger.pop_changes(2).superseded == [Superseded(b"trip", 5)]


# Request ids


def test_a_request_id_tells_subscriptions_shards_and_events_apart_and_is_always_the_same() -> None:
    ids = {
        request_id(subscription, shard, [fresh(position, slot=slot).id])
        for subscription in (1, 2)
        for shard in (0, 1)
        for position in (1, 2)
        for slot in (0, 1)
    }
    assert len(ids) == 16
    assert request_id(1, 0, [fresh(1).id]) == request_id(1, 0, [stored(1).id])
    assert request_id(1, 0, [fresh(1).id]) == "2c265bb1-1d05-5224-aab7-d92be1caeef3"
