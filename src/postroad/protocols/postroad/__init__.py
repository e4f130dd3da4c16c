"""The hub's own items: what it tells subscriptions of changes in its registry. From the outbox; never from outside.

``encode`` writes an item, ``PROTOCOL`` reads it as any other source's. An item is told to one subscription only:
``subscription_of`` says which.
"""

from postroad.protocols.postroad.protocol import NAME, PROTOCOL, SUBJECT, Settings, encode, subscription_of
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
    "Settings",
    "UserRemoved",
    "UserSignedUp",
    "VehicleAddedToFleet",
    "VehicleRemovedFromFleet",
    "VehicleUnshared",
    "VehiclesShared",
    "Word",
    "encode",
    "kind_of",
    "subscription_of",
]
