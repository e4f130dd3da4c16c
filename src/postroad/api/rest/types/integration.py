"""Integrations, and what belongs to them."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from postroad.registry.apply.document import (
    DestinationFields,
    DestinationPart,
    Name,
    ServicePart,
    SubscriptionFields,
    SubscriptionPart,
)


class IntegrationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said of an integration; its destinations and subscriptions are resources of their own."""

    name: Annotated[Name | UnsetType, Meta(description="That of the path; may be left out.")] = UNSET
    service: Annotated[
        ServicePart | None, Meta(description="What it is to owners of vehicles; null: they are not offered it.")
    ] = None


class Integration(msgspec.Struct, frozen=True, kw_only=True):
    """Who receives from us."""

    id: Annotated[int, Meta(description="Never used twice.")]
    name: Annotated[str, Meta(description="Unique in its organization.")]
    service: Annotated[
        ServicePart | None, Meta(description="What it is to owners of vehicles; null: they are not offered it.")
    ]


class DestinationBody(DestinationFields, frozen=True, kw_only=True):
    """What can be said of a destination, as in a file for ``postroad apply``; secrets are written out."""

    name: Annotated[Name | UnsetType, Meta(description="That of the path; may be left out.")] = UNSET


class Destination(DestinationPart, frozen=True, kw_only=True):
    """Where to. Secrets are null."""

    id: Annotated[int, Meta(description="Never used twice.")]
    secrets: Annotated[tuple[str, ...], Meta(description="The paths of the secrets that are set.")]


class SubscriptionBody(SubscriptionFields, frozen=True, kw_only=True):
    """What can be said of a subscription, as in a file for ``postroad apply``; secrets are written out."""

    name: Annotated[Name | UnsetType, Meta(description="That of the path; may be left out.")] = UNSET


class Subscription(SubscriptionPart, frozen=True, kw_only=True):
    """What goes to a destination, by which protocol. Its signing secrets are not shown."""

    id: Annotated[int, Meta(description="Never used twice.")]
    paused_reason: Annotated[str | None, Meta(description="Why the hub paused it by itself; null: it did not.")]
    secrets: Annotated[tuple[str, ...], Meta(description="The paths of the secrets that are set.")]


class RotationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a signing secret is replaced."""

    overlap_s: Annotated[
        int, Meta(ge=0, le=365 * 86_400, description="How long the secrets before it stay valid; 0 ends them now.")
    ] = 86_400


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """A new signing secret."""

    secret: Annotated[str, Meta(description="For the customer. It is shown this once.")]
    overlap_s: Annotated[int, Meta(description="How long the secrets before it stay valid.")]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step towards a destination."""

    step: Annotated[str, Meta(description="What was tried.")]
    ok: Annotated[bool, Meta(description="Whether it went well; nothing was tried after one that did not.")]
    detail: Annotated[str, Meta(description="What was found.")]
    warning: Annotated[str | None, Meta(description="What will go wrong soon.")]


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """How far one comes with a subscription's destination."""

    ok: Annotated[bool, Meta(description="Whether every step went well.")]
    sent: Annotated[
        Literal["empty_bulk", "nothing"],
        Meta(description="What was sent at last: protocols that send each event by itself have no message without."),
    ]
    steps: Annotated[tuple[Step, ...], Meta(description="In order.")]
