"""What every order of delivery gives whoever runs it (``postroad.delivery.manager``)."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from postroad.access.confirmed import Confirmation
from postroad.access.scopes import Narrow
from postroad.access.streams import StreamIndex
from postroad.clock import Clock
from postroad.delivery.gate import Gate
from postroad.delivery.options import DeliveryOptions
from postroad.log.delivery import DeliveryStore, Letter
from postroad.protocols.base import TargetProtocol
from postroad.routing.feed import Feed, RoutedItem
from postroad.tracing.interface import AttemptSpan
from postroad.transports.base import Outcome, Transport

IDLE_SETTLE_S = 5.0
"""A subscription with nothing to send makes its cursor durable this often, so that a restart reads little."""


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to a destination at once."""

    items: tuple[RoutedItem, ...]
    """What it carries of each item; an item that did not fit whole stands here with a part of its events."""
    settles: int
    """Everything below this position is settled once the bulk is delivered, if events are sent in order."""
    request_id: str
    """The same over every attempt of the same bulk."""
    body: bytes
    events: int


class AttemptObserver(Protocol):
    """Told how each attempt ended."""

    def __call__(
        self, subscription_id: int, bulk: Bulk, attempt: int, outcome: Outcome, retry_in_s: float | None
    ) -> None:
        """``attempt`` counts from 1; ``retry_in_s`` is when the next follows, if it failed and one follows."""


AlertKind = Literal[
    "credentials_refused",  # the destination does not take our credentials
    "destination_gone",  # it answered 410: the subscription was paused
    "destination_failing",  # its circuit is open
    "parked_full",  # so many events wait beside the log that the cursor is held
    "dead_letters",  # events were given up
    "events_expired",  # events were too old, or went with retention, before they could be delivered
]
"""What a person should look at about a subscription: a closed set, fit for a metric label."""

ShardAlertKind = Literal[
    "backlog_half",  # what is not delivered yet takes half of the budget of disk
    "backlog_high",  # it takes four fifths: soon events are lost
]
"""The same about a shard."""

HubAlertKind = Literal["registry_unconfirmed"]  # the registry does not answer: nothing is sent
"""The same about the hub as a whole."""


class Overseer(Protocol):
    """Whom deliveries, and what looks after them, tell what a person, or the registry, must know. No call waits."""

    def raise_alert(self, kind: AlertKind, subscription_id: int, detail: str) -> None:
        """It is so from now on; saying it again changes the detail only."""

    def clear_alert(self, kind: AlertKind, subscription_id: int) -> None:
        """It is so no longer; nothing happens if it was not."""

    def pause(self, subscription_id: int, reason: str) -> None:
        """Have the subscription paused; the delivery is stopped soon after, and sends nothing until then."""


class Source(Protocol):
    """Where a delivery's feed has its items from: a router, or who reads the log for a feed of its own."""

    @property
    def routed_to(self) -> int:
        """Everything below was offered to the feeds that follow."""

    async def catch_up(self, feed: Feed) -> None:
        """Fill the queue of a feed that does not follow; return when there is something in it, or it follows."""


BeginSpan = Callable[[Bulk, int], AttemptSpan]
"""Called as an attempt begins, with its number within the bulk, from 1."""


NoteIncomplete = Callable[[int, str], None]
"""Told the subscription and the field for each event that became a dead letter because nobody knows the field."""


def nobody_counts(subscription_id: int, field: str) -> None:
    """See ``NoteIncomplete``."""


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What a delivery works with, whatever its order."""

    feed: Feed
    router: Source
    shard: int
    target: TargetProtocol
    options: DeliveryOptions
    transport: Transport
    gate_of: Callable[[int], Gate]
    """Of the endpoint that takes a slot's events; the same one for all where the destination has no more."""
    store: DeliveryStore
    settled: int
    """Where it begins: the durable cursor."""
    streams: Callable[[], StreamIndex]
    """What may be sent right now."""
    confirmed: Confirmation
    """Whether that is certain: if not, no attempt begins."""
    observe: AttemptObserver
    overseer: Overseer
    clock: Clock
    random: Callable[[], float]
    """0 to 1: how much of a contract's jitter is added."""
    begin_span: BeginSpan | None = None
    note_incomplete: NoteIncomplete = nobody_counts
    keyed: bool = False
    """Each message holds events of one subject, and says so (``Message.key``). Never in the order ``bulk``."""
    narrow: Narrow | None = None
    """What of an event may be sent right now; ``None``: all of it, where there is access."""

    @property
    def any_slot(self) -> int:
        """A slot that may be sent, to ask for what is the same for all of them."""
        return min(self.feed.selection.slots, default=min(self.target.slots.values()))


class Delivery(Protocol):
    """Delivers one feed to one destination."""

    feed: Feed

    @property
    def settled(self) -> int:
        """The durable cursor."""

    @property
    def failures(self) -> int:
        """Attempts in a row that failed."""

    @property
    def oldest(self) -> RoutedItem | None:
        """The first item, by position, that is on its way or waits in memory; ``None`` if there is none."""

    async def run(self) -> None:
        """Deliver until cancelled. Raises ``StoreUnavailable`` with reason ``closed`` when the log is closed."""

    def adopt(self, letters: Sequence[Letter]) -> None:
        """Deliver these dead letters too, which the store has parked again (``DeliveryStore.revive``)."""
