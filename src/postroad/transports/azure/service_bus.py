"""Azure Service Bus, out: a message to a queue or topic for each bulk.

Source   Microsoft, "Service Bus messaging": sizes in "quotas"; sessions in "message sessions".
"""

from typing import Annotated

from msgspec import Meta

from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.transports.azure.namespace import ENTITY, ENVELOPE_BYTES, NamespaceConfig, entity_of
from postroad.transports.azure.way import Way
from postroad.transports.base import Message, Transport
from postroad.transports.later import LaterTransport, imported
from postroad.transports.spec import Step, TransportSpec, require_sdk

_SENDING = "postroad.transports.azure.service_bus_sending"
_Entity = Annotated[str, Meta(pattern=ENTITY, max_length=260)]


class ServiceBusConfig(NamespaceConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``config`` of a destination with ``transport: service_bus``."""

    queue: Annotated[_Entity | None, Meta(description="The queue; not needed if the connection string names it.")] = (
        None
    )
    topic: Annotated[_Entity | None, Meta(description="In place of queue: the topic.")] = None
    sessions: Annotated[
        bool, Meta(description="Put each subject's messages into a session of its own, which keeps their order.")
    ] = False
    max_message_bytes: Annotated[
        int,
        Meta(ge=16_384, le=104_857_600, description="What the entity takes: 256 KiB, or more in the premium tier."),
    ] = 262_144

    def __post_init__(self) -> None:
        """See ``NamespaceConfig``; and one entity."""
        super().__post_init__()
        if self.queue is not None and self.topic is not None:
            raise ValueError("give either queue or topic")
        _ = self.entity

    @property
    def entity(self) -> str:
        """Where messages are sent."""
        return entity_of(self.queue or self.topic, self, "queue or topic")


def open_service_bus(config: ServiceBusConfig, egress: EgressClient, clock: Clock) -> Transport:
    """See ``TransportSpec.open``."""
    require_sdk("azure", "azure.servicebus")
    way = Way(config, egress)

    def make() -> Transport:
        from postroad.transports.azure.service_bus_sending import open_sending

        return open_sending(config, way, clock)

    return LaterTransport(_SENDING, make)


async def probe_service_bus(
    config: ServiceBusConfig, egress: EgressClient, clock: Clock, message: Message | None = None
) -> tuple[Step, ...]:
    """See ``TransportSpec.probe``."""
    require_sdk("azure", "azure.servicebus")
    await imported(_SENDING)
    from postroad.transports.azure.service_bus_sending import open_sending

    return await open_sending(config, Way(config, egress), clock).probe(message)


SERVICE_BUS = TransportSpec(
    config_type=ServiceBusConfig,
    max_message_bytes=lambda config: config.max_message_bytes - ENVELOPE_BYTES,
    keyed=lambda config: config.sessions,
    extra="azure",
    open=open_service_bus,
    probe=probe_service_bus,
)
