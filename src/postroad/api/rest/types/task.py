"""What the hub was asked to do."""

from typing import Annotated

import msgspec
from msgspec import Meta

from postroad.api.rest.types.scalars import Instant
from postroad.registry.tasks import TaskStatus, TaskType


class TaskAbout(msgspec.Struct, frozen=True, kw_only=True):
    """Which events a task is about: those that every field fits that says something; of a list, any of it."""

    subscriptions: Annotated[list[str], Meta(description="Their names.")]
    providers: Annotated[list[str], Meta(description="Their names.")]
    types: Annotated[list[str], Meta(description="Wire types.")]
    subject_id: Annotated[int | None, Meta(description="Who they are about.")]
    since: Annotated[Instant | None, Meta(description="Given up since then.")]
    until: Annotated[Instant | None, Meta(description="Given up before then.")]
    reasons: Annotated[list[str], Meta(description="Why they were given up.")]
    event_ids: Annotated[list[int], Meta(description="Their ids.")]
    items: Annotated[list[str], Meta(description="Items in quarantine.")]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the hub carries out by and by, and goes on with after a restart."""

    id: Annotated[str, Meta(description="24 hexadecimal digits.")]
    type: Annotated[TaskType, Meta(description="What it is.")]
    status: Annotated[TaskStatus, Meta(description="How it stands; the last three are for good.")]
    integration_id: Annotated[int | None, Meta(description="Who asked for it; null: the operator.")]
    about: Annotated[TaskAbout, Meta(description="Which events.")]
    created: Annotated[Instant, Meta(description="When it was asked for.")]
    started: Annotated[Instant | None, Meta(description="When the hub began with it.")]
    completed: Annotated[Instant | None, Meta(description="When it was finished, or given up.")]
    done: Annotated[int, Meta(description="Events dealt with so far.")]
    remaining: Annotated[int | None, Meta(description="Events to come; null: not counted yet.")]
    rate_per_s: Annotated[float | None, Meta(description="Events a second at most; null: no limit.")]
    detail: Annotated[str, Meta(description="Why it failed, for people.")]
