"""An event as a letter: the one place that says what of an event goes on beside the log."""

import uuid
from collections.abc import Iterable

from msgspec import structs

from postroad.log.delivery import Letter, LetterId, Posted
from postroad.protocols.base import Outgoing
from postroad.routing.feed import RoutedItem
from postroad.transports.base import Failed

_REQUESTS = uuid.UUID("b3c1f6de-55a9-4c0f-9a51-0f8f1c2d7e64")
"""Namespace of request ids; never changed, so that they are the same after an upgrade."""

INCOMPLETE = "incomplete"
"""Why an event is dead that was never tried: the letter's ``detail`` is the field that nobody knows."""


def letter_of(item: RoutedItem, event: Outgoing) -> Letter:
    """An item's event, before any attempt."""
    return Letter(
        position=item.position,
        slot=event.slot,
        subject_id=item.subject_id,
        size=len(event.body),
        received_us=item.received_us,
        stored_us=item.stored_us,
        recorded_us=event.recorded_us,
        document=event.document,
        revision=event.revision,
        deletes=event.deletes,
    )


def event_of(letter: Letter, body: bytes) -> Outgoing:
    """The inverse, with the letter's body."""
    return Outgoing(
        slot=letter.slot,
        body=body,
        recorded_us=letter.recorded_us,
        document=letter.document,
        revision=letter.revision,
        deletes=letter.deletes,
    )


def given_up(letter: Letter, failed: Failed, *, attempts: int, began_us: int, now_us: int) -> Letter:
    """A letter that is dead after so many attempts, of which the last began at ``began_us``."""
    return structs.replace(
        letter,
        attempts=attempts,
        first_attempt_us=began_us if letter.first_attempt_us is None else letter.first_attempt_us,
        due_us=None,
        dead_us=now_us,
        reason=failed.reason,
        status=failed.status,
        detail=failed.detail,
    )


def incomplete(letter: Letter, event: Outgoing, now_us: int) -> Letter:
    """A letter that is dead without an attempt, for want of what the event lacks."""
    return structs.replace(letter, dead_us=now_us, reason=INCOMPLETE, detail=event.incomplete)


def completed(letter: Letter, event: Outgoing) -> Posted:
    """The same letter, dead as before, with a body that can be sent once it is revived."""
    return Posted(structs.replace(letter, size=len(event.body)), event.body)


def request_id(subscription_id: int, shard: int, ids: Iterable[LetterId]) -> str:
    """The same for every attempt at the same events, also after a restart."""
    named = ",".join(f"{id_.position}/{id_.slot}" for id_ in ids)
    return str(uuid.uuid5(_REQUESTS, f"{subscription_id}/{shard}/{named}"))
