"""The bodies of data streams: a JSON array of events, a published type or any other."""

from typing import Union

from postroad.protocols.base import Item
from postroad.protocols.connected_cars.bulk import split_bulk
from postroad.protocols.connected_cars.said import encode
from postroad.protocols.connected_cars.wire import EVENT_TYPES
from postroad.protocols.format import Format


def restate(item: Item, raw: bytes) -> bytes:  # noqa: ARG001 - what the struct does not know stands beside it
    """See ``Format``."""
    return encode(item.wire)


FORMAT = Format(
    body=list[Union[tuple(EVENT_TYPES.values())]],  # type: ignore[misc]  # noqa: UP007 - of a tuple
    types=EVENT_TYPES,
    split=split_bulk,
    restate=restate,
)
