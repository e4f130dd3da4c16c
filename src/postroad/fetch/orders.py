"""What there is to fetch, as delivery carries it: an order for each dataset that a notification announces.

An order has the notification in it, so that it goes on beside the log when retention has removed the item. Orders for
one object and kind are editions: the newest notification's is carried out, and a withdrawal, which fetches nothing,
makes those that still wait needless.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from postroad.model.events import Event
from postroad.model.identifiers import Issue
from postroad.protocols import damoov
from postroad.protocols.base import Addressing, Item, Outgoing
from postroad.protocols.contract import Contract, Response
from postroad.protocols.damoov import DatasetKind, FetchSettings, Said

SLOTS: Final[Mapping[DatasetKind, int]] = {
    "removed_track": 0,
    "received_track": 1,
    "processed_track": 2,
    "accident": 3,
    "accident_extra": 4,
}
"""Kind of dataset -> its number in letters: append only."""
ANNOUNCING: Final = bytes(damoov.KINDS.index(kind) for kind in (*damoov.DATASET_OF, damoov.WITHDRAWN))
"""The kinds of items that may be orders, as the log numbers them."""
_TRACKS: Final[tuple[DatasetKind, ...]] = ("received_track", "processed_track")

CONTRACT = Contract(
    name="damoov.fetch",
    order="subject",
    schedule_of="event",
    retry=damoov.STANDARD_SCHEDULE,
    max_items=1,
    item_ceiling=1,
    responses=(
        Response(408, 408, "retry"),
        Response(425, 425, "retry"),
        Response(429, 429, "retry"),
        Response(300, 499, "park"),  # 401, 404: the dataset may come later, and says nothing of others
        Response(500, 599, "retry"),
    ),
    on_reason={"refused_address": "repair", "too_large": "repair", "unexpected": "park"},
    inferred=(
        "The vendor says nothing of an announced dataset that cannot be had: it is tried again for 7 days.",
        "What is announced at a host that may not be asked, or is too large, is given up at once.",
    ),
)
"""How datasets are fetched. What the hub's own log cannot take now (``unexpected``) is no fault of the host's."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that is to be fetched."""

    position: int
    """Of the notification."""
    notification: msgspec.Raw


NOTHING: Final = b"null"
"""The body of an order that fetches nothing."""
_ORDERS = msgspec.json.Decoder(Order | None)


def orders_of(item: Item, raw: bytes, position: int, settings: FetchSettings) -> tuple[Outgoing, ...]:
    """What an item asks to be fetched, and what it makes needless. Pure."""
    said: Said = item.wire
    if said.withdrawn is not None:
        return tuple(_needless(kind, said.withdrawn, said.revision) for kind in _TRACKS)
    found = damoov.reference(item)
    wanted = found is not None and (found.needed or settings.unneeded)
    orders: tuple[Outgoing, ...] = ()
    if said.event == "IncomingTrackRemoved":
        orders = tuple(_needless(kind, said.object_id, said.revision) for kind in _TRACKS)
    elif found is not None and not wanted:
        return (_needless(found.kind, found.object_id, found.revision),)
    if found is None or not wanted:
        return orders
    body = msgspec.json.encode(Order(position=position, notification=msgspec.Raw(raw)))
    document = _document(found.kind, found.object_id)
    return (*orders, Outgoing(SLOTS[found.kind], body, document=document, revision=found.revision))


def order_in(body: bytes) -> Order | None:
    """The order in an event's body; ``None`` for one that fetches nothing."""
    order: Order | None = _ORDERS.decode(body)
    return order


def _needless(kind: DatasetKind, object_id: str, revision: int) -> Outgoing:
    document = _document(kind, object_id)
    return Outgoing(SLOTS[kind], NOTHING, document=document, revision=revision, deletes=True)


def _document(kind: DatasetKind, object_id: str) -> bytes:
    return f"{kind}/{object_id}".encode()


class NoOptions(msgspec.Struct, frozen=True):
    """Nothing can be chosen by a subscription: there is none."""


class FetchTarget:
    """What delivery asks of a ``TargetProtocol``. Orders are made of items, so no event is written."""

    name = "damoov.fetch"
    slots: Mapping[str, int] = {str(kind): slot for kind, slot in SLOTS.items()}
    options_type: type[msgspec.Struct] = NoOptions
    issues: Sequence[Issue] = ()
    contracts: Mapping[str, Contract] = dict.fromkeys((str(kind) for kind in SLOTS), CONTRACT)
    content_type = "application/json"

    def agreed(self, types: Collection[str], options: Any) -> Collection[str]:  # noqa: ARG002 - the seam's names
        """See ``TargetProtocol``."""
        return types

    def write(self, event: Event, *, to: Addressing, position: int, options: Any) -> list[Outgoing]:  # noqa: ARG002 - the seam's names
        """See ``TargetProtocol``: nothing is fetched for an event."""
        return []

    def bulk(self, bodies: Sequence[bytes]) -> bytes:
        """See ``TargetProtocol``: one order an attempt."""
        (body,) = bodies
        return body

    def late(self, body: bytes) -> bytes:
        """See ``TargetProtocol``."""
        return body
