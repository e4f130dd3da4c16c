"""What ``translate`` writes: events under ids that it makes up, as there is no hub that would issue any."""

from typing import Any

import msgspec

from postroad.model import identifiers
from postroad.model.accounts import (
    AccountChange,
    UserSignedUp,
    VehiclesShared,
    VehicleUnshared,
    reissue,
)
from postroad.model.events import Event, MembershipChanged, Trip
from postroad.protocols import connected_cars
from postroad.protocols.base import Addressing, Item, Outgoing, TargetProtocol


class Address(msgspec.Struct, frozen=True):
    """The made-up numbers of what an item is about."""

    position: int
    vehicle_id: int | None = None
    fleet_id: int | None = None
    driver_id: int | None = None


class Writer:
    """Writes events in one protocol, and counts vehicles, fleets, drivers and users from 1 as they appear.

    Attributes:
        target: the protocol.
        options: its translation options.
    """

    def __init__(self, target: TargetProtocol, options: Any) -> None:
        """Nobody has a number yet."""
        self.target = target
        self.options = options
        self._numbers: dict[str, dict[tuple[str, str], int]] = {"vehicle": {}, "fleet": {}, "user": {}, "driver": {}}

    def address(self, item: Item, position: int) -> Address:
        """The numbers of the item's own subject; none for an item that names nobody."""
        if not item.identifier:
            return Address(position)
        match item.namespace:
            case connected_cars.FLEET:
                return Address(position, fleet_id=self._number("fleet", item.namespace, item.identifier))
            case identifiers.LEGACY_USER_ID:
                return Address(position)
            case identifiers.DRIVEQUANT_USER_ID:
                return Address(position, driver_id=self._number("driver", item.namespace, item.identifier))
        return Address(position, self._number("vehicle", item.namespace, item.identifier))

    def write(self, event: Event, address: Address, options: Any = None) -> list[Outgoing]:
        """What the target says of the event; by other options than its own if there are any."""
        options = self.options if options is None else options
        if isinstance(event, AccountChange):
            issued = self._reissued(event)
            if issued is None:
                return []
            event = issued
        to = Addressing(
            vehicle_id=self._vehicle(event, address),
            fleet_id=self._fleet(event, address),
            driver_id=None if address.driver_id is None else str(address.driver_id),
        )
        return self.target.write(event, to=to, position=address.position, options=options)

    def _vehicle(self, event: Event, address: Address) -> int | None:
        if isinstance(event, Trip) and event.vehicle is not None and address.vehicle_id is None:
            return self._number("vehicle", event.vehicle.namespace, event.vehicle.value)
        return address.vehicle_id

    def _fleet(self, event: Event, address: Address) -> int | None:
        if isinstance(event, MembershipChanged):
            return self._number("fleet", event.fleet.namespace, event.fleet.value)
        return address.fleet_id

    def _reissued(self, change: AccountChange) -> AccountChange | None:
        match change:
            case UserSignedUp():
                user, cars = change.user.identifier, [vehicle.identifier for vehicle in change.vehicles]
            case VehiclesShared():
                user, cars = change.user_identifier, [vehicle.identifier for vehicle in change.vehicles]
            case VehicleUnshared():
                user, cars = change.user_identifier, [change.vehicle_identifier]
            case _:
                user, cars = change.user_identifier, []
        issued = {car: str(self._number("vehicle", identifiers.LEGACY_CAR_ID, car)) for car in cars}
        return reissue(change, str(self._number("user", identifiers.LEGACY_USER_ID, user)), issued)

    def _number(self, kind: str, namespace: str, value: str) -> int:
        numbers = self._numbers[kind]
        return numbers.setdefault((namespace, value), len(numbers) + 1)
