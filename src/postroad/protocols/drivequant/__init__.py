"""DriveQuant push services: trips, crashes and what else drivers' phones tell. Taken in and sent on.

``read`` decodes a request's body, ``events`` says it in the common language, ``write`` says documents of the common
language in this protocol, ``encode`` writes a body that was read. ``PUSHES`` has a struct for the body of each of the
six services. The page: ``docs/protocols/drivequant.md``.
"""

from postroad.protocols.base import Item
from postroad.protocols.drivequant.contract import CONTRACTS
from postroad.protocols.drivequant.events import events
from postroad.protocols.drivequant.format import FORMAT
from postroad.protocols.drivequant.options import DriveQuantSettings, Options
from postroad.protocols.drivequant.protocol import PROTOCOL
from postroad.protocols.drivequant.read import TRIP_DELETION, document_key, read
from postroad.protocols.drivequant.said import Said, encode
from postroad.protocols.drivequant.slots import SLOTS, VEHICLE_ID
from postroad.protocols.drivequant.wire import KINDS, PUSHES, Push
from postroad.protocols.drivequant.wire.others import (
    CrashPush,
    CrashReportPush,
    DiagnosisPush,
    DriverDeletedPush,
    TripDeletedPush,
)
from postroad.protocols.drivequant.wire.trip import TripPush
from postroad.protocols.drivequant.write import write

__all__ = [
    "CONTRACTS",
    "FORMAT",
    "KINDS",
    "PROTOCOL",
    "PUSHES",
    "SLOTS",
    "TRIP_DELETION",
    "VEHICLE_ID",
    "CrashPush",
    "CrashReportPush",
    "DiagnosisPush",
    "DriveQuantSettings",
    "DriverDeletedPush",
    "Item",
    "Options",
    "Push",
    "Said",
    "TripDeletedPush",
    "TripPush",
    "document_key",
    "encode",
    "events",
    "read",
    "write",
]
