"""What the REST API shows, and parts of what it takes."""

# Made by tools/client/generate.py: change the API and run `make reference`.

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from postroad.client.answers import Representation


class AppliedChange(Representation, frozen=True, kw_only=True):
    """One thing that was changed, or would be."""

    action: Literal["create", "delete", "update"]
    """What was done."""
    kind: str
    """To what."""
    name: str
    """With the names of its owners: `Andes Transport/insurer/webhook`."""
    fields: Mapping[str, tuple[Any, Any]]
    """What was, and what is; of secrets only whether."""


class Applied(Representation, frozen=True, kw_only=True):
    """What applying a document changed, or would change."""

    dry_run: bool
    """Nothing was changed."""
    changes: Sequence[AppliedChange]
    """In order."""


class Destination(Representation, frozen=True, kw_only=True):
    """Where to. Secrets are null."""

    transport: str
    """How it is reached."""
    config: Mapping[str, Any] = {}
    """Where it is, and our credentials; by its transport."""
    limits: Mapping[str, Any] = {}
    """How much it can bear."""
    name: str
    """Unique in its integration."""
    id: int
    """Never used twice."""
    secrets: Sequence[str]
    """The paths of the secrets that are set."""


class DriversPart(Representation, frozen=True, kw_only=True):
    """Drivers by the ids that their provider has of them."""

    ids: Sequence[str] = []
    """As the provider writes them."""


class Fleet(Representation, frozen=True, kw_only=True):
    """A group of vehicles that somebody declared."""

    id: int
    """Its subject's; never used twice."""
    name: str
    """Unique in its organization."""


class Integration(Representation, frozen=True, kw_only=True):
    """Who receives from us."""

    id: int
    """Never used twice."""
    name: str
    """Unique in its organization."""


class Organization(Representation, frozen=True, kw_only=True):
    """A company, and everything that belongs to it."""

    id: int
    """Never used twice."""
    name: str
    """Unique."""


class Provider(Representation, frozen=True, kw_only=True):
    """Who sends to us. Secrets are null."""

    protocol: str
    """By which it sends."""
    unknown_vehicles: Literal["create", "unassigned"] = "create"
    """What becomes of items about vehicles that nobody knows."""
    settings: Mapping[str, Any] = {}
    """How what it sends is read; by its protocol."""
    upstream: Mapping[str, Any] | None = None
    """How its own control plane is reached; null: that is left to people."""
    name: str
    """Unique in its organization."""
    id: int
    """Never used twice."""
    revision: int
    """Of its settings: raised whenever they change."""
    secrets: Sequence[str]
    """The paths of the secrets that are set."""


class Rotated(Representation, frozen=True, kw_only=True):
    """A new signing secret."""

    secret: str
    """For the customer. It is shown this once."""
    overlap_s: int
    """How long the secrets before it stay valid."""


class SigningPart(Representation, frozen=True, kw_only=True):
    """How a subscription's requests are signed."""

    secrets: Sequence[Any]
    """The newest first."""


class Subject(Representation, frozen=True, kw_only=True):
    """Whom or what events are about."""

    id: int
    """Never used twice."""
    organization_id: int
    """To which it belongs."""
    kind: Literal["account", "driver", "fleet", "vehicle"]
    """What it is."""
    name: str | None
    """Of a fleet that somebody declared."""
    identifiers: Mapping[str, Sequence[str]]
    """What it is known by: namespace, and values."""
    issued: Mapping[str, int | str]
    """What the hub calls it, by namespace of a protocol."""
    fleet_id: int | None
    """Of the fleet that a vehicle is in."""
    declared: bool
    """Somebody declared it; otherwise it was learnt from a provider."""
    created_at: str
    """When it became known."""


class VehiclesPart(Representation, frozen=True, kw_only=True):
    """Vehicles of some fleets, and some by plate."""

    fleets: Sequence[str] = []
    """Names of fleets."""
    plates: Sequence[str] = []
    """Registrations, in any spelling."""


class Subscription(Representation, frozen=True, kw_only=True):
    """What goes to a destination, by which protocol. Its signing secrets are not shown."""

    protocol: str
    """By which it is sent."""
    destination: str
    """The name of a destination of the same integration."""
    types: Sequence[str]
    """Types of events, by the names that the protocol has for them."""
    vehicles: Literal["all", "chosen", "granted", "none"] | VehiclesPart = "none"
    """Of which vehicles: of those selected here, those granted, or those its customer chooses."""
    drivers: Literal["all", "none"] | DriversPart = "none"
    """Of which drivers."""
    options: Mapping[str, Any] = {}
    """Of the translation; by its protocol."""
    delivery: Mapping[str, Any] = {}
    """What is other than the protocol's contract says."""
    signing: SigningPart | UnsetType = UNSET
    """How its requests are signed; left out: that stays as it is."""
    state: Literal["active", "paused"] | UnsetType = UNSET
    """Left out: as it is, and active when it is new."""
    name: str
    """Unique in its integration."""
    id: int
    """Never used twice."""
    paused_reason: str | None
    """Why the hub paused it by itself; null: it did not."""
    secrets: Sequence[str]
    """The paths of the secrets that are set."""


class Step(Representation, frozen=True, kw_only=True):
    """A step towards a destination."""

    step: str
    """What was tried."""
    ok: bool
    """Whether it went well; nothing was tried after one that did not."""
    detail: str
    """What was found."""
    warning: str | None
    """What will go wrong soon."""


class Tried(Representation, frozen=True, kw_only=True):
    """How far one comes with a subscription's destination."""

    ok: bool
    """Whether every step went well."""
    sent: Literal["empty_bulk", "nothing"]
    """What was sent at last: protocols that send each event by itself have no message without."""
    steps: Sequence[Step]
    """In order."""


class Vehicle(Representation, frozen=True, kw_only=True):
    """A vehicle."""

    plate: str | None = None
    """Its registration, in any spelling."""
    vin: str | None = None
    """Its vehicle identification number."""
    identifiers: Mapping[str, str | int] = {}
    """Namespace of a source protocol: what its providers call the vehicle."""
    fleet: str | None = None
    """The name of the fleet that it is in."""
    id: int
    """Its subject's; never used twice."""
    other_identifiers: Mapping[str, Sequence[str]]
    """The same where a provider has several names for it."""
    fleet_id: int | None
    """Of its fleet; one that only a provider knows has no name."""
    issued: Mapping[str, int | str]
    """What the hub calls it, by namespace of a protocol."""
    declared: bool
    """Somebody declared it; otherwise it was learnt from a provider."""
    created_at: str
    """When it became known."""
