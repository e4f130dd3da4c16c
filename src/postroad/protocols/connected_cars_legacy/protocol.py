"""Connected Cars' legacy push as the hub sees it."""

from collections.abc import Mapping, Sequence

import msgspec

from postroad.model.events import Event, Header
from postroad.model.identifiers import LEGACY_CAR_ID
from postroad.protocols.base import Contract, Item, Outgoing, RetryPolicy
from postroad.protocols.connected_cars_legacy.encode import bulk
from postroad.protocols.connected_cars_legacy.events import events
from postroad.protocols.connected_cars_legacy.messages import KINDS, SLOTS
from postroad.protocols.connected_cars_legacy.options import LegacySettings, Options
from postroad.protocols.connected_cars_legacy.read import read
from postroad.protocols.connected_cars_legacy.write import write

CONTRACT = Contract(
    name="connected_cars_legacy",
    order="bulk",
    success=(200, 200),
    max_items=1_000,
    item_ceiling=10_000,
    retry=RetryPolicy(first_waits_s=(20.0, 20.0, 20.0), then_s=120.0, cap_s=3600.0),
)
"""The vendor's: 200 and nothing else is success; 10,000 messages at most; three times after 20 s, then from two minutes
on. Ours: the factor 2 and the hour at which the waits stop growing."""


class ConnectedCarsLegacy:
    """See ``SourceProtocol`` and ``TargetProtocol``."""

    name = "connected_cars_legacy"
    kinds: Sequence[str] = KINDS
    settings_type: type[msgspec.Struct] = LegacySettings
    slots: Mapping[str, int] = SLOTS
    options_type: type[msgspec.Struct] = Options
    issued_namespace: str = LEGACY_CAR_ID
    contract = CONTRACT
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


PROTOCOL = ConnectedCarsLegacy()
