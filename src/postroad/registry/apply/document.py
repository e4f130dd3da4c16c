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

    transport: str
    config: dict[str, Any] = {}


class ProviderPart(_Part, frozen=True, kw_only=True):
    """Who sends to us."""

    name: Name
    protocol: str
    unknown_vehicles: Literal["create", "unassigned"] = "create"
    settings: dict[str, Any] = {}
    upstream: dict[str, Any] | None = None
    receive: ReceivePart | None = None


class FleetPart(_Part, frozen=True, kw_only=True):
    """A group of vehicles."""

    name: Name


class VehiclePart(_Part, frozen=True, kw_only=True):
    """A vehicle: what it is known by (plate, VIN, or as providers identify it), and the fleet it is in."""

    plate: str | None = None
    vin: str | None = None
    identifiers: dict[str, str | int] = {}
    """Namespace of a source protocol -> what its providers call the vehicle."""
    fleet: str | None = None


class DestinationPart(_Part, frozen=True, kw_only=True):
    """Where to."""

    name: Name
    transport: str
    config: dict[str, Any] = {}
    limits: dict[str, Any] = {}


class VehiclesPart(_Part, frozen=True, kw_only=True):
    """Vehicles of some fleets, and some by plate."""

    fleets: tuple[str, ...] = ()
    plates: tuple[str, ...] = ()


Vehicles = Literal["all", "none", "granted", "chosen"] | VehiclesPart


class DriversPart(_Part, frozen=True, kw_only=True):
    """Drivers by the ids that their provider has of them."""

    ids: tuple[str, ...] = ()


class SigningPart(_Part, frozen=True, kw_only=True):
    """How a subscription's requests are signed."""

    secrets: Annotated[tuple[Any, ...], Meta(max_length=MAX_SECRETS)]


class SubscriptionPart(_Part, frozen=True, kw_only=True):
    """What goes to a destination, by which protocol."""

    name: Name
    protocol: str
    destination: str
    types: tuple[str, ...]
    vehicles: Vehicles = "none"
    drivers: Literal["all", "none"] | DriversPart = "none"
    options: dict[str, Any] = {}
    delivery: dict[str, Any] = {}
    signing: SigningPart | UnsetType = UNSET
    state: Literal["active", "paused"] | UnsetType = UNSET


class IntegrationPart(_Part, frozen=True, kw_only=True):
    """Who receives from us."""

    name: Name
    destinations: tuple[DestinationPart, ...] = ()
    subscriptions: tuple[SubscriptionPart, ...] = ()


class OrganizationPart(_Part, frozen=True, kw_only=True):
    """A company, and everything that belongs to it."""

    name: Name
    providers: tuple[ProviderPart, ...] = ()
    fleets: tuple[FleetPart, ...] = ()
    vehicles: tuple[VehiclePart, ...] = ()
    integrations: tuple[IntegrationPart, ...] = ()


class Document(_Part, frozen=True, kw_only=True):
    """The whole file."""

    organizations: tuple[OrganizationPart, ...]
