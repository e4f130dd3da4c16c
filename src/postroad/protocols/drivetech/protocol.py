"""Drivetech's event injection as the hub sees it."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from postroad.model.events import Event
from postroad.model.identifiers import PLATE, Issue
from postroad.protocols.base import Addressing, Outgoing
from postroad.protocols.contract import Contract
from postroad.protocols.drivetech.contract import CONTRACT
from postroad.protocols.drivetech.events import events
from postroad.protocols.drivetech.options import Options
from postroad.protocols.drivetech.read import read
from postroad.protocols.drivetech.settings import DrivetechSettings
from postroad.protocols.drivetech.wire import KINDS
from postroad.protocols.drivetech.write import FILLS, SLOTS, late, write
from postroad.protocols.filling import NOTHING, Known


class Drivetech:
    """See ``SourceProtocol`` and ``FillingTarget``."""

    name = "drivetech"
    kinds: Sequence[str] = KINDS
    settings_type: type[msgspec.Struct] = DrivetechSettings
    vehicle_namespaces: Collection[str] = (PLATE,)
    slots: Mapping[str, int] = SLOTS
    options_type: type[msgspec.Struct] = Options
    issues: Sequence[Issue] = ()
    contracts: Mapping[str, Contract] = dict.fromkeys(SLOTS, CONTRACT)
    content_type = "application/json"
    fills: frozenset[str] = FILLS

    read = staticmethod(read)
    events = staticmethod(events)
    late = staticmethod(late)

    def agreed(self, types: Collection[str], options: Options) -> Collection[str]:  # noqa: ARG002 - no option bars a type
        """See ``TargetProtocol``: what was asked for."""
        return types

    def max_fill_age_us(self, options: Options) -> int:
        """See ``FillingTarget``."""
        return round(options.max_fill_age_s * 1e6)

    def write(
        self,
        event: Event,
        *,
        to: Addressing,
        position: int,  # noqa: ARG002 - no event has an id
        options: Options,
        known: Known = NOTHING,
    ) -> list[Outgoing]:
        """See ``FillingTarget``."""
        return write(event, to=to, options=options, known=known)

    def bulk(self, bodies: Sequence[bytes]) -> bytes:
        """See ``TargetProtocol``: one request carries one event."""
        [body] = bodies
        return body


PROTOCOL = Drivetech()
