"""Traces by OpenTelemetry, exported over OTLP/HTTP. Needs the extra ``postroad[otel]``; see ``opening``.

Source   W3C Trace Context (``traceparent``); OTLP specification, OTLP/HTTP.
Bounds   Spans that wait to be exported: the SDK's, 2048; beyond it the oldest go. Items whose spans a delivery can be
         linked to: ``REMEMBERED``. Links of one span: ``MAX_LINKS``.
"""

import threading
from collections.abc import Mapping, Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from postroad import __version__

REMEMBERED = 4096
"""The newest items whose spans are known to deliveries."""
MAX_LINKS = 128
EXPORT_WITHIN_S = 5.0
"""For one export with its repeats, and for all that is left at the end."""

_w3c = TraceContextTextMapPropagator()


class _Remembered:
    """The spans of the newest items, by where the items stand."""

    def __init__(self) -> None:
        self._contexts: dict[tuple[int, int], SpanContext] = {}

    def add(self, shard: int, position: int, context: SpanContext) -> None:
        """Remember; the oldest is forgotten where there are too many."""
        self._contexts[shard, position] = context
        if len(self._contexts) > REMEMBERED:
            del self._contexts[next(iter(self._contexts))]

    def links(self, shard: int, positions: Sequence[int]) -> list[Link]:
        """To the last ``MAX_LINKS`` of the items that are remembered."""
        found = [context for position in positions if (context := self._contexts.get((shard, position))) is not None]
        return [Link(context) for context in found[-MAX_LINKS:]]


class OtelRequestSpan:
    """See ``RequestSpan``."""

    __slots__ = ("_remembered", "_span", "_stored")

    def __init__(self, span: Span, remembered: _Remembered) -> None:
        """``span`` has begun."""
        self._span = span
        self._remembered = remembered
        self._stored = False

    def stored(self, shard: int, position: int) -> None:
        """See ``RequestSpan``."""
        self._stored = True
        if self._span.is_recording():
            self._span.set_attribute("postroad.shard", shard)
            self._span.set_attribute("postroad.position", position)
            self._remembered.add(shard, position, self._span.get_span_context())

    def end(self, failure: str | None) -> None:
        """See ``RequestSpan``."""
        if failure is None:
            self._span.set_attribute("postroad.duplicate", not self._stored)
        else:
            self._span.set_status(Status(StatusCode.ERROR, failure))
        self._span.end()


class OtelAttemptSpan:
    """See ``AttemptSpan``."""

    __slots__ = ("_span", "headers")

    def __init__(self, span: Span) -> None:
        """``span`` has begun."""
        self._span = span
        carrier: dict[str, str] = {}
        _w3c.inject(carrier, context=set_span_in_context(span, Context()))
        self.headers: Mapping[str, str] = carrier

    def end(self, reason: str, status: int | None, *, failed: bool) -> None:
        """See ``AttemptSpan``."""
        self._span.set_attribute("postroad.reason", reason)
        if status is not None:
            self._span.set_attribute("http.response.status_code", status)
        if failed:
            self._span.set_status(Status(StatusCode.ERROR, reason))
        self._span.end()


class OtelTracer:
    """See ``Tracer``. One for each hub: nothing global is set."""

    def __init__(self, endpoint: str, *, ratio: float) -> None:
        """Export to the collector at the base URL ``endpoint``; begin ``ratio`` of the traces that have no parent."""
        self._exporter = OTLPSpanExporter(endpoint.rstrip("/") + "/v1/traces", timeout=EXPORT_WITHIN_S)
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            resource=Resource.create({"service.name": "postroad", "service.version": __version__}),
            span_limits=SpanLimits(max_links=MAX_LINKS),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("postroad", __version__)
        self._remembered = _Remembered()

    def request(
        self,
        traceparent: bytes | None,
        *,
        protocol: str,
        provider: str,
        kind: str,
        received_us: int,
        request_id: str = "",
    ) -> OtelRequestSpan:
        """See ``Tracer``."""
        parent = Context()
        if traceparent is not None:  # what is malformed gives no parent
            parent = _w3c.extract({"traceparent": traceparent.decode("latin-1")}, parent)
        attributes = {"postroad.protocol": protocol, "postroad.provider": provider, "postroad.kind": kind}
        if request_id:
            attributes["postroad.request_id"] = request_id
        span = self._tracer.start_span(
            "postroad.ingest",
            parent,
            SpanKind.SERVER,
            attributes,
            start_time=received_us * 1000,
        )
        return OtelRequestSpan(span, self._remembered)

    def attempt(
        self,
        shard: int,
        positions: Sequence[int],
        *,
        subscription: str,
        destination: str,
        events: int,
        attempt: int,
    ) -> OtelAttemptSpan:
        """See ``Tracer``."""
        span = self._tracer.start_span(
            "postroad.deliver",
            Context(),
            SpanKind.CLIENT,
            {
                "postroad.subscription": subscription,
                "postroad.destination": destination,
                "postroad.shard": shard,
                "postroad.first_position": positions[0],
                "postroad.last_position": positions[-1],
                "postroad.events": events,
                "postroad.attempt": attempt,
            },
            self._remembered.links(shard, positions),
        )
        return OtelAttemptSpan(span)

    def close(self) -> None:
        """See ``Tracer``."""
        # The SDK would try for half a minute to reach a collector that is gone.
        enough = threading.Timer(EXPORT_WITHIN_S, self._exporter.shutdown)
        enough.daemon = True
        enough.start()
        self._provider.shutdown()
        enough.cancel()
