"""A GPS provider: injects its vehicles' events by Drivetech's protocol, as the vendor asks of its clients.

Source   Drivetech event injection API, sections "endpoint and transport", "responses" and "resilience".
Sends    One request an event, over kept connections; each vehicle's events in order, the next one only after the 200 of
         the one before. An event older than 60 s goes out with ``buff: true``.
Resends  Until 200: after 5xx, 429, 401, 403, 404, 405, a time-out or a broken connection, with a back-off that holds
         the whole provider. A 400 goes to the refused ones and does not block the vehicle.
"""

import asyncio
import heapq
from collections.abc import Sequence
from random import Random
from typing import cast

import aiohttp
import msgspec

from postroad.clock import Clock
from postroad.simulate.drivetech_vehicle import Report
from postroad.simulate.fleet import Vehicle
from postroad.simulate.ledger import Ledger, Sent

LATE_AFTER_US = 60_000_000
"""Older than this, an event is not a current reading."""


class Resending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The back-off and the time-out. The defaults are for a platform far away; tests and demos shorten them."""

    first_s: float = 5.0
    cap_s: float = 300.0
    jitter: float = 0.2
    """A wait is longer by up to this share of it, at random."""
    timeout_s: float = 10.0


class BackOff:
    """Holds every request of a provider after a failure, longer after each one in a row."""

    def __init__(self, settings: Resending, random: Random, clock: Clock) -> None:
        """``random`` gives the jitter."""
        self._settings = settings
        self._random = random
        self._clock = clock
        self._failures = 0
        self._opens_s = 0.0
        self._closed_s = float("-inf")

    async def ready(self) -> None:
        """Return when requests may go out."""
        while (wait_s := self._opens_s - self._clock.monotonic_s()) > 0:
            await self._clock.sleep(wait_s)

    def succeeded(self) -> None:
        """A request ended well: the next failure is a first one."""
        self._failures = 0

    def failed(self, began_s: float, retry_after_s: float | None = None) -> None:
        """A request that began at ``began_s`` failed. Many that were under way together count as one failure."""
        if began_s < self._closed_s:
            return
        wait_s = min(self._settings.first_s * 2.0 ** min(self._failures, 32), self._settings.cap_s)
        if retry_after_s is not None:
            wait_s = min(max(wait_s, retry_after_s), self._settings.cap_s)
        self._failures += 1
        self._closed_s = self._clock.monotonic_s()
        self._opens_s = self._closed_s + wait_s * (1 + self._settings.jitter * self._random.random())


class Injector:
    """One provider with its vehicles. ``ledger`` is what it knows."""

    def __init__(
        self,
        vehicles: Sequence[Vehicle],
        *,
        session: aiohttp.ClientSession,
        url: str,
        token: str,
        clock: Clock,
        random: Random,
        concurrency: int = 16,
        resending: Resending | None = None,
    ) -> None:
        """``concurrency``: requests in flight at most; ``session`` carries the connections and the TLS settings."""
        self.ledger = Ledger()
        self._vehicles = vehicles
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._clock = clock
        self._resending = resending or Resending()
        self._timeout = aiohttp.ClientTimeout(total=self._resending.timeout_s)
        self._back_off = BackOff(self._resending, random, clock)
        self._concurrency = min(concurrency, len(vehicles))
        self._due: list[tuple[int, int, Report]] = []
        self._waiting: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def run(self) -> None:
        """Send every event when its time has come (at once, if it has passed), until ``stop`` or the last one.

        Returns once every event begun is acknowledged or refused. Cancelled earlier, ``ledger.pending`` has the rest.
        """
        for i in range(len(self._vehicles)):
            self._schedule(i)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._work())

    def stop(self) -> None:
        """Begin no further event."""
        self._stopping = True
        for task in self._waiting:
            task.cancel()

    def _schedule(self, vehicle: int) -> None:
        report = next(self._vehicles[vehicle].reports, None)
        if report is not None:
            heapq.heappush(self._due, (report.recorded_us, vehicle, report))

    async def _work(self) -> None:
        """Take the vehicle whose event is due first, send that event, put the vehicle back; so each has one in flight.

        The workers hold the earliest events there are, so none of them waits while another's is overdue.
        """
        while self._due and not self._stopping:
            _, vehicle, report = heapq.heappop(self._due)
            if not await self._wait_until(report.recorded_us):
                return
            await self._deliver(report)
            self._schedule(vehicle)

    async def _wait_until(self, due_us: int) -> bool:
        """False if ``stop`` came first."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._waiting.add(task)
        try:
            while (wait_us := due_us - self._clock.now_us()) > 0:
                await self._clock.sleep(wait_us / 1e6)
        except asyncio.CancelledError:
            if not self._stopping or task.uncancel():
                raise
            return False
        finally:
            self._waiting.discard(task)
        return True

    async def _deliver(self, report: Report) -> None:
        """Send one event until it is saved or refused."""
        injection = report.injection
        sent = Sent(
            plate=injection.plate,
            type=injection.event.type,
            recorded_us=report.recorded_us,
            latitude_deg=injection.latitude,
            longitude_deg=injection.longitude,
            first_sent_us=self._clock.now_us(),
        )
        self.ledger.begin(sent)
        while True:
            await self._back_off.ready()
            late = self._clock.now_us() - report.recorded_us > LATE_AFTER_US
            self.ledger.attempt(sent, late=late)
            if await self._attempt(sent, report.body(late=late)):
                return

    async def _attempt(self, sent: Sent, body: bytes) -> bool:
        """One request. True when the event needs no other."""
        began_s = self._clock.monotonic_s()
        try:
            async with self._session.post(
                self._url, data=body, headers=self._headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                answer = await response.read()
                status, retry_after_s = response.status, _seconds(response.headers.get("Retry-After"))
        except TimeoutError:
            return self._failed("timeout", began_s)
        except aiohttp.ClientError:
            return self._failed("connection", began_s)
        if status == 200:
            self._back_off.succeeded()
            self.ledger.acknowledge(sent, self._clock.now_us())
            return True
        if status == 400:
            self.ledger.refuse(sent, answer[:200].decode(errors="replace"))
            return True
        return self._failed(f"http_{status}", began_s, retry_after_s)

    def _failed(self, reason: str, began_s: float, retry_after_s: float | None = None) -> bool:
        self.ledger.failures[reason] += 1
        self._back_off.failed(began_s, retry_after_s)
        return False


def _seconds(retry_after: str | None) -> float | None:
    """A ``Retry-After`` in seconds; its other form, a date, is not worth reading here."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
