"""Having somebody or something forgotten."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.api.rest.types.scalars import Id, Instant
from postroad.registry.erasures import ErasureKind, ErasureState, Fate


class ErasureBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who or what is to be forgotten."""

    kind: Annotated[ErasureKind, Meta(description="What it is.")]
    name: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=1000,
            description="A driver: what a provider calls him. A vehicle: its plate or VIN, or what a provider calls "
            "it. A trip: its provider's key.",
        ),
    ]
    organization: Annotated[
        str | None, Meta(description="Of this organization (name or id), where several have one of that name.")
    ] = None
    provider_id: Annotated[Id | None, Meta(description="Who sent the trip; for a trip only, and needed there.")] = None


class ErasurePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What would be erased, and who had it."""

    kind: Annotated[ErasureKind, Meta(description="What it is.")]
    items: Annotated[int, Meta(description="In the log.")]
    refusals: Annotated[int, Meta(description="Requests that were answered with an error.")]
    subscriptions: Annotated[list[str], Meta(description="Those that had access.")]
    backups: Annotated[list[str], Meta(description="The places of those that keep it.")]
    complete: Annotated[
        bool, Meta(description="Whether the whole log was searched; if not, there may be more. `postroad erase` does.")
    ]


class ErasureReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription that had access to what was erased."""

    subscription: Annotated[str, Meta(description="Its name, or its number where nobody knows that any more.")]
    removed: Annotated[bool, Meta(description="Before the erasure was asked for: nobody can be told by it any more.")]
    events: Annotated[
        int | None, Meta(description="That it was delivered, of items that were still stored; null: nobody knows.")
    ]
    since: Annotated[Instant | None, Meta(description="When its first stream was opened; null: it had none.")]
    notice: Annotated[Fate, Meta(description="Whether it was told.")]


class ErasureBackup(msgspec.Struct, frozen=True, kw_only=True):
    """A copy that an erasure does not reach."""

    place: Annotated[str, Meta(description="Where it is.")]
    made: Annotated[Instant, Meta(description="When it was made.")]
    until: Annotated[Instant | None, Meta(description="When it goes; null: nobody said.")]


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure and its receipt. It names nobody."""

    id: Annotated[int, Meta(description="Never used twice.")]
    organization_id: Annotated[int, Meta(description="Whose driver, vehicle or trip it was.")]
    kind: Annotated[ErasureKind, Meta(description="What it was.")]
    hash: Annotated[str, Meta(description="Of its name, keyed: by it the erasure of a known name is found.")]
    state: Annotated[
        ErasureState, Meta(description="`asked`; `erased`: customers are being told; `done`: nothing is left.")
    ]
    asked: Annotated[Instant, Meta(description="When it was asked for.")]
    asked_by: Annotated[Literal["operator", "provider"], Meta(description="By whom.")]
    erased: Annotated[Instant | None, Meta(description="When the hub's files held nothing of it any more.")]
    done: Annotated[Instant | None, Meta(description="When nothing was left.")]
    allowed_again: Annotated[Instant | None, Meta(description="Since when what is called so is taken in again.")]
    items: Annotated[int, Meta(description="Removed from the log.")]
    letters: Annotated[int, Meta(description="Removed of what waited beside it.")]
    refusals: Annotated[int, Meta(description="Removed of what had been answered with an error.")]
    state_removed: Annotated[int, Meta(description="Last known values removed: vehicles.")]
    trips: Annotated[int, Meta(description="Trips in the making removed: vehicles.")]
    datasets: Annotated[int, Meta(description="Removed of what could be fetched.")]
    registry: Annotated[int, Meta(description="Rows of the registry that named it.")]
    receivers: Annotated[list[ErasureReceiver], Meta(description="Who had access to it, and was told or not.")]
    backups: Annotated[list[ErasureBackup], Meta(description="Those that keep it.")]
    declared_in: Annotated[list[str], Meta(description="Where the file that is applied may name it still.")]
