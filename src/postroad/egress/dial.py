"""From a host name to a socket, every address checked on the way.

A name is resolved once for a connection, and the addresses that were checked are those that are connected to: an answer
that changes in between (DNS rebinding) changes nothing. aiohttp asks no resolver for a host that is an address, so the
socket factory checks again: it sees the address of each connection, wherever it came from.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

from postroad.egress.failures import EgressFailed, RefusedSocket
from postroad.egress.guard import Network, check_address, is_address
from postroad.errors import EgressRefused

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""From host name and port to addresses as text. Raises ``OSError`` when there are none."""

AddrInfo = tuple[
    socket.AddressFamily | int, socket.SocketKind | int, int, str, tuple[str, int] | tuple[str, int, int, int]
]

LOOKUP_THREADS = 16


class SystemLookup:
    """The machine's resolver, in threads of its own: names that hang must not hold up the rest of the hub."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="dns")

    async def __call__(self, host: str, port: int) -> list[str]:
        """See ``Lookup``."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _getaddrinfo, host, port)
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Take no more lookups; those that run end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(host: str, port: int) -> list[str]:
    return [
        str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    ]


async def checked_addresses(lookup: Lookup, allowed: Sequence[Network], host: str, port: int) -> list[str]:
    """The addresses of ``host``, all of them allowed.

    One refused address refuses the name: which one of them gets used would be left to chance.
    Raises ``EgressFailed('dns')`` or ``EgressRefused``.
    """
    if is_address(host):
        addresses: Sequence[str] = [host]
    else:
        try:
            addresses = await lookup(host, port)
        except (OSError, UnicodeError) as exc:
            raise EgressFailed("dns", f"{host} could not be resolved") from exc
    if not addresses:
        raise EgressFailed("dns", f"{host} has no address")
    for address in addresses:
        try:
            check_address(address, allowed)
        except EgressRefused as exc:
            raise EgressRefused(exc.reason, f"{host}: {exc}") from exc
    return list(addresses)


class GuardedResolver(AbstractResolver):
    """What aiohttp asks for the addresses of a name."""

    def __init__(self, lookup: Lookup, allowed: Sequence[Network]) -> None:
        self._lookup = lookup
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See ``aiohttp.abc.AbstractResolver``; raises as ``checked_addresses`` does."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=family,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await checked_addresses(self._lookup, self._allowed, host, port)
        ]

    async def close(self) -> None:
        """Nothing is held here: the lookup belongs to the client."""


def guarded_socket(allowed: Sequence[Network]) -> Callable[[AddrInfo], socket.socket]:
    """A socket factory that makes none for an address that is not allowed: the last gate, which nothing goes around."""

    def make(info: AddrInfo) -> socket.socket:
        family, kind, proto, _, sockaddr = info
        try:
            check_address(sockaddr[0], allowed)
        except EgressRefused as exc:
            raise RefusedSocket(exc) from exc
        return socket.socket(family, kind, proto)

    return make
