"""Azure Event Grid, out: an event to a custom topic for each bulk, in Event Grid's schema or as a CloudEvent.

Sources  Microsoft, "Azure Event Grid event schema", "CloudEvents v1.0 schema with Azure Event Grid", and "Quotas and
         limits": 1 MB for all events of a request.

Event Grid carries JSON: an event's ``data`` is what the bulk says, not its bytes. There is no order.
"""

from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.transports.auth import Secret
from postroad.transports.azure.identity import ClientSecretIdentity, Identity
from postroad.transports.azure.namespace import ENVELOPE_BYTES
from postroad.transports.base import Message, Transport
from postroad.transports.later import LaterTransport, imported
from postroad.transports.spec import Step, TransportSpec, require_sdk

MAX_REQUEST_BYTES = 1_048_576
_PUBLISHING = "postroad.transports.azure.event_grid_publishing"
_Seconds = Annotated[float, Meta(gt=0, le=600)]


class EventGridConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``config`` of a destination with ``transport: event_grid``."""

    endpoint: Annotated[
        str, Meta(description="The topic's endpoint, `https://<topic>.<region>-1.eventgrid.azure.net/api/events`.")
    ]
    topic_key: Annotated[Secret | None, Meta(description="An access key of the topic.")] = None
    identity: Annotated[Identity | None, Meta(description="In its place: an identity of Microsoft Entra ID.")] = None
    schema: Annotated[Literal["event_grid", "cloud_events"], Meta(description="The topic's input schema.")] = (
        "event_grid"
    )
    event_type: Annotated[
        str | None,
        Meta(description="`eventType` or `type`; without it the protocol's own name of the event."),
    ] = None
    subject: Annotated[str, Meta(min_length=1, description="`subject` of every event.")] = "postroad"
    source: Annotated[str, Meta(min_length=1, description="`source` of CloudEvents, a URI.")] = "urn:postroad"
    data_version: Annotated[str, Meta(description="`dataVersion` of Event Grid's schema.")] = "1.0"
    ca_file: Annotated[
        str | None, Meta(description="PEM file of certificate authorities to trust beside the system's.")
    ] = None
    timeout_s: Annotated[_Seconds, Meta(description="For one request and its whole answer, in seconds.")] = 30.0
    connect_timeout_s: Annotated[_Seconds, Meta(description="For TCP and TLS to one address, in seconds.")] = 10.0

    def __post_init__(self) -> None:
        """One way to say who; an endpoint that can be asked. The address behind it egress checks."""
        if (self.topic_key is None) == (self.identity is None):
            raise ValueError("give either topic_key or identity")
        parsed = urlsplit(self.endpoint)
        if parsed.scheme != "https" or not parsed.hostname or parsed.query:
            raise ValueError("endpoint is not of the form https://<topic>.<region>-1.eventgrid.azure.net/api/events")

    def secrets(self) -> Iterator[str]:
        """What must not appear in a detail."""
        if self.topic_key is not None:
            yield self.topic_key
        if isinstance(self.identity, ClientSecretIdentity):
            yield self.identity.client_secret

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"EventGridConfig(endpoint={self.endpoint!r}, schema={self.schema!r}, subject={self.subject!r})"


def open_event_grid(config: EventGridConfig, egress: EgressClient, clock: Clock) -> Transport:
    """See ``TransportSpec.open``."""
    require_sdk("azure", "azure.eventgrid")
    egress.context(config.ca_file)  # which raises, if that cannot be used

    def make() -> Transport:
        from postroad.transports.azure.event_grid_publishing import EventGrid

        return EventGrid(config, egress, clock)

    return LaterTransport(_PUBLISHING, make)


async def probe_event_grid(
    config: EventGridConfig, egress: EgressClient, clock: Clock, message: Message | None = None
) -> tuple[Step, ...]:
    """See ``TransportSpec.probe``."""
    require_sdk("azure", "azure.eventgrid")
    await imported(_PUBLISHING)
    from postroad.transports.azure.event_grid_publishing import EventGrid

    return await EventGrid(config, egress, clock).probe(message)


EVENT_GRID = TransportSpec(
    config_type=EventGridConfig,
    max_message_bytes=lambda _config: MAX_REQUEST_BYTES - 2 * ENVELOPE_BYTES,
    extra="azure",
    open=open_event_grid,
    probe=probe_event_grid,
)
