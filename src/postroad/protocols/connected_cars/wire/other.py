"""An event of a type that is not known here: kept whole, because the vendor adds types without notice."""

import msgspec
from msgspec import UNSET, UnsetType

from postroad.protocols.connected_cars.wire.fields import DateTime, Int32, Int64


class OtherEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The fields that every event has, and whose it is; all others are in ``Said.extra``."""

    type: str
    id: Int64
    vehicle_id: Int32 | UnsetType | None = UNSET
    fleet_id: Int32 | UnsetType | None = UNSET
    time: DateTime
