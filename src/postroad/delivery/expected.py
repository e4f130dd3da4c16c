"""Which events a subscription was to have, by what the log and the registry say: what an account is held against.

Streams are intervals of positions that are kept after their end, and a chapter keeps the terms under which it was
delivered. So what was to be delivered is the same whenever it is asked, but where the hub's own code has changed since,
or a protocol's scopes did.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from postroad.access.streams import StreamIndex
from postroad.delivery.audit import Expected
from postroad.delivery.terms import read_terms, under
from postroad.log.delivery import Chapter
from postroad.log.interface import ERASED, Batch
from postroad.protocols.base import TargetProtocol
from postroad.registry.records import RegistryView, Subscription
from postroad.routing.backlog import Wanted
from postroad.routing.translation import Decoder

Read = Callable[[int], Sequence[Batch]]
"""The batches from a position on; none at the end."""


class Expectations:
    """Of one subscription; see ``postroad.delivery.audit.Look``."""

    def __init__(
        self,
        subscription: Subscription,
        read: Read,
        *,
        view: RegistryView,
        decoder: Decoder,
        targets: Mapping[str, TargetProtocol],
        streams: StreamIndex | None = None,
    ) -> None:
        """By ``view``, which is at least as new as the account; ``streams``: its index, where there is one already."""
        self._subscription = subscription
        self._read = read
        self._view = view
        self._decoder = decoder
        self._targets = targets
        self._streams = StreamIndex(view.streams, view.told) if streams is None else streams
        mine = [stream for stream in view.streams.values() if stream.subscription_id == subscription.id]
        self._scoped = any(stream.scopes is not None for stream in mine)
        """What was authorised of a stream may have changed while it was open."""

    def look(self, chapter: Chapter) -> Expected | None:
        """See ``Look``. Raises ``StoreCorrupt`` at a damaged batch."""
        terms = read_terms(chapter.terms)
        if terms is None or terms.protocol not in self._targets:
            return None
        wanted = Wanted(
            under(terms, self._subscription),
            view=self._view,
            decoder=self._decoder,
            targets=self._targets,
            streams=self._streams,
            ended=True,
        )
        return Expected(self._items(wanted, chapter), terms.of_this_version and not self._scoped)

    def _items(self, wanted: Wanted, chapter: Chapter) -> Iterator[tuple[int, Sequence[int]]]:
        position = chapter.first
        while position < chapter.end and (batches := self._read(position)):
            for batch in batches:
                yield from ((at, ()) for at in _tombstones(batch) if position <= at < chapter.end)
            for item in wanted.items(batches, position):
                if item.position >= chapter.end:
                    return
                yield item.position, item.slots
            position = batches[-1].end


def _tombstones(batch: Batch) -> list[int]:
    kinds = batch.kinds
    return [batch.position + index for index, kind in enumerate(kinds) if kind == ERASED] if ERASED in kinds else []
