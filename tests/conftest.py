"""What tests of several folders share: virtual time, and real HTTPS servers."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest
import trustme

from postroad.egress.client import EgressClient

LOOPBACK = (ip_network("127.0.0.1/32"),)


class VirtualClock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.us = 1_800_000_000_000_000
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        return self.us

    def monotonic_s(self) -> float:
        return self.us / 1e6

    async def sleep(self, seconds: float) -> None:
        done = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.us + round(seconds * 1e6), done))
        await done

    def advance(self, seconds: float) -> None:
        """Move on, and wake whoever slept until then or before, the earliest first."""
        self.us += round(seconds * 1e6)
        due = sorted((sleeper for sleeper in self._sleepers if sleeper[0] <= self.us), key=lambda sleeper: sleeper[0])
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self.us]
        for _, done in due:
            if not done.done():
                done.set_result(None)


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Status\r\n{head}\r\n".encode() + self.body


Handler = Callable[[Request], Reply | Awaitable[Reply]]
Raw = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


class Remote:
    """A small HTTPS server over a real socket. It answers by ``answer``, or says byte for byte what ``raw`` says."""

    def __init__(self) -> None:
        self.answer: Handler = lambda _request: Reply()
        self.raw: Raw | None = None
        self.requests: list[Request] = []
        self.connections = 0
        self.arrived = asyncio.Event()
        """Set with each request that was read."""
        self.host = "127.0.0.1"
        self.port = 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def open(self) -> int:
        """Connections that are open now."""
        return len(self._serving)

    async def start(self, context: ssl.SSLContext | None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self._server = await asyncio.start_server(self._serve, host, port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def hang_up(self) -> None:
        """Close every connection, as a server does with idle ones."""
        for task in tuple(self._serving):
            task.cancel()
        if self._serving:
            await asyncio.wait(tuple(self._serving))

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self.hang_up()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while request := await self._read(reader):
                self.requests.append(request)
                self.arrived.set()
                if self.raw is not None:
                    await self.raw(request, writer)
                    return
                reply = self.answer(request)
                if not isinstance(reply, Reply):
                    reply = await reply
                writer.write(reply.encode())
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or hang_up
        finally:
            self._serving.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.rstrip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Request(method, path, headers, body)


StartRemote = Callable[..., Awaitable[Remote]]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The certificate authority that the tests' servers are certified by."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost", "customer.example").configure_cert(context)
    return context


@pytest.fixture
async def start_remote(server_context: ssl.SSLContext) -> AsyncIterator[StartRemote]:
    """Start a ``Remote``; by default with a good certificate for 127.0.0.1, localhost and customer.example."""
    remotes = []

    async def start(context: ssl.SSLContext | None = server_context, host: str = "127.0.0.1", port: int = 0) -> Remote:
        remote = Remote()
        remotes.append(remote)
        await remote.start(context, host, port)
        return remote

    yield start
    for remote in remotes:
        await remote.close()


@pytest.fixture
async def remote(start_remote: StartRemote) -> Remote:
    return await start_remote()


@pytest.fixture
async def egress(clock: VirtualClock) -> AsyncIterator[EgressClient]:
    """The outbound client, allowed to reach 127.0.0.1 and nothing else that is private."""
    client = EgressClient(allowed=LOOPBACK, clock=clock)
    yield client
    await client.close()
