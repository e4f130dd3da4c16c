"""What a transport gives the hub beside sending: its config's type, how to open it, how to try it out."""

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import msgspec

from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.errors import ConfigError
from postroad.transports.base import Delivered, Message, Outcome, Transport

INSTALL = "its SDK is not installed: pip install 'postroad[{extra}]'"
"""The one line that says which extra is missing."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a probe, for people to read."""

    name: str
    ok: bool
    detail: str
    """Without a secret."""
    warning: str = ""
    """What is fine now and will not be for long; the probe goes on."""


def answer_step(outcome: Outcome) -> Step:
    """The last step of a probe that has sent a message: what became of it."""
    status = "" if outcome.status is None else f"{outcome.status} "
    if isinstance(outcome, Delivered):
        return Step(name="answer", ok=True, detail=f"{status or 'taken '}in {outcome.elapsed_s * 1000:.0f} ms")
    return Step(name="answer", ok=False, detail=f"{outcome.reason} {status}".rstrip() + f": {outcome.detail}")


class Carriage(msgspec.Struct, frozen=True, kw_only=True):
    """What one message to a destination may be."""

    max_message_bytes: int | None = None
    """Of its body; delivery cuts bulks to it, and what exceeds it alone can never be delivered. ``None``: any."""
    keyed: bool = False
    """It holds events of one subject, and ``Message.key`` names that."""


ANY_MESSAGE = Carriage()
"""Where a message is what the contract makes it."""


class TransportSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``postroad.transports.TRANSPORTS``."""

    config_type: type[msgspec.Struct]
    """What ``config`` of a destination must convert to. Secret fields are ``writeOnly`` in its JSON schema."""
    types: Callable[[Any], Collection[str] | None] = lambda _config: None
    """From a config of that type: the wire types that it has an endpoint for; ``None``: one endpoint takes any."""
    stores: Callable[[Any], bool] = lambda _config: False
    """From a config of that type: whether it takes copies, which messages may bring along."""
    max_message_bytes: Callable[[Any], int | None] = lambda _config: None
    """From a config of that type: see ``Carriage``."""
    keyed: Callable[[Any], bool] = lambda _config: False
    """From a config of that type: see ``Carriage``."""
    extra: str | None = None
    """The extra of the package that installs its SDK; ``None``: it needs none."""
    open: Callable[[Any, EgressClient, Clock], Transport]
    """From a config of that type. Needs a running loop; connects to nothing yet. Raises ``ConfigError``,
    also, in one line that names the extra, where its SDK is not installed (``require_sdk``)."""
    probe: Callable[[Any, EgressClient, Clock, Message | None], Awaitable[tuple[Step, ...]]]
    """Try a config out, each endpoint step by step up to the first that fails; with a message, and if all is well, send
    that too. Never raises for what the network or the remote side does. Raises ``ConfigError``."""

    def carriage(self, config: Any) -> Carriage:
        """What a message may be by a config of that type."""
        return Carriage(max_message_bytes=self.max_message_bytes(config), keyed=self.keyed(config))


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Around the imports of an SDK: raises ``ConfigError`` with the one line that names the extra, if it is missing."""
    try:
        yield
    except ModuleNotFoundError as exc:
        raise ConfigError(INSTALL.format(extra=extra)) from exc


def require_sdk(extra: str, module: str) -> None:
    """See ``needs``: look whether ``module`` is there without importing it, which can take a second."""
    with needs(extra):
        if find_spec(module) is None:
            raise ModuleNotFoundError(module)
