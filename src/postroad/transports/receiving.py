"""The seam of what is taken in from queues and topics. ``tests/contract/test_cloud_receivers.py`` holds members to it.

A *receiver* goes to its service and asks for messages; a *push* is an HTTP request by which a service brings one. Both
hand each message over and acknowledge it only by what becomes of it: what is not durable is never acknowledged.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal, Protocol

import msgspec

from postroad.clock import Clock
from postroad.egress.client import EgressClient

NOT_JSON: Final = (ValueError, RecursionError)
"""What decoding somebody's bytes may raise: msgspec's errors, text that is no UTF-8, nesting without an end."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One message."""

    body: bytes
    request_id: str = ""
    """What the service calls it, if that can be shown to people; the same when it comes again."""


Verdict = Literal[
    "stored",  # durable: acknowledge
    "unreadable",  # kept in quarantine: acknowledge, or move it to the service's own dead-letter queue
    "later",  # not kept: do not acknowledge, and back off
]
"""What became of a message."""

Take = Callable[[Received], Awaitable[Verdict]]
"""Take a message in. Never raises; may be called for many at once."""


class Checkpoints(Protocol):
    """How far a provider's source was read, for services that leave that to the reader. Kept in the registry."""

    async def load(self, source: str, partition: str) -> str | None:
        """What was saved last; ``None``: nothing yet. Raises ``StoreUnavailable``."""

    async def save(self, source: str, partition: str, mark: str) -> None:
        """Remember; returns once it is durable. Raises ``StoreUnavailable``."""


Tell = Callable[[str | None], None]
"""Told what is wrong, in a sentence without a secret, as often as it is so; and ``None`` once all is well again."""


class ReceiverMeans(msgspec.Struct, frozen=True, kw_only=True):
    """What receivers and pushes work with."""

    clock: Clock
    random: Callable[[], float]
    """0 to 1: how much of a wait's jitter is added."""
    egress: EgressClient
    """For what a service's SDK does not fetch by itself: certificates, confirmations."""
    checkpoints: Checkpoints
    tell: Tell


class Receiver(Protocol):
    """A way to one source, for one provider."""

    async def run(self, take: Take) -> None:
        """Receive until cancelled, and leave nothing open then; nothing is acknowledged that was not stored.

        It connects again by itself, with growing waits. Raises ``ConfigError`` for what only a person can mend.
        """


class ReceiverSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``postroad.transports.RECEIVERS``."""

    config_type: type[msgspec.Struct]
    """What ``config`` of a provider's ``receive`` must convert to. Secret fields are ``writeOnly``."""
    open: Callable[[Any, ReceiverMeans], Receiver]
    """From a config of that type; connects to nothing yet. Raises ``ConfigError``, also where its SDK is missing."""
    extra: str | None = None
    """The extra of the package that installs its SDK; ``None``: it needs none."""


class PushHead(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a request before its body is read."""

    method: str
    headers: Mapping[str, str]
    """By name in lower case."""
    query: Mapping[str, str]


class PushRequest(PushHead, frozen=True, kw_only=True):
    """A request by which a service brings messages, or asks whether it may."""

    body: bytes


class PushAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What it is answered."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    """JSON, or nothing."""


STRANGER: Final = PushAnswer(status=401, headers={"WWW-Authenticate": "Bearer"})
"""For whoever does not prove to be the service: the same of every push, so that it tells nobody which there are."""


class Push(Protocol):
    """The way in for one provider whose service brings messages. Opened once and kept."""

    async def refuses(self, head: PushHead) -> PushAnswer | None:
        """Asked before a body is read: the answer that the request gets whatever its body, or ``None`` to read it.

        What a head can prove is checked here, and only here. Never raises.
        """

    async def answer(self, request: PushRequest, take: Take) -> PushAnswer:
        """Take in what was not refused, and answer. Never raises.

        Where it is the body that proves who sends it, a stranger's is answered ``STRANGER``, and nothing is taken.
        """

    async def close(self) -> None:
        """Let go of connections."""


class PushSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``postroad.transports.PUSHES``: taken in at ``/in/<transport>/<provider's id>``."""

    config_type: type[msgspec.Struct]
    """See ``ReceiverSpec``."""
    open: Callable[[Any, ReceiverMeans], Push]
    """See ``ReceiverSpec``."""
    max_body_bytes: int
    """Of a request: the most that the service sends; a larger one is answered 413."""
    methods: tuple[str, ...] = ("POST",)
    extra: str | None = None
    """See ``ReceiverSpec``."""
