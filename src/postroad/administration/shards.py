"""Shards' files as this package reads them: opened by whoever calls, one reader each, for one thread at a time."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from postroad.errors import StoreUnavailable
from postroad.log.reader import ShardReader

Shards = Mapping[int, ShardReader]
"""By number, in order."""


class Readers:
    """Lends readers of all shards, one set to each thread that asks; sets that are given back are lent again.

    Where a few threads answer, no more than a few sets are ever open.
    """

    def __init__(self, shards: Sequence[int], open_reader: Callable[[int], ShardReader]) -> None:
        """``open_reader`` opens a shard's file; what it raises, ``lend`` raises."""
        self._shards = sorted(shards)
        self._open = open_reader
        self._lock = threading.Lock()
        self._idle: list[dict[int, ShardReader]] = []
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[Shards]:
        """Readers for the caller's thread, until the end of the block. Raises ``StoreUnavailable`` once closed."""
        with self._lock:
            if self._closed:
                raise StoreUnavailable("closed", "the hub is stopping")
            readers = self._idle.pop() if self._idle else None
        if readers is None:
            readers = self._opened()
        try:
            yield readers
        finally:
            with self._lock:
                keep = not self._closed
                if keep:
                    self._idle.append(readers)
            if not keep:
                _close(readers)

    def close(self) -> None:
        """Let go of the files; of those that are lent when they are given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for readers in idle:
            _close(readers)

    def _opened(self) -> dict[int, ShardReader]:
        readers: dict[int, ShardReader] = {}
        try:
            for shard in self._shards:
                readers[shard] = self._open(shard)
        except BaseException:
            _close(readers)
            raise
        return readers


def _close(readers: Mapping[int, ShardReader]) -> None:
    for reader in readers.values():
        reader.close()
