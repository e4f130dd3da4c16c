"""Attempts to deliver."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.api.rest.types.paging import Paging
from postroad.api.rest.types.scalars import Id, Instant

Outcome = Literal["delivered", "failed"]


class AttemptsQuery(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which attempts: those that every field fits that is given."""

    subscription_id: Annotated[Id | None, Meta(description="Only of this subscription.")] = None
    event_id: Annotated[Id | None, Meta(description="Only those that may have had this event in them.")] = None
    outcome: Annotated[Outcome | None, Meta(description="Only those that ended so.")] = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A request that failed, or requests in a row that were confirmed, within an hour at most."""

    subscription_id: Annotated[int, Meta(description="Whose.")]
    subscription: Annotated[str | None, Meta(description="That subscription's name; null: it is no more.")]
    outcome: Annotated[Outcome, Meta(description="How it ended.")]
    requests: Annotated[int, Meta(description="How many.")]
    events: Annotated[int, Meta(description="How many events they held.")]
    first: Annotated[Instant, Meta(description="When the first request ended.")]
    last: Annotated[Instant, Meta(description="When the last one did.")]
    min_elapsed_ms: Annotated[float, Meta(description="How long the fastest took.")]
    max_elapsed_ms: Annotated[float, Meta(description="How long the slowest took.")]
    attempt: Annotated[int | None, Meta(description="Of one that failed: which attempt it was, from 1.")]
    reason: Annotated[str | None, Meta(description="Of one that failed: why.")]
    status: Annotated[int | None, Meta(description="Of one that failed: the HTTP status it was answered with.")]
    detail: Annotated[str | None, Meta(description="Of one that failed: more of that, for people.")]
    request_id: Annotated[str | None, Meta(description="Of one that failed: the id that the request had.")]


class PlacedAttempt(Attempt, frozen=True, kw_only=True):
    """The same, with where its events stand in the log."""

    id: Annotated[int, Meta(description="Never used twice.")]
    shard: Annotated[int | None, Meta(description="Null to an integration: how far others have come is not its.")]
    first_position: Annotated[int | None, Meta(description="Of the first event; null as `shard` is.")]
    last_position: Annotated[int | None, Meta(description="Of the last event; null as `shard` is.")]
