"""Transports: how bytes reach a destination. They know nothing of telematics."""

from collections.abc import Mapping

from postroad.transports.aws.opening import SNS, SNS_PUSH, SQS, SQS_RECEIVER
from postroad.transports.azure.event_grid import EVENT_GRID
from postroad.transports.azure.event_grid_push import EVENT_GRID_PUSH
from postroad.transports.azure.event_hubs import EVENT_HUBS
from postroad.transports.azure.event_hubs_receive import EVENT_HUBS_RECEIVER
from postroad.transports.azure.service_bus import SERVICE_BUS
from postroad.transports.azure.service_bus_receive import SERVICE_BUS_RECEIVER
from postroad.transports.https import HttpsConfig, open_https
from postroad.transports.probe import probe_https
from postroad.transports.pubsub.config import MAX_MESSAGE_BYTES, PubSubConfig, PubSubPullConfig, PubSubPushConfig
from postroad.transports.pubsub.opening import EXTRA, open_pubsub, open_pull, probe_pubsub
from postroad.transports.pubsub.push import MAX_BODY_BYTES, PubSubPush
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
    "service_bus": SERVICE_BUS,
    "event_hubs": EVENT_HUBS,
    "event_grid": EVENT_GRID,
    "sns": SNS,
    "sqs": SQS,
}
"""By the name that a destination's ``transport`` gives."""

RECEIVERS: dict[str, ReceiverSpec] = {
    "pubsub": ReceiverSpec(config_type=PubSubPullConfig, open=open_pull, extra=EXTRA),
    "service_bus": SERVICE_BUS_RECEIVER,
    "event_hubs": EVENT_HUBS_RECEIVER,
    "sqs": SQS_RECEIVER,
}
"""By the name that the ``transport`` of a provider's ``receive`` gives, where the hub goes and asks for messages."""

PUSHES: dict[str, PushSpec] = {
    "pubsub_push": PushSpec(config_type=PubSubPushConfig, open=PubSubPush, max_body_bytes=MAX_BODY_BYTES),
    "event_grid": EVENT_GRID_PUSH,
    "sns": SNS_PUSH,
}
"""The same, where a service brings them by HTTP. No name is in both."""
