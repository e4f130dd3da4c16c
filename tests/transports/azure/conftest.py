"""Azure's services, each with transports that are open to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import msgspec
import pytest

from fixtures.clock import VirtualClock
from fixtures.cloud_azure import IN, OUT, StartAzure
from postroad.egress.client import EgressClient
from postroad.transports import RECEIVERS, TRANSPORTS
from postroad.transports.base import Message, Outcome, Transport
from postroad.transports.receiving import Received, ReceiverMeans, Verdict

MESSAGE = Message(body=b'[{"id":1}]', content_type="application/json", request_id="bulk-17")


class NotingClock(VirtualClock):
    """Says when somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self._slept = asyncio.Event()

    def sleep(self, seconds: float) -> Coroutine[None, None, None]:
        self._slept.set()
        return super().sleep(seconds)

    async def until_somebody_sleeps(self) -> None:
        """Return once it has been asked to sleep since the last time."""
        await asyncio.wait_for(self._slept.wait(), 20)
        self._slept.clear()
        await asyncio.sleep(0)  # the sleeper is counted from its first step on


@pytest.fixture
def clock() -> NotingClock:
    return NotingClock()


class Site:
    """A service, and our side of it."""

    def __init__(self, server: Any, egress: EgressClient, clock: Any) -> None:
        self.server = server
        self.egress = egress
        self.clock = clock
        self.opened: list[Transport] = []
        self.spec = TRANSPORTS[server.transport]

    def config(self, **fields: Any) -> Any:
        return msgspec.convert(self.server.config(**fields), self.spec.config_type)

    def open(self, **fields: Any) -> Transport:
        transport = self.spec.open(self.config(**fields), self.egress, self.clock)
        self.opened.append(transport)
        return transport

    async def send(self, body: bytes = MESSAGE.body, **fields: Any) -> Outcome:
        """One attempt over a transport that is kept."""
        if not self.opened:
            self.open()
        return await self.opened[0].send(msgspec.structs.replace(MESSAGE, body=body, **fields))

    async def bodies(self) -> list[bytes]:
        """What the service has, in order."""
        return [one.body for one in await self.server.arrived()]

    async def close(self) -> None:
        for transport in self.opened:
            await transport.close()


@pytest.fixture(params=sorted(OUT))
async def site(
    request: pytest.FixtureRequest, start_azure: StartAzure, egress: EgressClient, clock: Any
) -> AsyncIterator[Site]:
    site = Site(await start_azure(OUT[request.param]), egress, clock)
    yield site
    await site.close()


class Notes:
    """Checkpoints that outlive a receiver, as the registry keeps them."""

    def __init__(self) -> None:
        self.marks: dict[tuple[str, str], str] = {}
        self.changed = asyncio.Event()

    async def load(self, source: str, partition: str) -> str | None:
        return self.marks.get((source, partition))

    async def save(self, source: str, partition: str, mark: str) -> None:
        self.marks[source, partition] = mark
        self.changed.set()


class Log:
    """Takes messages in, as a test has it; each call waits for its turn if ``stopped``."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.ids: list[str] = []
        self.verdict: Callable[[bytes], Verdict] = lambda _body: "stored"
        self.free = asyncio.Event()
        self.free.set()
        self.asked = 0
        self._news = asyncio.Condition()

    async def take(self, received: Received) -> Verdict:
        self.asked += 1
        await self._tell()
        await self.free.wait()
        verdict = self.verdict(received.body)
        if verdict != "later":
            self.bodies.append(received.body)
            self.ids.append(received.request_id)
        await self._tell()
        return verdict

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self._news:
            await asyncio.wait_for(self._news.wait_for(condition), 30)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


class Inbox:
    """A service with messages in it, and our receiver of them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.server = site.server
        self.log = Log()
        self.notes = Notes()
        self.told: list[str | None] = []
        self.trouble = asyncio.Event()
        self.server.marks = self.notes.marks
        self._running: asyncio.Task[None] | None = None

    def start(self, **fields: Any) -> None:
        """Receive."""
        means = ReceiverMeans(
            clock=self.site.clock,
            random=lambda: 0.0,
            checkpoints=self.notes,
            tell=self._tell,
            egress=self.site.egress,
        )
        spec = RECEIVERS[self.server.transport]
        config = msgspec.convert(self.server.config(**fields), spec.config_type)
        self._running = asyncio.ensure_future(spec.open(config, means).run(self.log.take))

    async def stop(self) -> None:
        """As the hub stops it; what went wrong with it is raised."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
            self._running = None

    def _tell(self, wrong: str | None) -> None:
        self.told.append(wrong)
        if wrong is not None:
            self.trouble.set()


@pytest.fixture(params=sorted(IN))
async def inbox(
    request: pytest.FixtureRequest, start_azure: StartAzure, egress: EgressClient, clock: Any
) -> AsyncIterator[Inbox]:
    site = Site(await start_azure(IN[request.param]), egress, clock)
    inbox = Inbox(site)
    yield inbox
    await inbox.stop()
    await site.close()


@pytest.fixture
def make_site(egress: EgressClient, clock: Any) -> Callable[[Any], Site]:
    """Our side of a service. To be closed."""
    return lambda server: Site(server, egress, clock)


@pytest.fixture
def make_inbox() -> Callable[[Site], Inbox]:
    """A receiver of the service behind a site. To be stopped."""
    return Inbox


@pytest.fixture
def make_log() -> Callable[[], Log]:
    return Log


@pytest.fixture
async def open_to_the_world(clock: Any) -> AsyncIterator[EgressClient]:
    """An outbound client that may reach nothing that is private."""
    client = EgressClient(clock=clock)
    yield client
    await client.close()
