"""What a transport gives the hub beside sending: its config's type, how to open it, how to try it out."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

import msgspec

from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.transports.base import Message, Transport


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a probe, for people to read."""

    name: str
    ok: bool
    detail: str
    """Without a secret."""
    warning: str = ""
    """What is fine now and will not be for long; the probe goes on."""


class TransportSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``postroad.transports.TRANSPORTS``."""

    config_type: type[msgspec.Struct]
    """What ``config`` of a destination must convert to. Secret fields are ``writeOnly`` in its JSON schema."""
    types: Callable[[Any], Collection[str] | None] = lambda _config: None
    """From a config of that type: the wire types that it has an endpoint for; ``None``: one endpoint takes any."""
    stores: Callable[[Any], bool] = lambda _config: False
    """From a config of that type: whether it takes copies, which messages may bring along."""
    open: Callable[[Any, EgressClient, Clock], Transport]
    """From a config of that type. Needs a running loop; connects to nothing yet. Raises ``ConfigError``."""
    probe: Callable[[Any, EgressClient, Clock, Message | None], Awaitable[tuple[Step, ...]]]
    """Try a config out, each endpoint step by step up to the first that fails; with a message, and if all is well, send
    that too. Never raises for what the network or the remote side does. Raises ``ConfigError``."""
