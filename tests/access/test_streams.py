"""Streams as intervals of positions."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from postroad.access.streams import StreamIndex
from postroad.registry.records import Stream, ToldAt

STREAMS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(1, 3),
        st.none() | st.integers(1, 20),
        st.none() | st.integers(1, 20),
        st.booleans(),
    ),
    unique_by=lambda s: s[:2],  # the registry opens at most one stream of a vehicle into a subscription
    max_size=9,
)


def index(
    streams: list[tuple[int, int, int | None, int | None, bool]], more: Mapping[int, Stream] | None = None
) -> StreamIndex:
    return StreamIndex(
        {
            **(more or {}),
            **{
                n: Stream(
                    id=n,
                    subscription_id=sub,
                    subject_id=subject,
                    shard=0,
                    from_position=start,
                    until_position=end,
                    ended=ended,
                )
                for n, (sub, subject, start, end, ended) in enumerate(streams)
            },
        }
    )


@given(STREAMS, st.integers(1, 3), st.integers(1, 3), st.integers(0, 25))
def test_access_is_an_open_active_stream_that_began_at_or_before_the_position(
    streams: list[tuple[int, int, int | None, int | None, bool]], subscription: int, subject: int, position: int
) -> None:
    wanted = any(
        (sub, sbj) == (subscription, subject)
        and not ended
        and start is not None
        and position >= start
        and (end is None or position < end)
        for sub, sbj, start, end, ended in streams
    )
    assert index(streams).covers(subscription, subject, position) == wanted


@given(STREAMS, st.integers(1, 3))
def test_subjects_are_those_of_all_streams_that_began_and_the_first_position_of_the_open_ones(
    streams: list[tuple[int, int, int | None, int | None, bool]], subscription: int
) -> None:
    mine = [(sbj, start) for sub, sbj, start, _, ended in streams if sub == subscription and not ended and start]
    begun = {sbj for sub, sbj, start, _, _ in streams if sub == subscription and start}
    assert {*index(streams).subjects(subscription)} == begun
    assert index(streams).first_position(subscription) == min((start for _, start in mine), default=None)


@given(STREAMS, st.integers(1, 3), st.integers(1, 3), st.integers(0, 25))
def test_what_an_ended_stream_was_to_give_is_known_and_is_no_access(
    streams: list[tuple[int, int, int | None, int | None, bool]], subscription: int, subject: int, position: int
) -> None:
    reopened = [*streams, *[(sub, sbj, 30, None, False) for sub, sbj, _, _, ended in streams if ended]]
    was_to = any(
        (sub, sbj) == (subscription, subject) and start and start <= position and (end is None or position < end)
        for sub, sbj, start, end, ended in streams
        if ended
    )
    found = index(reopened)
    assert found.given(subscription, subject, position) == was_to
    assert not (was_to and found.covers(subscription, subject, position))


def test_an_ended_stream_does_not_hide_the_one_that_was_opened_after_it() -> None:
    both = index([(1, 1, 1, 5, True), (1, 1, 9, None, False)])
    assert [p for p in range(12) if both.covers(1, 1, p)] == [9, 10, 11]


@given(STREAMS, st.sets(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 20)), max_size=5))
def test_stretches_hold_each_position_that_is_covered_once(
    streams: list[tuple[int, int, int | None, int | None, bool]], farewells: set[tuple[int, int, int]]
) -> None:
    ended = {
        1000 + n: Stream(
            id=1000 + n, subscription_id=sub, subject_id=subject, shard=0,
            from_position=1, ended=True, farewell_position=at,
        )
        for n, (sub, subject, at) in enumerate(farewells)
    }  # fmt: skip
    both = index(streams, ended)
    for subscription in range(1, 4):
        for subject in range(1, 4):
            stretches = both.stretches(subscription, subject)
            covered = [p for p in range(25) if both.covers(subscription, subject, p)]
            assert [p for p in range(25) for stretch in stretches if p in stretch] == covered
            assert not stretches or subscription in both.subscriptions(subject)


@given(STREAMS, st.sets(st.builds(ToldAt, st.integers(1, 3), st.integers(1, 3), st.just(0), st.integers(1, 20))))
def test_what_is_told_is_had_by_its_position_alone_and_adds_no_other(
    streams: list[tuple[int, int, int | None, int | None, bool]], told: set[ToldAt]
) -> None:
    without = index(streams)
    by_id = {
        n: Stream(
            id=n, subscription_id=sub, subject_id=subject, shard=0, from_position=start, until_position=end, ended=ended
        )
        for n, (sub, subject, start, end, ended) in enumerate(streams)
    }
    with_it = StreamIndex(by_id, told)
    for subscription in range(1, 4):
        here = {(at.subject_id, at.position) for at in told if at.subscription_id == subscription}
        for subject in range(1, 4):
            for position in range(25):
                was = without.covers(subscription, subject, position)
                assert with_it.covers(subscription, subject, position) == (was or (subject, position) in here)
            assert [*with_it.was_to_give(subscription, subject)] == [*without.was_to_give(subscription, subject)]
            assert with_it.begins_at(subscription, subject) == without.begins_at(subscription, subject)
        assert {*with_it.subjects(subscription)} == {*without.subjects(subscription)} | {subject for subject, _ in here}
        firsts = [without.first_position(subscription), *[position for _, position in here]]
        known = [first for first in firsts if first is not None]
        assert with_it.first_position(subscription) == min(known, default=None)
