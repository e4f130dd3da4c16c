"""An event as a letter: the one place that says what of an event goes on beside the log."""

from postroad.log.delivery import Letter
from postroad.protocols.base import Outgoing
from postroad.routing.feed import RoutedItem


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
