"""What a client may take: connections, time, heads, requests a second. Why so: docs/decisions/0009-limits-and-tls.md.

An address is the socket's peer; headers that claim another one are not believed. IPv6 clients are known by their /64,
because one client commonly has all of it.
"""

import ipaddress
import math
from collections import Counter, OrderedDict

import msgspec

from postroad.clock import Clock

KEYS_REMEMBERED = 10_000
"""Buckets kept at once; the least recently used goes first, and its client begins again with a full one."""


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection, one address and all together may hold. Zero connections: without a limit."""

    head_bytes: int = 16 * 1024
    """Request line and headers."""
    head_fields: int = 100
    head_within_s: float = 15.0
    """From a head's first byte (of a new connection: from its beginning) to its last."""
    body_within_s: float = 30.0
    """From the head's end to the body's; also how long a client may leave its answers unread."""
    connections: int = 10_000
    connections_per_address: int = 0


def client_key(address: str) -> str:
    """What of a peer's address counts as one client."""
    if ":" not in address:
        return address
    parsed = ipaddress.IPv6Address(address.partition("%")[0])
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))


class Connections:
    """Counts open connections: overall and by client."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._by_client: Counter[str] = Counter()
        self._open = 0

    def enter(self, client: str) -> bool:
        """Count one more, unless a limit is reached. What entered must ``leave``."""
        limits = self._limits
        if limits.connections and self._open >= limits.connections:
            return False
        if limits.connections_per_address and self._by_client[client] >= limits.connections_per_address:
            return False
        self._open += 1
        self._by_client[client] += 1
        return True

    def leave(self, client: str) -> None:
        """Count one less."""
        self._open -= 1
        self._by_client[client] -= 1
        if not self._by_client[client]:
            del self._by_client[client]


class RateLimit:
    """A token bucket for each key: ``per_s`` requests a second, ``burst_s`` seconds' worth of them at once."""

    def __init__(self, per_s: float, *, burst_s: float, clock: Clock, keys: int = KEYS_REMEMBERED) -> None:
        self._per_s = per_s
        self._size = max(1.0, per_s * burst_s)
        self._clock = clock
        self._keys = keys
        self._buckets: OrderedDict[str | int, tuple[float, float]] = OrderedDict()  # (tokens, of which instant)

    def take(self, key: str | int) -> int:
        """Take a token: 0 if there was one, else in how many whole seconds there will be one. That costs nothing."""
        now_s = self._clock.monotonic_s()
        tokens, at_s = self._buckets.get(key, (self._size, now_s))
        tokens = min(self._size, tokens + (now_s - at_s) * self._per_s)
        if tokens < 1.0:
            return max(1, math.ceil((1.0 - tokens) / self._per_s))
        self._buckets[key] = (tokens - 1.0, now_s)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return 0


def rate_limit(per_s: float, burst_s: float, clock: Clock) -> RateLimit | None:
    """The limit that a setting asks for; a rate of zero is none, and costs nothing."""
    return RateLimit(per_s, burst_s=burst_s, clock=clock) if per_s else None
