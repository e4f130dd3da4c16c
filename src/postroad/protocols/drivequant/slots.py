"""The numbers of DriveQuant's push services within an outgoing id: stored, so append only."""

from collections.abc import Mapping

SLOTS: Mapping[str, int] = {
    "trip": 0,
    "trip_deleted": 1,
    "diagnosis": 2,
    "crash": 3,
    "crash_report": 4,
    "driver_deleted": 5,
}
"""Service -> its number."""
