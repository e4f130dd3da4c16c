"""Transports: how bytes reach a destination. They know nothing of telematics."""

from collections.abc import Mapping

from postroad.transports.https import HttpsConfig, open_https
from postroad.transports.probe import probe_https
from postroad.transports.pubsub.config import MAX_MESSAGE_BYTES, PubSubConfig, PubSubPullConfig, PubSubPushConfig
from postroad.transports.pubsub.opening import EXTRA, open_pubsub, open_pull, probe_pubsub
from postroad.transports.pubsub.push import PubSubPush
from postroad.transports.receiving import PushSpec, ReceiverSpec
from postroad.transports.spec import Step, TransportSpec

__all__ = ["PUSHES", "RECEIVERS", "TRANSPORTS", "Step", "TransportSpec"]

TRANSPORTS: Mapping[str, TransportSpec] = {
    "https": TransportSpec(
        config_type=HttpsConfig,
        types=lambda config: config.types,
        stores=lambda config: config.storage is not None,
        open=open_https,
        probe=probe_https,
    ),
    "pubsub": TransportSpec(
        config_type=PubSubConfig,
        max_message_bytes=lambda _config: MAX_MESSAGE_BYTES,
        keyed=lambda config: config.ordering_keys,
        extra=EXTRA,
        open=open_pubsub,
        probe=probe_pubsub,
    ),
}
"""By the name that a destination's ``transport`` gives."""

RECEIVERS: dict[str, ReceiverSpec] = {
    "pubsub": ReceiverSpec(config_type=PubSubPullConfig, open=open_pull, extra=EXTRA),
}
"""By the name that the ``transport`` of a provider's ``receive`` gives, where the hub goes and asks for messages."""

PUSHES: dict[str, PushSpec] = {
    "pubsub_push": PushSpec(config_type=PubSubPushConfig, open=PubSubPush),
}
"""The same, where a service brings them by HTTP. No name is in both."""
