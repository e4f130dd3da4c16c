"""What the hub opens of SNS and SQS, and how it tries a topic or queue out. The SDK is imported only when asked."""

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
from postroad.transports.base import Message, Transport
from postroad.transports.later import LaterReceiver, LaterTransport, probed
from postroad.transports.receiving import PushSpec, Receiver, ReceiverMeans, ReceiverSpec
from postroad.transports.spec import Step, TransportSpec, require_sdk

EXTRA = "aws"
SDK = "aiobotocore"

_SENDING = "postroad.transports.aws.sending"
_RECEIVING = "postroad.transports.aws.receiving"


def _later(config: SnsConfig | SqsConfig, clock: Clock) -> LaterTransport:
    def make() -> Transport:
        from postroad.transports.aws.sending import AwsSender

        return AwsSender(config, clock)

    return LaterTransport(_SENDING, make)


def open_sender(config: SnsConfig | SqsConfig, egress: EgressClient, clock: Clock) -> Transport:  # noqa: ARG001 - the SDK's own
    """See ``TransportSpec.open``."""
    require_sdk(EXTRA, SDK)
    return _later(config, clock)


async def probe_sender(
    config: SnsConfig | SqsConfig,
    egress: EgressClient,  # noqa: ARG001 - the SDK has its own way out
    clock: Clock,
    message: Message | None = None,
) -> tuple[Step, ...]:
    """See ``TransportSpec.probe``: who we are; then, with a message, sending it."""
    require_sdk(EXTRA, SDK)
    ours = "the access key given" if config.access_key is not None else "the machine's own, or the profile's"
    role = "" if config.role_arn is None else f", for {config.role_arn}"
    steps = [Step(name="credentials", ok=True, detail=ours + role)]
    return await probed(steps, _later(config, clock), message)


def open_receiver(config: SqsReceiveConfig, means: ReceiverMeans) -> Receiver:
    """See ``ReceiverSpec.open``."""
    require_sdk(EXTRA, SDK)

    def make() -> Receiver:
        from postroad.transports.aws.receiving import SqsReceiver

        return SqsReceiver(config, means)

    return LaterReceiver(_RECEIVING, make)


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
