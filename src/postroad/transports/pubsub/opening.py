"""What the hub opens of Pub/Sub, and how it tries a topic out. Google's SDK is imported here, and only when asked."""

import asyncio
import importlib

from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.errors import ConfigError
from postroad.transports.base import Delivered, Message, Outcome, Transport
from postroad.transports.pubsub.config import PubSubConfig, PubSubPullConfig
from postroad.transports.receiving import Receiver, ReceiverMeans, Take
from postroad.transports.spec import Step, require_sdk

EXTRA = "gcp"
SDK = "google.pubsub_v1"


class _Later:
    """A ``Transport`` that is made at the first message: importing the SDK takes a second, in a thread."""

    def __init__(self, config: PubSubConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._made: Transport | None = None
        self._making = asyncio.Lock()

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        return await (self._made or await self._make()).send(message)

    def endpoint(self, wire_type: str) -> str:  # noqa: ARG002 - a topic takes any type
        """See ``Transport``."""
        return ""

    async def close(self) -> None:
        """See ``Transport``."""
        if self._made is not None:
            await self._made.close()

    async def _make(self) -> Transport:
        async with self._making:
            if self._made is None:
                await asyncio.to_thread(importlib.import_module, "postroad.transports.pubsub.publish")
                from postroad.transports.pubsub.publish import PubSubPublisher

                self._made = PubSubPublisher(self._config, self._clock)
            return self._made


def open_pubsub(config: PubSubConfig, egress: EgressClient, clock: Clock) -> Transport:  # noqa: ARG001 - the SDK's own
    """See ``TransportSpec.open``."""
    require_sdk(EXTRA, SDK)
    return _Later(config, clock)


async def probe_pubsub(
    config: PubSubConfig,
    egress: EgressClient,  # noqa: ARG001 - the SDK has its own way out
    clock: Clock,
    message: Message | None = None,
) -> tuple[Step, ...]:
    """See ``TransportSpec.probe``: the credentials, then, with a message, publishing it."""
    require_sdk(EXTRA, SDK)
    await asyncio.to_thread(importlib.import_module, "postroad.transports.pubsub.access")
    from postroad.transports.pubsub.access import credentials_of

    try:
        if not config.plaintext:
            await asyncio.to_thread(credentials_of, config, "Publisher")
    except ConfigError as exc:
        return (Step(name="credentials", ok=False, detail=str(exc)),)
    held = "none are sent in plaintext" if config.plaintext else "can be used"
    steps = [Step(name="credentials", ok=True, detail=held)]
    if message is not None:
        transport = _Later(config, clock)
        try:
            steps.append(_told(await transport.send(message)))
        finally:
            await transport.close()
    return tuple(steps)


def _told(outcome: Outcome) -> Step:
    if isinstance(outcome, Delivered):
        return Step(name="answer", ok=True, detail=f"published in {outcome.elapsed_s * 1000:.0f} ms")
    status = "" if outcome.status is None else f" {outcome.status}"
    return Step(name="answer", ok=False, detail=f"{outcome.reason}{status}: {outcome.detail}")


class _PullLater:
    """A ``Receiver`` that is made when it runs; see ``_Later``."""

    def __init__(self, config: PubSubPullConfig, means: ReceiverMeans) -> None:
        self._config = config
        self._means = means

    async def run(self, take: Take) -> None:
        """See ``Receiver``."""
        await asyncio.to_thread(importlib.import_module, "postroad.transports.pubsub.pull")
        from postroad.transports.pubsub.pull import PubSubPull

        await PubSubPull(self._config, self._means).run(take)


def open_pull(config: PubSubPullConfig, means: ReceiverMeans) -> Receiver:
    """See ``ReceiverSpec.open``."""
    require_sdk(EXTRA, SDK)
    return _PullLater(config, means)
