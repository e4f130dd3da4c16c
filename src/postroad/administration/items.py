"""Items of the log by their place, and what people call what is in them."""

import re
from typing import Final, NamedTuple

from postroad.administration.shards import Shards
from postroad.errors import NotFound
from postroad.layout import SHARDS
from postroad.log.interface import ERASED, MAX_POSITION, SILENT, Batch
from postroad.log.reader import ShardReader
from postroad.log.transaction import Heads
from postroad.protocols import READABLE, TARGETS, postroad
from postroad.protocols.base import position_and_slot
from postroad.registry.records import RegistryView, Subscription

_NUMBERS: Final = re.compile(r"[0-9]{1,19}(?::[0-9]{1,19})*")


class Place(NamedTuple):
    """Where an item stands; people write ``0:123``."""

    shard: int
    position: int

    @classmethod
    def read(cls, text: str) -> "Place":
        """The inverse of ``str``. Raises ``ValueError``."""
        return cls(*numbers(text, count=2))

    @classmethod
    def of_event(cls, event_id: int) -> "Place":
        """Of the item that an event was made of; ids of events say nothing of shards, of which there is one."""
        return cls(SHARDS[0], position_and_slot(event_id)[0])

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.shard}:{self.position}"


def numbers(text: str, *, count: int) -> list[int]:
    """So many numbers with colons between them, each one that a position can be. Raises ``ValueError``."""
    if not _NUMBERS.fullmatch(text):
        raise ValueError("no numbers with colons between them")
    found = [int(part) for part in text.split(":")]
    if len(found) != count or max(found) > MAX_POSITION:
        raise ValueError("too many numbers, too few, or too large")
    return found


def reader_at(shards: Shards, place: Place) -> ShardReader:
    """The reader of the place's shard. Raises ``NotFound``."""
    reader = shards.get(place.shard)
    if reader is None:
        raise NotFound(f"there is no shard {place.shard}")
    return reader


def item_at(reader: ShardReader, place: Place) -> tuple[Batch, int]:
    """The batch that holds the item, and the item's index in it. Raises ``NotFound`` and ``StoreCorrupt``."""
    batches = reader.read(place.position, max_bytes=1)
    if not batches or not batches[0].position <= place.position < batches[0].end:
        raise NotFound(
            f"shard {place.shard} holds no item at position {place.position}; it holds {held(reader.heads())}"
        )
    return batches[0], place.position - batches[0].position


def body_of(batch: Batch, index: int) -> bytes:
    """The bytes that the provider sent."""
    return list(batch.items())[index]


def held(heads: Heads) -> str:
    """Which positions a shard holds, for people."""
    if heads.first_position == heads.next_position:
        return "no items"
    return f"positions {heads.first_position} to {heads.next_position - 1}"


def sender_of(view: RegistryView, batch: Batch) -> str:
    """Who brought a batch: the provider's name, or the hub, which has words of its own in the log."""
    if batch.protocol == postroad.NAME:
        return "the hub itself"
    provider = view.providers.get(batch.provider_id)
    return provider.name if provider else str(batch.provider_id)


def kind_of(batch: Batch, index: int) -> str:
    """What the item is, in its protocol's words; its number if this version does not know them."""
    if batch.kinds[index] in SILENT:
        return "erased" if batch.kinds[index] == ERASED else "unreadable"
    source, kind = READABLE.get(batch.protocol), batch.kinds[index]
    return source.kinds[kind] if source is not None and kind < len(source.kinds) else f"{batch.protocol} {kind}"


def type_of(subscription: Subscription, slot: int) -> str:
    """The wire type with this number; the number, when this version of Postroad does not know it."""
    slots = TARGETS[subscription.protocol].slots if subscription.protocol in TARGETS else {}
    return next((name for name, number in slots.items() if number == slot), str(slot))
