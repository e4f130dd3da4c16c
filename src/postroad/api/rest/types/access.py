"""Grants and streams: who has what."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.api.rest.types.paging import Paging
from postroad.api.rest.types.scalars import Id, Instant

Reference = Annotated[str, Meta(max_length=2000)]


class GrantBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Access to be given."""

    integration_id: Annotated[Id, Meta(description="To whom, of whichever organization.")]
    subject_id: Annotated[Id, Meta(description="Of the vehicle, or of the fleet with every vehicle in it.")]


class GrantList(Paging, frozen=True, kw_only=True):
    """Which grants."""

    integration_id: Annotated[Id | None, Meta(description="To this integration.")] = None
    subject_id: Annotated[Id | None, Meta(description="Of this vehicle or fleet itself.")] = None


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """An integration may have a vehicle, or every vehicle that is in a fleet."""

    id: Annotated[int, Meta(description="Never used twice.")]
    integration_id: Annotated[int, Meta(description="Who may.")]
    integration: Annotated[str, Meta(description="Its name, behind its organization's.")]
    subject_id: Annotated[int, Meta(description="Of the vehicle or fleet.")]
    kind: Annotated[Literal["fleet", "vehicle"], Meta(description="What it is.")]
    subject: Annotated[str, Meta(description="What it is called, behind its organization's name.")]
    since: Annotated[Instant, Meta(description="When it was given.")]


class StreamBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stream to be opened."""

    subscription_id: Annotated[Id, Meta(description="Into which; one whose vehicles are chosen.")]
    vehicle_id: Annotated[Id, Meta(description="The subject's id of a vehicle that its integration has.")]
    reference_url: Annotated[Reference | None, Meta(description="What the customer notes with it.")] = None


class StreamChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be changed of a stream."""

    reference_url: Annotated[Reference | None, Meta(description="What the customer notes with it; null: nothing.")]


class StreamList(Paging, frozen=True, kw_only=True):
    """Which streams."""

    subscription_id: Annotated[Id | None, Meta(description="Into this subscription.")] = None
    subject_id: Annotated[Id | None, Meta(description="Of this vehicle, driver or account.")] = None
    ended: Annotated[bool | None, Meta(description="Only those that have ended, or have not.")] = None


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One subject into one subscription, over an interval of positions. One that has ended answers who had what."""

    id: Annotated[int, Meta(description="Never used twice.")]
    subscription_id: Annotated[int, Meta(description="Into which.")]
    integration_id: Annotated[int, Meta(description="Whose that is.")]
    subject_id: Annotated[int, Meta(description="Of which vehicle, driver or account.")]
    shard: Annotated[int, Meta(description="Of the log, in which the positions are.")]
    from_position: Annotated[int | None, Meta(description="From this item on; null: it has not begun yet.")]
    until_position: Annotated[int | None, Meta(description="Before this item; null: that is not known, or to come.")]
    ended: Annotated[bool, Meta(description="It gives nothing any more.")]
    created_at: Annotated[Instant, Meta(description="When it was opened.")]
    ended_at: Annotated[Instant | None, Meta(description="When it was ended.")]
    scopes: Annotated[
        list[str] | None, Meta(description="What of the requested scopes is authorised; null: all of them.")
    ]
    reference_url: Annotated[str | None, Meta(description="What the customer notes with it.")]
