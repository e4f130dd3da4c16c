"""Attempts to deliver."""

import msgspec

from postroad.access.policy import HUB, Operation, allowed
from postroad.administration import attempts as kept
from postroad.administration.items import Place
from postroad.api.rest import reach
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.routes import Resource
from postroad.api.rest.types.attempt import Attempt, AttemptsQuery, PlacedAttempt
from postroad.api.rest.types.paging import Page
from postroad.clock import from_us
from postroad.registry.attempts import Attempt as Recorded

attempts = Resource("attempts", "Attempts to deliver, of the last 30 days.")


@attempts.get("/attempts", Operation.READ_DELIVERIES)
def list_attempts(call: Call, query: AttemptsQuery) -> Page[PlacedAttempt]:
    """List attempts to deliver, the newest first."""
    ids = reach.subscription_ids(call)
    if query.subscription_id is not None:
        mine = ids is None or query.subscription_id in ids
        ids = frozenset({query.subscription_id} if mine else ())
    found = kept.listed(
        call.registry,
        subscription_ids=ids,
        place=None if query.event_id is None else Place.of_event(query.event_id),
        succeeded=None if query.outcome is None else query.outcome == "delivered",
        before=key_of(query, int),
        limit=query.limit + 1,
    )
    return page_of(found, query, lambda one: _placed(call, one), key=lambda one: one.id)


def shown(call: Call, one: Recorded) -> Attempt:
    """An attempt without its place in the log."""
    subscription = call.view.subscriptions.get(one.subscription_id)
    return Attempt(
        subscription_id=one.subscription_id,
        subscription=None if subscription is None else subscription.name,
        outcome="delivered" if one.succeeded else "failed",
        requests=one.bulks,
        events=one.items,
        first=from_us(one.first_at_us),
        last=from_us(one.last_at_us),
        min_elapsed_ms=one.min_elapsed_ms,
        max_elapsed_ms=one.max_elapsed_ms,
        attempt=one.attempt,
        reason=one.reason,
        status=one.status,
        detail=one.detail,
        request_id=one.request_id,
    )


def _placed(call: Call, one: kept.Listed) -> PlacedAttempt:
    attempt = one.attempt
    target = reach.of_subscription(call.view.subscriptions.get(attempt.subscription_id))
    # How far apart positions are tells how much others have sent.
    told = allowed(call.principal, Operation.READ_AUDIT, target, HUB)
    return PlacedAttempt(
        **msgspec.structs.asdict(shown(call, attempt)),
        id=one.id,
        shard=attempt.shard if told else None,
        first_position=attempt.first_position if told else None,
        last_position=attempt.last_position if told else None,
    )
