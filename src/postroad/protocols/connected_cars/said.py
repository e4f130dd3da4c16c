"""An event as it was said: its struct, and beside it the fields that the struct does not know."""

import msgspec

from postroad.protocols.connected_cars.wire.fields import WireEvent
from postroad.protocols.connected_cars.wire.other import OtherEvent

NOTHING: dict[str, msgspec.Raw] = {}

encode_event = msgspec.json.Encoder().encode
"""One struct as JSON: of what was made here, and has no fields but its own."""
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Said(msgspec.Struct, frozen=True):
    """What one element of a bulk said."""

    event: WireEvent | OtherEvent
    extra: dict[str, msgspec.Raw] = NOTHING
    """Field -> its JSON as it was sent: what neither page of the vendor has."""

    @property
    def type(self) -> str:
        """The event's type, in the vendor's words."""
        return self.event.type if isinstance(self.event, OtherEvent) else type_of(self.event)


def type_of(event: WireEvent) -> str:
    """The type of a struct of the wire."""
    return str(event.__struct_config__.tag)


def encode(said: Said) -> bytes:
    """One JSON object with every fact of what was said. ``read`` gives the same back."""
    body = encode_event(said.event)
    return encode_event(_members(body) | said.extra) if said.extra else body
