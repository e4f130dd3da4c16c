"""Azure Event Hubs, in: what an operator writes to have an event hub's events taken in."""

from typing import Annotated, Literal

from msgspec import Meta

from postroad.transports.azure.namespace import ENTITY, NamespaceConfig, entity_of
from postroad.transports.later import LaterReceiver
from postroad.transports.receiving import Receiver, ReceiverMeans, ReceiverSpec
from postroad.transports.spec import require_sdk


class EventHubsReceiveConfig(NamespaceConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``config`` of a provider's ``receive`` with ``transport: event_hubs``."""

    event_hub: Annotated[
        Annotated[str, Meta(pattern=ENTITY, max_length=256)] | None,
        Meta(description="The event hub; not needed if the connection string names it."),
    ] = None
    consumer_group: Annotated[
        str, Meta(min_length=1, max_length=50, description="Ours alone: a group's readers share its partitions.")
    ] = "$Default"
    start: Annotated[
        Literal["beginning", "now"],
        Meta(description="Where to begin what was never read: at the oldest event, or now."),
    ] = "beginning"

    def __post_init__(self) -> None:
        """See ``NamespaceConfig``; and one entity."""
        super().__post_init__()
        _ = self.entity

    @property
    def entity(self) -> str:
        """The event hub."""
        return entity_of(self.event_hub, self, "event_hub")


def open_event_hubs_receiver(config: EventHubsReceiveConfig, means: ReceiverMeans) -> Receiver:
    """See ``ReceiverSpec.open``."""
    require_sdk("azure", "azure.eventhub")

    def make() -> Receiver:
        from postroad.transports.azure.event_hubs_receiving import EventHubsReceiver

        return EventHubsReceiver(config, means)

    return LaterReceiver("postroad.transports.azure.event_hubs_receiving", make)


EVENT_HUBS_RECEIVER = ReceiverSpec(config_type=EventHubsReceiveConfig, open=open_event_hubs_receiver, extra="azure")
