"""The bodies of both feeds: a JSON array of messages, in the spelling of the vendor's samples."""

import msgspec

from postroad.protocols.base import Item
from postroad.protocols.connected_cars_legacy.decode import split, undocumented
from postroad.protocols.connected_cars_legacy.messages import STRUCTS, Documented, UnknownMessage
from postroad.protocols.format import Format

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def restate(item: Item, raw: bytes) -> bytes:
    """See ``Format``. Every scope's fields are in it."""
    if isinstance(item.wire, UnknownMessage):
        return msgspec.json.encode(item.wire.members)
    body = msgspec.json.encode(item.wire)
    unknown = undocumented(raw)
    return msgspec.json.encode(_members(body) | unknown) if unknown else body


FORMAT = Format(body=list[Documented], types=STRUCTS, split=split, restate=restate)
