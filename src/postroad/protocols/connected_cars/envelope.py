"""Whose event it is, and when and by which id: what is the same for all that is written of one item."""

import msgspec
from msgspec import UNSET, UnsetType

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

    def known_vin(self) -> str | UnsetType:
        """The vehicle's VIN as the newer page has it; none in the profile of 2023."""
        return UNSET if self.vin is None or self.options.profile == "2023-08" else self.vin

    def known_market(self) -> str | UnsetType:
        """The market as the newer page has it; none in the profile of 2023."""
        key = self.options.organization_key
        return UNSET if key is None or self.options.profile == "2023-08" else key

    def market(self) -> dict[str, str]:
        """Both, as far as they are known."""
        both = {"vin": self.known_vin(), "organization_key": self.known_market()}
        return {name: value for name, value in both.items() if value is not UNSET}

    def day(self, us: int) -> str:
        """A day as ``time``: its date, in the newer profile its midnight in UTC."""
        date = times.date(us)
        return date if self.options.profile == "2023-08" else f"{date}T00:00:00.000Z"
