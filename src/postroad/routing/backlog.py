"""How far behind a subscription is: the oldest item that it may have and has not got, and how many events those are."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from postroad.access.streams import StreamIndex
from postroad.errors import PostroadError
from postroad.log.interface import Batch
from postroad.protocols.base import TargetProtocol
from postroad.registry.records import RegistryView, Subscription
from postroad.routing.translation import BatchTranslation, Decoder, selection_of

_log = logging.getLogger(__name__)

Read = Callable[[int], list[Batch]]
"""The batches from a position on; none at the end."""


class Oldest(msgspec.Struct, frozen=True):
    """The oldest undelivered item."""

    position: int
    received_us: int


def oldest_undelivered(
    read: Read,
    cursor: int,
    subscription: Subscription,
    *,
    view: RegistryView,
    decoder: Decoder,
    targets: Mapping[str, TargetProtocol],
    streams: StreamIndex | None = None,
) -> Oldest | None:
    """The first item at or after ``cursor`` that the subscription may have, or ``None`` when it has everything.

    ``streams``: the index of the view's streams, where the caller has one already.
    """
    if streams is None:
        streams = StreamIndex(view.streams, view.told)
    wanted = Wanted(subscription, view=view, decoder=decoder, targets=targets, streams=streams)
    position = cursor
    while wanted.subjects and (batches := read(position)):
        for at, received_us, _ in wanted.events(batches, position):
            return Oldest(at, received_us)
        position = batches[-1].end
    return None


class Wanted:
    """What one subscription may have of batches of the log, by one view; for a thread of its own."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        view: RegistryView,
        decoder: Decoder,
        targets: Mapping[str, TargetProtocol],
        streams: StreamIndex,
    ) -> None:
        """Nothing, where its protocol is not among ``targets``."""
        target = targets.get(subscription.protocol)
        self.subjects = set(streams.subjects(subscription.id)) if target is not None else set()
        """Whose items it may have at all."""
        self._selection = selection_of(subscription, target) if target is not None else None
        self._subscription_id = subscription.id
        self._view = view
        self._decoder = decoder
        self._targets = targets
        self._streams = streams

    def events(self, batches: Sequence[Batch], position: int) -> Iterator[tuple[int, int, int]]:
        """(Position, when it arrived, number of events) of each item from ``position`` on that has any for it."""
        selection, mine = self._selection, self.subjects
        if selection is None or not mine:
            return
        for batch in batches:
            translation = BatchTranslation(batch, self._decoder, self._targets, self._view)
            for index in range(max(0, position - batch.position), len(batch)):
                at, subject_id = batch.position + index, batch.subjects[index]
                if subject_id not in mine or not self._streams.covers(self._subscription_id, subject_id, at):
                    continue
                try:
                    if not translation.meant_for(index, self._subscription_id):
                        continue
                    scopes = self._streams.scopes(self._subscription_id, subject_id)
                    events = len(translation.selected(index, selection, scopes))
                except PostroadError:
                    continue
                except Exception:  # noqa: BLE001 - as in routing: a defect that one item shows is that item's
                    _log.exception("Position %d cannot be translated", at)
                    continue
                if events:
                    yield at, batch.received_at_us(index), events
