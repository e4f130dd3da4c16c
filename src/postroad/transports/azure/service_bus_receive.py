"""Azure Service Bus, in: what an operator writes to have a queue's or a subscription's messages taken in."""

from typing import Annotated

from msgspec import Meta

from postroad.transports.azure.namespace import ENTITY, NamespaceConfig, entity_of
from postroad.transports.later import LaterReceiver
from postroad.transports.receiving import Receiver, ReceiverMeans, ReceiverSpec
from postroad.transports.spec import require_sdk

_Entity = Annotated[str, Meta(pattern=ENTITY, max_length=260)]


class ServiceBusReceiveConfig(NamespaceConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``config`` of a provider's ``receive`` with ``transport: service_bus``."""

    queue: Annotated[_Entity | None, Meta(description="The queue; not needed if the connection string names it.")] = (
        None
    )
    topic: Annotated[_Entity | None, Meta(description="In place of queue: the topic, with subscription.")] = None
    subscription: Annotated[
        Annotated[str, Meta(pattern=ENTITY, max_length=50)] | None, Meta(description="The topic's subscription.")
    ] = None
    sessions: Annotated[
        bool, Meta(description="The entity has sessions: several are read at once, each in its order.")
    ] = False
    sessions_at_once: Annotated[int, Meta(ge=1, le=64, description="Sessions that are read at the same time.")] = 8

    def __post_init__(self) -> None:
        """See ``NamespaceConfig``; and one entity."""
        super().__post_init__()
        if self.queue is not None and (self.topic is not None or self.subscription is not None):
            raise ValueError("give either queue, or topic and subscription")
        if self.topic is not None and self.subscription is None:
            raise ValueError("topic goes with subscription")
        _ = self.entity

    @property
    def entity(self) -> str:
        """The queue or topic."""
        return entity_of(self.queue or self.topic, self, "queue or topic")


def open_service_bus_receiver(config: ServiceBusReceiveConfig, means: ReceiverMeans) -> Receiver:
    """See ``ReceiverSpec.open``."""
    require_sdk("azure", "azure.servicebus")

    def make() -> Receiver:
        from postroad.transports.azure.service_bus_receiving import ServiceBusReceiver

        return ServiceBusReceiver(config, means)

    return LaterReceiver("postroad.transports.azure.service_bus_receiving", make)


SERVICE_BUS_RECEIVER = ReceiverSpec(config_type=ServiceBusReceiveConfig, open=open_service_bus_receiver, extra="azure")
