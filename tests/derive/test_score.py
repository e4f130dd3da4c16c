"""How well trips are derived from what tracking units report, against labelled trips of real cars."""

from pathlib import Path

import pytest

from fixtures.driven import STREAMS, Score, labels, score, traces

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "derived-trips.md"
REQUIRED = ["as sent, each 10 s", "as sent, each 60 s", "late and shuffled, each 10 s", "one in ten lost, each 60 s"]


def row(name: str, found: Score) -> str:
    """A line of the page's table."""
    times = f"{found.recall:.1%} | {found.precision:.1%} | {found.required:.1%}"
    return f"| {name} | {found.derived} | {times} | {found.error(0.5):.2%} | {found.error(0.95):.2%} |"


def test_every_labelled_trip_is_there_to_be_found() -> None:
    assert sum(len(labels(car)) for car in traces().cars) == 241


@pytest.mark.parametrize("name", REQUIRED)
def test_more_than_95_percent_of_trips_are_matched_within_60_s_and_1_percent(name: str) -> None:
    found = score(name)
    assert found.required > 0.95
    assert found.precision > 0.95


@pytest.mark.parametrize("name", STREAMS)
def test_the_page_states_what_is_measured(name: str) -> None:
    assert row(name, score(name)) in PAGE.read_text(encoding="utf-8")


def test_late_and_shuffled_reports_end_in_the_same_trips_as_those_in_order() -> None:
    assert score("late and shuffled, each 10 s") == score("as sent, each 10 s")
