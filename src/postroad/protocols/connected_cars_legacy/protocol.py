"""Connected Cars' legacy push as the hub sees it."""

from collections.abc import Mapping, Sequence

import msgspec

from postroad.model.events import Event, Header
from postroad.model.identifiers import LEGACY_CAR_ID
from postroad.protocols.base import Item, Outgoing
from postroad.protocols.connected_cars_legacy.contract import CONTRACT
from postroad.protocols.connected_cars_legacy.encode import bulk
from postroad.protocols.connected_cars_legacy.events import events
from postroad.protocols.connected_cars_legacy.messages import KINDS, SLOTS
from postroad.protocols.connected_cars_legacy.options import LegacySettings, Options
from postroad.protocols.connected_cars_legacy.read import read
from postroad.protocols.connected_cars_legacy.write import write
from postroad.protocols.contract import Contract


class ConnectedCarsLegacy:
    """See ``SourceProtocol`` and ``TargetProtocol``."""

    name = "connected_cars_legacy"
    kinds: Sequence[str] = KINDS
    settings_type: type[msgspec.Struct] = LegacySettings
    slots: Mapping[str, int] = SLOTS
    options_type: type[msgspec.Struct] = Options
    issued_namespace: str = LEGACY_CAR_ID
    contracts: Mapping[str, Contract] = dict.fromkeys(SLOTS, CONTRACT)
    content_type = "application/json"

    def read(self, raw: bytes, settings: LegacySettings) -> Item:
        """See ``SourceProtocol``."""
        return read(raw, settings)

    def events(self, item: Item, header: Header, settings: LegacySettings) -> tuple[Event, ...]:
        """See ``SourceProtocol``."""
        return events(item, header, settings)

    def write(self, event: Event, *, vehicle_id: int | str, position: int, options: Options) -> list[Outgoing]:  # noqa: ARG002 - no message has an id
        """See ``TargetProtocol``. The id may be text: here a ``carId`` is."""
        return write(event, car_id=str(vehicle_id), options=options)

    def bulk(self, bodies: Sequence[bytes]) -> bytes:
        """See ``TargetProtocol``."""
        return bulk(bodies)

    def late(self, body: bytes) -> bytes:
        """See ``TargetProtocol``: lateness is not said here."""
        return body


PROTOCOL = ConnectedCarsLegacy()
