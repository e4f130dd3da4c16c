"""The wire structs: one for the body of each service, and those that they are made of."""

from collections.abc import Mapping

from postroad.protocols.drivequant.slots import SLOTS
from postroad.protocols.drivequant.wire.others import (
    CrashPush,
    CrashReportPush,
    DiagnosisPush,
    DriverDeletedPush,
    TripDeletedPush,
)
from postroad.protocols.drivequant.wire.trip import TripPush

Push = TripPush | TripDeletedPush | DiagnosisPush | CrashPush | CrashReportPush | DriverDeletedPush

PUSHES: Mapping[str, type[Push]] = {
    "trip": TripPush,
    "trip_deleted": TripDeletedPush,
    "diagnosis": DiagnosisPush,
    "crash": CrashPush,
    "crash_report": CrashReportPush,
    "driver_deleted": DriverDeletedPush,
}
"""Service -> the struct of its body."""

KINDS: tuple[str, ...] = tuple(SLOTS)
"""The services in stored order: a log holds indexes into it, so append only."""
