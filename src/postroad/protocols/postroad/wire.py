"""The items: words of changes, to one subscription each; derived trips, and that a driver is to be forgotten, to all.

Subjects are the hub's own; what a receiver may know comes later.
"""

from typing import Annotated, get_args

import msgspec
from msgspec import Meta

from postroad.protocols.postroad.trips import DriverDeleted, Id, Trip, TripDeleted


class _Word(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    at_us: Annotated[int, Meta(ge=0, le=2**62)]
    """When the registry was changed, microseconds since 1970."""
    subject_id: Id
    """Whom it is about."""
    subscription_id: Id
    """Whom it is told."""


class AccessGrantedToVehicle(_Word, frozen=True, kw_only=True, tag="access_granted_to_vehicle"):
    """The subscription has the vehicle from now on."""


class AccessRemovedFromVehicle(_Word, frozen=True, kw_only=True, tag="access_removed_from_vehicle"):
    """The subscription has the vehicle no more."""

    left_fleet_id: Id | None = None
    """The fleet that it left, if that is why."""


class AccessGrantedToFleet(_Word, frozen=True, kw_only=True, tag="access_granted_to_fleet"):
    """The subscription has the fleet, with every vehicle in it, from now on."""


class AccessRemovedFromFleet(_Word, frozen=True, kw_only=True, tag="access_removed_from_fleet"):
    """The subscription has the fleet, and the vehicles in it, no more."""


class VehicleAddedToFleet(_Word, frozen=True, kw_only=True, tag="vehicle_added_to_fleet"):
    """The vehicle joined a fleet that the subscription has."""

    fleet_id: Id


class VehicleRemovedFromFleet(_Word, frozen=True, kw_only=True, tag="vehicle_removed_from_fleet"):
    """The vehicle left a fleet that the subscription has; the subscription goes on having the vehicle."""

    fleet_id: Id


class UserSignedUp(_Word, frozen=True, kw_only=True, tag="user_signed_up"):
    """The account shares its first vehicles with the subscription."""

    vehicle_ids: tuple[Id, ...] = ()


class UserRemoved(_Word, frozen=True, kw_only=True, tag="user_removed"):
    """The account shares nothing with the subscription any more."""


class VehiclesShared(_Word, frozen=True, kw_only=True, tag="vehicles_shared"):
    """The account shares further vehicles."""

    vehicle_ids: tuple[Id, ...]


class VehicleUnshared(_Word, frozen=True, kw_only=True, tag="vehicle_unshared"):
    """The account shares a vehicle no more."""

    vehicle_id: Id


Word = (
    AccessGrantedToVehicle
    | AccessRemovedFromVehicle
    | AccessGrantedToFleet
    | AccessRemovedFromFleet
    | VehicleAddedToFleet
    | VehicleRemovedFromFleet
    | UserSignedUp
    | UserRemoved
    | VehiclesShared
    | VehicleUnshared
    | Trip
    | TripDeleted
    | DriverDeleted
)

KINDS: tuple[str, ...] = tuple(str(struct.__struct_config__.tag) for struct in get_args(Word))
"""What an item can be, in stored order: a log holds indexes into it. Append only."""


def kind_of(word: Word) -> str:
    """The type of a word."""
    return str(word.__struct_config__.tag)
