"""The one outbound client. It asks, and reads a bounded answer; what the answer means is others' business.

Never: redirects, cookies, proxies from the environment, decompression (an answer is for a status and for people; a
compressed bomb stays the few bytes that it is; who asked for a body inflates it himself, bounded).
"""

import asyncio
import io
import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

import aiohttp
import msgspec
from yarl import URL

from postroad.clock import Clock, SystemClock
from postroad.egress import tls
from postroad.egress.client_certificate import Certificate, ClientCertificate
from postroad.egress.dial import GuardedResolver, Lookup, SystemLookup, checked_addresses, guarded_socket
from postroad.egress.failures import failure_of
from postroad.egress.guard import Network, check_url

MAX_ANSWER_BYTES = 64 * 1024
KEPT_HEADERS = ("content-encoding", "content-type", "retry-after")
Method = Literal["HEAD", "POST", "PUT"]
IDLE_S = 30.0
"""How long a connection is kept for the next request."""
NAME_S = 10
"""How long the checked addresses of a name serve new connections."""
_ONE_PIECE_BYTES = 1024 * 1024  # aiohttp warns of larger ones: they would hold the event loop


class Timeouts(msgspec.Struct, frozen=True):
    """Bounds of one request. They run on the event loop's clock: they guard sockets, not schedules."""

    total_s: float = 30.0
    """From the call to the end of the answer, waiting for a free connection included."""
    connect_s: float = 10.0
    """TCP and TLS, for each address."""


DEFAULT_TIMEOUTS = Timeouts()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Those of ``KEPT_HEADERS`` that there were, by lower-case name."""
    body: bytes
    """At most the first ``MAX_ANSWER_BYTES``, or as many as were asked for, as sent: not decompressed."""
    elapsed_s: float


class _Request(NamedTuple):
    """What is asked; the same over two tries."""

    method: str
    target: URL
    headers: Mapping[str, str]
    body: bytes | None
    max_bytes: int
    """Of the answer."""


class _Trip:
    """One try: tells afterwards whether its connection had been used before."""

    __slots__ = ("reused",)

    def __init__(self) -> None:
        self.reused = False


class EgressClient:
    """The outbound rules of this hub, and the pools of connections opened under them.

    Args:
        allowed: networks that may be reached although they are private; see ``guard.parse_networks``.
        lookup: how names are resolved; the machine's resolver if not given.
        clock: for the time that requests take.
        connections: how many a pool opens to one host and port at most.
        ca_file: PEM file of authorities that every pool trusts beside the system's and its own.
    """

    def __init__(
        self,
        *,
        allowed: Sequence[Network] = (),
        lookup: Lookup | None = None,
        clock: Clock | None = None,
        connections: int = 64,
        ca_file: str | None = None,
    ) -> None:
        self.allowed = tuple(allowed)
        self.clock = clock or SystemClock()
        self.connections = connections
        self.lookup = lookup or SystemLookup()
        self._contexts: dict[str | None, ssl.SSLContext] = {}
        self._pools: set[Pool] = set()
        self._ca_file = ca_file

    def pool(
        self, *, ca_file: str | None = None, client_cert_file: str | None = None, client_key_file: str | None = None
    ) -> "Pool":
        """Connections for one destination, shared with no other: a slow one delays nobody. Needs a running loop.

        The files are read now. A changed ``ca_file`` counts from the next pool on; a changed client certificate from
        the next request on. Its key is in the same file if ``client_key_file`` is not given. Raises ``ConfigError`` if
        a file cannot be used.
        """
        if client_cert_file is None:
            shared = self.context(ca_file)
            pool = Pool(self, lambda: shared, None, forget=self._pools.discard)
        else:
            make_context = partial(tls.client_context, self._authorities(ca_file))
            ours = ClientCertificate(make_context, client_cert_file, client_key_file)
            pool = Pool(self, ours.context, ours, forget=self._pools.discard)
        self._pools.add(pool)
        return pool

    def context(self, ca_file: str | None) -> ssl.SSLContext:
        """What TLS trusts: the system's authorities, the hub's own and those of ``ca_file``. Raises ``ConfigError``.

        One for all that trust the same: the system's authorities alone take half a megabyte.
        """
        authorities = self._authorities(ca_file)
        if authorities not in self._contexts:
            self._contexts[authorities] = tls.client_context(authorities)
        return self._contexts[authorities]

    def _authorities(self, ca_file: str | None) -> str | None:
        texts = [tls.read_ca_file(file) for file in (self._ca_file, ca_file) if file is not None]
        return "\n".join(texts) if texts else None

    async def close(self) -> None:
        """Close every pool."""
        while self._pools:
            await next(iter(self._pools)).close()
        if isinstance(self.lookup, SystemLookup):
            self.lookup.close()


class Pool:
    """Kept-alive connections to one destination. Made by ``EgressClient.pool``."""

    def __init__(
        self,
        client: EgressClient,
        context: Callable[[], ssl.SSLContext],
        ours: ClientCertificate | None,
        forget: Callable[["Pool"], None],
    ) -> None:
        self._forget = forget
        self._allowed = client.allowed
        # A destination has a URL or two: their form is checked once, their addresses at each connection.
        self._check_url = lru_cache(maxsize=8)(partial(check_url, allowed=client.allowed))
        self._lookup = client.lookup
        self._clock = client.clock
        self._context = context
        self._ours = ours
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=GuardedResolver(client.lookup, client.allowed),
                socket_factory=guarded_socket(client.allowed),
                ttl_dns_cache=NAME_S,
                keepalive_timeout=IDLE_S,
                limit=0,
                limit_per_host=client.connections,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
            trust_env=False,
            read_bufsize=MAX_ANSWER_BYTES,
            trace_configs=[trace],
        )

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeouts: Timeouts = DEFAULT_TIMEOUTS
    ) -> Answer:
        """See ``send``."""
        return await self.send("POST", url, body, headers, timeouts)

    async def send(
        self, method: Method, url: str, body: bytes, headers: Mapping[str, str], timeouts: Timeouts = DEFAULT_TIMEOUTS
    ) -> Answer:
        """Send ``body`` and return the answer, whatever its status.

        Raises ``EgressFailed`` or ``EgressRefused``; cancellation closes the connection and passes through.
        """
        return await self._ask(_Request(method, self._check_url(url), headers, body, MAX_ANSWER_BYTES), timeouts)

    async def get(
        self, url: str, headers: Mapping[str, str], timeouts: Timeouts = DEFAULT_TIMEOUTS, *, max_bytes: int
    ) -> Answer:
        """Ask for what is at ``url``; ``max_bytes`` of the answer are read at most. Raises as ``post`` does."""
        return await self._ask(_Request("GET", self._check_url(url), headers, None, max_bytes), timeouts)

    async def _ask(self, request: _Request, timeouts: Timeouts) -> Answer:
        started = self._clock.monotonic_s()
        try:
            async with asyncio.timeout(timeouts.total_s):
                status, kept, prefix = await self._exchange(request, timeouts)
        except (aiohttp.ClientError, OSError) as exc:  # a TimeoutError is an OSError
            raise failure_of(exc) from exc
        return Answer(status=status, headers=kept, body=prefix, elapsed_s=self._clock.monotonic_s() - started)

    async def _exchange(self, request: _Request, timeouts: Timeouts) -> tuple[int, dict[str, str], bytes]:
        """Try; and once more at once if a kept connection turns out to be gone.

        A server closes an idle connection when it likes. When that crosses our request on the way, no part of an answer
        comes; it says nothing about the destination and must not count as its failure.
        """
        while True:
            trip = _Trip()
            try:
                return await self._try(trip, request, timeouts)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as exc:
                if not trip.reused or isinstance(exc, TimeoutError | aiohttp.ClientConnectorError):
                    raise

    async def _try(self, trip: _Trip, request: _Request, timeouts: Timeouts) -> tuple[int, dict[str, str], bytes]:
        body = request.body
        async with self._session.request(
            request.method,
            request.target,
            data=body if body is None or len(body) <= _ONE_PIECE_BYTES else io.BytesIO(body),
            headers=request.headers,
            ssl=self._context(),  # connections are kept by context: one made with an earlier certificate is not used
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect_s),
            trace_request_ctx=trip,
        ) as response:
            trip.reused = False  # an answer has begun: from here on a loss is a loss
            prefix = await _read_prefix(
                response.content, request.max_bytes
            )  # if more is to come, leaving closes the connection
            kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
            return response.status, kept, prefix

    async def addresses(self, url: str) -> list[str]:
        """The addresses behind ``url``, all of them allowed. Raises ``EgressFailed('dns')`` or ``EgressRefused``."""
        target = self._check_url(url)
        return await checked_addresses(self._lookup, self._allowed, str(target.raw_host), target.port or 443)

    async def peer(self, url: str, *, timeout_s: float = 10.0) -> tls.Peer:
        """Who is behind ``url``, over a connection of its own. Raises ``EgressFailed`` or ``EgressRefused``."""
        target = self._check_url(url)
        address = (await self.addresses(url))[0]
        return await tls.inspect(
            address, target.port or 443, str(target.raw_host), self._context(), timeout_s=timeout_s
        )

    def client_certificate(self) -> Certificate | None:
        """What we show when we are asked who we are, as of the last request; ``None``: nothing."""
        return None if self._ours is None else self._ours.certificate

    async def close(self) -> None:
        """Let go of the connections."""
        self._forget(self)
        await self._session.close()


async def _note_reuse(_session: aiohttp.ClientSession, context: Any, _params: object) -> None:
    context.trace_request_ctx.reused = True


async def _read_prefix(content: aiohttp.StreamReader, max_bytes: int) -> bytes:
    """The first ``max_bytes``, or all there is."""
    chunks: list[bytes] = []
    room = max_bytes
    while room and (chunk := await content.read(room)):
        chunks.append(chunk)
        room -= len(chunk)
    return b"".join(chunks)
