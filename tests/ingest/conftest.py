"""A running HTTP server with the Drivetech entrance on a log in memory, and a client that speaks over a real socket."""

import asyncio
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from postroad.ingest.dedup import DedupMemory
from postroad.ingest.http.answers import Answer
from postroad.ingest.http.app import Page, build_app
from postroad.ingest.http.drivetech import DrivetechEntrance
from postroad.ingest.http.limits import ConnectionLimits, RateLimit
from postroad.ingest.intake import Intake
from postroad.ingest.server import HttpServer, listen
from postroad.ingest.subjects import NewSubject
from postroad.log.memory import MemoryLog
from postroad.metrics.counts import Counter
from postroad.metrics.declared import HTTP_TURNED_AWAY
from postroad.protocols.drivetech import DrivetechSettings, answers
from postroad.registry.records import Organization, Provider, RegistryView, Subject

TOKEN = "prt_test-token"
OTHER_TOKEN = "prt_other-token"
BODY_LIMIT_BYTES = 4096


class HeldLog(MemoryLog):
    """A log in memory that can keep its appends waiting, or fail them."""

    def __init__(self, clock: Any) -> None:
        super().__init__(0, clock=clock)
        self.held: list[tuple[Any, Any]] | None = None
        self.holds = asyncio.Event()
        """Set once something is held."""
        self.failure: Exception | None = None
        self.parts: list[Any] = []

    def submit(self, part: Any, done: Any) -> None:
        self.parts.append(part)
        if self.failure is not None:
            asyncio.get_running_loop().call_soon(done, self.failure)
        elif self.held is not None:
            self.held.append((part, done))
            self.holds.set()
        else:
            super().submit(part, done)

    def release(self) -> None:
        held, self.held = self.held or [], None
        for part, done in held:
            self.submit(part, done)


class Hub:
    """What the tests talk to."""

    def __init__(self, clock: Any, *, unknown_vehicles: str = "create", provider_rate: RateLimit | None = None) -> None:
        self.log = HeldLog(clock)
        self.created: list[NewSubject] = []
        self.registry_failure: Exception | None = None
        self.providers = {
            1: Provider(
                id=1, organization_id=1, name="gps-one", protocol="drivetech", unknown_vehicles=unknown_vehicles
            ),
            2: Provider(
                id=2, organization_id=1, name="gps-two", protocol="drivetech", unknown_vehicles=unknown_vehicles
            ),
        }
        self.subjects = {7: Subject(id=7, organization_id=1, kind="vehicle", shard=0)}
        self.identifiers = {(1, "plate", "KXRT41"): 7}
        self.tokens = {TOKEN: 1, OTHER_TOKEN: 2}
        self.intake = Intake(
            {0: self.log},
            clock=clock,
            dedup=DedupMemory(max_keys=1000, keep_us=10**12),
            create_subjects=self.create,
            queued_limit_bytes=100_000,
            ahead_limit_us=300_000_000,
        )
        self.use()
        self.settings_failure: Exception | None = None
        self.entrance = DrivetechEntrance(
            self.intake,
            clock=clock,
            body_limit_bytes=BODY_LIMIT_BYTES,
            retry_after_s=5,
            settings_of=self.settings,
            provider_rate=provider_rate,
        )

    def use(self) -> None:
        self.intake.use(
            RegistryView(
                version=1,
                organizations={1: Organization(1, "Andes")},
                providers=self.providers,
                provider_settings={},
                tokens={hashlib.sha256(token.encode()).digest(): id_ for token, id_ in self.tokens.items()},
                subjects=dict(self.subjects),
                identifiers=dict(self.identifiers),
                destinations={},
                subscriptions={},
                streams={},
            )
        )

    def settings(self, _provider: Provider) -> DrivetechSettings:
        if self.settings_failure is not None:
            raise self.settings_failure
        return DrivetechSettings()

    async def create(self, vehicles: Sequence[NewSubject]) -> None:
        await asyncio.sleep(0)
        if self.registry_failure is not None:
            raise self.registry_failure
        for vehicle in vehicles:
            self.created.append(vehicle)
            number = 100 + len(self.created)
            self.subjects[number] = Subject(id=number, organization_id=1, kind="vehicle", shard=0)
            self.identifiers[1, vehicle.namespace, vehicle.identifier] = number
        self.use()

    async def stored(self) -> list[dict[str, Any]]:
        """Every stored item, decoded."""
        items = []
        for batch in await self.log.read(self.log.first_position, max_bytes=10**9):
            for index, raw in enumerate(batch.items()):
                items.append(json.loads(raw) | {"subject": batch.subjects[index], "flags": batch.flags[index]})
        return items


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def write(
        self,
        body: bytes | dict[str, Any] = b"",
        *,
        method: str = "POST",
        path: str = "/provider/event/new/",
        token: str | None = TOKEN,
        headers: dict[str, str] | None = None,
        chunked: bool = False,
    ) -> None:
        """Write a request without waiting for its answer."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        lines = [f"{method} {path} HTTP/1.1", "Host: hub", "Content-Type: application/json"]
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if chunked:
            lines.append("Transfer-Encoding: chunked")
            data = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (data[:10], data[10:]) if p) + b"0\r\n\r\n"
        else:
            lines.append(f"Content-Length: {len(data)}")
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """The next answer: status, headers, decoded body."""
        while True:
            head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)).decode()
            first, *lines = head.rstrip().split("\r\n")
            status = int(first.split(" ")[1])
            if status != 100:
                break
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(headers["content-length"]))
        return status, headers, json.loads(body) if body else None

    async def post(self, body: bytes | dict[str, Any] = b"", **request: Any) -> tuple[int, dict[str, str], Any]:
        self.write(body, **request)
        return await self.answer()


class Running:
    """A hub behind a server."""

    def __init__(
        self,
        hub: Hub,
        *,
        limits: ConnectionLimits | None = None,
        address_rate: RateLimit | None = None,
        tls: ssl.SSLContext | None = None,
        pages: Sequence[Page] = (),
    ) -> None:
        self.hub = hub
        self.turned_away = Counter(HTTP_TURNED_AWAY)
        self.server = HttpServer(
            build_app(
                [hub.entrance],
                not_found=Answer(404, answers.BY_STATUS[404]),
                server_error=Answer(500, answers.BY_STATUS[500]),
                pages=pages,
                address_rate=address_rate,
            ),
            [hub.entrance],
            stop_within_s=5,
            limits=limits,
            address_rate=address_rate,
            turned_away=self.turned_away,
            tls=tls,
        )
        self.clients: list[Client] = []
        self.socket = listen("127.0.0.1", 0)
        self.port = self.socket.getsockname()[1]
        self.task = asyncio.create_task(self.server.serve([self.socket]))

    async def connect(self, tls: ssl.SSLContext | None = None) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, ssl=tls))
        self.clients.append(client)
        return client

    async def stop(self) -> None:
        for client in self.clients:
            client.writer.close()
        self.server.should_exit = True
        await self.task


@pytest.fixture
async def running(clock: Any) -> AsyncIterator[Running]:
    running = Running(Hub(clock))
    yield running
    await running.stop()


Start = Callable[..., Running]


@pytest.fixture
async def start(clock: Any) -> AsyncIterator[Start]:
    """Start a hub behind a server with other limits than the defaults, or with TLS."""
    all_running = []

    def start(*, provider_rate: RateLimit | None = None, **server: Any) -> Running:
        all_running.append(Running(Hub(clock, provider_rate=provider_rate), **server))
        return all_running[-1]

    yield start
    for running in all_running:
        await running.stop()


@pytest.fixture
async def client(running: Running) -> Client:
    return await running.connect()
