"""Connected Cars' legacy push as the hub sees it."""

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from postroad.model.events import Event, Header
from postroad.model.identifiers import LEGACY_CAR_ID, LEGACY_USER_ID, Issue
from postroad.protocols.base import Addressing, Item, Outgoing
from postroad.protocols.connected_cars_legacy.contract import CONTRACT
from postroad.protocols.connected_cars_legacy.encode import bulk
from postroad.protocols.connected_cars_legacy.events import events
from postroad.protocols.connected_cars_legacy.messages import FEED_TYPES, KINDS, SLOTS
from postroad.protocols.connected_cars_legacy.options import LegacySettings, Options
from postroad.protocols.connected_cars_legacy.read import read
from postroad.protocols.connected_cars_legacy.within import within
from postroad.protocols.connected_cars_legacy.write import write
from postroad.protocols.contract import Contract
from postroad.protocols.scoped import Scopes, Unsent


class ConnectedCarsLegacy:
    """See ``SourceProtocol`` and ``ScopedTarget``."""

    name = "connected_cars_legacy"
    kinds: Sequence[str] = KINDS
    settings_type: type[msgspec.Struct] = LegacySettings
    vehicle_namespaces: Collection[str] = (LEGACY_CAR_ID,)
    slots: Mapping[str, int] = SLOTS
    options_type: type[msgspec.Struct] = Options
    issues: Sequence[Issue] = (Issue(LEGACY_CAR_ID, "vehicle", text=True), Issue(LEGACY_USER_ID, "account", text=True))
    contracts: Mapping[str, Contract] = dict.fromkeys(SLOTS, CONTRACT)
    content_type = "application/json"

    def read(self, raw: bytes, settings: LegacySettings, kind: int | None = None) -> Item:  # noqa: ARG002 - the body tells its kind
        """See ``SourceProtocol``."""
        return read(raw, settings)

    def events(self, item: Item, header: Header, settings: LegacySettings) -> tuple[Event, ...]:
        """See ``SourceProtocol``."""
        return events(item, header, settings)

    def agreed(self, types: Collection[str], options: Options) -> Collection[str]:
        """See ``TargetProtocol``: a subscription is one of the two feeds and gets no message of the other."""
        return {name for name in types if name in FEED_TYPES[options.feed]}

    def write(self, event: Event, *, to: Addressing, position: int, options: Options) -> list[Outgoing]:  # noqa: ARG002 - no message has an id
        """See ``TargetProtocol``."""
        if to.scopes is not None:
            options = msgspec.structs.replace(options, scopes=options.scopes & to.scopes)
        return write(event, car_id=None if to.vehicle_id is None else str(to.vehicle_id), options=options)

    def within(
        self, event: Outgoing, *, options: Options, scopes: Scopes, vehicles: Callable[[], Mapping[str, Scopes]]
    ) -> Outgoing | Unsent:
        """See ``ScopedTarget``."""
        return within(event, options=options, scopes=scopes, vehicles=vehicles)

    def bulk(self, bodies: Sequence[bytes]) -> bytes:
        """See ``TargetProtocol``."""
        return bulk(bodies)

    def late(self, body: bytes) -> bytes:
        """See ``TargetProtocol``: lateness is not said here."""
        return body


PROTOCOL = ConnectedCarsLegacy()
