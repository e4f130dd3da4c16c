"""Which signal of the common language each type of one value says: the catalogue, from this protocol's side."""

from collections.abc import Mapping

import msgspec

from postroad.model.catalogue import READINGS, Signal
from postroad.protocols.connected_cars.wire import EVENT_TYPES

SIGNAL_OF: Mapping[str, Signal] = {
    name: signal
    for signal in READINGS.values()
    for name in signal.names.get("connected_cars", ())
    if name in EVENT_TYPES
}
"""Wire type -> the reading that its value is."""


def from_can(wire_type: str) -> bool:
    """Whether the type claims that its value was read from the vehicle's own network."""
    return wire_type.startswith(("can_", "daily_can_"))


def is_whole(wire_type: str) -> bool:
    """Whether the type's value is a whole number."""
    struct = EVENT_TYPES[wire_type]
    value = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"].get("value", {})
    return bool(value.get("type") == "integer")
