"""What the hub opens of SNS and SQS, and how it tries a topic or queue out. The SDK is imported only when asked."""

import asyncio
import importlib

from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.transports.aws.config import (
    MAX_MESSAGE_BYTES,
    SnsConfig,
    SnsPushConfig,
    SqsConfig,
    SqsReceiveConfig,
)
from postroad.transports.aws.push import MAX_BODY_BYTES, SnsPush
from postroad.transports.base import Delivered, Message, Outcome, Transport
from postroad.transports.receiving import PushSpec, Receiver, ReceiverMeans, ReceiverSpec, Take
from postroad.transports.spec import Step, TransportSpec, require_sdk

EXTRA = "aws"
SDK = "aiobotocore"


class _Later:
    """A ``Transport`` that is made at the first message: importing the SDK takes a second, in a thread."""

    def __init__(self, config: SnsConfig | SqsConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._made: Transport | None = None
        self._making = asyncio.Lock()

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        return await (self._made or await self._make()).send(message)

    def endpoint(self, wire_type: str) -> str:  # noqa: ARG002 - a topic or queue takes any type
        """See ``Transport``."""
        return ""

    async def close(self) -> None:
        """See ``Transport``."""
        if self._made is not None:
            await self._made.close()

    async def _make(self) -> Transport:
        async with self._making:
            if self._made is None:
                await asyncio.to_thread(importlib.import_module, "postroad.transports.aws.sending")
                from postroad.transports.aws.sending import AwsSender

                self._made = AwsSender(self._config, self._clock)
            return self._made


def open_sender(config: SnsConfig | SqsConfig, egress: EgressClient, clock: Clock) -> Transport:  # noqa: ARG001 - the SDK's own
    """See ``TransportSpec.open``."""
    require_sdk(EXTRA, SDK)
    return _Later(config, clock)


async def probe_sender(
    config: SnsConfig | SqsConfig,
    egress: EgressClient,  # noqa: ARG001 - the SDK has its own way out
    clock: Clock,
    message: Message | None = None,
) -> tuple[Step, ...]:
    """See ``TransportSpec.probe``: who we are; then, with a message, sending it."""
    require_sdk(EXTRA, SDK)
    ours = "the access key given" if config.access_key is not None else "the machine's own, or the profile's"
    steps = [Step(name="credentials", ok=True, detail=ours)]
    if message is not None:
        transport = _Later(config, clock)
        try:
            steps.append(_told(await transport.send(message)))
        finally:
            await transport.close()
    return tuple(steps)


def _told(outcome: Outcome) -> Step:
    if isinstance(outcome, Delivered):
        return Step(name="answer", ok=True, detail=f"taken in {outcome.elapsed_s * 1000:.0f} ms")
    status = "" if outcome.status is None else f" {outcome.status}"
    return Step(name="answer", ok=False, detail=f"{outcome.reason}{status}: {outcome.detail}")


class _ReceiverLater:
    """A ``Receiver`` that is made when it runs; see ``_Later``."""

    def __init__(self, config: SqsReceiveConfig, means: ReceiverMeans) -> None:
        self._config = config
        self._means = means

    async def run(self, take: Take) -> None:
        """See ``Receiver``."""
        await asyncio.to_thread(importlib.import_module, "postroad.transports.aws.receiving")
        from postroad.transports.aws.receiving import SqsReceiver

        await SqsReceiver(self._config, self._means).run(take)


def open_receiver(config: SqsReceiveConfig, means: ReceiverMeans) -> Receiver:
    """See ``ReceiverSpec.open``."""
    require_sdk(EXTRA, SDK)
    return _ReceiverLater(config, means)


SNS = TransportSpec(
    config_type=SnsConfig,
    max_message_bytes=lambda _config: MAX_MESSAGE_BYTES,
    keyed=lambda config: config.fifo,
    extra=EXTRA,
    open=open_sender,
    probe=probe_sender,
)
SQS = TransportSpec(
    config_type=SqsConfig,
    max_message_bytes=lambda _config: MAX_MESSAGE_BYTES,
    keyed=lambda config: config.fifo,
    extra=EXTRA,
    open=open_sender,
    probe=probe_sender,
)
SQS_RECEIVER = ReceiverSpec(config_type=SqsReceiveConfig, open=open_receiver, extra=EXTRA)
SNS_PUSH = PushSpec(config_type=SnsPushConfig, open=SnsPush, max_body_bytes=MAX_BODY_BYTES)
