"""Vehicles, fleets, drivers: what events are about."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from postroad.api.rest.types.paging import Paging
from postroad.registry.apply.document import Name, VehiclePart

Kind = Literal["vehicle", "fleet", "account", "driver"]


class FleetBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said of a fleet."""

    name: Annotated[Name | UnsetType, Meta(description="That of the path; may be left out.")] = UNSET


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """A group of vehicles that somebody declared."""

    id: Annotated[int, Meta(description="Its subject's; never used twice.")]
    name: Annotated[str, Meta(description="Unique in its organization.")]


class VehicleBody(VehiclePart, frozen=True, kw_only=True):
    """What can be said of a vehicle: all that it is known by, and its fleet.

    A plate or VIN that is left out goes. What a provider calls it stays unless something else is said: it may be
    learnt.
    """


class Vehicle(VehiclePart, frozen=True, kw_only=True):
    """A vehicle."""

    id: Annotated[int, Meta(description="Its subject's; never used twice.")]
    other_identifiers: Annotated[
        dict[str, list[str]], Meta(description="The same where a provider has several names for it.")
    ]
    fleet_id: Annotated[int | None, Meta(description="Of its fleet; one that only a provider knows has no name.")]
    issued: Annotated[dict[str, int | str], Meta(description="What the hub calls it, by namespace of a protocol.")]
    declared: Annotated[bool, Meta(description="Somebody declared it; otherwise it was learnt from a provider.")]
    created_at: Annotated[datetime, Meta(description="When it became known.")]


class VehicleList(Paging, frozen=True, kw_only=True):
    """Which vehicles."""

    identifier: Annotated[str | None, Meta(description="Those known by this, in any spelling.")] = None
    namespace: Annotated[str | None, Meta(description="Known so here: `plate`, `vin`, or a provider's.")] = None
    fleet: Annotated[str | None, Meta(description="Those in this fleet, by its name or id.")] = None


class DriverList(Paging, frozen=True, kw_only=True):
    """Which drivers."""

    identifier: Annotated[str | None, Meta(description="Those known by this.")] = None
    namespace: Annotated[str | None, Meta(description="Known so here.")] = None


class SubjectList(DriverList, frozen=True, kw_only=True):
    """Which subjects."""

    kind: Annotated[Kind | None, Meta(description="Those of this kind.")] = None
    organization: Annotated[str | None, Meta(description="Those of this organization, by its name or id.")] = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Whom or what events are about."""

    id: Annotated[int, Meta(description="Never used twice.")]
    organization_id: Annotated[int, Meta(description="To which it belongs.")]
    kind: Annotated[Kind, Meta(description="What it is.")]
    name: Annotated[str | None, Meta(description="Of a fleet that somebody declared.")]
    identifiers: Annotated[dict[str, list[str]], Meta(description="What it is known by: namespace, and values.")]
    issued: Annotated[dict[str, int | str], Meta(description="What the hub calls it, by namespace of a protocol.")]
    fleet_id: Annotated[int | None, Meta(description="Of the fleet that a vehicle is in.")]
    declared: Annotated[bool, Meta(description="Somebody declared it; otherwise it was learnt from a provider.")]
    created_at: Annotated[datetime, Meta(description="When it became known.")]
