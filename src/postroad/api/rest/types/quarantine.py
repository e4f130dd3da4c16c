"""Items that could not be read."""

from typing import Annotated

import msgspec
from msgspec import Meta

from postroad.api.rest.types.body import Body
from postroad.api.rest.types.paging import Paging
from postroad.api.rest.types.scalars import Id, Instant

Place = Annotated[str, Meta(description="Where it stands in the log: its shard and its position.")]


class QuarantineQuery(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which items."""

    provider_id: Annotated[Id | None, Meta(description="Only what this provider sent.")] = None
    resolved: Annotated[bool, Meta(description="Also those that were read since.")] = False


class QuarantinedItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item that was stored as it came, and could not be read. Nobody was sent anything of it."""

    id: Place
    received: Annotated[Instant, Meta(description="When it arrived.")]
    provider_id: Annotated[int, Meta(description="Who sent it.")]
    provider: Annotated[str | None, Meta(description="The provider's name; null: it is no more.")]
    protocol: Annotated[str, Meta(description="By which it was sent.")]
    reason: Annotated[str, Meta(description="Which field is wrong, and how; never its value.")]
    resolved_by: Annotated[
        str | None, Meta(description="The item that took its place once it could be read; null: none.")
    ]


class QuarantinedItemWithBody(QuarantinedItem, frozen=True, kw_only=True):
    """The same with what was sent."""

    request_id: Annotated[str | None, Meta(description="What the sender called its request.")]
    body: Annotated[Body, Meta(description="What was sent. It can hold personal data.")]


class QuarantineChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which items: those that every field fits that is given; without any, all that were not read since."""

    items: Annotated[list[Place], Meta(max_length=1000, description="Only these.")] = []
    provider_id: Annotated[Id | None, Meta(description="Only what this provider sent.")] = None


class QuarantineDrop(QuarantineChoice, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which items are to be dropped for good."""

    all: Annotated[bool, Meta(description="Needed where nothing else is given.")] = False
