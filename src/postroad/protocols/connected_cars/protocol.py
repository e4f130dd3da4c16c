"""Connected Cars data streams as the hub sees them."""

from collections.abc import Mapping, Sequence

import msgspec

from postroad.model.events import Event
from postroad.protocols.base import Contract, Outgoing, RetryPolicy
from postroad.protocols.connected_cars.options import Options
from postroad.protocols.connected_cars.slots import SLOTS
from postroad.protocols.connected_cars.wire import bulk
from postroad.protocols.connected_cars.write import write

CONTRACT = Contract(
    name="connected_cars",
    order="bulk",
    success=(200, 299),
    max_items=1_000,
    item_ceiling=10_000,
    retry=RetryPolicy(first_waits_s=(20.0, 20.0, 20.0), then_s=120.0, cap_s=3600.0),
)
"""A bulk goes through whole before the next one is sent. Neither schedule nor sizes are documented for the data
streams: these are those of the vendor's older feed."""


class ConnectedCars:
    """See ``TargetProtocol``."""

    name = "connected_cars"
    slots: Mapping[str, int] = SLOTS
    options_type: type[msgspec.Struct] = Options
    issued_namespace = "connected_cars.vehicle_id"
    contract = CONTRACT
    content_type = "application/json"

    def write(self, event: Event, *, vehicle_id: int, position: int, options: Options) -> list[Outgoing]:
        """See ``TargetProtocol``."""
        return write(event, vehicle_id=vehicle_id, position=position, options=options)

    def bulk(self, bodies: Sequence[bytes]) -> bytes:
        """See ``TargetProtocol``."""
        return bulk(bodies)


PROTOCOL = ConnectedCars()
