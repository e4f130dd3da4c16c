"""Damoov notifications as the hub sees them."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from postroad.model.events import Event, Header
from postroad.model.identifiers import DAMOOV_USER_ID, Issue
from postroad.protocols.base import Addressing, Item, Outgoing
from postroad.protocols.contract import Contract
from postroad.protocols.damoov.contract import CONTRACT
from postroad.protocols.damoov.events import events
from postroad.protocols.damoov.kinds import KINDS, SLOTS
from postroad.protocols.damoov.options import DamoovSettings, Options
from postroad.protocols.damoov.read import read
from postroad.protocols.damoov.trips import NAME
from postroad.protocols.damoov.write import write


class Damoov:
    """See ``SourceProtocol`` and ``TargetProtocol``."""

    name = NAME
    kinds: Sequence[str] = KINDS
    settings_type: type[msgspec.Struct] = DamoovSettings
    vehicle_namespaces: Collection[str] = ()
    slots: Mapping[str, int] = SLOTS
    options_type: type[msgspec.Struct] = Options
    issues: Sequence[Issue] = (Issue(DAMOOV_USER_ID, "driver", text=True), Issue(DAMOOV_USER_ID, "vehicle", text=True))
    contracts: Mapping[str, Contract] = dict.fromkeys(SLOTS, CONTRACT)
    content_type = "application/json"

    def read(self, raw: bytes, settings: DamoovSettings, kind: int | None = None) -> Item:  # noqa: ARG002 - the body tells its kind, and settings change what is derived only
        """See ``SourceProtocol``."""
        return read(raw)

    def events(self, item: Item, header: Header, settings: DamoovSettings) -> tuple[Event, ...]:
        """See ``SourceProtocol``."""
        return events(item, header, settings)

    def agreed(self, types: Collection[str], options: Options) -> Collection[str]:  # noqa: ARG002 - none is added
        """See ``TargetProtocol``: an instance has the events that it was given."""
        return types

    def write(self, event: Event, *, to: Addressing, position: int, options: Options) -> list[Outgoing]:  # noqa: ARG002 - a notification has no id
        """See ``TargetProtocol``."""
        return write(event, to=to, options=options)

    def bulk(self, bodies: Sequence[bytes]) -> bytes:
        """See ``TargetProtocol``: a request has one notification."""
        (body,) = bodies
        return body

    def late(self, body: bytes) -> bytes:
        """See ``TargetProtocol``: lateness is not said here."""
        return body


PROTOCOL = Damoov()
