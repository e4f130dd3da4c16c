"""What the schema's object types are in Python: a field ``fleetId`` there is an attribute ``fleet_id`` here.

The paged types are ``paging.Page``. Fields that cost something have a resolver of their own instead (``operations``).
"""

from collections.abc import Mapping, Sequence

import msgspec

from postroad.registry.records import Destination, Subscription

PUBLISHED_TYPES: Mapping[str, str] = {"pubsub": "google-pubsub"}
"""Transport -> ``destinationType`` in the vendor's sample. Nothing is published of the others: they have our names."""


class IntegrationVehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that an integration has access to."""

    id: int
    """The issued number."""
    vin: str | None
    fleet_id: int | None
    """The issued number of the fleet that gave access; None: the vehicle did by itself."""
    license_plate: str | None
    unit_serial: str | None = None
    unit_provider: str | None = None
    make: str | None = None
    model: str | None = None
    # The registry knows none of the last four: providers do not say them, or only in what is passed on.


class VehicleDataStream(msgspec.Struct, frozen=True, kw_only=True):
    """A stream of a vehicle."""

    id: int
    vehicle_id: int
    """The issued number."""
    integration_topic_id: int
    reference_url: str | None


class IntegrationTopic:
    """A subscription, as its integration sees it."""

    def __init__(self, subscription: Subscription, destination: Destination) -> None:
        """Of one view of the registry."""
        self.subscription = subscription
        self.id = subscription.id
        self.name = subscription.name
        self.integration_id = subscription.integration_id
        self.destination_type = PUBLISHED_TYPES.get(destination.transport, destination.transport)
        self.destination_context = {"name": destination.name}
        self.parameters: Sequence[str] = subscription.types
        self.protocol = subscription.protocol
        self.state = subscription.state.upper()
        self.paused_reason = subscription.paused_reason
        self.paused_at = subscription.paused_us


class TopicLag(msgspec.Struct, frozen=True, kw_only=True):
    """What a topic may have and has not got. Instants are microseconds since 1970, here and below."""

    events: int
    complete: bool
    """False: at least so many."""
    oldest_received_at: int | None


class DeliveryAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk that failed, or some in a row that were confirmed. Without positions: they tell of others' events."""

    succeeded: bool
    bulks: int
    events: int
    first_at: int
    last_at: int
    min_elapsed_ms: float
    max_elapsed_ms: float
    attempt: int | None
    reason: str | None
    status: int | None
    detail: str | None
    request_id: str | None


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that its contract gave up."""

    id: int
    type: str | None
    vehicle_id: int | None
    received_at: int
    died_at: int
    attempts: int
    reason: str
    status: int | None
    detail: str
    bytes: int


class NewStream(msgspec.Struct, frozen=True):
    """An ``AddVehicleDataStreamInput``."""

    vehicle_id: int
    integration_topic_id: int
    reference_url: str | None = None


class StreamUpdate(msgspec.Struct, frozen=True):
    """An ``UpdateVehicleDataStreamInput``."""

    id: int
    reference_url: str | None = None


class VehicleIds(msgspec.Struct, frozen=True):
    """A ``DeleteAllVehicleDataStreamsInput``."""

    vehicle_ids: Sequence[int]


class IntegrationAccess(msgspec.Struct, frozen=True):
    """An ``IntegrationAccessInput``."""

    integration_id: int
    fleet_id: int | None = None
    vehicle_id: int | None = None
