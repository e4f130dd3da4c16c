"""The delivery state's seam: what a shard durably knows of each subscription.

Beside the cursor there are *letters*: events that went on beside the log, so that the cursor could pass them. A parked
letter waits for its next attempt, or behind another of its subject; a dead one waits for a person. And there are
*skips*: stretches of positions that were settled without being delivered, and why.

Cursor, letters and skips move in one transaction, through the shard's one writer.
``tests/contract/test_delivery_store.py`` holds every engine to this.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

FOLLOWER_ID = -1
"""Stands for a subscription in the cursor of the hub's own reader of admin events; subscriptions count from 1."""


def fetcher_id(provider_id: int) -> int:
    """Stands for a subscription in what is kept of fetching a provider's datasets: below ``FOLLOWER_ID``."""
    return FOLLOWER_ID - provider_id


def fetched_for(subscription_id: int) -> int | None:
    """The provider that a ``fetcher_id`` was made of; ``None`` for any other id."""
    return FOLLOWER_ID - subscription_id if subscription_id < FOLLOWER_ID else None


class Cursor(msgspec.Struct, frozen=True):
    """How far a subscription has come in a shard: everything below ``position`` is settled."""

    subscription_id: int
    position: int
    updated_us: int


class LetterId(msgspec.Struct, frozen=True, order=True):
    """Names a letter within a subscription and shard; ordered as the log is."""

    position: int
    slot: int


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is kept beside the log. Its body is kept apart (``DeliveryStore.body``)."""

    position: int
    slot: int
    """Its type's number in the target protocol."""
    subject_id: int
    size: int
    """Of its body, in bytes."""
    received_us: int
    stored_us: int
    recorded_us: int | None = None
    """The event's own time, where its contract asks for it."""
    document: bytes = b""
    revision: int = 0
    deletes: bool = False
    """See ``postroad.protocols.base.Outgoing``."""
    attempts: int = 0
    """Made so far under its contract; a redrive begins again at 0."""
    first_attempt_us: int | None = None
    due_us: int | None = None
    """When it is to be tried; ``None``: when the one before it in its lane is through, or, if dead, never."""
    dead_us: int | None = None
    """When it was given up; ``None`` while it is parked."""
    reason: str = ""
    """Why the last attempt failed, of the transport's closed set; empty before the first."""
    status: int | None = None
    detail: str = ""
    """For people: no secret."""

    @property
    def id(self) -> LetterId:
        """Its name."""
        return LetterId(self.position, self.slot)


class Posted(msgspec.Struct, frozen=True):
    """A letter that is new or has changed."""

    letter: Letter
    body: bytes | None = None
    """``None``: the one that is stored already."""


class Skip(msgspec.Struct, frozen=True):
    """Positions that were settled without a delivery, for one reason."""

    first: int
    end: int
    """Exclusive."""
    reason: str
    """``access_ended``, ``scope_ended``, ``expired``, ``too_old``, ``superseded``, ``dropped`` ..."""
    events: int
    """So many events of the subscription's; 0 also when nobody could read them any more to count them."""


EXPIRED = "expired"
"""The reason of stretches that were given up unread: too old while nobody delivered, or removed by retention."""
TOO_OLD = "too_old"
"""The reason of an event that was too old when it was its turn. Other events of its item may still be delivered, also
after a restart, so it is no stretch that is given up."""


def given_up(skips: Iterable[Skip], position: int) -> list[range]:
    """The stretches at or above ``position`` that are recorded as expired ahead of a cursor there, in order."""
    return [
        range(max(skip.first, position), skip.end) for skip in skips if skip.reason == EXPIRED and skip.end > position
    ]


def merged(skips: Iterable[Skip]) -> list[Skip]:
    """In the order of positions, with stretches of one reason that touch or overlap as one.

    One position may hold several events, so stretches of one reason may overlap; what comes of them does not depend on
    the order in which they were merged.
    """
    stretches: dict[str, list[Skip]] = {}
    for skip in sorted(skips, key=_place):
        before = stretches.setdefault(skip.reason, [])
        last = before[-1] if before else None
        if last is not None and skip.first <= last.end:
            before[-1] = Skip(last.first, max(last.end, skip.end), skip.reason, last.events + skip.events)
        else:
            before.append(skip)
    return sorted((skip for of_one_reason in stretches.values() for skip in of_one_reason), key=_place)


def _place(skip: Skip) -> tuple[int, int, str]:
    return skip.first, skip.end, skip.reason


class Superseded(msgspec.Struct, frozen=True):
    """Editions of a document below ``revision`` are needless, dead ones too."""

    document: bytes
    revision: int


class Changes(msgspec.Struct, frozen=True):
    """What changes beside the cursor, in the same transaction, in the order of the fields."""

    posted: Sequence[Posted] = ()
    removed: Sequence[LetterId] = ()
    """Letters that are delivered, or are not wanted any more."""
    skips: Sequence[Skip] = ()
    superseded: Sequence[Superseded] = ()
    """Removes *dead* letters only: whoever delivers knows the parked ones himself."""


NO_CHANGES = Changes()


class LetterFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters are meant. Every field that is given must fit; instants bound ``dead_us``."""

    subscription_id: int | None = None
    slots: frozenset[int] | None = None
    subject_id: int | None = None
    since_us: int | None = None
    until_us: int | None = None
    """Exclusive."""
    reasons: frozenset[str] | None = None
    ids: frozenset[LetterId] | None = None

    def fits(self, subscription_id: int, letter: Letter) -> bool:
        """Whether this letter of this subscription is one of those that are meant."""
        dead_us = letter.dead_us
        return (
            dead_us is not None
            and (self.subscription_id is None or self.subscription_id == subscription_id)
            and (self.slots is None or letter.slot in self.slots)
            and (self.subject_id is None or self.subject_id == letter.subject_id)
            and (self.since_us is None or dead_us >= self.since_us)
            and (self.until_us is None or dead_us < self.until_us)
            and (self.reasons is None or letter.reason in self.reasons)
            and (self.ids is None or letter.id in self.ids)
        )


class DeadLetter(msgspec.Struct, frozen=True):
    """A dead letter and whose it is."""

    subscription_id: int
    letter: Letter


class LetterCounts(msgspec.Struct, frozen=True):
    """Of one subscription in one shard."""

    parked: int
    dead: int
    parked_bytes: int = 0
    dead_bytes: int = 0
    oldest_parked_us: int | None = None
    """When the first parked one, in the order of the log, had arrived; ``None``: none is parked."""


class DeliveryStore(Protocol):
    """Durable delivery state of one shard."""

    async def cursors(self) -> dict[int, Cursor]:
        """Every subscription's cursor, by subscription id."""

    async def settle(self, subscription_id: int, position: int, changes: Changes = NO_CHANGES) -> None:
        """Make durable that everything below ``position`` is settled, and ``changes`` with it: all or nothing.

        A lower position than stored changes nothing of the cursor; the changes are made all the same. Creates the
        cursor if there is none. A posted letter without a body must be stored already: ``ValueError`` otherwise, as for
        whatever else is malformed; that harms no neighbour. Raises ``StoreUnavailable``.
        """

    async def parked(self, subscription_id: int) -> list[Letter]:
        """The parked letters, in the order of the log."""

    async def body(self, subscription_id: int, letter_id: LetterId) -> bytes | None:
        """A letter's body; ``None`` if there is no such letter. Raises ``StoreCorrupt`` if it is damaged."""

    async def dead(
        self, which: LetterFilter, *, after: tuple[int, LetterId] | None = None, limit: int = 100
    ) -> list[DeadLetter]:
        """Dead letters by (subscription, position, slot), from behind ``after`` on."""

    async def count_dead(self, which: LetterFilter) -> int:
        """How many dead letters there are."""

    async def revive(self, dead: Sequence[DeadLetter], due_us: Sequence[int]) -> list[DeadLetter]:
        """Park dead letters again, each due at its instant, with no attempts made; those that still were dead.

        Returned as they are now. ``ValueError`` unless there is an instant for each.
        """

    async def drop(self, dead: Sequence[DeadLetter]) -> int:
        """Remove dead letters, each recorded as a skip with reason ``dropped``; how many still were there."""

    async def letter_counts(self) -> dict[int, LetterCounts]:
        """By subscription id, for those that have any."""

    async def skips(self, subscription_id: int) -> list[Skip]:
        """What was settled without delivery, as ``merged`` gives it."""

    async def skipped(self) -> dict[int, dict[str, int]]:
        """Events in ``skips``, by subscription id and reason, for those that have any."""

    async def forget(self, subscription_id: int) -> None:
        """Remove everything of a subscription."""
