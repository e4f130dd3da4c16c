"""Connected Cars data streams as the hub sees them."""

from collections.abc import Mapping, Sequence

import msgspec

from postroad.model.events import Event, Header
from postroad.protocols.base import Contract, Item, Outgoing, RetryPolicy
from postroad.protocols.connected_cars.bulk import join_bulk
from postroad.protocols.connected_cars.events import NAME, events
from postroad.protocols.connected_cars.options import Options
from postroad.protocols.connected_cars.read import read
from postroad.protocols.connected_cars.settings import ConnectedCarsSettings
from postroad.protocols.connected_cars.slots import SLOTS
from postroad.protocols.connected_cars.wire import KINDS
from postroad.protocols.connected_cars.write import write

CONTRACT = Contract(
    name=NAME,
    order="bulk",
    success=(200, 299),
    max_items=1_000,
    item_ceiling=10_000,
    retry=RetryPolicy(first_waits_s=(20.0, 20.0, 20.0), then_s=120.0, cap_s=3600.0),
)
"""A bulk goes through whole before the next one is sent. Neither schedule nor sizes are documented for the data
streams: these are those of the vendor's older feed."""


class ConnectedCars:
    """See ``SourceProtocol`` and ``TargetProtocol``: it is both."""

    name = NAME
    kinds: Sequence[str] = KINDS
    settings_type: type[msgspec.Struct] = ConnectedCarsSettings
    slots: Mapping[str, int] = SLOTS
    options_type: type[msgspec.Struct] = Options
    issued_namespace = "connected_cars.vehicle_id"
    contract = CONTRACT
    content_type = "application/json"

    def read(self, raw: bytes, settings: ConnectedCarsSettings) -> Item:
        """See ``SourceProtocol``. ``raw`` is one element of a bulk; ``split_bulk`` cuts one up."""
        return read(raw, settings)

    def events(self, item: Item, header: Header, settings: ConnectedCarsSettings) -> tuple[Event, ...]:
        """See ``SourceProtocol``."""
        return events(item, header, settings)

    def write(
        self,
        event: Event,
        *,
        vehicle_id: int,
        position: int,
        options: Options,
        fleet_id: int | None = None,
        vin: str | None = None,
    ) -> list[Outgoing]:
        """See ``TargetProtocol``, and ``write`` for what is said only with the last two."""
        return write(event, vehicle_id=vehicle_id, position=position, options=options, fleet_id=fleet_id, vin=vin)

    def bulk(self, bodies: Sequence[bytes]) -> bytes:
        """See ``TargetProtocol``."""
        return join_bulk(bodies)


PROTOCOL = ConnectedCars()
