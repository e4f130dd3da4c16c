"""How far behind a subscription is: the oldest item that it may have and has not got."""

from collections.abc import Callable, Mapping

import msgspec

from postroad.access.streams import StreamIndex
from postroad.errors import PostroadError
from postroad.log.interface import Batch
from postroad.protocols.base import TargetProtocol
from postroad.registry.records import RegistryView, Subscription
from postroad.routing.translation import BatchTranslation, Decoder, selection_of

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
    target = targets[subscription.protocol]
    selection = selection_of(subscription, target)
    if streams is None:
        streams = StreamIndex(view.streams)
    mine = set(streams.subjects(subscription.id))
    position = cursor
    while mine and (batches := read(position)):
        for batch in batches:
            translation = BatchTranslation(batch, decoder, targets, view)
            for index in range(max(0, position - batch.position), len(batch)):
                at, subject_id = batch.position + index, batch.subjects[index]
                if subject_id not in mine or not streams.covers(subscription.id, subject_id, at):
                    continue
                try:
                    if not translation.meant_for(index, subscription.id):
                        continue
                    if not translation.selected(index, selection, streams.scopes(subscription.id, subject_id)):
                        continue
                except PostroadError:
                    continue
                return Oldest(at, batch.received_at_us(index))
            position = batch.end
    return None
