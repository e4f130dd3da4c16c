"""Drivetech's event injection (Chile): one HTTP request for each event of a vehicle. Taken in.

``read`` decodes and validates a body, ``events`` says it in the common language, ``warnings`` names what in it does
not fit together, ``answers`` has the documented bodies. The page: ``docs/protocols/drivetech.md``.
"""

from postroad.protocols.drivetech import answers
from postroad.protocols.drivetech.contract import CONTRACT
from postroad.protocols.drivetech.events import WARNINGS, events, warnings
from postroad.protocols.drivetech.format import FORMAT
from postroad.protocols.drivetech.protocol import PROTOCOL
from postroad.protocols.drivetech.read import read
from postroad.protocols.drivetech.settings import DrivetechSettings
from postroad.protocols.drivetech.wire import (
    KINDS,
    STATES,
    DoorEvent,
    DriverId,
    Gps,
    GpsSignal,
    HarshBehavior,
    IdlingEvent,
    Ign,
    Injection,
    LowBattery,
    OverSpeed,
    Sos,
    StrictInjection,
    WireEvent,
)

__all__ = [
    "CONTRACT",
    "FORMAT",
    "KINDS",
    "PROTOCOL",
    "STATES",
    "WARNINGS",
    "DoorEvent",
    "DriverId",
    "DrivetechSettings",
    "Gps",
    "GpsSignal",
    "HarshBehavior",
    "IdlingEvent",
    "Ign",
    "Injection",
    "LowBattery",
    "OverSpeed",
    "Sos",
    "StrictInjection",
    "WireEvent",
    "answers",
    "events",
    "read",
    "warnings",
]
