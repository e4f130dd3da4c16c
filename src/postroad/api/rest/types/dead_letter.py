"""Events that were given up."""

from typing import Annotated

import msgspec
from msgspec import Meta

from postroad.api.rest.types.body import Body
from postroad.api.rest.types.paging import USUAL_LIMIT, Cursor, Limit
from postroad.api.rest.types.scalars import Id, Instant


class DeadLettersWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters: those that every field fits that is given."""

    subscription_id: Annotated[Id | None, Meta(description="Only of this subscription.")] = None
    type: Annotated[str | None, Meta(description="Only events of this wire type, such as `gps_position`.")] = None
    subject_id: Annotated[Id | None, Meta(description="Only about this subject.")] = None
    since: Annotated[Instant | None, Meta(description="Only those given up since then.")] = None
    until: Annotated[Instant | None, Meta(description="Only those given up before then.")] = None
    reason: Annotated[str | None, Meta(description="Only those given up for this reason.")] = None
    event_id: Annotated[Id | None, Meta(description="Only of this event, by the id its customer gets.")] = None


class DeadLettersQuery(DeadLettersWanted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters, and which page of them."""

    limit: Limit = USUAL_LIMIT
    cursor: Cursor = None


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that its subscription's contract gave up, kept until it is redriven or dropped."""

    id: Annotated[str, Meta(description="Its shard, its subscription's id and its event's id.")]
    event_id: Annotated[int, Meta(description="The event's id, as its customer gets it.")]
    subscription_id: Annotated[int, Meta(description="Whose it is.")]
    subscription: Annotated[str, Meta(description="That subscription's name.")]
    type: Annotated[str, Meta(description="Its wire type.")]
    subject_id: Annotated[int, Meta(description="Who it is about.")]
    vehicle: Annotated[
        str | None, Meta(description="That vehicle's plate; null: it has none, or you have no access to it any more.")
    ]
    received: Annotated[Instant, Meta(description="When its item arrived.")]
    first_attempt: Annotated[Instant | None, Meta(description="Null: it was never tried, see `reason`.")]
    died: Annotated[Instant, Meta(description="When it was given up.")]
    attempts: Annotated[int, Meta(description="How often it was tried.")]
    reason: Annotated[str, Meta(description="Why the last attempt failed; `incomplete`: it was not tried.")]
    status: Annotated[int | None, Meta(description="Which HTTP status the last attempt was answered with.")]
    detail: Annotated[str, Meta(description="More of that, for people.")]
    bytes: Annotated[int, Meta(description="The size of its body.")]


class DeadLetterWithBody(DeadLetter, frozen=True, kw_only=True):
    """The same with its body."""

    body: Annotated[
        Body | None,
        Meta(
            description="What was to be sent. To an integration: what would be sent if it were redriven now; null: "
            "nothing, as access to it has ended. It can hold personal data."
        ),
    ]


class DeadLetterCount(msgspec.Struct, frozen=True, kw_only=True):
    """Letters of one subscription that were given up for one reason."""

    subscription: Annotated[str, Meta(description="Its name.")]
    reason: Annotated[str, Meta(description="Why.")]
    letters: Annotated[int, Meta(description="How many.")]


class DeadLetterCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many letters fit."""

    letters: Annotated[int, Meta(description="All of them.")]
    of: Annotated[list[DeadLetterCount], Meta(description="By subscription and reason.")]


class DeadLetterChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters: those that every field fits that is given; of a list, any of it."""

    subscription_ids: Annotated[list[Id], Meta(max_length=1000, description="Only of these subscriptions.")] = []
    types: Annotated[list[str], Meta(max_length=100, description="Only events of these wire types.")] = []
    subject_id: Annotated[Id | None, Meta(description="Only about this subject.")] = None
    since: Annotated[Instant | None, Meta(description="Only those given up since then.")] = None
    until: Annotated[Instant | None, Meta(description="Only those given up before then.")] = None
    reasons: Annotated[list[str], Meta(max_length=100, description="Only those given up for these reasons.")] = []
    event_ids: Annotated[list[Id], Meta(max_length=1000, description="Only these events.")] = []


class DeadLetterRedrive(DeadLetterChoice, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters are to be sent once more, and how fast."""

    rate_per_s: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="Events a second at most; null: no limit.")
    ] = None


class DeadLetterDrop(DeadLetterChoice, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters are to be dropped for good."""

    all: Annotated[bool, Meta(description="Needed where nothing else is given.")] = False
