"""The body of a request: one event of one vehicle."""

import msgspec

from postroad.protocols.base import Item
from postroad.protocols.drivetech.wire import EVENT_TYPES, Injection
from postroad.protocols.format import Format, split_array

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_FIELDS = frozenset(field.encode_name for field in msgspec.structs.fields(Injection))


def restate(item: Item, raw: bytes) -> bytes:
    """See ``Format``. Fields that the event itself does not know are kept in it."""
    wire: Injection = item.wire
    given = _members(raw)
    event = _members(msgspec.json.encode(wire.event))
    known = _members(msgspec.json.encode(wire))
    known["event"] = msgspec.Raw(msgspec.json.encode(_members(given["event"]) | event))
    unknown = {name: value for name, value in given.items() if name not in _FIELDS}
    return msgspec.json.encode(known | unknown)


FORMAT = Format(body=Injection, types=EVENT_TYPES, split=split_array, restate=restate)
