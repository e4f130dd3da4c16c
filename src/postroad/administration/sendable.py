"""What of an event that was given up its customer may still see: what would be sent to him if it were redriven now.

Access is asked at the moment of sending, and looking at what was not sent is no way around that.
"""

from postroad.access.scopes import narrowing
from postroad.access.streams import StreamIndex
from postroad.administration.dead_letters import Dead
from postroad.delivery.letter import event_of
from postroad.protocols import TARGETS
from postroad.registry.records import RegistryView
from postroad.routing.translation import selection_of


def has_access(one: Dead, streams: StreamIndex) -> bool:
    """Whether its subscription may have the event at all, now."""
    letter = one.dead.letter
    return streams.covers(one.dead.subscription_id, letter.subject_id, letter.position)


def sendable(one: Dead, body: bytes, *, streams: StreamIndex, view: RegistryView) -> bytes | None:
    """What would be sent now of an event with this body; None: nothing."""
    subscription, letter = one.subscription, one.dead.letter
    target = TARGETS.get(subscription.protocol)
    if target is None or not has_access(one, streams):
        return None
    options = selection_of(subscription, target).options
    narrow = narrowing(subscription.id, target, options, streams=lambda: streams, view=lambda: view)
    event = event_of(letter, body)
    left = event if narrow is None else narrow(letter.subject_id, event)
    return None if isinstance(left, str) else left.body
