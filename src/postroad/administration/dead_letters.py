"""Events that were given up: which are meant, a page of them, one with its body, and what becomes of them."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

import msgspec

from postroad.administration.items import Place, numbers, reader_at, type_of
from postroad.administration.shards import Shards
from postroad.delivery.meant import Meant, Part
from postroad.errors import ConfigError, NotFound
from postroad.log.delivery import DeadLetter, LetterFilter, LetterId
from postroad.log.reader import ShardReader
from postroad.model.identifiers import PLATE, normalise
from postroad.protocols import TARGETS
from postroad.protocols.base import outgoing_id, position_and_slot
from postroad.registry.records import RegistryView, Subscription
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import Task

_PAGE = 1000

Fate = Literal["REDRIVE", "DROP"]
"""What can become of dead letters: the type of the task that carries it out."""


class LetterKey(NamedTuple):
    """Names a dead letter in the whole hub; in the order of these."""

    shard: int
    subscription_id: int
    event_id: int

    @classmethod
    def read(cls, text: str) -> "LetterKey":
        """The inverse of ``str``. Raises ``ValueError``."""
        return cls(*numbers(text, count=3))

    def __str__(self) -> str:
        """``0:3:8192``."""
        return ":".join(map(str, self))

    @property
    def letter_id(self) -> LetterId:
        """Within its subscription and shard."""
        return LetterId(*position_and_slot(self.event_id))


class Dead(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter and what people call what it is about."""

    shard: int
    subscription: Subscription
    type: str
    vehicle: str | None
    """Its plate."""
    dead: DeadLetter

    @property
    def key(self) -> LetterKey:
        """Its name."""
        letter = self.dead.letter
        return LetterKey(self.shard, self.dead.subscription_id, outgoing_id(letter.position, letter.slot))


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Letters of one subscription that were given up for one reason."""

    subscription: str
    reason: str
    letters: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters somebody means, in people's words: each field that is given narrows it down."""

    types: frozenset[str] = frozenset()
    """Wire types."""
    subject_id: int | None = None
    vehicle: str | None = None
    """A plate."""
    since_us: int | None = None
    """Given up since then."""
    until_us: int | None = None
    """Given up before then."""
    reasons: frozenset[str] = frozenset()
    events: frozenset[int] = frozenset()
    """Ids of events, as customers get them."""


def meant(wanted: Wanted, subscriptions: Iterable[Subscription], view: RegistryView) -> Meant:
    """Which letters of these subscriptions that is.

    Raises:
        NotFound: There is no such vehicle.
        ConfigError: No protocol has such a type, or several organizations have such a vehicle.
    """
    chosen = sorted(subscriptions, key=lambda subscription: subscription.id)
    return Meant(
        parts=tuple(_parts(chosen, wanted.types)),
        subject_id=wanted.subject_id if wanted.vehicle is None else _vehicle(wanted.vehicle, view),
        since_us=wanted.since_us,
        until_us=wanted.until_us,
        reasons=wanted.reasons or None,
        events=wanted.events or None,
    )


def listed(
    shards: Shards, view: RegistryView, which: Meant, *, after: LetterKey | None = None, limit: int
) -> list[Dead]:
    """Dead letters by shard, subscription and event, from behind ``after`` on."""
    return list(islice(_all(shards, view, which, after, min(limit, _PAGE)), limit))


def counts(shards: Shards, view: RegistryView, which: Meant) -> list[Count]:
    """How many, by subscription and reason."""
    found = Counter((one.dead.subscription_id, one.dead.letter.reason) for one in _all(shards, view, which))
    return [
        Count(subscription=view.subscriptions[id_].name, reason=reason, letters=letters)
        for (id_, reason), letters in sorted(found.items())
    ]


def of_event(shards: Shards, view: RegistryView, event_id: int) -> list[Dead]:
    """The letters of one event: one for each subscription that gave it up."""
    which = Meant(parts=tuple(map(Part, view.subscriptions)), events=frozenset({event_id}))
    return list(_all(shards, view, which))


def get(shards: Shards, view: RegistryView, key: LetterKey) -> Dead:
    """One letter. Raises ``NotFound``."""
    reader = reader_at(shards, Place(key.shard, 0))
    if key.subscription_id in view.subscriptions:
        which = LetterFilter(subscription_id=key.subscription_id, ids=frozenset({key.letter_id}))
        for dead in reader.dead(which, limit=1):
            return _named(key.shard, dead, view)
    raise NotFound(f"there is no dead letter {key}")


def body_of(shards: Shards, one: Dead) -> bytes:
    """What was to be sent; empty if it is gone meanwhile. Raises ``StoreCorrupt``."""
    return shards[one.shard].body(one.dead.subscription_id, one.dead.letter.id) or b""


def paused(which: Meant, view: RegistryView) -> list[Subscription]:
    """Those of the subscriptions that are paused: nothing is sent for them."""
    meant_ = (view.subscriptions[part.subscription_id] for part in which.parts)
    return [subscription for subscription in meant_ if subscription.state == "paused"]


def without(which: Meant, subscriptions: Collection[Subscription]) -> Meant:
    """The same but for letters of these subscriptions."""
    ids = {subscription.id for subscription in subscriptions}
    parts = tuple(part for part in which.parts if part.subscription_id not in ids)
    return msgspec.structs.replace(which, parts=parts)


def ask(
    registry: RegistryStore,
    fate: Fate,
    which: Meant,
    *,
    letters: int,
    rate_per_s: float | None = None,
    integration_id: int | None = None,
) -> Task:
    """Have the hub redrive or drop letters, ``letters`` by a count; for an integration, or for the operator.

    Raises:
        TaskUnfinished: That is under way for the same.
        NotFound: The integration is no more.
    """
    return registry.add_task(
        fate, filter_=which.stored(), rate_per_s=rate_per_s, integration_id=integration_id, remaining=letters
    )


def _all(
    shards: Shards, view: RegistryView, which: Meant, after: LetterKey | None = None, at_once: int = _PAGE
) -> Iterator[Dead]:
    for shard, reader in shards.items():
        if after is not None and shard < after.shard:
            continue
        behind = after if after is not None and shard == after.shard else None
        for one in which.filters():
            for dead in _dead(reader, one, behind, at_once):
                yield _named(shard, dead, view)


def _dead(reader: ShardReader, which: LetterFilter, behind: LetterKey | None, at_once: int) -> Iterator[DeadLetter]:
    after = None if behind is None else (behind.subscription_id, behind.letter_id)
    if after is not None and which.subscription_id is not None and which.subscription_id < after[0]:
        return
    while page := reader.dead(which, after=after, limit=at_once):
        yield from page
        after = page[-1].subscription_id, page[-1].letter.id


def _named(shard: int, dead: DeadLetter, view: RegistryView) -> Dead:
    subscription, subject = view.subscriptions[dead.subscription_id], view.subjects.get(dead.letter.subject_id)
    return Dead(
        shard=shard,
        subscription=subscription,
        type=type_of(subscription, dead.letter.slot),
        vehicle=None if subject is None else subject.plate,
        dead=dead,
    )


def _parts(chosen: Sequence[Subscription], types: frozenset[str]) -> Iterator[Part]:
    if not types:
        yield from (Part(s.id) for s in chosen)
        return
    known = {name for target in TARGETS.values() for name in target.slots}
    if unknown := sorted(types - known):
        raise ConfigError(f"there is no wire type {unknown[0]!r}; known: {', '.join(sorted(known))}")
    for subscription in chosen:
        slots = TARGETS[subscription.protocol].slots if subscription.protocol in TARGETS else {}
        if numbers := frozenset(number for name, number in slots.items() if name in types):
            yield Part(subscription.id, numbers)


def _vehicle(plate: str, view: RegistryView) -> int:
    value = normalise(PLATE, plate)
    found = {s for (_, space, known), s in view.identifiers.items() if (space, known) == (PLATE, value)}
    if not found:
        raise NotFound(f"no vehicle has the plate {plate!r}")
    if len(found) > 1:
        raise ConfigError(f"several organizations have a vehicle {plate!r}; use --subject: {sorted(found)}")
    return found.pop()
