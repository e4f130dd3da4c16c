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
from postroad.transports.pubsub.opening import PUBSUB, PUBSUB_PUSH, PUBSUB_RECEIVER
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
    "pubsub": PUBSUB,
    "service_bus": SERVICE_BUS,
    "event_hubs": EVENT_HUBS,
    "event_grid": EVENT_GRID,
    "sns": SNS,
    "sqs": SQS,
}
"""By the name that a destination's ``transport`` gives."""

RECEIVERS: dict[str, ReceiverSpec] = {
    "pubsub": PUBSUB_RECEIVER,
    "service_bus": SERVICE_BUS_RECEIVER,
    "event_hubs": EVENT_HUBS_RECEIVER,
    "sqs": SQS_RECEIVER,
}
"""By the name that the ``transport`` of a provider's ``receive`` gives, where the hub goes and asks for messages."""

PUSHES: dict[str, PushSpec] = {
    "pubsub_push": PUBSUB_PUSH,
    "event_grid": EVENT_GRID_PUSH,
    "sns": SNS_PUSH,
}
"""The same, where a service brings them by HTTP. No name is in both."""
