"""Events that were given up."""

from datetime import datetime

import msgspec

from postroad.access.policy import HUB, Operation, allowed
from postroad.administration import dead_letters as kept
from postroad.administration import tasks as asked
from postroad.administration.dead_letters import Dead, LetterKey, Wanted
from postroad.administration.sendable import has_access, sendable
from postroad.administration.shards import Shards
from postroad.api.rest import reach
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.problems import CONFLICT, MALFORMED, Refused
from postroad.api.rest.resources import showing
from postroad.api.rest.resources.showing import instant
from postroad.api.rest.resources.tasks import shown as shown_task
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.body import Body
from postroad.api.rest.types.dead_letter import (
    DeadLetter,
    DeadLetterChoice,
    DeadLetterCount,
    DeadLetterCounts,
    DeadLetterDrop,
    DeadLetterRedrive,
    DeadLettersQuery,
    DeadLettersWanted,
    DeadLetterWithBody,
)
from postroad.api.rest.types.paging import Page
from postroad.api.rest.types.task import Task
from postroad.clock import from_us, to_us
from postroad.delivery.meant import Meant
from postroad.errors import ConfigError, Forbidden, NotFound
from postroad.protocols.parcel import unpacked
from postroad.registry.records import Subscription

dead_letters = Resource("dead-letters", "Events that were given up, and what becomes of them.")


@dead_letters.get("/dead-letters", Operation.READ_DELIVERIES)
def list_dead_letters(call: Call, query: DeadLettersQuery) -> Page[DeadLetter]:
    """List dead letters by subscription, the oldest event first."""
    after = key_of(query, str)
    which = _of_query(call, query)
    with call.services.readers.lend() as shards:
        found = kept.listed(
            shards,
            call.view,
            which,
            after=None if after is None else _key(after, Refused(MALFORMED, "cursor: not one of ours")),
            limit=query.limit + 1,
        )
    return page_of(found, query, lambda one: _shown(call, one), key=lambda one: str(one.key))


@dead_letters.get("/dead-letters/counts", Operation.READ_DELIVERIES)
def count_dead_letters(call: Call, query: DeadLettersWanted) -> DeadLetterCounts:
    """Count dead letters, by subscription and reason: what a redrive of them would be about."""
    which = _of_query(call, query)
    with call.services.readers.lend() as shards:
        found = kept.counts(shards, call.view, which)
    of = [DeadLetterCount(subscription=one.subscription, reason=one.reason, letters=one.letters) for one in found]
    return DeadLetterCounts(letters=sum(one.letters for one in of), of=of)


@dead_letters.get("/dead-letters/{letter}", Operation.READ_DELIVERIES)
def get_dead_letter(call: Call, letter: str) -> DeadLetterWithBody:
    """Get a dead letter, with its body."""
    key = _key(letter, NotFound("there is no such letter"))
    call.require(reach.of_subscription(call.view.subscriptions.get(key.subscription_id)))
    with call.services.readers.lend() as shards:
        found = kept.get(shards, call.view, key)
        body = _body(call, shards, found)
    return DeadLetterWithBody(**msgspec.structs.asdict(_shown(call, found)), body=body)


@dead_letters.post("/dead-letters/redrive", Operation.REDRIVE_DELIVERIES)
def redrive_dead_letters(call: Call, body: DeadLetterRedrive) -> Task | Created:
    """Have dead letters sent once more, as if they were new: by their contract's schedule, from the first attempt.

    Subscriptions that are paused are left out, unless they are named: that is a conflict. Until its task is finished,
    nobody can ask for another one.
    """
    which = _of_choice(call, body)
    paused = kept.paused(which, call.view)
    if paused and body.subscription_ids:
        raise Refused(CONFLICT, f"Subscription {paused[0].name} is paused: resume it first")
    return _asked(call, "REDRIVE", kept.without(which, paused), rate_per_s=body.rate_per_s)


@dead_letters.post("/dead-letters/drop", Operation.DROP_DELIVERIES)
def drop_dead_letters(call: Call, body: DeadLetterDrop) -> Task | Created:
    """Drop dead letters for good. That they were dropped stays recorded."""
    if not body.all and body == DeadLetterDrop():
        raise ConfigError("say which dead letters to drop, or all", field="all")
    return _asked(call, "DROP", _of_choice(call, body))


def _of_query(call: Call, query: DeadLettersWanted) -> Meant:
    mine = reach.subscriptions(call)
    chosen = mine if query.subscription_id is None else {query.subscription_id: mine.get(query.subscription_id)}
    wanted = Wanted(
        types=_one(query.type),
        subject_id=query.subject_id,
        since_us=_us(query.since),
        until_us=_us(query.until),
        reasons=_one(query.reason),
        events=frozenset() if query.event_id is None else frozenset({query.event_id}),
    )
    try:
        return kept.meant(wanted, [one for one in chosen.values() if one is not None], call.view)
    except ConfigError as exc:
        raise Refused(MALFORMED, f"query: {exc}") from exc


def _of_choice(call: Call, choice: DeadLetterChoice) -> Meant:
    mine = reach.subscriptions(call)
    if not mine:
        call.require(HUB)
    chosen: list[Subscription] = []
    for id_ in choice.subscription_ids or mine:
        if id_ not in mine:
            raise Forbidden("you have no access to it, or it does not exist")
        chosen.append(mine[id_])
    wanted = Wanted(
        types=frozenset(choice.types),
        subject_id=choice.subject_id,
        since_us=_us(choice.since),
        until_us=_us(choice.until),
        reasons=frozenset(choice.reasons),
        events=frozenset(choice.event_ids),
    )
    return kept.meant(wanted, chosen, call.view)


def _asked(call: Call, fate: kept.Fate, which: Meant, *, rate_per_s: float | None = None) -> Created:
    with call.services.readers.lend() as shards:
        letters = sum(reader.count_dead(one) for reader in shards.values() for one in which.filters())
    task = kept.ask(
        call.registry,
        fate,
        which,
        letters=letters,
        rate_per_s=rate_per_s,
        integration_id=call.principal.integration_id,
    )
    return Created(shown_task(asked.described(task, call.view)), f"/tasks/{task.id}")


def _key(text: str, otherwise: Exception) -> LetterKey:
    try:
        return LetterKey.read(text)
    except ValueError:
        raise otherwise from None


def _sees_all(call: Call, subscription: Subscription) -> bool:
    """Whether who asks sees more than the customer himself: what is kept, whoever may have it by now."""
    return allowed(call.principal, Operation.READ_AUDIT, reach.of_subscription(subscription))


def _body(call: Call, shards: Shards, one: Dead) -> Body | None:
    raw: bytes | None = kept.body_of(shards, one)
    if raw is not None and not _sees_all(call, one.subscription):
        raw = sendable(one, raw, streams=call.services.streams(), view=call.view)
    return None if raw is None else showing.body(unpacked(raw).body)


def _shown(call: Call, one: Dead) -> DeadLetter:
    letter = one.dead.letter
    named = _sees_all(call, one.subscription) or has_access(one, call.services.streams())
    return DeadLetter(
        id=str(one.key),
        event_id=one.key.event_id,
        subscription_id=one.dead.subscription_id,
        subscription=one.subscription.name,
        type=one.type,
        subject_id=letter.subject_id,
        vehicle=one.vehicle if named else None,
        received=from_us(letter.received_us),
        first_attempt=instant(letter.first_attempt_us),
        died=from_us(letter.dead_us or 0),
        attempts=letter.attempts,
        reason=letter.reason,
        status=letter.status,
        detail=letter.detail,
        bytes=letter.size,
    )


def _one(value: str | None) -> frozenset[str]:
    return frozenset() if value is None else frozenset({value})


def _us(instant_: datetime | None) -> int | None:
    return None if instant_ is None else max(0, to_us(instant_))
