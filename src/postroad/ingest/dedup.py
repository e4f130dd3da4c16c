"""Memory of what was taken in, so that a resend is answered like the first time and stored once.

Two generations of digests: lookups ask both, new ones go to the young. When the young one is full or old enough, it
becomes the old one. So at least half of ``max_keys`` and at most all of it is remembered, for at least ``keep_us``
as long as the count allows, and forgetting costs nothing.
"""

import functools
import hashlib
from collections.abc import Iterable

from postroad.log.interface import DEDUP_KEY_BYTES

NO_KEY = bytes(DEDUP_KEY_BYTES)
"""Stands in a part for an item whose protocol gives it no key; never remembered."""


def digest(provider_id: int, material: bytes) -> bytes:
    """``DEDUP_KEY_BYTES`` that stand for a protocol's own key of an item of that provider."""
    state = _seeded(provider_id).copy()
    state.update(material)
    return state.digest()


@functools.lru_cache(maxsize=1024)
def _seeded(provider_id: int) -> hashlib.blake2b:
    """The hash as it stands before the material: copying it takes half the time of setting it up."""
    return hashlib.blake2b(digest_size=DEDUP_KEY_BYTES, salt=provider_id.to_bytes(8, "little"))


class DedupMemory:
    """Digests of items that are durable."""

    def __init__(self, *, max_keys: int, keep_us: int) -> None:
        """Remember up to ``max_keys`` digests, each for at least ``keep_us`` while there is room."""
        self._half = max(1, max_keys // 2)
        self._keep_us = keep_us
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()
        self._young_since_us = 0

    def __contains__(self, key: bytes) -> bool:
        """Whether the item is known."""
        return key in self._young or key in self._old

    def __len__(self) -> int:
        """How many digests are held."""
        return len(self._young) + len(self._old)

    def add(self, keys: Iterable[bytes], now_us: int) -> None:
        """Remember items received at ``now_us`` (never decreasing by more than clock steps)."""
        if not self._young:
            self._young_since_us = now_us
        self._young.update(keys)
        if len(self._young) >= self._half or now_us - self._young_since_us >= self._keep_us:
            self._old, self._young = self._young, set()

    def load(self, parts: Iterable[tuple[int, bytes]]) -> None:
        """Fill from the log's own memory of keys: ``(received_us, keys)``, oldest first."""
        for received_us, keys in parts:
            split = (keys[i : i + DEDUP_KEY_BYTES] for i in range(0, len(keys), DEDUP_KEY_BYTES))
            self.add((key for key in split if key != NO_KEY), received_us)
