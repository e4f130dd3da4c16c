"""The entrance that Drivetech's clients call: ``POST /provider/event/new/``, one event a request.

Order of checks, so that a bad token learns nothing of the rest: path, method, token, body, store. The bodies are the
vendor's; those it does not show have the same two keys (``postroad.protocols.drivetech.answers``).
"""

import functools
import logging
from collections.abc import Callable

from postroad.clock import Clock
from postroad.errors import StoreUnavailable, WireError
from postroad.ingest.http.answers import JSON, Answer, Headers, Send, header
from postroad.ingest.http.limits import RateLimit
from postroad.ingest.inflate import TooLarge, gunzip
from postroad.ingest.intake import Intake
from postroad.ingest.tokens import Callers
from postroad.metrics.counts import Counts
from postroad.protocols import drivetech
from postroad.protocols.base import Item
from postroad.protocols.drivetech import DrivetechSettings, answers
from postroad.registry.records import Provider
from postroad.tracing.interface import RequestSpan, Tracer

PATH = "/provider/event/new/"

_log = logging.getLogger(__name__)


class DrivetechEntrance:
    """See ``Entrance``."""

    paths: tuple[str, ...] = (PATH, PATH.removesuffix("/"))
    method = "POST"

    def __init__(
        self,
        intake: Intake,
        *,
        clock: Clock,
        counts: Counts | None = None,
        body_limit_bytes: int,
        retry_after_s: int,
        settings_of: Callable[[Provider], DrivetechSettings],
        provider_rate: RateLimit | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """``settings_of`` gives a provider's decoding settings, as its current revision has them.

        The vendor's API has no limit of rate; ``provider_rate`` sets one, by provider, answered 503.
        """
        self._intake = intake
        self._clock = clock
        self._counts = counts or Counts()
        self._callers = Callers(drivetech.PROTOCOL.name)
        self._settings_of = settings_of
        self.body_limit_bytes = body_limit_bytes
        self.too_large = Answer(413, answers.BY_STATUS[413])
        self.wrong_method = Answer(405, answers.BY_STATUS[405], (JSON, (b"allow", b"POST")))
        self._saved = Answer(200, answers.SAVED)
        self._unauthorized = Answer(401, answers.BY_STATUS[401], (JSON, (b"www-authenticate", b"Bearer")))
        self._rate = provider_rate
        self._tracer = tracer
        self._unavailable = self.unavailable(retry_after_s)
        self._server_error = Answer(500, answers.BY_STATUS[500])

    def unavailable(self, retry_after_s: int) -> Answer:
        """See ``Entrance``."""
        return Answer(503, answers.BY_STATUS[503], (JSON, (b"retry-after", str(retry_after_s).encode())))

    def refuses(self, headers: Headers) -> Answer | None:  # noqa: ARG002 - its bodies are small, and cost less to read
        """See ``Entrance``."""
        return None

    def receive(self, headers: Headers, body: bytes, send: Send) -> None:
        """Take one event in. 200 is sent once the log holds it durably, and never before."""
        try:
            self._receive(headers, body, send)
        except Exception:  # noqa: BLE001 - whatever it is, this client is told to try again and the others go on
            _log.exception("An event could not be taken in")
            send(self._server_error)

    def _receive(self, headers: Headers, body: bytes, send: Send) -> None:
        provider = self._callers.provider_of(header(headers, b"authorization"), self._intake.view)
        if provider is None:
            self._counts.unauthorized.add()
            send(self._unauthorized)
            return
        if self._rate is not None and (wait_s := self._rate.take(provider.id)):
            send(self.unavailable(wait_s))
            return
        received_us = self._clock.now_us()
        encoding = header(headers, b"content-encoding")
        if encoding is not None and encoding.lower() != b"identity":
            try:
                inflated = gunzip(body, self.body_limit_bytes) if encoding.lower() == b"gzip" else None
            except TooLarge:
                self._counts.refused.add(provider.id, "too_large")
                send(self.too_large)
                return
            if inflated is None:
                self._refuse(provider, WireError("not_json"), body, received_us, send)
                return
            body = inflated
        try:
            item = drivetech.PROTOCOL.read(body, self._settings_of(provider))
        except WireError as error:
            self._refuse(provider, error, body, received_us, send)
            return
        span = None if self._tracer is None else self._span(self._tracer, headers, provider, item, received_us)
        self._intake.offer(provider, item, body, received_us, functools.partial(self._reply, send, span), span)

    def _reply(self, send: Send, span: RequestSpan | None, failure: StoreUnavailable | None) -> None:
        if span is not None:
            span.end(None if failure is None else failure.reason)
        send(self._saved if failure is None else self._unavailable)

    @staticmethod
    def _span(tracer: Tracer, headers: Headers, provider: Provider, item: Item, received_us: int) -> RequestSpan:
        return tracer.request(
            header(headers, b"traceparent"),
            protocol=provider.protocol,
            provider=provider.name,
            kind=drivetech.PROTOCOL.kinds[item.kind],
            received_us=received_us,
        )

    def _refuse(self, provider: Provider, error: WireError, body: bytes, received_us: int, send: Send) -> None:
        self._counts.refused.add(provider.id, error.code)
        send(Answer(400, answers.refusal(error)))
        self._intake.refuse(provider, str(error), body, received_us)
