"""The whole story of one event."""

from typing import Annotated

import msgspec
from msgspec import Meta

from postroad.administration.explanation import State
from postroad.api.rest.types.attempt import Attempt
from postroad.api.rest.types.body import Body
from postroad.api.rest.types.scalars import Instant
from postroad.routing.explain import Verdict


class Intake(msgspec.Struct, frozen=True, kw_only=True):
    """Who brought an item, and what is stored of it. Not for integrations: it is not theirs."""

    provider_id: Annotated[int | None, Meta(description="Null: the hub itself said it.")]
    provider: Annotated[str, Meta(description="The provider's name.")]
    protocol: Annotated[str, Meta(description="By which it was sent.")]
    kind: Annotated[str, Meta(description="What it is, in that protocol's words.")]
    request_id: Annotated[str | None, Meta(description="What the sender called its request.")]
    late: Annotated[bool, Meta(description="The source said that it is old.")]
    ahead: Annotated[bool, Meta(description="Its time lies ahead of its arrival.")]
    stored: Annotated[Instant, Meta(description="When it was durable.")]
    subject_id: Annotated[int | None, Meta(description="Who it is about; null: nobody who is known.")]
    identifiers: Annotated[list[str], Meta(description="What the subject is called: namespaces and values.")]
    settings_revision: Annotated[int, Meta(description="Of the provider's settings, by which it is read.")]
    unreadable: Annotated[str | None, Meta(description="Why it could not be read; null: it could.")]
    resolved_by: Annotated[str | None, Meta(description="The item that took the place of one that could not.")]
    body: Annotated[Body, Meta(description="What was sent. It can hold personal data.")]


class EventLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that waits for its next attempt, or was given up."""

    event_id: Annotated[int, Meta(description="Its id, as its customer gets it.")]
    type: Annotated[str, Meta(description="Its wire type.")]
    dead: Annotated[bool, Meta(description="It was given up.")]
    since: Annotated[Instant | None, Meta(description="Given up then; or first tried then, or null: not yet.")]
    due: Annotated[Instant | None, Meta(description="When it is tried next; null: when it is its turn, or never.")]
    attempts: Annotated[int, Meta(description="How often it was tried.")]
    reason: Annotated[str, Meta(description="Why the last attempt failed.")]
    status: Annotated[int | None, Meta(description="Which HTTP status it was answered with.")]
    detail: Annotated[str, Meta(description="More of that, for people.")]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an item for one subscription."""

    subscription_id: Annotated[int, Meta(description="Which.")]
    subscription: Annotated[str, Meta(description="Its name.")]
    verdict: Annotated[Verdict, Meta(description="`routed`: it was to have it; else why not.")]
    state: Annotated[State, Meta(description="How that stands.")]
    types: Annotated[list[str], Meta(description="Sent; or, by the verdict `types_not_agreed`, could have been.")]
    event_ids: Annotated[list[int], Meta(description="Of the events sent.")]
    attempts: Annotated[list[Attempt], Meta(description="The newest that may have had it in them, in order.")]
    behind: Annotated[Attempt | None, Meta(description="What holds it up: the failed attempt of the first in line.")]
    letters: Annotated[list[EventLetter], Meta(description="Events that wait, or were given up.")]
    skips: Annotated[list[str], Meta(description="Why events were passed over.")]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The story of the item that an event was made of."""

    item: Annotated[str, Meta(description="Where it stands in the log: its shard and its position.")]
    received: Annotated[Instant, Meta(description="When it arrived.")]
    intake: Annotated[Intake | None, Meta(description="Null: that is not for you.")]
    routes: Annotated[list[Route], Meta(description="For each subscription of yours, as far as it concerns it.")]
