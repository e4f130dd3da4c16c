"""The protocols' seam: what a protocol's folder gives the hub. Data and pure functions; no socket, no clock.

``SourceProtocol`` is what ingest and routing need of a protocol that is taken in; ``TargetProtocol`` is what delivery
needs of one that is sent on. ``tests/contract/test_protocols.py`` holds every protocol to both.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from postroad.model.events import Event, Header
from postroad.model.identifiers import Issue
from postroad.protocols.contract import Contract

SLOT_BITS = 6


def outgoing_id(position: int, slot: int) -> int:
    """The id of an outgoing event: the same over retry, replay and better decoders. Fits a signed 64-bit integer."""
    return position << SLOT_BITS | slot


def position_and_slot(event_id: int) -> tuple[int, int]:
    """The inverse of ``outgoing_id``."""
    return event_id >> SLOT_BITS, event_id & ((1 << SLOT_BITS) - 1)


UNTIMED_US = 0
"""``Item.recorded_us`` of an item that has no time of its own. Its events are as of when it was received."""


class Item(msgspec.Struct, frozen=True):
    """One thing a provider said, decoded and validated."""

    kind: int
    """Index in the protocol's ``kinds``; stored beside the bytes."""
    recorded_us: int
    """Or ``UNTIMED_US``."""
    late: bool
    namespace: str
    """Of the subject's identifier as the provider gives it (``plate``)."""
    identifier: str
    """Normalised, so that two spellings of one subject are equal. Empty: the item does not say whom it is about."""
    dedup: bytes
    """The protocol's own key of the item, of any length; empty when a repeat cannot be told from a new one."""
    wire: Any
    """The protocol's typed wire struct."""


class SourceProtocol(Protocol):
    """A protocol the hub takes in."""

    name: str
    kinds: Sequence[str]
    """What an item can be, in stored order: append only, pinned by a test."""
    settings_type: type[msgspec.Struct]
    """Decoding settings of a provider; a frozen struct with a default for every field."""
    vehicle_namespaces: Collection[str]
    """Namespaces of the identifiers by which a provider names vehicles, in items and in what events say."""

    def read(self, raw: bytes, settings: Any, kind: int | None = None) -> Item:
        """Decode and validate one item. Any bytes give an ``Item`` or raise ``WireError``, nothing else.

        ``kind`` is what the entrance or the log says it is, for protocols whose bodies do not tell; without it they
        judge by what the body has. Others pass it over.
        """

    def events(self, item: Item, header: Header, settings: Any) -> tuple[Event, ...]:
        """What the item says in the common language. Pure; never raises for an item that ``read`` gave."""


class Outgoing(msgspec.Struct, frozen=True):
    """One event of a target protocol, encoded."""

    slot: int
    body: bytes
    recorded_us: int | None = None
    """The event's own time, where the protocol's contract asks for it."""
    document: bytes = b""
    """Names the document that this is an edition of (a trip, say); empty where there is none."""
    revision: int = 0
    """Of the document: a newer one, sent or waiting, makes older ones that still wait needless."""
    deletes: bool = False
    """It says that the document is no more: older editions that still wait must not go out."""
    incomplete: str = ""
    """The first field that the protocol requires and nobody knows, as it is written there: without it the event is
    never sent. ``body`` then has the rest, for people."""


class Addressing(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an item speaks of, in identifiers that the receiver may know: those that the hub issued, VIN and plate."""

    vehicle_id: int | str | None = None
    """Of the vehicle that the item is about; None when it is about something else."""
    fleet_id: int | None = None
    """Of the fleet that the item is about or names, or that the vehicle is in."""
    driver_id: str | None = None
    """Of the driver that the item is about, if it is about one."""
    vin: str | None = None
    """Of the vehicle, if it is known."""
    plate: str | None = None
    """Of the vehicle, normalised, if it is known."""
    scopes: frozenset[str] | None = None
    """What was authorised, where the protocol has scopes; None: all that was requested."""


class TargetProtocol(Protocol):
    """A protocol the hub sends on."""

    name: str
    slots: Mapping[str, int]
    """Wire type -> its number within an outgoing id, 0 to 63: append only, pinned by a test."""
    options_type: type[msgspec.Struct]
    """A subscription's translation options; a frozen, hashable struct with a default for every field."""
    issues: Sequence[Issue]
    """The identifiers that the hub issues for this protocol: at most one namespace for each kind of subject."""
    contracts: Mapping[str, Contract]
    """Wire type -> how it is delivered. All of one protocol have the same order."""
    content_type: str

    def agreed(self, types: Collection[str], options: Any) -> Collection[str]:
        """The wire types that a subscription gets: those it was declared with, and what the protocol adds or bars."""

    def write(self, event: Event, *, to: Addressing, position: int, options: Any) -> list[Outgoing]:
        """What the protocol can honestly say of the event, encoded with its ids; possibly nothing. Pure."""

    def bulk(self, bodies: Sequence[bytes]) -> bytes:
        """The body of one request that carries these events, in order; as many as the contract's ceiling allows."""

    def late(self, body: bytes) -> bytes:
        """An event's body as it is sent later than the contract's ``late_after_s``; often the same. Pure."""
