"""The transports' seam. ``tests/contract/test_transports.py`` holds every transport to it.

How an attempt ends is a value. ``Delivered`` means that the remote side confirmed; our own client's buffer does not
count. What the answer means for the subscription (retry, hold, renew) is decided by the contract in ``delivery``.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

Reason = Literal[
    "refused_address",  # our own outbound rules do not allow it
    "dns",
    "connect",
    "tls",
    "timeout",
    "broken",  # the connection ended before the answer did
    "credentials",  # no token could be had, or the answer was 401 or 403
    "throttled",  # 429
    "too_large",  # 413; without a status: more than this transport can ever carry
    "rejected",  # any other 4xx
    "redirected",  # 3xx: never followed
    "server_error",  # 5xx
    "unexpected",  # a status that is none of these
]
"""A closed set, fit for a metric label."""


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """What must be in the customer's storage before a message goes out."""

    key: str
    edition: int
    """A greater one is newer; an older one never takes the place of a newer one."""
    body: bytes


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One bulk, ready to go."""

    body: bytes
    content_type: str
    request_id: str
    """The same over every retry of the same bulk."""
    headers: Mapping[str, str] = {}
    key: str | None = None
    """Whom it is about, where the destination is keyed: it holds events of one subject then, and a service that keeps
    order within a group, session, partition or ordering key keeps it within this. Means nothing to anybody else."""
    wire_type: str | None = None
    """The type of the one event it carries, where the protocol sends them singly: a destination may keep them apart."""
    copy: Copy | None = None
    """A transport without a storage refuses a message that has one: the customer would look for what is not there."""


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """The remote side confirmed."""

    status: int | None
    elapsed_s: float


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """Not confirmed. It may have arrived all the same."""

    reason: Reason
    status: int | None = None
    detail: str = ""
    """A short sentence for people: no secret, no payload; at most the first 200 characters of an answer's body."""
    retry_after_s: float | None = None
    """What the remote side asked for, bounded to 0 ... 86400."""
    elapsed_s: float = 0.0


Outcome = Delivered | Failed


class Transport(Protocol):
    """A way to one destination, opened once and kept."""

    async def send(self, message: Message) -> Outcome:
        """Try once. Never raises for what the remote side or the network does; cancellation passes through.

        What it could never carry fails as ``too_large`` without a status, and says the limit.
        """

    def endpoint(self, wire_type: str) -> str:
        """Which of the destination's endpoints takes events of that type; ``""`` where there is one for all.

        What one endpoint answers says nothing of the others. Raises ``ConfigError`` if there is none for the type.
        """

    async def close(self) -> None:
        """Let go of connections."""
