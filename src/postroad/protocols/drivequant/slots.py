"""The names of DriveQuant: the push services with their numbers, and the namespaces of identifiers."""

from collections.abc import Mapping
from typing import Final

NAME: Final = "drivequant"

VEHICLE_ID: Final = "drivequant.vehicle_id"
"""Namespace of vehicles: a sender's ids of them, and those that the hub issues."""

SLOTS: Mapping[str, int] = {
    "trip": 0,
    "trip_deleted": 1,
    "diagnosis": 2,
    "crash": 3,
    "crash_report": 4,
    "driver_deleted": 5,
}
"""Service -> its number within an outgoing id: stored, so append only."""
