"""What is last known of each vehicle: a fold over its reports.

Every value has its own time, that of the report it came in. A value is replaced only by one recorded at the same time
or later, so late reports fill gaps and never overwrite what is newer. A report recorded ahead of its arrival by more
than the setting allows is left out: a device whose clock runs ahead must not block its own later reports.
Of a driver who is to be forgotten nothing is known any more.
"""

import msgspec

from postroad.model.documents import DriverDeleted
from postroad.model.events import Event, Position, Report, Value

Readings = dict[str, tuple[Value, int]]
"""Signal -> value in the catalogue's unit, and when it was recorded (microseconds since 1970)."""


class VehicleState(msgspec.Struct):
    """One vehicle's last known values."""

    position: Position | None = None
    position_us: int = 0
    readings: Readings = {}


class LastKnown:
    """The states of all vehicles of a shard."""

    def __init__(self, vehicles: dict[int, VehicleState] | None = None) -> None:
        """Go on from ``vehicles``, by subject id."""
        self.vehicles = vehicles if vehicles is not None else {}

    def apply(self, event: Event) -> None:
        """Take in what an event says. The order of reports does not matter, and the same again changes nothing."""
        header = event.header
        if isinstance(event, DriverDeleted):
            self.vehicles.pop(header.subject_id, None)
            return
        if header.ahead or not isinstance(event, Report):
            return
        state = self.vehicles.get(header.subject_id)
        if state is None:
            state = self.vehicles[header.subject_id] = VehicleState()
        recorded_us = header.recorded_us
        position = event.position
        if position is not None and recorded_us >= state.position_us and position.fix is not False:
            state.position, state.position_us = position, recorded_us
        readings = state.readings
        for signal, value in event.readings.items():
            known = readings.get(signal)
            if known is None or recorded_us >= known[1]:
                readings[signal] = (value, recorded_us)
