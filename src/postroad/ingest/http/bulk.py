"""The entrances that take bulks: a JSON array of items a request, answered 200 once every item is durable.

A request that is one item is a bulk of one, where its protocol wants it treated as an item of a bulk: what can be no
item goes into quarantine, since it would only be sent again.

Order of checks: token (as soon as the head is there, so that a stranger's body is never read), then rate, room in the
queue, body, items, store. What an item holds never fails a request: what cannot be read goes into quarantine.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from postroad.clock import Clock
from postroad.errors import WireError
from postroad.ingest.access_tokens import AccessTokens
from postroad.ingest.bulk import TooManyItems
from postroad.ingest.http import problems
from postroad.ingest.http.answers import Answer, Headers, Send, header
from postroad.ingest.http.limits import RateLimit
from postroad.ingest.inflate import TooLarge, gunzip
from postroad.ingest.intake import Intake
from postroad.ingest.taking import Format, Taking
from postroad.ingest.tokens import Callers
from postroad.metrics.counts import Counts
from postroad.registry.records import Provider
from postroad.tracing.interface import RequestSpan, Tracer

MAX_REQUEST_ID_CHARS: Final = 128
"""Of an ``X-Request-Id``; a longer one, or one that is not printable ASCII, is not remembered."""


_log = logging.getLogger(__name__)


class BulkFormat(Format, frozen=True, kw_only=True):
    """Whose bulks an entrance takes, and how they are read."""

    path: str
    access: AccessTokens | None = None
    """Taken as well as the provider's own tokens, if given."""


class BulkEntrance:
    """See ``Entrance``."""

    method = "POST"
    too_large = problems.TOO_LARGE
    wrong_method = problems.METHOD_NOT_ALLOWED

    def __init__(
        self,
        intake: Intake,
        bulks: BulkFormat,
        *,
        clock: Clock,
        counts: Counts,
        body_limit_bytes: int,
        max_items: int,
        retry_after_s: int,
        settings_of: Callable[[Provider], Any],
        provider_rate: RateLimit | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """``settings_of`` gives a provider's decoding settings, as its current revision has them."""
        self.paths: tuple[str, ...] = (bulks.path,)
        self.body_limit_bytes = body_limit_bytes
        self._intake = intake
        self._bulks = bulks
        self._clock = clock
        self._counts = counts
        self._callers = Callers(bulks.protocol, basic=True, access=bulks.access)
        self._taking = Taking(intake, clock=clock, counts=counts, max_items=max_items, settings_of=settings_of)
        self._rate = provider_rate
        self._tracer = tracer
        self._unavailable = problems.unavailable(retry_after_s)
        self._under_way: set[asyncio.Task[None]] = set()

    def unavailable(self, retry_after_s: int) -> Answer:
        """See ``Entrance``."""
        return problems.unavailable(retry_after_s)

    def refuses(self, headers: Headers) -> Answer | None:
        """See ``Entrance``."""
        if self._caller(headers) is not None:
            return None
        self._counts.unauthorized.add()
        return problems.UNAUTHORIZED

    def receive(self, headers: Headers, body: bytes, send: Send) -> None:
        """Take a bulk in. 200 is sent once all of it is durable, and never before."""
        task = asyncio.get_running_loop().create_task(self._receive(headers, body, send))
        self._under_way.add(task)  # the event loop alone would let go of it
        task.add_done_callback(self._under_way.discard)

    async def _receive(self, headers: Headers, body: bytes, send: Send) -> None:
        try:
            answer = await self._answer(headers, body)
        except Exception:  # noqa: BLE001 - whatever it is, this client is told to try again and the others go on
            _log.exception("A bulk could not be taken in")
            answer = problems.SERVER_ERROR
        send(answer)

    async def _answer(self, headers: Headers, body: bytes) -> Answer:
        provider = self._caller(headers)
        if provider is None:  # revoked while the body came in
            self._counts.unauthorized.add()
            return problems.UNAUTHORIZED
        if self._rate is not None and (wait_s := self._rate.take(provider.id)):
            return problems.unavailable(wait_s)
        received_us = self._clock.now_us()
        try:
            body = await self._inflated(headers, body)
        except TooLarge:
            self._counts.refused.add(provider.id, "too_large")
            return problems.TOO_LARGE
        except WireError as error:
            return self._refused(provider, error, body, received_us)
        if self._intake.reserve(provider, len(body)) is not None:
            return self._unavailable
        try:
            return await self._take(provider, headers, body, received_us)
        finally:
            self._intake.release(len(body))

    async def _take(self, provider: Provider, headers: Headers, body: bytes, received_us: int) -> Answer:
        request_id = request_id_of(headers)
        try:
            taken = await self._taking.take(
                provider,
                self._bulks,
                body,
                received_us,
                request_id=request_id,
                begin_span=lambda: self._span(headers, provider, received_us, request_id),
            )
        except TooManyItems:
            self._counts.refused.add(provider.id, "too_large")
            return problems.TOO_MANY_ITEMS
        except WireError as error:
            return self._refused(provider, error, body, received_us)
        return problems.STORED if taken.failure is None else self._unavailable

    def _caller(self, headers: Headers) -> Provider | None:
        return self._callers.provider_of(header(headers, b"authorization"), self._intake.view)

    async def _inflated(self, headers: Headers, body: bytes) -> bytes:
        """The body itself. Raises ``TooLarge``, and ``WireError`` where it is not what its encoding says."""
        encoding = header(headers, b"content-encoding")
        if encoding is None or encoding.lower() == b"identity":
            return body
        inflated = None
        if encoding.lower() == b"gzip":  # in a thread: it takes long, and lets the event loop go on
            inflated = await asyncio.to_thread(gunzip, body, self.body_limit_bytes)
        if inflated is None:
            raise WireError("not_json")
        return inflated

    def _refused(self, provider: Provider, error: WireError, body: bytes, received_us: int) -> Answer:
        self._counts.refused.add(provider.id, error.code)
        self._intake.refuse(provider, str(error), body, received_us)
        return problems.refused(error)

    def _span(self, headers: Headers, provider: Provider, received_us: int, request_id: str) -> RequestSpan | None:
        if self._tracer is None:
            return None
        return self._tracer.request(
            header(headers, b"traceparent"),
            protocol=provider.protocol,
            provider=provider.name,
            kind="bulk",
            received_us=received_us,
            request_id=request_id,
        )


def request_id_of(headers: Headers) -> str:
    """What the sender calls its request, if that can be shown to people; else nothing."""
    value = (header(headers, b"x-request-id") or b"").strip().decode("latin-1")
    return value if value.isascii() and value.isprintable() and len(value) <= MAX_REQUEST_ID_CHARS else ""
