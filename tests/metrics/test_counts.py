"""Histograms count what comes together exactly as if it had come one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.metrics.counts import Counter, Counts, Distribution
from postroad.metrics.declared import RECORDED_TO_RECEIVED

BOUNDS = (0.1, 0.5, 1.0, 30.0)
NEAR_BOUNDS = st.sampled_from([-1.0, -0.0, 0.0, *BOUNDS, 0.10000000000000002, 0.49999, 30.00001, 1e9])


def one_by_one(values: list[float]) -> Distribution:
    series = Distribution(BOUNDS)
    for value in values:
        series.observe(value)
    return series


@given(st.lists(NEAR_BOUNDS | st.floats(-10, 1e6), max_size=60))
def test_values_observed_together_fall_where_each_would_fall_alone(values: list[float]) -> None:
    alone, together = one_by_one(values), Distribution(BOUNDS)
    together.observe_all(list(values))
    assert together.counts == alone.counts
    assert together.total == pytest.approx(alone.total)


def test_observing_goes_on_from_what_was_observed_before() -> None:
    series = Distribution(BOUNDS)
    series.observe_all([0.1, 0.2])
    series.observe_all([])
    series.observe_all([40.0])
    series.observe(0.2)
    assert series.counts == [1, 2, 0, 0, 1]
    assert series.total == pytest.approx(40.5)


def test_a_value_on_a_bound_counts_below_it() -> None:
    series = Counts().recorded_to_received.of(1)
    series.observe_all([RECORDED_TO_RECEIVED.buckets[0]])
    assert series.counts[0] == 1


def test_a_count_is_kept_for_each_combination_of_labels() -> None:
    counter: Counter = Counts().unavailable
    counter.add(1, "backlog")
    counter.add(1, "backlog", by=2)
    counter.add(2, "backlog")
    assert counter.values == {(1, "backlog"): 3, (2, "backlog"): 1}
