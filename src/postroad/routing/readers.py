"""Who reads of a subject, in groups that are told in the same words, and what an item says to such a group."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from postroad.access.streams import StreamIndex
from postroad.log.interface import Batch
from postroad.protocols.base import Outgoing
from postroad.protocols.scoped import Scopes
from postroad.routing.feed import Feed, RoutedItem, size_of
from postroad.routing.translation import mask_of


class Words(NamedTuple):
    """All that an item's translation depends on beside the item."""

    protocol: str
    options: Any
    scopes: Scopes


class Reader(NamedTuple):
    """A feed that may have a subject's items."""

    feed: Feed
    types: int
    """The slots of the agreed types, as bits."""
    stretch: range
    """The positions it may have. A feed with several stretches of a subject is several readers."""
    covered: bool = True
    """Whether a stream gives them still. What an ended one was to give, delivery is to record as skipped."""


class Group(NamedTuple):
    """Readers of a subject that are told in the same words."""

    words: Words
    readers: list[Reader]
    only: Feed | None = None
    """The feed that is told in these words alone: what is filled depends on what it could know before."""


def words_for(feed: Feed, streams: StreamIndex, subject_id: int) -> Words:
    """In which words a feed is told of a subject."""
    selection = feed.selection
    return Words(selection.protocol, selection.options, streams.scopes(feed.subscription_id, subject_id))


def groups_of(subject_id: int, feeds: Iterable[Feed], streams: StreamIndex, routed_to: int) -> list[Group]:
    """Those of ``feeds`` that may have items of the subject from ``routed_to`` on."""
    groups: dict[tuple[Words, Feed | None], Group] = {}
    for feed in feeds:
        words, only = words_for(feed, streams, subject_id), None if feed.history is None else feed
        readers = groups.setdefault((words, only), Group(words, [], only)).readers
        stretches = streams.stretches(feed.subscription_id, subject_id)
        readers += [Reader(feed, feed.types, stretch) for stretch in stretches if stretch.stop > routed_to]
        ended = streams.was_to_give(feed.subscription_id, subject_id)
        readers += [Reader(feed, feed.types, stretch, covered=False) for stretch in ended if stretch.stop > routed_to]
    return list(groups.values())


class Said:
    """What one item says in some words. Whoever agreed to the same of it gets the same ``RoutedItem``."""

    def __init__(self, batch: Batch, index: int, outgoing: Sequence[Outgoing], covered_by: object) -> None:
        """Item ``index`` of ``batch``, said as ``outgoing``; ``covered_by``: see ``RoutedItem``."""
        self._batch = batch
        self._index = index
        self._outgoing = outgoing
        self._covered_by = covered_by
        self._types = mask_of(one.slot for one in outgoing)
        self._items: dict[int, RoutedItem] = {}

    def of(self, types: int, *, covered: bool = True) -> RoutedItem | None:
        """What is to be queued where ``types`` (slots as bits) were agreed; ``None`` if that is nothing.

        Without ``covered`` it does not say that access was looked up: no stream gives it any more.
        """
        said = types & self._types
        if not said:
            return None
        item = self._items.get(said) or self._item(said)
        return item if covered else msgspec.structs.replace(item, covered_by=None)

    def _item(self, types: int) -> RoutedItem:
        batch, index = self._batch, self._index
        events = tuple([one for one in self._outgoing if types >> one.slot & 1])
        item = self._items[types] = RoutedItem(
            position=batch.position + index,
            subject_id=batch.subjects[index],
            events=events,
            size=size_of(events),
            received_us=batch.received_at_us(index),
            stored_us=batch.stored_us,
            covered_by=self._covered_by,
        )
        return item
