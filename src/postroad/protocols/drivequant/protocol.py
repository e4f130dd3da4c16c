"""DriveQuant's push services as the hub sees them."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from postroad.model.events import Event
from postroad.model.identifiers import DRIVEQUANT_USER_ID, Issue
from postroad.protocols.base import Addressing, Outgoing
from postroad.protocols.contract import Contract
from postroad.protocols.drivequant.contract import CONTRACTS
from postroad.protocols.drivequant.events import events
from postroad.protocols.drivequant.options import DriveQuantSettings, Options
from postroad.protocols.drivequant.read import read
from postroad.protocols.drivequant.slots import NAME, SLOTS, VEHICLE_ID
from postroad.protocols.drivequant.wire import KINDS
from postroad.protocols.drivequant.write import write


class DriveQuant:
    """See ``SourceProtocol`` and ``TargetProtocol``: it is both."""

    name = NAME
    kinds: Sequence[str] = KINDS
    settings_type: type[msgspec.Struct] = DriveQuantSettings
    vehicle_namespaces: Collection[str] = (VEHICLE_ID,)
    slots: Mapping[str, int] = SLOTS
    options_type: type[msgspec.Struct] = Options
    issues: Sequence[Issue] = (
        Issue(DRIVEQUANT_USER_ID, "driver", text=True),
        Issue(VEHICLE_ID, "vehicle", text=True),
    )
    contracts: Mapping[str, Contract] = CONTRACTS
    content_type = "application/json"

    read = staticmethod(read)
    events = staticmethod(events)

    def agreed(self, types: Collection[str], options: Options) -> Collection[str]:  # noqa: ARG002 - no option adds a service
        """See ``TargetProtocol``: each service is activated on its own."""
        return {*types}

    def write(self, event: Event, *, to: Addressing, position: int, options: Options) -> list[Outgoing]:  # noqa: ARG002 - no push has an id
        """See ``TargetProtocol``."""
        return write(event, to=to, options=options)

    def bulk(self, bodies: Sequence[bytes]) -> bytes:
        """See ``TargetProtocol``: one push a request. Raises ``ValueError`` for any other number."""
        (body,) = bodies
        return body

    def late(self, body: bytes) -> bytes:
        """See ``TargetProtocol``: lateness is not said here."""
        return body


PROTOCOL = DriveQuant()
