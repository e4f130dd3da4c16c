"""What a provider knows: which events it began to send, and which of them the other side said it has saved."""

from collections import Counter

import msgspec


class Sent(msgspec.Struct, kw_only=True, gc=False):
    """One event on its way. ``plate`` and ``recorded_us`` name it: a unit reports one event an instant."""

    plate: str
    type: str
    recorded_us: int
    latitude_deg: float
    longitude_deg: float
    first_sent_us: int
    attempts: int = 0
    acked_us: int | None = None
    """When the answer that it is saved arrived; None until then."""


class Ledger:
    """An injector's books.

    Attributes:
        acknowledged: events answered with 200, in the order of the answers. These may not be lost.
        pending: events begun and not (yet) answered with 200. These may have been saved, or not.
        refused: events answered with 400, with the answer's description. These are not sent again.
        requests: requests begun.
        resent: of these, those for an event that had been tried before.
        late: of these, those marked ``buff``.
        failures: why requests did not end in 200: ``http_503``, ``timeout`` or ``connection``.
    """

    def __init__(self) -> None:
        """Empty books."""
        self.acknowledged: list[Sent] = []
        self.pending: dict[tuple[str, int], Sent] = {}
        self.refused: list[tuple[Sent, str]] = []
        self.requests = 0
        self.resent = 0
        self.late = 0
        self.failures: Counter[str] = Counter()

    def begin(self, sent: Sent) -> None:
        """An event is about to be sent for the first time."""
        self.pending[sent.plate, sent.recorded_us] = sent

    def attempt(self, sent: Sent, *, late: bool) -> None:
        """A request is about to go out."""
        sent.attempts += 1
        self.requests += 1
        self.resent += sent.attempts > 1
        self.late += late

    def acknowledge(self, sent: Sent, at_us: int) -> None:
        """The answer was 200."""
        sent.acked_us = at_us
        del self.pending[sent.plate, sent.recorded_us]
        self.acknowledged.append(sent)

    def refuse(self, sent: Sent, description: str) -> None:
        """The answer was 400: the content is wrong, sending it again as it is would be of no use."""
        del self.pending[sent.plate, sent.recorded_us]
        self.refused.append((sent, description))
