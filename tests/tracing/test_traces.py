"""Traces from an accepted request to each delivery: a real hub and customer, and a collector that speaks OTLP/HTTP."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import postroad
from fixtures.site import Site
from postroad.errors import ConfigError
from postroad.settings import TelemetrySettings
from postroad.simulate.customer import Customer
from postroad.tracing import otel

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Span:
    """A span as the collector got it."""

    def __init__(self, span: Any) -> None:
        self.name, self.links = span.name, {(link.trace_id.hex(), link.span_id.hex()) for link in span.links}
        self.id = (span.trace_id.hex(), span.span_id.hex())
        self.parent = span.parent_span_id.hex()
        self.error = span.status.message if span.status.code == 2 else None
        self.start_ns, self.end_ns = span.start_time_unix_nano, span.end_time_unix_nano
        self.values = {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


class Collector:
    """Takes OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resource: dict[str, str] = {}

    async def take(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        exported = ExportTraceServiceRequest.FromString(await request.read())
        for resource in exported.resource_spans:
            self.resource = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.spans += [Span(span) for scope in resource.scope_spans for span in scope.spans]
        return aiohttp.web.Response(content_type="application/x-protobuf")

    def named(self, name: str) -> list[Span]:
        return sorted((span for span in self.spans if span.name == name), key=lambda span: span.start_ns)

    async def start(self) -> None:
        app = aiohttp.web.Application()
        app.router.add_post("/v1/traces", self.take)
        self.runner = aiohttp.web.AppRunner(app, access_log=None)
        await self.runner.setup()
        await aiohttp.web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    await collector.start()
    yield collector
    await collector.runner.cleanup()


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The ``traceparent`` of each request that the customer gets; in force before the customer starts."""
    heard: list[str | None] = []
    events = Customer._events

    async def listening(self: Customer, request: aiohttp.web.Request) -> aiohttp.web.Response:
        heard.append(request.headers.get("traceparent"))
        return await events(self, request)

    monkeypatch.setattr(Customer, "_events", listening)
    return heard


async def start(site: Site, collector: Collector, **changes: Any) -> None:
    site.declare(admin_events=False)
    site.hub = site.make(telemetry=TelemetrySettings(otlp_endpoint=collector.url, **changes))
    await site.hub.start()


def parent_in(header: str | None) -> tuple[str, str, bool]:
    """Trace, span, and whether it is sampled: the lowest of the flags."""
    assert header is not None
    version, trace, span, flags = header.split("-")
    assert version == "00"
    return trace, span, bool(int(flags, 16) & 1)


async def test_a_trace_leads_from_the_senders_to_the_delivery(
    site: Site, collector: Collector, heard: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await start(site, collector)
    durable_ns = []
    log = site.hub.parts.logs[0]
    submit = log.submit

    def noting(part: Any, done: Any) -> None:
        def noted(result: Any) -> None:
            durable_ns.append(time.time_ns())
            done(result)

        submit(part, noted)

    monkeypatch.setattr(log, "submit", noting)
    async with aiohttp.ClientSession(headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}) as session:
        assert await site.post(session) == 200
        await site.until(lambda: site.delivered() == 1)
    await site.hub.stop()

    (ingest,), (deliver,) = collector.named("postroad.ingest"), collector.named("postroad.deliver")
    assert (ingest.id[0], ingest.parent) == (TRACE, PARENT)
    assert ingest.end_ns >= durable_ns[0] > ingest.start_ns
    position = ingest.values.pop("postroad.position")
    assert ingest.values == {
        "postroad.protocol": "drivetech",
        "postroad.provider": "gps",
        "postroad.kind": "GPS",
        "postroad.shard": 0,
        "postroad.duplicate": False,
    }
    assert deliver.links == {ingest.id}
    assert deliver.values == {
        "postroad.subscription": "telemetry",
        "postroad.destination": "webhook",
        "postroad.shard": 0,
        "postroad.first_position": position,
        "postroad.last_position": position,
        "postroad.events": 1,
        "postroad.attempt": 1,
        "postroad.reason": "delivered",
        "http.response.status_code": 200,
    }
    assert [parent_in(header) for header in heard] == [(*deliver.id, True)]
    assert deliver.id[0] != TRACE, "the sender's trace is not the customer's to see"
    assert collector.resource["service.name"] == "postroad"
    assert collector.resource["service.version"] == postroad.__version__


async def test_every_attempt_is_a_span_with_its_outcome(
    site: Site, collector: Collector, session: aiohttp.ClientSession, heard: list[str | None]
) -> None:
    await start(site, collector)
    site.customer.trouble = "unavailable"
    assert await site.post(session) == 200
    async with asyncio.timeout(10):
        while site.customer.unavailable == 0:  # noqa: ASYNC110 - the customer tells nobody that it failed
            await asyncio.sleep(0.01)
    site.customer.trouble = None
    await site.until(lambda: site.delivered() == 1)
    await site.hub.stop()

    *failed, delivered = collector.named("postroad.deliver")
    assert [span.values["postroad.attempt"] for span in (*failed, delivered)] == list(range(1, len(failed) + 2))
    for span in failed:
        assert (span.values["postroad.reason"], span.values["http.response.status_code"]) == ("server_error", 503)
        assert span.error == "server_error"
    assert delivered.error is None
    assert [parent_in(header) for header in heard] == [(*span.id, True) for span in (*failed, delivered)]


async def test_a_repeat_is_marked_and_links_to_nothing(
    site: Site, collector: Collector, session: aiohttp.ClientSession
) -> None:
    await start(site, collector)
    assert [await site.post(session), await site.post(session)] == [200, 200]
    await site.until(lambda: site.delivered() == 1)
    await site.hub.stop()
    first, repeat = collector.named("postroad.ingest")
    assert [first.values["postroad.duplicate"], repeat.values["postroad.duplicate"]] == [False, True]
    assert "postroad.position" not in repeat.values
    assert collector.named("postroad.deliver")[0].links == {first.id}


@pytest.mark.parametrize("traceparent", ["nonsense", f"00-{'0' * 32}-{PARENT}-01", "\xe9"])
async def test_a_malformed_parent_begins_a_trace_of_its_own(site: Site, collector: Collector, traceparent: str) -> None:
    await start(site, collector)
    async with aiohttp.ClientSession(headers={"traceparent": traceparent}) as session:
        assert await site.post(session) == 200
    await site.hub.stop()
    (ingest,) = collector.named("postroad.ingest")
    assert ingest.parent == ""


async def test_the_senders_decision_goes_before_the_ratio(
    site: Site, collector: Collector, session: aiohttp.ClientSession, heard: list[str | None]
) -> None:
    await start(site, collector, trace_ratio=0.0)
    assert await site.post(session) == 200
    async with aiohttp.ClientSession(headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}) as deciding:
        assert await site.post(deciding) == 200
    await site.until(lambda: site.delivered() == 1)
    await site.hub.stop()
    assert [span.name for span in collector.spans] == ["postroad.ingest"]
    assert {parent_in(header)[2] for header in heard} == {False}


async def test_no_header_is_sent_while_traces_are_off(
    site: Site, session: aiohttp.ClientSession, heard: list[str | None]
) -> None:
    site.declare(admin_events=False)
    await site.hub.start()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)
    assert heard == [None]


def test_nothing_of_opentelemetry_is_imported_while_traces_are_off(tmp_path: Path) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from postroad.service import Hub
from postroad.settings import HubSettings, LogSettings, Settings

async def main():
    hub = Hub(Path(sys.argv[1]), Settings(hub=HubSettings(port=0), log=LogSettings(reserve_bytes=0)))
    await hub.start()
    await hub.stop()

asyncio.run(main())
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_without_the_extra_the_setting_says_what_to_install(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "postroad.tracing.otel")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)  # type: ignore[arg-type]  # not importable
    site.declare(admin_events=False)
    site.hub = site.make(telemetry=TelemetrySettings(otlp_endpoint="http://127.0.0.1:4318"))
    with pytest.raises(ConfigError, match=r"telemetry\.otlp_endpoint.*postroad\[otel\]"):
        await site.hub.start()


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "http://", "http://collector?x=1"])
async def test_an_endpoint_that_is_no_url_is_refused(site: Site, endpoint: str) -> None:
    site.declare(admin_events=False)
    site.hub = site.make(telemetry=TelemetrySettings(otlp_endpoint=endpoint))
    with pytest.raises(ConfigError, match=r"telemetry\.otlp_endpoint"):
        await site.hub.start()


async def test_a_collector_that_is_gone_holds_nothing_up(
    site: Site, collector: Collector, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otel, "EXPORT_WITHIN_S", 0.2)
    await start(site, collector)
    await collector.runner.cleanup()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)
    async with asyncio.timeout(5):
        await site.hub.stop()


def test_what_is_remembered_for_links_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otel, "REMEMBERED", 200)
    tracer = otel.OtelTracer("http://127.0.0.1:1", ratio=1.0)
    remembered = tracer._remembered
    for position in range(300):
        tracer.request(None, protocol="p", provider="p", kind="k", received_us=1).stored(0, position)
    assert [len(remembered.links(0, range(n))) for n in (100, 150, 300)] == [0, 50, otel.MAX_LINKS]
    assert remembered.links(1, range(300)) == []
    tracer._exporter.shutdown()
    tracer.close()
