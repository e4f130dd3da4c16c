"""The index of datasets: the newest counts in whatever order it came, and the file is believed only where it fits."""

import sqlite3
import threading
import uuid
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

from postroad.datasets.index import KINDS, DatasetIndex, Entry, Place
from postroad.errors import StoreUnavailable
from postroad.protocols import damoov

TRACK, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def entry(
    position: int, kind: damoov.DatasetKind = "processed_track", revision: int = 1, of: uuid.UUID = TRACK
) -> Entry:
    return Entry(of, kind, revision, Place(position, 7))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "datasets-00.db"


@pytest.fixture
def index(path: Path) -> Iterator[DatasetIndex]:
    index = DatasetIndex(path, epoch=0, end=1000)
    yield index
    index.close()


def position(index: DatasetIndex, kind: damoov.DatasetKind = "processed_track", of: uuid.UUID = TRACK) -> int | None:
    place = index.find(of, kind)
    return None if place is None else place.position


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
def test_the_newest_edition_is_found_in_whatever_order_they_came(index: DatasetIndex, order: tuple[int, ...]) -> None:
    for revision in order:
        index.note([entry(100 + revision, revision=revision)], 200)
    assert index.find(TRACK, "processed_track") == Place(103, 7)
    assert position(index, of=OTHER) is None
    assert position(index, "received_track") is None


def test_of_two_editions_of_one_revision_the_later_is_found(index: DatasetIndex) -> None:
    index.note([entry(5), entry(6)], 7)
    assert position(index) == 6


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", list(permutations(["received_track", "processed_track", "removed_track"])))
def test_a_removed_track_is_found_as_removed_only_also_where_the_removal_came_first(
    index: DatasetIndex, order: tuple[damoov.DatasetKind, ...], together: bool
) -> None:
    entries = [entry(10 + number, kind, revision=4) for number, kind in enumerate(order)]
    for some in [entries] if together else [[one] for one in entries]:
        index.note(some, 20)
    assert {kind for kind in KINDS if position(index, kind)} == {"removed_track"}


def test_an_edition_that_is_newer_than_a_removal_is_found_and_the_removal_is_not(index: DatasetIndex) -> None:
    index.note([entry(10, "removed_track", 4), entry(11, revision=5)], 12)
    assert (position(index), position(index, "removed_track")) == (11, None)
    index.note([entry(12, "removed_track", 4)], 13)
    assert (position(index), position(index, "removed_track")) == (11, None)


def test_a_removal_concerns_its_own_object_and_no_accident(index: DatasetIndex) -> None:
    index.note([entry(1, of=OTHER), entry(2, "accident"), entry(3, "accident_extra"), entry(4, "removed_track", 9)], 5)
    assert [position(index, of=OTHER), position(index, "accident"), position(index, "accident_extra")] == [1, 2, 3]


def test_what_was_noted_is_there_when_it_is_opened_again_and_noting_it_again_changes_nothing(path: Path) -> None:
    entries = [entry(10), entry(11, "removed_track", 4), entry(12, revision=5)]
    first = DatasetIndex(path, epoch=3, end=50)
    first.note(entries, 20)  # and is killed: nothing is closed
    second = DatasetIndex(path, epoch=3, end=50)
    assert second.position == 20
    second.note(entries, 15)
    assert (position(second), position(second, "removed_track")) == (12, None)
    second.close()
    first.close()
    assert DatasetIndex(path, epoch=3, end=50).position == 20, "it never goes back"


@pytest.mark.parametrize(("epoch", "end"), [(4, 50), (3, 19)], ids=["of another epoch", "ahead of the log"])
def test_a_file_that_does_not_fit_the_log_is_made_anew(path: Path, epoch: int, end: int) -> None:
    old = DatasetIndex(path, epoch=3, end=50)
    old.note([entry(10)], 20)
    old.close()
    new = DatasetIndex(path, epoch=epoch, end=end)
    assert (new.position, position(new)) == (0, None)
    new.close()


@pytest.mark.parametrize("spoilt", [b"no database at all" * 500, b"", b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_cannot_be_read_is_made_anew(path: Path, spoilt: bytes) -> None:
    path.write_bytes(spoilt)
    index = DatasetIndex(path, epoch=0, end=50)
    index.note([entry(10)], 20)
    assert position(index) == 10
    index.close()


def test_what_the_log_has_forgotten_is_forgotten(index: DatasetIndex) -> None:
    index.note([entry(10), entry(20, of=OTHER)], 30)
    assert index.forget_below(20) == 1
    assert (position(index), position(index, of=OTHER)) == (None, 20)


def test_a_part_that_fails_half_way_leaves_nothing(index: DatasetIndex) -> None:
    broken = Entry(OTHER, "accident", 1, Place("x", 1))  # type: ignore[arg-type]  # what SQLite does not take
    with pytest.raises(StoreUnavailable):
        index.note([entry(10), broken], 30)
    assert position(index) is None
    index.note([entry(10)], 30)
    assert position(index) == 10


def test_it_may_be_asked_from_other_threads_while_it_is_written(index: DatasetIndex) -> None:
    found: list[int | None] = []

    def ask() -> None:
        found.extend(position(index) for _ in range(200))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for one in threads:
        one.start()
    for number in range(1, 100):
        index.note([entry(number, revision=number)], number + 1)
    for one in threads:
        one.join()
    assert len(found) == 600
    assert set(found) <= {None, *range(1, 100)}


def test_numbers_of_kinds_are_pinned(path: Path, index: DatasetIndex) -> None:
    index.note([entry(1, kind, of=uuid.uuid4()) for kind in KINDS], 2)
    assert KINDS == {
        "removed_track": 0, "received_track": 1, "processed_track": 2, "accident": 3, "accident_extra": 4,
    }  # fmt: skip
    with sqlite3.connect(path) as connection:
        assert {row[0] for row in connection.execute("SELECT kind FROM datasets")} == set(range(5))
    connection.close()
