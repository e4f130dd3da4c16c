"""Why an item was sent to whom, or was not: the router's own questions, asked one by one and answered in words."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from postroad.access.streams import StreamIndex
from postroad.errors import PostroadError
from postroad.log.interface import UNASSIGNED, UNREADABLE, Batch
from postroad.protocols.base import SLOT_BITS, TargetProtocol
from postroad.registry.records import RegistryView, Stream, Subscription
from postroad.routing.translation import BatchTranslation, Decoder, selection_of

Verdict = Literal[
    "routed",
    "unassigned",  # nobody knows whose item it is
    "no_stream",
    "before_stream",  # the stream began after the item
    "stream_ended",
    "nothing_to_say",  # the target protocol has no event for it
    "types_not_agreed",  # it has, but none that the subscription asked for
    "meant_for_another",  # what the hub says of access it says to one subscription only
    "unreadable",
]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an item for one subscription."""

    subscription_id: int
    subscription: str
    verdict: Verdict
    events: tuple[str, ...] = ()
    """Types sent, or, when not agreed, the types that could have been."""
    ids: tuple[int, ...] = ()
    """Ids of the events sent."""
    until_position: int | None = None
    """Where the stream ended, if that is why and it is known."""


def routes_of(
    batch: Batch, index: int, *, view: RegistryView, decoder: Decoder, targets: Mapping[str, TargetProtocol]
) -> list[Route]:
    """A ``Route`` for each subscription of the item's organization; of every organization when it is unassigned.

    Of other organizations for those that have or had a stream of the subject, or were told of it: by grants.
    """
    translation = BatchTranslation(batch, decoder, targets, view)
    subject = view.subjects.get(batch.subjects[index])
    by_grants = {*StreamIndex(view.streams, view.told).subscriptions(batch.subjects[index])}
    subscriptions = [
        s
        for s in view.subscriptions.values()
        if s.protocol in targets
        and (subject is None or s.organization_id == subject.organization_id or s.id in by_grants)
    ]
    return [
        _route(subscription, translation, index, view, targets[subscription.protocol]) for subscription in subscriptions
    ]


def _route(
    subscription: Subscription, translation: BatchTranslation, index: int, view: RegistryView, target: TargetProtocol
) -> Route:
    batch = translation.batch
    position, subject_id = batch.position + index, batch.subjects[index]

    def route(verdict: Verdict, slots: tuple[int, ...] = (), until_position: int | None = None) -> Route:
        names = {slot: name for name, slot in target.slots.items()}
        return Route(
            subscription_id=subscription.id,
            subscription=subscription.name,
            verdict=verdict,
            events=tuple(names[slot] for slot in slots),
            ids=tuple(position << SLOT_BITS | slot for slot in slots) if verdict == "routed" else (),
            until_position=until_position,
        )

    if batch.kinds[index] == UNREADABLE:
        return route("unreadable")
    if subject_id == UNASSIGNED:
        return route("unassigned")
    streams = [s for s in view.streams.values() if s.subscription_id == subscription.id and s.subject_id == subject_id]
    stream = next((s for s in streams if _reaches(s, position)), None)
    told = any(at[:2] == (subscription.id, subject_id) and at.position == position for at in view.told)
    if stream is None and not told:
        ended = [s for s in streams if _ended_before(s, position)]
        if ended and not any(s for s in streams if not s.ended):
            return route(
                "stream_ended", until_position=max((s.until_position for s in ended if s.until_position), default=None)
            )
        return route("before_stream" if streams else "no_stream")
    selection = selection_of(subscription, target)
    try:
        if not translation.meant_for(index, subscription.id):
            return route("meant_for_another")
        outgoing = translation.outgoing(
            index, selection.protocol, selection.options, None if stream is None else stream.scopes
        )
        said = tuple(one.slot for one in outgoing)
    except PostroadError:
        return route("unreadable")
    agreed = tuple(slot for slot in said if slot in selection.slots)
    if agreed:
        return route("routed", agreed)
    return route("types_not_agreed", said) if said else route("nothing_to_say")


def _reaches(stream: Stream, position: int) -> bool:
    """Whether the stream gives the position, or gave it while it was open."""
    if stream.from_position is None or position < stream.from_position:
        return False
    return not _ended_before(stream, position)


def _ended_before(stream: Stream, position: int) -> bool:
    """Whether the stream had ended; of one whose end is not known yet, nothing is said to have been given."""
    return stream.ended and (stream.until_position is None or position >= stream.until_position)
