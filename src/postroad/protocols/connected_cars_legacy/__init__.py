"""Connected Cars' legacy push (Denmark): an account feed and a car feed, governed by scopes. Taken in and sent on.

``decode_message`` reads one message into its typed struct, ``encode_message`` writes one within scopes; ``read_bulk``
reads a body, ``write`` says an event. The page: ``docs/protocols/connected-cars-legacy.md``.
"""

from postroad.protocols.connected_cars_legacy.account import (
    AccountMessage,
    Car,
    CarAdd,
    CarRemove,
    UserRemove,
    UserSignup,
)
from postroad.protocols.connected_cars_legacy.car import (
    CanOdometer,
    CarMessage,
    ChargeLevelPercent,
    Dtc,
    FuelConsumed,
    FuelLevel,
    FuelLevelPercent,
    HighVoltageBatteryTemperature,
    IdleTime,
    IgnitionOff,
    IgnitionOn,
    Odometer,
    PositionMessage,
    Profiling,
    Refuel,
)
from postroad.protocols.connected_cars_legacy.contract import CONTRACT
from postroad.protocols.connected_cars_legacy.decode import decode_message, split, undocumented
from postroad.protocols.connected_cars_legacy.encode import bulk, encode_message
from postroad.protocols.connected_cars_legacy.fields import SCOPES, FieldFacts, Scope, facts
from postroad.protocols.connected_cars_legacy.format import FORMAT
from postroad.protocols.connected_cars_legacy.messages import (
    KINDS,
    SLOTS,
    STRUCTS,
    UNKNOWN,
    Documented,
    Feed,
    Message,
    UnknownMessage,
    feed_of,
)
from postroad.protocols.connected_cars_legacy.options import LegacySettings, Options
from postroad.protocols.connected_cars_legacy.protocol import PROTOCOL
from postroad.protocols.connected_cars_legacy.read import read, read_bulk, read_split
from postroad.protocols.connected_cars_legacy.write import HARSH_FLOOR_G, write

__all__ = [
    "CONTRACT",
    "FORMAT",
    "HARSH_FLOOR_G",
    "KINDS",
    "PROTOCOL",
    "SCOPES",
    "SLOTS",
    "STRUCTS",
    "UNKNOWN",
    "AccountMessage",
    "CanOdometer",
    "Car",
    "CarAdd",
    "CarMessage",
    "CarRemove",
    "ChargeLevelPercent",
    "Documented",
    "Dtc",
    "Feed",
    "FieldFacts",
    "FuelConsumed",
    "FuelLevel",
    "FuelLevelPercent",
    "HighVoltageBatteryTemperature",
    "IdleTime",
    "IgnitionOff",
    "IgnitionOn",
    "LegacySettings",
    "Message",
    "Odometer",
    "Options",
    "PositionMessage",
    "Profiling",
    "Refuel",
    "Scope",
    "UnknownMessage",
    "UserRemove",
    "UserSignup",
    "bulk",
    "decode_message",
    "encode_message",
    "facts",
    "feed_of",
    "read",
    "read_bulk",
    "read_split",
    "split",
    "undocumented",
    "write",
]
