"""The wire structs: one for each of the 46 vehicle event types, the 6 admin types and 6 types of the newer page.

Their ``time`` is text. Words that the vendor lists (``ecu``, ``direction``) are open: a new one must not cost an event.
"""

from collections.abc import Mapping

from postroad.protocols.connected_cars.slots import SLOTS
from postroad.protocols.connected_cars.wire import admin, can, car, service, trouble
from postroad.protocols.connected_cars.wire.fields import WireEvent

EVENT_TYPES: Mapping[str, type[WireEvent]] = {
    str(struct.__struct_config__.tag): struct
    for module in (can, car, trouble, service, admin)
    for struct in vars(module).values()
    if isinstance(struct, type) and issubclass(struct, WireEvent) and struct.__struct_config__.tag in SLOTS
}
"""Type name -> its struct: all the types that the vendor has published."""

KINDS: tuple[str, ...] = tuple(SLOTS)
"""What an item can be, in stored order: as the slots, append only. The last one is any type that is not known."""
