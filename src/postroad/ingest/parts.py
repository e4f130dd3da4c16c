"""From the items of one bulk to the parts that carry them: whole items, in order, within the log's limits."""

import msgspec

from postroad.errors import WireError
from postroad.ingest.dedup import NO_KEY
from postroad.log.interface import (
    FLAG_AHEAD,
    FLAG_LATE,
    MAX_PART_BYTES,
    UNREADABLE,
    Part,
    Unreadable,
)
from postroad.protocols.base import UNTIMED_US, Item
from postroad.registry.records import Provider

PART_ITEMS = 2_500
"""Of a bulk's parts: what the event loop does for one of them at once takes a millisecond or two."""


class BulkPart(msgspec.Struct, frozen=True):
    """A part, and the dedup keys of those of its items that have one."""

    part: Part
    keys: list[bytes]


def flags_of(item: Item, received_us: int, ahead_limit_us: int) -> int:
    """The ``FLAG_...`` of an item that arrived at ``received_us``."""
    flags = FLAG_LATE if item.late else 0
    if item.recorded_us > received_us + ahead_limit_us:
        flags |= FLAG_AHEAD
    return flags


def lags_s(part: Part) -> list[float]:
    """From each item's own time to its arrival, in seconds; of those that have a time of their own."""
    received_us, offsets_us = part.received_us, part.received_offsets_us or [0] * len(part)
    return [
        (received_us + offset_us - item.recorded_us) / 1e6
        for item, offset_us in zip(part.decoded, offsets_us, strict=True)
        if item is not None and item.recorded_us != UNTIMED_US
    ]


class PartBuilder:
    """Gathers the items of one bulk that go into one shard."""

    def __init__(self, provider: Provider, received_us: int, *, ahead_limit_us: int, request_id: str) -> None:
        """Nothing is gathered yet."""
        self._provider = provider
        self._received_us = received_us
        self._ahead_limit_us = ahead_limit_us
        self._request_id = request_id
        self._clear()

    def add(self, subject_id: int, outcome: Item | WireError, raw: bytes, key: bytes) -> BulkPart | None:
        """Gather an item. Gives the part before it, if that is full; ``key`` is empty for an item without one."""
        full = None
        if len(self._raws) >= PART_ITEMS or self._bytes + len(raw) > MAX_PART_BYTES:
            full = self.finish()
        if isinstance(outcome, WireError):
            self._unreadable.append(Unreadable(len(self._raws), str(outcome)))
            self._kinds.append(UNREADABLE)
            self._flags.append(0)
            self._items.append(None)
        else:
            self._kinds.append(outcome.kind)
            self._flags.append(flags_of(outcome, self._received_us, self._ahead_limit_us))
            self._items.append(outcome)
        self._subjects.append(subject_id)
        self._raws.append(raw)
        self._keys.append(key)
        self._bytes += len(raw) + 1
        return full

    def finish(self) -> BulkPart | None:
        """The part of what is gathered; ``None`` if that is nothing."""
        if not self._raws:
            return None
        part = Part(
            provider_id=self._provider.id,
            protocol=self._provider.protocol,
            revision=self._provider.revision,
            received_us=self._received_us,
            subjects=self._subjects,
            kinds=bytes(self._kinds),
            flags=bytes(self._flags),
            lengths=list(map(len, self._raws)),
            body=b",".join(self._raws),
            dedup_keys=b"".join([key or NO_KEY for key in self._keys]),
            request_id=self._request_id,
            unreadable=self._unreadable,
            decoded=self._items,
        )
        made = BulkPart(part, [key for key in self._keys if key])
        self._clear()
        return made

    def _clear(self) -> None:
        self._subjects: list[int] = []
        self._items: list[Item | None] = []
        self._raws: list[bytes] = []
        self._keys: list[bytes] = []
        self._unreadable: list[Unreadable] = []
        self._kinds = bytearray()
        self._flags = bytearray()
        self._bytes = 0
