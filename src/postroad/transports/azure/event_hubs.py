"""Azure Event Hubs, out: an event for each bulk.

Source   Microsoft, "Azure Event Hubs quotas and limits", and "Partitioning in Event Hubs" for partition keys.
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

_SENDING = "postroad.transports.azure.event_hubs_sending"


class EventHubsConfig(NamespaceConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``config`` of a destination with ``transport: event_hubs``."""

    event_hub: Annotated[
        Annotated[str, Meta(pattern=ENTITY, max_length=256)] | None,
        Meta(description="The event hub; not needed if the connection string names it."),
    ] = None
    partition_keys: Annotated[
        bool, Meta(description="Keep each subject's events in one partition, and so in order; else they are spread.")
    ] = False
    max_message_bytes: Annotated[
        int,
        Meta(ge=16_384, le=20_971_520, description="What the event hub takes: 1 MiB, in the basic tier 256 KiB."),
    ] = 1_048_576

    def __post_init__(self) -> None:
        """See ``NamespaceConfig``; and one entity."""
        super().__post_init__()
        _ = self.entity

    @property
    def entity(self) -> str:
        """Where events are sent."""
        return entity_of(self.event_hub, self, "event_hub")


def open_event_hubs(config: EventHubsConfig, egress: EgressClient, clock: Clock) -> Transport:
    """See ``TransportSpec.open``."""
    require_sdk("azure", "azure.eventhub")
    way = Way(config, egress)

    def make() -> Transport:
        from postroad.transports.azure.event_hubs_sending import open_sending

        return open_sending(config, way, clock)

    return LaterTransport(_SENDING, make)


async def probe_event_hubs(
    config: EventHubsConfig, egress: EgressClient, clock: Clock, message: Message | None = None
) -> tuple[Step, ...]:
    """See ``TransportSpec.probe``."""
    require_sdk("azure", "azure.eventhub")
    await imported(_SENDING)
    from postroad.transports.azure.event_hubs_sending import open_sending

    return await open_sending(config, Way(config, egress), clock).probe(message)


EVENT_HUBS = TransportSpec(
    config_type=EventHubsConfig,
    max_message_bytes=lambda config: config.max_message_bytes - ENVELOPE_BYTES,
    keyed=lambda config: config.partition_keys,
    extra="azure",
    open=open_event_hubs,
    probe=probe_event_hubs,
)
