"""What may stand in a file for ``postroad apply``, as structs; docs/how-to/apply.md explains them to people."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from postroad.registry.signing import MAX_SECRETS

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^(?!\d+$)[^/\x00-\x1f\x7f]+$")]
"""Without a slash, and more than digits, because the command line takes ``organization/provider`` and ids as well."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping in which every key is known."""


class ReceivePart(_Part, frozen=True, kw_only=True):
    """How its messages come beside the entrances of its protocol."""

    transport: Annotated[str, Meta(description="Of the service that has them.")]
    config: Annotated[dict[str, Any], Meta(description="How they are received from it; by its transport.")] = {}


class ProviderFields(_Part, frozen=True, kw_only=True):
    """Who sends to us, less its name."""

    protocol: Annotated[str, Meta(description="By which it sends.")]
    unknown_vehicles: Annotated[
        Literal["create", "unassigned"], Meta(description="What becomes of items about vehicles that nobody knows.")
    ] = "create"
    settings: Annotated[dict[str, Any], Meta(description="How what it sends is read; by its protocol.")] = {}
    upstream: Annotated[
        dict[str, Any] | None, Meta(description="How its own control plane is reached; null: that is left to people.")
    ] = None
    receive: Annotated[
        ReceivePart | None, Meta(description="The queue or topic they come from; null: by the entrances only.")
    ] = None


class ProviderPart(ProviderFields, frozen=True, kw_only=True):
    """Who sends to us."""

    name: Annotated[Name, Meta(description="Unique in its organization.")]


class FleetPart(_Part, frozen=True, kw_only=True):
    """A group of vehicles."""

    name: Annotated[Name, Meta(description="Unique in its organization.")]


class VehiclePart(_Part, frozen=True, kw_only=True):
    """A vehicle: what it is known by (plate, VIN, or as providers identify it), and the fleet it is in."""

    plate: Annotated[str | None, Meta(description="Its registration, in any spelling.")] = None
    vin: Annotated[str | None, Meta(description="Its vehicle identification number.")] = None
    identifiers: Annotated[
        dict[str, str | int], Meta(description="Namespace of a source protocol: what its providers call the vehicle.")
    ] = {}
    fleet: Annotated[str | None, Meta(description="The name of the fleet that it is in.")] = None


class DestinationFields(_Part, frozen=True, kw_only=True):
    """Where to, less its name."""

    transport: Annotated[str, Meta(description="How it is reached.")]
    config: Annotated[dict[str, Any], Meta(description="Where it is, and our credentials; by its transport.")] = {}
    limits: Annotated[dict[str, Any], Meta(description="How much it can bear.")] = {}


class DestinationPart(DestinationFields, frozen=True, kw_only=True):
    """Where to."""

    name: Annotated[Name, Meta(description="Unique in its integration.")]


class VehiclesPart(_Part, frozen=True, kw_only=True):
    """Vehicles of some fleets, and some by plate."""

    fleets: Annotated[tuple[str, ...], Meta(description="Names of fleets.")] = ()
    plates: Annotated[tuple[str, ...], Meta(description="Registrations, in any spelling.")] = ()


Vehicles = Literal["all", "none", "granted", "chosen"] | VehiclesPart


class DriversPart(_Part, frozen=True, kw_only=True):
    """Drivers by the ids that their provider has of them."""

    ids: Annotated[tuple[str, ...], Meta(description="As the provider writes them.")] = ()


class SigningPart(_Part, frozen=True, kw_only=True):
    """How a subscription's requests are signed."""

    secrets: Annotated[tuple[Any, ...], Meta(max_length=MAX_SECRETS, description="The newest first.")]


class SubscriptionFields(_Part, frozen=True, kw_only=True):
    """What goes to a destination, by which protocol, less its name."""

    protocol: Annotated[str, Meta(description="By which it is sent.")]
    destination: Annotated[str, Meta(description="The name of a destination of the same integration.")]
    types: Annotated[tuple[str, ...], Meta(description="Types of events, by the names that the protocol has for them.")]
    vehicles: Annotated[
        Vehicles,
        Meta(description="Of which vehicles: of those selected here, those granted, or those its customer chooses."),
    ] = "none"
    drivers: Annotated[Literal["all", "none"] | DriversPart, Meta(description="Of which drivers.")] = "none"
    options: Annotated[dict[str, Any], Meta(description="Of the translation; by its protocol.")] = {}
    delivery: Annotated[dict[str, Any], Meta(description="What is other than the protocol's contract says.")] = {}
    signing: Annotated[
        SigningPart | UnsetType, Meta(description="How its requests are signed; left out: that stays as it is.")
    ] = UNSET
    state: Annotated[
        Literal["active", "paused"] | UnsetType, Meta(description="Left out: as it is, and active when it is new.")
    ] = UNSET


class SubscriptionPart(SubscriptionFields, frozen=True, kw_only=True):
    """What goes to a destination, by which protocol."""

    name: Annotated[Name, Meta(description="Unique in its integration.")]


class ServicePart(_Part, frozen=True, kw_only=True):
    """What an integration is to the owners of vehicles."""

    title: Annotated[str, Meta(min_length=1, max_length=100, description="What owners know it as.")]
    url: Annotated[str, Meta(description="Where an owner is sent with userId and carId; https.")]


class IntegrationPart(_Part, frozen=True, kw_only=True):
    """Who receives from us."""

    name: Annotated[Name, Meta(description="Unique in its organization.")]
    service: Annotated[ServicePart | None, Meta(description="None: owners are not offered it.")] = None
    destinations: Annotated[tuple[DestinationPart, ...], Meta(description="Where to.")] = ()
    subscriptions: Annotated[tuple[SubscriptionPart, ...], Meta(description="What goes there.")] = ()


class OrganizationPart(_Part, frozen=True, kw_only=True):
    """A company, and everything that belongs to it."""

    name: Annotated[Name, Meta(description="Unique.")]
    providers: Annotated[tuple[ProviderPart, ...], Meta(description="Who sends to us.")] = ()
    fleets: Annotated[tuple[FleetPart, ...], Meta(description="Groups of its vehicles.")] = ()
    vehicles: Annotated[tuple[VehiclePart, ...], Meta(description="What it has.")] = ()
    integrations: Annotated[tuple[IntegrationPart, ...], Meta(description="Who receives from us.")] = ()


class Document(_Part, frozen=True, kw_only=True):
    """The whole file."""

    organizations: Annotated[tuple[OrganizationPart, ...], Meta(description="Everything in it.")]
