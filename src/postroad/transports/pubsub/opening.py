"""What the hub opens of Pub/Sub, and how it tries a topic out. Google's SDK is imported here, and only when asked."""

import asyncio

from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.errors import ConfigError
from postroad.transports.base import Message, Transport
from postroad.transports.later import LaterReceiver, LaterTransport, imported, probed
from postroad.transports.pubsub.config import MAX_MESSAGE_BYTES, PubSubConfig, PubSubPullConfig, PubSubPushConfig
from postroad.transports.pubsub.push import MAX_BODY_BYTES, PubSubPush
from postroad.transports.receiving import PushSpec, Receiver, ReceiverMeans, ReceiverSpec
from postroad.transports.spec import Step, TransportSpec, require_sdk

EXTRA = "gcp"
SDK = "google.pubsub_v1"


_ACCESS = "postroad.transports.pubsub.access"
_PUBLISH = "postroad.transports.pubsub.publish"
_PULL = "postroad.transports.pubsub.pull"


def _later(config: PubSubConfig, clock: Clock) -> LaterTransport:
    def make() -> Transport:
        from postroad.transports.pubsub.publish import PubSubPublisher

        return PubSubPublisher(config, clock)

    return LaterTransport(_PUBLISH, make)


def open_pubsub(config: PubSubConfig, egress: EgressClient, clock: Clock) -> Transport:  # noqa: ARG001 - the SDK's own
    """See ``TransportSpec.open``."""
    require_sdk(EXTRA, SDK)
    return _later(config, clock)


async def probe_pubsub(
    config: PubSubConfig,
    egress: EgressClient,  # noqa: ARG001 - the SDK has its own way out
    clock: Clock,
    message: Message | None = None,
) -> tuple[Step, ...]:
    """See ``TransportSpec.probe``: the credentials, then, with a message, publishing it."""
    require_sdk(EXTRA, SDK)
    await imported(_ACCESS)
    from postroad.transports.pubsub.access import credentials_of

    try:
        if not config.plaintext:
            await asyncio.to_thread(credentials_of, config, "Publisher")
    except ConfigError as exc:
        return (Step(name="credentials", ok=False, detail=str(exc)),)
    held = "none are sent in plaintext" if config.plaintext else "can be used"
    return await probed([Step(name="credentials", ok=True, detail=held)], _later(config, clock), message)


def open_pull(config: PubSubPullConfig, means: ReceiverMeans) -> Receiver:
    """See ``ReceiverSpec.open``."""
    require_sdk(EXTRA, SDK)

    def make() -> Receiver:
        from postroad.transports.pubsub.pull import PubSubPull

        return PubSubPull(config, means)

    return LaterReceiver(_PULL, make)


PUBSUB = TransportSpec(
    config_type=PubSubConfig,
    max_message_bytes=lambda _config: MAX_MESSAGE_BYTES,
    keyed=lambda config: config.ordering_keys,
    extra=EXTRA,
    open=open_pubsub,
    probe=probe_pubsub,
)
PUBSUB_RECEIVER = ReceiverSpec(config_type=PubSubPullConfig, open=open_pull, extra=EXTRA)
PUBSUB_PUSH = PushSpec(config_type=PubSubPushConfig, open=PubSubPush, max_body_bytes=MAX_BODY_BYTES)
