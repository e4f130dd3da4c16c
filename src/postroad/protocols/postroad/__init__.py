"""The hub's own items: what it tells subscriptions of changes in its registry, and trips that it derives.

Never from outside. ``encode`` writes an item, ``PROTOCOL`` reads it as any other source's. A word of a change is told
to one subscription only, a trip to all that have the vehicle: ``subscription_of`` says which.
"""

from postroad.protocols.postroad.protocol import NAME, PROTOCOL, SUBJECT, Settings, encode, subscription_of
from postroad.protocols.postroad.trips import DriverDeleted, Trip, TripDeleted, of_document
from postroad.protocols.postroad.wire import (
    KINDS,
    AccessGrantedToFleet,
    AccessGrantedToVehicle,
    AccessRemovedFromFleet,
    AccessRemovedFromVehicle,
    UserRemoved,
    UserSignedUp,
    VehicleAddedToFleet,
    VehicleRemovedFromFleet,
    VehiclesShared,
    VehicleUnshared,
    Word,
    kind_of,
)

__all__ = [
    "KINDS",
    "NAME",
    "PROTOCOL",
    "SUBJECT",
    "AccessGrantedToFleet",
    "AccessGrantedToVehicle",
    "AccessRemovedFromFleet",
    "AccessRemovedFromVehicle",
    "DriverDeleted",
    "Settings",
    "Trip",
    "TripDeleted",
    "UserRemoved",
    "UserSignedUp",
    "VehicleAddedToFleet",
    "VehicleRemovedFromFleet",
    "VehicleUnshared",
    "VehiclesShared",
    "Word",
    "encode",
    "kind_of",
    "of_document",
    "subscription_of",
]
