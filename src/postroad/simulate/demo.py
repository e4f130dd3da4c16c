"""The main job, shown: a hub in a process of its own, vehicles that drive, and a customer that fails and recovers."""

import asyncio
import datetime as dt
import os
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import msgspec

from postroad.clock import Clock
from postroad.simulate.certificates import make_server_context
from postroad.simulate.counter import Count, Quantiles, compare
from postroad.simulate.customer import EVENTS_PATH, TOKEN_PATH, Customer, CustomerSettings
from postroad.simulate.drivetech_vehicle import Limits
from postroad.simulate.fleet import make_fleet
from postroad.simulate.hub_process import HubProcess
from postroad.simulate.injector import Injector, Resending
from postroad.simulate.ledger import Ledger
from postroad.simulate.traces import load_traces

TYPES = (
    "gps_position",
    "car_ignition",
    "calc_vehicle_idle",
    "car_odometer_km",
    "car_profiling",
)
FAILS_FROM, FAILS_UNTIL = 0.4, 0.6
"""When the customer answers 503, as shares of the whole."""
RETRY_S = 0.5
"""How soon the demo's subscription tries again; the contract's 20 s would be a long wait for whoever watches."""
GRACE_US = int(2 * RETRY_S * 1_000_000)
DRAIN_WITHIN_S = 30.0

CLIENT_ID = "demo"
_DECLARATION = """\
organizations:
  - name: Demo Fleet
    providers:
      - name: demo-gps
        protocol: drivetech
    integrations:
      - name: demo-customer
        destinations:
          - name: webhook
            transport: https
            config:
              url: {url}
              ca_file: {ca_file}
              auth:
                type: oauth2_client_credentials
                token_url: {token_url}
                client_id: {client_id}
                client_secret: {{env: POSTROAD_DEMO_SECRET}}
        subscriptions:
          - name: telemetry
            protocol: connected_cars
            destination: webhook
            types: [{types}]
            vehicles: all
            delivery: {{retry: {{first_waits_s: [{retry_s}], then_s: {retry_s}, cap_s: {retry_s}}}}}
"""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Figures while it runs."""

    elapsed_s: float
    events_in: int
    delivered: int
    customer_answers: bool
    redelivered: int
    malformed: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of the demo."""

    events_in: int
    """Acknowledged to the provider."""
    delivered: int
    """Of these, those that the customer has."""
    lost: int
    duplicates: int
    latency_ms: Quantiles
    """From first sent to delivered, of events sent while the customer answered."""
    latency_with_outage_ms: Quantiles
    """The same of all events."""
    out_of_order: int
    altered: int
    malformed: int
    events_out: int
    """Connected Cars events delivered, of all agreed types."""
    vehicles: int
    seconds: float


class Demo:
    """One run. ``seed`` makes the vehicles repeatable."""

    def __init__(self, *, vehicles: int, seconds: float | None, seed: int, clock: Clock) -> None:
        """``seconds`` of driving; ``None`` until cancelled."""
        self._vehicles = vehicles
        self._seconds = seconds
        self._seed = seed
        self._clock = clock

    async def run(
        self,
        show: Callable[[Progress], None],
        stop: asyncio.Event,
        *,
        listening: Callable[[str], None] = lambda _url: None,
    ) -> Result:
        """Run, calling ``show`` a few times a second, until the time is over or ``stop`` is set.

        ``listening`` is told where the hub is, once it answers.
        """
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postroad-demo-")))
            secret = os.urandom(16).hex()
            context, ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
            customer = Customer(CustomerSettings(client_id=CLIENT_ID, client_secret=secret), clock=self._clock)
            base = await customer.start(context)
            stack.push_async_callback(customer.stop)
            hub = HubProcess(folder / "hub", environment={"POSTROAD_DEMO_SECRET": secret})
            await asyncio.to_thread(hub.prepare, _declaration(base, ca_file))
            token = await asyncio.to_thread(hub.issue_token, "demo-gps")
            await hub.start()
            stack.push_async_callback(hub.stop)
            listening(hub.url)
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
            injector = Injector(
                make_fleet(
                    load_traces(),
                    count=self._vehicles,
                    seed=self._seed,
                    start_us=self._clock.now_us(),
                    limits=Limits(report_s=1),
                ),
                session=session,
                url=f"{hub.url}/provider/event/new/",
                token=token,
                clock=self._clock,
                random=Random(self._seed),  # noqa: S311 - jitter, not a secret
                concurrency=64,
                resending=Resending(first_s=0.2, cap_s=2.0),
            )
            outage = await self._drive(injector, customer, show, stop)
            await self._drain(injector.ledger, customer)
            return _result(injector.ledger, customer, outage, self._vehicles)

    async def _drive(
        self, injector: Injector, customer: Customer, show: Callable[[Progress], None], stop: asyncio.Event
    ) -> "_Outage":
        """Let the vehicles drive, and the customer fail in the middle; the times at which it did."""
        outage = _Outage()
        began_s = self._clock.monotonic_s()
        driving = asyncio.create_task(injector.run())
        try:
            while not stop.is_set() and not driving.done():
                elapsed_s = self._clock.monotonic_s() - began_s
                if self._seconds is not None and elapsed_s >= self._seconds:
                    break
                self._trouble(elapsed_s, customer, outage)
                show(_progress(elapsed_s, injector.ledger, customer))
                await self._clock.sleep(0.1)
        finally:
            customer.trouble = None
            injector.stop()
            await asyncio.wait([driving], timeout=DRAIN_WITHIN_S)  # what was begun is acknowledged, or never will be
            driving.cancel()
            outage.seconds = self._clock.monotonic_s() - began_s
        return outage

    def _trouble(self, elapsed_s: float, customer: Customer, outage: "_Outage") -> None:
        """Without an end the customer fails for 5 s of each 30."""
        span_s = self._seconds or 30.0
        share = elapsed_s % span_s / span_s
        fails = FAILS_FROM <= share < FAILS_UNTIL
        if fails and customer.trouble is None:
            customer.trouble = "unavailable"
            outage.spans.append((self._clock.now_us() - GRACE_US, 2**63))
        elif not fails and customer.trouble is not None:
            customer.trouble = None
            begun_us, _ = outage.spans.pop()
            outage.spans.append((begun_us, self._clock.now_us() + GRACE_US))

    async def _drain(self, ledger: Ledger, customer: Customer) -> None:
        """Wait until the customer has as many positions as were acknowledged, or for long enough."""
        until_s = self._clock.monotonic_s() + DRAIN_WITHIN_S
        while self._clock.monotonic_s() < until_s:
            if compare([ledger], customer.record).lost == 0:
                return
            await self._clock.sleep(0.2)


class _Outage:
    """When the customer failed: (from, until) in microseconds, with a second's grace on both sides.

    What was on its way when it began to fail waits, too, and so does what comes before the next attempt.
    """

    def __init__(self) -> None:
        self.spans: list[tuple[int, int]] = []
        self.seconds = 0.0

    def covers(self, at_us: int) -> bool:
        return any(begun <= at_us < ended for begun, ended in self.spans)


def _declaration(base: str, ca_file: Path) -> str:
    return _DECLARATION.format(
        url=base + EVENTS_PATH,
        token_url=base + TOKEN_PATH,
        ca_file=ca_file,
        client_id=CLIENT_ID,
        types=", ".join(TYPES),
        retry_s=RETRY_S,
    )


def _progress(elapsed_s: float, ledger: Ledger, customer: Customer) -> Progress:
    record = customer.record
    return Progress(
        elapsed_s=elapsed_s,
        events_in=len(ledger.acknowledged),
        delivered=record.events,
        customer_answers=customer.trouble is None,
        redelivered=record.redelivered,
        malformed=record.malformed,
    )


def _result(ledger: Ledger, customer: Customer, outage: _Outage, vehicles: int) -> Result:
    count: Count = compare([ledger], customer.record)
    quiet = Ledger()
    quiet.acknowledged = [sent for sent in ledger.acknowledged if not outage.covers(sent.first_sent_us)]
    return Result(
        events_in=count.acknowledged,
        delivered=count.delivered,
        lost=count.lost,
        duplicates=count.duplicates,
        latency_ms=compare([quiet], customer.record).sent_to_delivered_ms,
        latency_with_outage_ms=count.sent_to_delivered_ms,
        out_of_order=count.out_of_order,
        altered=count.altered,
        malformed=count.malformed,
        events_out=customer.record.events,
        vehicles=vehicles,
        seconds=round(outage.seconds, 1),
    )


def as_figures(result: Result) -> dict[str, Any]:
    """The result as the last line shows it."""
    figures: dict[str, Any] = msgspec.to_builtins(result)
    return figures
