"""Whose event it is, and when and by which id: what is the same for all that is written of one item."""

from typing import Any

import msgspec

from postroad.model.events import Header
from postroad.protocols.base import outgoing_id
from postroad.protocols.connected_cars import times
from postroad.protocols.connected_cars.options import Options
from postroad.protocols.connected_cars.slots import SLOTS


class Envelope(msgspec.Struct, frozen=True):
    """The hub's own numbers for one item."""

    position: int
    vehicle_id: int
    fleet_id: int | None
    vin: str | None
    options: Options

    def id(self, wire_type: str) -> int:
        """The id of the item's event of that type."""
        return outgoing_id(self.position, SLOTS[wire_type])

    def common(self, header: Header) -> dict[str, Any]:
        """The fields that every vehicle event of the item has alike."""
        return {"time": times.timestamp(header.recorded_us), "vehicle_id": self.vehicle_id} | self.market()

    def market(self) -> dict[str, str]:
        """The newer page's own fields, as far as they are known; none in the profile of 2023."""
        if self.options.profile == "2023-08":
            return {}
        known = {"vin": self.vin, "organization_key": self.options.organization_key}
        return {name: value for name, value in known.items() if value is not None}

    def day(self, us: int) -> str:
        """A day as ``time``: its date, in the newer profile its midnight in UTC."""
        date = times.date(us)
        return date if self.options.profile == "2023-08" else f"{date}T00:00:00.000Z"
