"""Connected Cars data streams as the hub sees them."""

from collections.abc import Mapping, Sequence

import msgspec

from postroad.model.events import Event
from postroad.protocols.base import Outgoing
from postroad.protocols.connected_cars.contract import CONTRACT
from postroad.protocols.connected_cars.options import Options
from postroad.protocols.connected_cars.slots import SLOTS
from postroad.protocols.connected_cars.wire import bulk
from postroad.protocols.connected_cars.write import write
from postroad.protocols.contract import Contract


class ConnectedCars:
    """See ``TargetProtocol``."""

    name = "connected_cars"
    slots: Mapping[str, int] = SLOTS
    options_type: type[msgspec.Struct] = Options
    issued_namespace = "connected_cars.vehicle_id"
    contracts: Mapping[str, Contract] = dict.fromkeys(SLOTS, CONTRACT)
    content_type = "application/json"

    def write(self, event: Event, *, vehicle_id: int, position: int, options: Options) -> list[Outgoing]:
        """See ``TargetProtocol``."""
        return write(event, vehicle_id=vehicle_id, position=position, options=options)

    def bulk(self, bodies: Sequence[bytes]) -> bytes:
        """See ``TargetProtocol``."""
        return bulk(bodies)

    def late(self, body: bytes) -> bytes:
        """See ``TargetProtocol``: lateness is not said here."""
        return body


PROTOCOL = ConnectedCars()
