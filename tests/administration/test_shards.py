"""Readers are lent to one thread at a time, used again, and closed."""

from pathlib import Path

import pytest

from postroad.administration.shards import Readers
from postroad.errors import ConfigError, StoreUnavailable
from postroad.log.reader import ShardReader
from postroad.log.schema import shard_path
from postroad.log.sqlite import SqliteLog


class Opening:
    """Counts what is open."""

    def __init__(self, folder: Path, *, missing: int | None = None) -> None:
        self.open = self.opened = 0
        self._folder = folder
        self._missing = missing

    def __call__(self, shard: int) -> ShardReader:
        if shard == self._missing:
            raise ConfigError("no such file")
        reader = ShardReader(shard_path(self._folder, shard), shard)
        self.open += 1
        self.opened += 1
        close = reader.close

        def closed() -> None:
            self.open -= 1
            close()

        reader.close = closed  # type: ignore[method-assign]
        return reader


def test_a_set_that_was_given_back_is_lent_again(tmp_path: Path, logs: dict[int, SqliteLog]) -> None:
    opening = Opening(tmp_path)
    readers = Readers([1, 0], opening)
    for _ in range(3):
        with readers.lend() as shards:
            assert [*shards] == [0, 1]
            assert shards[1].heads().next_position == logs[1].next_position
    assert opening.opened == 2
    readers.close()
    assert opening.open == 0


def test_two_who_ask_at_once_get_sets_of_their_own(tmp_path: Path, logs: dict[int, SqliteLog]) -> None:
    assert logs
    opening = Opening(tmp_path)
    readers = Readers([0, 1], opening)
    with readers.lend() as one, readers.lend() as other:
        assert one[0] is not other[0]
    assert opening.opened == 4
    readers.close()
    assert opening.open == 0


def test_what_is_lent_while_it_closes_is_closed_when_it_is_given_back(
    tmp_path: Path, logs: dict[int, SqliteLog]
) -> None:
    assert logs
    opening = Opening(tmp_path)
    readers = Readers([0, 1], opening)
    with readers.lend() as shards:
        readers.close()
        assert shards[0].heads().first_position == 1
        with pytest.raises(StoreUnavailable), readers.lend():
            pass
    assert opening.open == 0


def test_a_set_that_cannot_be_opened_leaves_nothing_open(tmp_path: Path, logs: dict[int, SqliteLog]) -> None:
    assert logs
    opening = Opening(tmp_path, missing=1)
    with pytest.raises(ConfigError), Readers([0, 1], opening).lend():
        pass
    assert (opening.opened, opening.open) == (1, 0)


def test_a_set_is_given_back_also_by_who_fails(tmp_path: Path, logs: dict[int, SqliteLog]) -> None:
    assert logs
    opening = Opening(tmp_path)
    readers = Readers([0], opening)
    with pytest.raises(RuntimeError), readers.lend():
        raise RuntimeError
    with readers.lend():
        pass
    assert opening.opened == 1
    readers.close()
