"""A bulk in pieces: whatever is refused, the others go through in order, and few requests are needed."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.delivery.bisect import Pieces, halves
from postroad.protocols.base import Outgoing
from postroad.routing.feed import RoutedItem

Event = tuple[int, int]


def items_of(counts: list[int]) -> tuple[RoutedItem, ...]:
    """An item at each position from 1 on, with so many events."""
    return tuple(
        RoutedItem(position, 1, tuple(Outgoing(slot, b"{}") for slot in range(count)), 2 * count)
        for position, count in enumerate(counts, 1)
    )


def events_of(items: Any) -> list[Event]:
    return [(item.position, event.slot) for item in items for event in item.events]


def play(items: tuple[RoutedItem, ...], poison: set[Event]) -> tuple[list[Event], list[Event], list[int]]:
    """What went through, what was given up, and the sizes of the requests."""
    pieces, went, alone, sizes = Pieces(items), [], [], []
    while pieces:
        piece = events_of(pieces.first())
        sizes.append(len(piece))
        if not poison & set(piece):
            went += piece
            pieces.went_through()
        elif len(piece) > 1:
            pieces.refused()
        else:
            alone += piece
            pieces.reduce(())
    return went, alone, sizes


@given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=40), picks=st.sets(st.integers(0, 159), max_size=12))
def test_exactly_the_poison_is_given_up_and_the_rest_goes_through_in_order(counts: list[int], picks: set[int]) -> None:
    items = items_of(counts)
    events = events_of(items)
    poison = {events[pick] for pick in picks if pick < len(events)}
    went, alone, sizes = play(items, poison)
    assert went == [event for event in events if event not in poison]
    assert alone == [event for event in events if event in poison]
    assert len(sizes) <= 1 + max(len(poison), 1) * 2 * math.ceil(math.log2(len(events) + 1))


@pytest.mark.parametrize("poison", [1, 2, 333, 512, 513, 999, 1000])
def test_one_among_a_thousand_costs_at_most_two_requests_a_halving(poison: int) -> None:
    _, alone, sizes = play(items_of([1] * 1000), {(poison, 0)})
    assert alone == [(poison, 0)]
    assert len(sizes) <= 2 * math.ceil(math.log2(1000)) + 1


def test_what_must_be_refused_is_not_sent_again_to_learn_it() -> None:
    _, _, sizes = play(items_of([1] * 8), {(8, 0)})
    assert sizes == [8, 4, 2, 1, 1]


def test_when_some_of_a_piece_fell_away_nothing_is_concluded_from_the_rest() -> None:
    pieces = Pieces(items_of([1] * 8))
    pieces.refused()
    first = pieces.first()
    pieces.reduce(first[1:])  # the poison may have been the one that went
    pieces.went_through()
    assert events_of(pieces.first()) == [(n, 0) for n in (5, 6, 7, 8)]


@given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=20).filter(lambda counts: sum(counts) > 1))
def test_halves_are_equal_and_lose_nothing(counts: list[int]) -> None:
    items = items_of(counts)
    first, second = halves(items)
    assert events_of(first) + events_of(second) == events_of(items)
    assert 0 <= len(events_of(second)) - len(events_of(first)) <= 1
    assert all(item.size == 2 * len(item.events) for item in first + second)


def test_a_piece_ends_where_the_next_begins_and_the_cursor_never_stands_inside_an_item() -> None:
    pieces = Pieces(items_of([1, 2, 1]))
    pieces.too_large()
    assert events_of(pieces.first()) == [(1, 0), (2, 0)]
    assert (pieces.begins_at(9), pieces.ends_at(9)) == (1, 2)
    pieces.went_through()
    assert (pieces.begins_at(9), pieces.ends_at(9)) == (2, 9)
    pieces.went_through()
    assert pieces.begins_at(9) == 9
