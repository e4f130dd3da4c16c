"""Connected Cars data streams (Denmark): bulks of single-valued vehicle events. Sent on.

``write`` says a report of the common language in this protocol, ``bulk`` joins events to one body, ``decode_bulk``
reads one back. The page: ``docs/protocols/connected-cars.md``.
"""

from postroad.protocols.connected_cars.contract import CONTRACT
from postroad.protocols.connected_cars.options import HARSH_FLOOR_G, Options
from postroad.protocols.connected_cars.protocol import PROTOCOL
from postroad.protocols.connected_cars.slots import ADMIN_TYPES, NEWER_TYPES, SLOTS, VEHICLE_TYPES
from postroad.protocols.connected_cars.wire import (
    CalcVehicleIdle,
    CanFuelLevelPercent,
    CanVehicleSpeedKph,
    CarBatteryVoltage,
    CarIgnition,
    CarOdometerKm,
    CarProfiling,
    GpsPosition,
    ProfilingDirection,
    VehicleEvent,
    bulk,
    decode_bulk,
)
from postroad.protocols.connected_cars.write import write

__all__ = [
    "ADMIN_TYPES",
    "CONTRACT",
    "HARSH_FLOOR_G",
    "NEWER_TYPES",
    "PROTOCOL",
    "SLOTS",
    "VEHICLE_TYPES",
    "CalcVehicleIdle",
    "CanFuelLevelPercent",
    "CanVehicleSpeedKph",
    "CarBatteryVoltage",
    "CarIgnition",
    "CarOdometerKm",
    "CarProfiling",
    "GpsPosition",
    "Options",
    "ProfilingDirection",
    "VehicleEvent",
    "bulk",
    "decode_bulk",
    "write",
]
