"""The whole story of one item: who brought it, what is stored of it, and what became of it for each subscription."""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

import msgspec

from postroad.administration.items import Place, body_of, item_at, kind_of, sender_of, type_of
from postroad.log.delivery import Cursor, Letter, LetterFilter, LetterId, Skip, skip_that_names
from postroad.log.interface import FLAG_AHEAD, FLAG_LATE, Batch, Quarantined
from postroad.log.reader import ShardReader
from postroad.log.tally import ALL_SLOTS
from postroad.protocols import READABLE, TARGETS
from postroad.protocols.base import SLOT_BITS, outgoing_id, position_and_slot
from postroad.registry.attempts import Attempt
from postroad.registry.records import RegistryView, Subscription
from postroad.registry.store import RegistryStore
from postroad.routing.explain import Route, Verdict, routes_of
from postroad.routing.translation import Decoder

MAX_ATTEMPTS = 20
"""Of one subscription: the newest that reached over the item."""

State = Literal["delivered", "pending", "failing", "parked", "dead", "skipped"]


class CameIn(msgspec.Struct, frozen=True, kw_only=True):
    """How an item came in."""

    protocol: str
    provider: str
    provider_id: int | None
    """None: the hub itself said it."""
    kind: str
    received_us: int
    request_id: str | None
    late: bool
    ahead: bool


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of an item."""

    stored_us: int
    subject_id: int | None
    """None: of nobody who is known."""
    identifiers: tuple[str, ...]
    """What the subject is called: namespace and value."""
    batch: int
    """The position of its batch."""
    index: int
    """In the batch."""
    settings_revision: int
    body: bytes
    """What the provider sent."""


class KeptLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the item that is parked or dead."""

    event_id: int
    type: str
    letter: Letter


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an item for one subscription."""

    subscription_id: int
    subscription: str
    verdict: Verdict
    state: State
    behind: Attempt | None
    """What an item that was not tried yet waits for: the failed attempt of the first in line."""
    until_position: int | None
    types: tuple[str, ...]
    """Sent, or, where that is why nothing was, not agreed."""
    ids: tuple[int, ...]
    attempts: tuple[Attempt, ...]
    """The oldest first."""
    letters: tuple[KeptLetter, ...]
    skips: tuple[str, ...]
    """Why events of it were skipped."""

    @property
    def concerns_it(self) -> bool:
        """Whether the subscription was to have anything of the item, or something is recorded of that."""
        return self.verdict == "routed" or bool(self.letters or self.skips)


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one item."""

    place: Place
    organization_id: int | None
    """Whose provider brought it, or whose subject it is about; None: nobody's who is known."""
    came_in: CameIn
    stored: Stored
    quarantine: Quarantined | None
    courses: tuple[Course, ...]


class Explainer:
    """Tells stories by one view, of the items of one shard."""

    def __init__(self, registry: RegistryStore, view: RegistryView, reader: ShardReader) -> None:
        """``registry`` knows the attempts."""
        self._registry = registry
        self._view = view
        self._reader = reader

    def explain(self, place: Place, *, subscription_ids: Collection[int] | None = None) -> Story:
        """The story of the item there, for all subscriptions or for these.

        Raises:
            NotFound: The shard does not hold it.
            StoreUnavailable, StoreCorrupt: See ``ShardReader.read``.
        """
        batch, index = item_at(self._reader, place)
        decoder = Decoder(READABLE)
        decoder.use(self._view)
        cursors = self._reader.cursors()
        routes = routes_of(batch, index, view=self._view, decoder=decoder, targets=TARGETS)
        return Story(
            place=place,
            organization_id=self._organization_id(batch, index),
            came_in=self._came_in(batch, index),
            stored=self._stored(batch, index),
            quarantine=self._reader.quarantined_at(place.position),
            courses=tuple(
                self._course(route, place, cursors.get(route.subscription_id))
                for route in routes
                if subscription_ids is None or route.subscription_id in subscription_ids
            ),
        )

    def _organization_id(self, batch: Batch, index: int) -> int | None:
        provider, subject = self._view.providers.get(batch.provider_id), self._view.subjects.get(batch.subjects[index])
        owner = provider or subject
        return None if owner is None else owner.organization_id

    def _came_in(self, batch: Batch, index: int) -> CameIn:
        return CameIn(
            protocol=batch.protocol,
            provider=sender_of(self._view, batch),
            provider_id=batch.provider_id or None,
            kind=kind_of(batch, index),
            received_us=batch.received_at_us(index),
            request_id=batch.request_id or None,
            late=bool(batch.flags[index] & FLAG_LATE),
            ahead=bool(batch.flags[index] & FLAG_AHEAD),
        )

    def _stored(self, batch: Batch, index: int) -> Stored:
        subject_id, known = batch.subjects[index], self._view.identifiers.items()
        return Stored(
            stored_us=batch.stored_us,
            subject_id=subject_id or None,
            identifiers=tuple(f"{namespace} {value}" for (_, namespace, value), id_ in known if id_ == subject_id),
            batch=batch.position,
            index=index,
            settings_revision=batch.revision,
            body=body_of(batch, index),
        )

    def _course(self, route: Route, place: Place, cursor: Cursor | None) -> Course:
        id_ = route.subscription_id
        shard, position = place
        attempts = self._registry.attempts(id_, shard=shard, position=position, limit=MAX_ATTEMPTS)
        dead = [one.letter for one in self._reader.dead(_letters_at(id_, position))]
        parked = [letter for letter in self._reader.parked(id_) if letter.position == position]
        skips = tuple(_skips(self._reader.skips(id_), position, route.ids))
        state = _state(route, attempts, dead=dead, parked=parked, skipped=bool(skips), cursor=cursor, position=position)
        behind = None
        if state == "pending" and cursor is not None:
            first = self._registry.attempts(id_, shard=shard, position=cursor.position, limit=1)
            behind = first[0] if first and not first[0].succeeded else None
        return Course(
            subscription_id=id_,
            subscription=route.subscription,
            verdict=route.verdict,
            state=state,
            behind=behind,
            until_position=route.until_position,
            types=route.events,
            ids=route.ids,
            attempts=tuple(reversed(attempts)),
            letters=tuple(_kept(letter, self._view.subscriptions[id_]) for letter in [*dead, *parked]),
            skips=skips,
        )


def _state(
    route: Route,
    attempts: Sequence[Attempt],
    *,
    dead: Sequence[Letter],
    parked: Sequence[Letter],
    skipped: bool,
    cursor: Cursor | None,
    position: int,
) -> State:
    if dead:
        return "dead"
    if parked:
        return "parked"
    if skipped or (route.verdict != "routed" and not attempts):
        return "skipped"
    if cursor is not None and position < cursor.position:
        return "delivered"
    return "failing" if attempts and not attempts[0].succeeded else "pending"


def _letters_at(subscription_id: int, position: int) -> LetterFilter:
    """Dead letters of the item at this position."""
    ids = frozenset(LetterId(position, slot) for slot in range(1 << SLOT_BITS))
    return LetterFilter(subscription_id=subscription_id, ids=ids)


def _kept(letter: Letter, subscription: Subscription) -> KeptLetter:
    event_id = outgoing_id(letter.position, letter.slot)
    return KeptLetter(event_id=event_id, type=type_of(subscription, letter.slot), letter=letter)


def _skips(skips: Sequence[Skip], position: int, event_ids: Sequence[int]) -> Iterator[str]:
    """Why events of the item were skipped. A stretch of all slots says nothing of an item that is not for it."""
    by_slot = [skip for skip in skips if skip.slots != ALL_SLOTS and skip.first <= position < skip.end]
    named = [skip_that_names(skips, *position_and_slot(event_id)) for event_id in event_ids]
    yield from dict.fromkeys(skip.reason for skip in [*by_slot, *named] if skip is not None)
