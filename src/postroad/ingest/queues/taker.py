"""From a queue's message to the log: the same way that an entrance's body takes, and an answer the queue can go by.

What can never be read must not come again and again, nor be lost: it is kept in quarantine, whole, and acknowledged.
"""

import functools
import logging
from collections.abc import Mapping

from postroad.clock import Clock
from postroad.errors import WireError
from postroad.ingest.bulk import TooManyItems
from postroad.ingest.intake import Intake
from postroad.ingest.taking import Format, Taken, Taking
from postroad.log.interface import MAX_ITEM_BYTES
from postroad.logs import wide
from postroad.metrics.counts import Counts
from postroad.registry.records import Provider
from postroad.transports.receiving import Received, Take, Verdict

MAX_REQUEST_ID_CHARS = 128
"""Of what a service calls a message; a longer one, or one that is not printable ASCII, is not remembered."""

_log = logging.getLogger(__name__)


class Taker:
    """Takes messages in for any provider."""

    def __init__(
        self, taking: Taking, intake: Intake, *, formats: Mapping[str, Format], clock: Clock, counts: Counts
    ) -> None:
        """``formats``: by protocol, how the body of a message is read."""
        self._taking = taking
        self._intake = intake
        self._formats = formats
        self._clock = clock
        self._counts = counts

    def of(self, provider_id: int) -> Take:
        """Take in what comes for this provider."""
        return functools.partial(self._take, provider_id)

    async def _take(self, provider_id: int, received: Received) -> Verdict:
        self._counts.last_message_us[provider_id] = self._clock.now_us()
        verdict = await self._verdict(provider_id, received)
        self._counts.messages.add(provider_id, verdict)
        return verdict

    async def _verdict(self, provider_id: int, received: Received) -> Verdict:
        provider = self._intake.view.providers.get(provider_id)
        if provider is None or self._intake.reserve(provider, len(received.body)) is not None:
            return "later"
        try:
            taken = await self._taken(provider, received)
        except Exception:  # noqa: BLE001 - whatever it is, the message stays where it is and the others go on
            _log.exception("A message could not be taken in", extra=wide(provider=provider.name))
            return "later"
        finally:
            self._intake.release(len(received.body))
        if taken.failure is not None:
            return "later"
        return "unreadable" if taken.items and taken.unreadable == taken.items else "stored"

    async def _taken(self, provider: Provider, received: Received) -> Taken:
        received_us, request_id = self._clock.now_us(), _shown(received.request_id)
        how = self._formats[provider.protocol]
        try:
            return await self._taking.take(provider, how, received.body, received_us, request_id=request_id)
        except WireError as exc:
            error = WireError(exc.code, exc.field)  # a new one: that which was raised holds on to its frames
        except TooManyItems:
            error = WireError("too_large")
        self._counts.refused.add(provider.id, error.code)
        body = received.body[:MAX_ITEM_BYTES]
        return await self._taking.keep(provider, error, body, received_us, request_id=request_id)


def _shown(request_id: str) -> str:
    fits = len(request_id) <= MAX_REQUEST_ID_CHARS
    return request_id if fits and request_id.isascii() and request_id.isprintable() else ""
