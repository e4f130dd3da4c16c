"""The registry's records as the running hub holds them in memory: frozen, resolved, never a database row.

``RegistryView`` is one consistent picture with its version; the store gives a new one when the version has moved.
Secrets stay sealed in a view; ``postroad.registry.secrets`` opens them where they are used.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from postroad.model.identifiers import SubjectKind


class Organization(msgspec.Struct, frozen=True):
    """A company: owner of providers, subjects and integrations."""

    id: int
    name: str


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """What an integration is to the owners of vehicles, who may share them with it."""

    title: str
    """Its name, as people know it."""
    url: str
    """Where the browser of an owner goes who has shared a vehicle; ``https``."""


class Integration(msgspec.Struct, frozen=True):
    """Who receives from us."""

    id: int
    organization_id: int
    name: str
    service: Service | None = None
    """None: it is not offered to owners."""


RoleName = Literal["operator", "auditor", "fleet_owner", "provider", "integration"]
"""The values of ``postroad.access.principals.Role``."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What an API key, or a service account, stands for."""

    id: str
    """Public: it may be shown and logged."""
    role: RoleName
    organization_id: int | None = None
    """None: of all."""
    provider_id: int | None = None
    integration_id: int | None = None


class ServiceAccount(Account, frozen=True, kw_only=True):
    """Who signs in with a key of his own, of which the hub has the public half."""

    audience: str
    """What its assertions say in ``aud``: the URL where it signs in."""
    key_id: str
    """What they say in ``kid``."""
    public_key: bytes
    """RSA; DER of SubjectPublicKeyInfo."""


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider's own control plane is reached, and what we want of it."""

    config: Mapping[str, Any]
    """What the config struct of the provider's protocol takes, secrets left out."""
    sealed: Mapping[str, bytes] = {}
    """Secret fields by path (``service_account.private_key``), sealed."""


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider's messages come beside the entrances of its protocol: fetched from a queue, or pushed by one."""

    transport: str
    config: Mapping[str, Any]
    """What the transport's config struct for receiving takes, secrets left out."""
    sealed: Mapping[str, bytes] = {}
    """Secret fields by path, sealed."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends to us, by one protocol."""

    id: int
    organization_id: int
    name: str
    protocol: str
    unknown_vehicles: Literal["create", "unassigned"] = "create"
    revision: int = 1
    """Of ``settings``: raised whenever they change; older revisions stay readable in the view."""
    settings: Mapping[str, Any] = {}
    upstream: Upstream | None = None
    """None: its control plane is left to people."""
    receiver: Receiver | None = None
    """None: only by the entrances of its protocol."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Who an item is about."""

    id: int
    organization_id: int
    kind: SubjectKind
    shard: int
    issued: Mapping[str, int | str] = {}
    """Identifiers issued for sending, by namespace: numbers (``connected_cars.vehicle_id`` -> 1 ... 2^31-1) and texts
    (``connected_cars_legacy.car_id`` -> a UUID); never reused."""
    plate: str | None = None
    """Of a vehicle, normalised."""
    vin: str | None = None
    """Of a vehicle, normalised."""
    fleet_id: int | None = None
    """Subject id of the fleet that a vehicle is in."""
    removed: bool = False
    """It is no more; known as long as it may still have to be told so."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who an owner of vehicles is. ``None`` is not known."""

    first_names: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    """E.164."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A URL, queue or topic of a customer, with its credentials."""

    id: int
    integration_id: int
    name: str
    transport: str
    config: Mapping[str, Any]
    """What the transport's config struct takes, secrets left out."""
    sealed: Mapping[str, bytes] = {}
    """Secret fields by path (``auth.client_secret``), sealed."""
    limits: Mapping[str, Any] = {}
    """What it can bear, for ``postroad.delivery.gate.DestinationLimits``."""


class SealedSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A signing secret of a subscription; ``postroad.registry.signing`` opens it."""

    number: int
    """Which of the subscription's; the highest is the newest."""
    sealed: bytes
    expires_us: int | None = None
    """From then on it is not valid; None: until it is taken away."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """An integration, of whichever organization, may have a vehicle, or every vehicle that is in a fleet."""

    id: int
    integration_id: int
    subject_id: int
    """Of the vehicle or fleet."""
    kind: Literal["fleet", "vehicle"]
    since_us: int
    account_id: int | None = None
    """Subject id of the account of the owner who gave it; None: an organization did."""
    scopes: frozenset[str] | None = None
    """What the owner agreed to; None: whatever is requested."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """Which events go to which destination, by which protocol."""

    id: int
    integration_id: int
    organization_id: int
    name: str
    protocol: str
    destination_id: int
    types: tuple[str, ...]
    """The agreed wire types."""
    vehicles: Literal["selected", "granted", "chosen"] = "selected"
    """Who says of which vehicles it has streams: the operator; whoever grants its integration access; or the customer
    himself, among those that were granted."""
    options: Mapping[str, Any] = {}
    """Translation options, for the target protocol's ``options_type``."""
    delivery: Mapping[str, Any] = {}
    """Overrides of the contract, for ``postroad.delivery.options.DeliveryOptions``."""
    state: Literal["active", "paused"] = "active"
    paused_reason: str | None = None
    """Why the hub paused it by itself; None when a person paused it, or nobody did."""
    paused_us: int | None = None
    """Since when it is paused; None when it is not, or that was not recorded."""
    signing: tuple[SealedSecret, ...] = ()
    """The newest first."""


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle x one subscription, over an interval of positions of the vehicle's shard.

    A fleet that gave access, and the account of a subscription that gets account messages, have a stream too: it gives
    what is said of the fleet or account itself.

    ``from_position`` is None until the node that runs the shard has activated the stream at the shard's end;
    ``until_position`` (exclusive) is None while the stream is open. Ended streams are kept: they answer who had what.
    """

    id: int
    subscription_id: int
    subject_id: int
    shard: int
    from_position: int | None
    until_position: int | None = None
    ended: bool = False
    """True once it was taken away; nothing is sent by it any more, whatever its interval, but its farewell."""
    farewell_position: int | None = None
    """Of the item that says that the stream has ended; None: there is none, or it is not in the log yet."""
    scopes: frozenset[str] | None = None
    """What was authorised, where the protocol has scopes; None: all that the subscription requests."""
    account_id: int | None = None
    """Subject id of the owner's account that shares the vehicle; None: its organization's does."""
    reference_url: str | None = None
    """What the customer noted with it, where he chose the vehicle."""


class ToldAt(NamedTuple):
    """At this position a subscription is told of a grant: it may have the item whatever has become of that since."""

    subscription_id: int
    subject_id: int
    shard: int
    position: int


class RegistryView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the running hub asks the registry, at one version."""

    version: int
    organizations: Mapping[int, Organization]
    providers: Mapping[int, Provider]
    provider_settings: Mapping[tuple[int, int], Mapping[str, Any]]
    """(provider id, revision) -> decoding settings, every revision there ever was."""
    tokens: Mapping[bytes, int]
    """SHA-256 of a provider's active token -> provider id."""
    clients: Mapping[str, bytes] = {}
    """Public id of a provider's active token -> its SHA-256: as an OAuth 2.0 client's id and secret."""
    integration_tokens: Mapping[bytes, int] = {}
    """SHA-256 of an integration's active token -> integration id."""
    api_keys: Mapping[bytes, Account] = {}
    """SHA-256 of an active key -> what it stands for: keys of operators, auditors and fleet owners."""
    service_accounts: Mapping[str, ServiceAccount] = {}
    """Active ones, by id."""
    subjects: Mapping[int, Subject]
    identifiers: Mapping[tuple[int, str, str], int]
    """(organization id, namespace, normalised value) -> subject id."""
    destinations: Mapping[int, Destination]
    subscriptions: Mapping[int, Subscription]
    streams: Mapping[int, Stream]
    integrations: Mapping[int, Integration] = {}
    grants: Mapping[int, Grant] = {}
    """The open ones."""
    accesses: Mapping[int, frozenset[int]] = {}
    """Integration id -> the vehicles that it has access to by grants: none whose provider has withdrawn its consent."""
    people: Mapping[int, Person] = {}
    """Subject id of an account -> the owner of vehicles whose it is."""
    told: frozenset[ToldAt] = frozenset()
    outbox_end: int = 0
    """Rows of the outbox below it were written by changes that this view shows."""
    blocked: frozenset[bytes] = frozenset()
    """Keyed hashes of what was erased; see ``postroad.registry.blocklist``."""
    block_key: bytes | None = None
    """Their key, sealed; None: nothing was ever erased."""
