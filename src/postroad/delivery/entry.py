"""An event on its way through lanes: a letter-to-be until it is parked, a letter from then on."""

from postroad.delivery.letter import letter_of
from postroad.log.delivery import Letter, LetterId
from postroad.protocols.base import Outgoing
from postroad.routing.feed import RoutedItem


class Entry:
    """One event that is to be delivered. What is known of it is its letter's, stored or not."""

    __slots__ = ("alone", "body", "flying", "gone", "id", "letter", "parked", "superseded")

    def __init__(self, letter: Letter, body: bytes | None) -> None:
        """``body`` is ``None`` for a letter that is stored: it is read right before an attempt."""
        self.id: LetterId = letter.id
        self.letter = letter
        self.body = body
        """In memory until it is durable beside the log."""
        self.parked = body is None
        """Kept beside the log, so that the cursor may pass it; else the window holds it."""
        self.alone = letter.attempts > 0
        """It, or a message that it was part of, failed: it shares none, so that a failure is its own."""
        self.flying = False
        """An attempt is under way."""
        self.superseded = False
        """A newer edition of its document came while an attempt was under way."""
        self.gone = False
        """Settled: nothing is left to do."""

    @property
    def waits(self) -> bool:
        """Whether it is not simply next: it is parked, or has an instant before which it must not be tried."""
        return self.parked or self.letter.due_us is not None


def fresh(item: RoutedItem, event: Outgoing) -> Entry:
    """An event as it comes from the feed."""
    return Entry(letter_of(item, event), event.body)
