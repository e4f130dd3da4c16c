"""Connected Cars data streams as the hub sees them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from postroad.model.events import Event, Header
from postroad.model.identifiers import Issue
from postroad.protocols.base import Addressing, Item, Outgoing
from postroad.protocols.connected_cars.bulk import join_bulk
from postroad.protocols.connected_cars.contract import CONTRACT
from postroad.protocols.connected_cars.events import NAME, events
from postroad.protocols.connected_cars.options import Options
from postroad.protocols.connected_cars.read import VEHICLE, read
from postroad.protocols.connected_cars.settings import ConnectedCarsSettings
from postroad.protocols.connected_cars.slots import ADMIN_TYPES, SLOTS
from postroad.protocols.connected_cars.wire import KINDS
from postroad.protocols.connected_cars.write import write
from postroad.protocols.contract import Contract

VEHICLE_NUMBER: Final = "connected_cars.vehicle_id"
"""Namespace of the ``vehicleId`` that the hub issues."""
FLEET_NUMBER: Final = "connected_cars.fleet_id"
"""Namespace of the ``fleetId`` that the hub issues."""


class ConnectedCars:
    """See ``SourceProtocol`` and ``TargetProtocol``: it is both."""

    name = NAME
    kinds: Sequence[str] = KINDS
    settings_type: type[msgspec.Struct] = ConnectedCarsSettings
    vehicle_namespaces: Collection[str] = (VEHICLE,)
    slots: Mapping[str, int] = SLOTS
    options_type: type[msgspec.Struct] = Options
    issues: Sequence[Issue] = (
        Issue(VEHICLE_NUMBER, "vehicle"),
        Issue(FLEET_NUMBER, "fleet"),
    )
    contracts: Mapping[str, Contract] = dict.fromkeys(SLOTS, CONTRACT)
    content_type = "application/json"

    def read(self, raw: bytes, settings: ConnectedCarsSettings, kind: int | None = None) -> Item:  # noqa: ARG002 - the body tells its kind
        """See ``SourceProtocol``. ``raw`` is one element of a bulk; ``split_bulk`` cuts one up."""
        return read(raw, settings)

    def events(self, item: Item, header: Header, settings: ConnectedCarsSettings) -> tuple[Event, ...]:
        """See ``SourceProtocol``."""
        return events(item, header, settings)

    def agreed(self, types: Collection[str], options: Options) -> Collection[str]:
        """See ``TargetProtocol``: admin events come with every data stream."""
        return {*types, *ADMIN_TYPES} if options.admin_events else {*types} - {*ADMIN_TYPES}

    def write(self, event: Event, *, to: Addressing, position: int, options: Options) -> list[Outgoing]:
        """See ``TargetProtocol``."""
        return write(event, to=to, position=position, options=options)

    def bulk(self, bodies: Sequence[bytes]) -> bytes:
        """See ``TargetProtocol``."""
        return join_bulk(bodies)

    def late(self, body: bytes) -> bytes:
        """See ``TargetProtocol``: lateness is not said here."""
        return body


PROTOCOL = ConnectedCars()
