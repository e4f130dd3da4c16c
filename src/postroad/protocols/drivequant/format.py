"""The bodies of the six services: one JSON object each."""

from postroad.protocols.base import Item
from postroad.protocols.drivequant.said import encode
from postroad.protocols.drivequant.wire import PUSHES
from postroad.protocols.format import Format, split_array


def restate(item: Item, raw: bytes) -> bytes:  # noqa: ARG001 - the item holds every member
    """See ``Format``."""
    return encode(item.wire)


FORMAT = Format(body=tuple(PUSHES.values()), types=PUSHES, split=split_array, restate=restate)
