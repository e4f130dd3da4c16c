"""What the REST API shows, and parts of what it takes."""

# Made by tools/client/generate.py: change the API and run `make reference`.

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from postroad.client.answers import Representation


class Alert(Representation, frozen=True, kw_only=True):
    """It is about a subscription, a provider, a shard, or else the whole hub."""

    id: int
    """Never used twice."""
    kind: str
    """What is wrong; /reference/alerts/ says what to do."""
    subscription_id: int | None
    """The subscription it is about."""
    subscription: str | None
    """Its name; null also if it is no more."""
    provider_id: int | None
    """The provider it is about."""
    provider: str | None
    """Its name; null also if it is no more."""
    shard: int | None
    """The shard it is about."""
    raised: datetime
    """Since when it is so."""
    last: datetime
    """When it was last found to be so."""
    cleared: datetime | None
    """Since when it is so no longer; null: it is so."""
    detail: str
    """More of it, for people."""


class AppliedChange(Representation, frozen=True, kw_only=True):
    """One thing that was changed, or would be."""

    action: Literal["create", "delete", "update"]
    """What was done."""
    kind: str
    """To what."""
    name: str
    """With the names of its owners: `Andes Transport/insurer/webhook`."""
    fields: Mapping[str, Sequence[Any]]
    """What was, and what is; of secrets only whether."""


class Applied(Representation, frozen=True, kw_only=True):
    """What applying a document changed, or would change."""

    dry_run: bool
    """Nothing was changed."""
    changes: Sequence[AppliedChange]
    """In order."""


class AuditEntry(Representation, frozen=True, kw_only=True):
    """A change that somebody made."""

    number: int
    """From 1, without a gap; a list of one organization's has gaps."""
    at: datetime
    """When."""
    actor: str | None
    """Which key, account, provider or user it was; null: that is gone."""
    pseudonym: str | None
    """Of an actor whose name is gone because it was old: the same for the same actor."""
    role: str | None
    """Of the actor; null: whoever sits at the hub's machine, or the hub."""
    origin: str
    """By which way: `command_line`, `rest`, `graphql`, `page`, `provider`; `hub`: by itself."""
    address: str | None
    """From where, as the connection tells."""
    action: str
    """What was done."""
    kind: str
    """To what."""
    id: str | None
    """Its id, as a text."""
    name: str | None
    """What people called it; null: that is gone."""
    organization_id: int | None
    """Whose it is; null: the hub's, or of all."""
    subject_id: int | None
    """The vehicle, driver, fleet or account that it is about."""
    registry_version: int
    """Of the registry, after the change."""
    fields: Mapping[str, Sequence[Any]] | None
    """What was and what is, by field; a secret is `(secret)`. Null: that is gone."""
    who_gone: str | None
    """What took actor and address: `erasure/N`, or `retention`."""
    what_gone: str | None
    """What took name and fields: `erasure/N`, or `retention`."""
    hash: str
    """SHA-256, in hex, over the entry and the hash before it."""


class AuditHead(Representation, frozen=True, kw_only=True):
    """The newest entry. Kept elsewhere, it proves later that none below was changed."""

    number: int
    """How many entries there are."""
    hash: str
    """Of the newest, in hex."""
    head: str
    """Both as `postroad audit-log verify --head` takes them."""


class AuditDetail(Representation, frozen=True, kw_only=True):
    """One part of an entry's personal details."""

    commitment: str
    """SHA-256, in hex, over salt and content."""
    salt: str | None
    """In hex; null: it is gone."""
    content: str | None
    """JSON, as a text; null: it is gone."""
    gone: str | None
    """What took it."""
    pseudonym: str | None
    """Of an actor whose name is gone."""


class AuditRecord(Representation, frozen=True, kw_only=True):
    """An entry with all that is needed to verify the chain; one line of an export."""

    number: int
    """From 1, without a gap."""
    at_us: int
    """When: microseconds since 1970, UTC."""
    at: str
    """The same, for people."""
    version: int
    """Of the registry, after the change."""
    origin: str
    """By which way."""
    role: str | None
    """Of the actor."""
    action: str
    """What was done."""
    kind: str
    """To what."""
    id: str | None
    """Its id, as a text."""
    organization_id: int | None
    """Whose it is."""
    subject_id: int | None
    """Whom or what it is about."""
    who: AuditDetail
    """Who did it."""
    what: AuditDetail
    """What was done, in detail."""
    hash: str
    """SHA-256, in hex, over the entry and the hash before it."""


class CreatedServiceAccount(Representation, frozen=True, kw_only=True):
    """A service account that was just made."""

    id: str
    """Public: it may be shown and logged."""
    role: Literal["auditor", "fleet_owner", "integration", "operator", "provider"]
    """What its holder is to the hub."""
    owner: str | None
    """The owner's name; null: it has none."""
    owner_id: int | None
    """Of the provider, the integration or the organization."""
    organization_id: int | None
    """Of the owner; null: of all."""
    label: str
    """What it is for."""
    created_at: datetime
    """When it was made."""
    revoked_at: datetime | None
    """When it was ended; null: it is good."""
    iss: str
    """What its assertions name as their issuer."""
    aud: str
    """For whom they are: where it signs in."""
    kid: str
    """The id of its key."""
    private_key: str | None
    """PEM (PKCS #8) of a key that was made, shown this once and not stored. Null: it brought its."""


class DeadLetter(Representation, frozen=True, kw_only=True):
    """An event that its subscription's contract gave up, kept until it is redriven or dropped."""

    id: str
    """Its shard, its subscription's id and its event's id."""
    event_id: int
    """The event's id, as its customer gets it."""
    subscription_id: int
    """Whose it is."""
    subscription: str
    """That subscription's name."""
    type: str
    """Its wire type."""
    subject_id: int
    """Who it is about."""
    vehicle: str | None
    """That vehicle's plate; null: it has none, or you have no access to it any more."""
    received: datetime
    """When its item arrived."""
    first_attempt: datetime | None
    """Null: it was never tried, see `reason`."""
    died: datetime
    """When it was given up."""
    attempts: int
    """How often it was tried."""
    reason: str
    """Why the last attempt failed; `incomplete`: it was not tried."""
    status: int | None
    """Which HTTP status the last attempt was answered with."""
    detail: str
    """More of that, for people."""
    bytes: int
    """The size of its body."""


class DeadLetterCount(Representation, frozen=True, kw_only=True):
    """Letters of one subscription that were given up for one reason."""

    subscription: str
    """Its name."""
    reason: str
    """Why."""
    letters: int
    """How many."""


class DeadLetterCounts(Representation, frozen=True, kw_only=True):
    """How many letters fit."""

    letters: int
    """All of them."""
    of: Sequence[DeadLetterCount]
    """By subscription and reason."""


class Body(Representation, frozen=True, kw_only=True):
    """Some bytes: as a text if they are UTF-8, which nearly all are; else in Base64."""

    encoding: Literal["base64", "utf-8"]
    """How `data` says them."""
    data: str
    """The bytes."""


class DeadLetterWithBody(Representation, frozen=True, kw_only=True):
    """The same with its body."""

    id: str
    """Its shard, its subscription's id and its event's id."""
    event_id: int
    """The event's id, as its customer gets it."""
    subscription_id: int
    """Whose it is."""
    subscription: str
    """That subscription's name."""
    type: str
    """Its wire type."""
    subject_id: int
    """Who it is about."""
    vehicle: str | None
    """That vehicle's plate; null: it has none, or you have no access to it any more."""
    received: datetime
    """When its item arrived."""
    first_attempt: datetime | None
    """Null: it was never tried, see `reason`."""
    died: datetime
    """When it was given up."""
    attempts: int
    """How often it was tried."""
    reason: str
    """Why the last attempt failed; `incomplete`: it was not tried."""
    status: int | None
    """Which HTTP status the last attempt was answered with."""
    detail: str
    """More of that, for people."""
    bytes: int
    """The size of its body."""
    body: Body | None
    """What was to be sent. To an integration: what would be sent if it were redriven now; null: nothing, as access
    to it has ended. It can hold personal data.
    """


class AuditGap(Representation, frozen=True, kw_only=True):
    """One for which what is recorded and the log do not agree."""

    first: int
    """The first position."""
    last: int
    """The last one."""
    outcome: str
    """`delivered`, `parked`, `dead`, or why events were skipped."""
    recorded: int
    """Events, by what is recorded."""
    found: int
    """Events, by the log. The same number is not the same events."""


class AuditUnproven(Representation, frozen=True, kw_only=True):
    """One of which nothing can be proven."""

    first: int
    """The first position."""
    last: int
    """The last one."""
    outcome: str
    """`delivered`, `parked`, `dead`, or why events were skipped."""
    recorded: int
    """Events, by what is recorded."""
    why: Literal["ahead", "erased", "retention", "terms", "time", "translation", "uncounted"]
    """Why not; `time`: this request had no more, `postroad audit` has."""


class ShardAudit(Representation, frozen=True, kw_only=True):
    """What was found in one shard."""

    shard: int
    """Which."""
    begins: int
    """The first position that anything is recorded of."""
    cursor: int
    """All below is settled."""
    outcomes: Mapping[str, int]
    """Outcome, and how many events met with it."""
    gaps: Sequence[AuditGap]
    """The first 1000."""
    unproven: Sequence[AuditUnproven]
    """The first 1000."""


class DeliveryAudit(Representation, frozen=True, kw_only=True):
    """What was found of a subscription."""

    subscription_id: int
    """Which."""
    subscription: str
    """Its name."""
    verdict: Literal["gaps", "proven", "unproven"]
    """`proven`: each event has exactly one outcome. `gaps`: that is not so. `unproven`: there are no gaps, but not
    all could be looked at.
    """
    complete: bool
    """Whether there was time to look at all that can be."""
    shards: Sequence[ShardAudit]
    """Those in which it has come anywhere."""


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


class ErasureBackup(Representation, frozen=True, kw_only=True):
    """A copy that an erasure does not reach."""

    place: str
    """Where it is."""
    made: datetime
    """When it was made."""
    until: datetime | None
    """When it goes; null: nobody said."""


class ErasureReceiver(Representation, frozen=True, kw_only=True):
    """A subscription that had access to what was erased."""

    subscription: str
    """Its name, or its number where nobody knows that any more."""
    removed: bool
    """Before the erasure was asked for: nobody can be told by it any more."""
    events: int | None
    """That it was delivered, of items that were still stored; null: nobody knows."""
    since: datetime | None
    """When its first stream was opened; null: it had none."""
    notice: Literal["given_up", "not_told", "told", "under_way"]
    """Whether it was told."""


class Erasure(Representation, frozen=True, kw_only=True):
    """An erasure and its receipt. It names nobody."""

    id: int
    """Never used twice."""
    organization_id: int
    """Whose driver, vehicle or trip it was."""
    kind: Literal["driver", "trip", "vehicle"]
    """What it was."""
    hash: str
    """Of its name, keyed: by it the erasure of a known name is found."""
    state: Literal["asked", "done", "erased"]
    """`asked`; `erased`: customers are being told; `done`: nothing is left."""
    asked: datetime
    """When it was asked for."""
    asked_by: Literal["operator", "provider"]
    """By whom."""
    erased: datetime | None
    """When the hub's files held nothing of it any more."""
    done: datetime | None
    """When nothing was left."""
    allowed_again: datetime | None
    """Since when what is called so is taken in again."""
    items: int
    """Removed from the log."""
    letters: int
    """Removed of what waited beside it."""
    refusals: int
    """Removed of what had been answered with an error."""
    state_removed: int
    """Last known values removed: vehicles."""
    trips: int
    """Trips in the making removed: vehicles."""
    datasets: int
    """Removed of what could be fetched."""
    registry: int
    """Rows of the registry that named it."""
    receivers: Sequence[ErasureReceiver]
    """Who had access to it, and was told or not."""
    backups: Sequence[ErasureBackup]
    """Those that keep it."""
    declared_in: Sequence[str]
    """Where the file that is applied may name it still."""


class ErasurePreview(Representation, frozen=True, kw_only=True):
    """What would be erased, and who had it."""

    kind: Literal["driver", "trip", "vehicle"]
    """What it is."""
    items: int
    """In the log."""
    refusals: int
    """Requests that were answered with an error."""
    subscriptions: Sequence[str]
    """Those that had access."""
    backups: Sequence[str]
    """The places of those that keep it."""
    complete: bool
    """Whether the whole log was searched; if not, there may be more. `postroad erase` does."""


class Intake(Representation, frozen=True, kw_only=True):
    """Who brought an item, and what is stored of it. Not for integrations: it is not theirs."""

    provider_id: int | None
    """Null: the hub itself said it."""
    provider: str
    """The provider's name."""
    protocol: str
    """By which it was sent."""
    kind: str
    """What it is, in that protocol's words."""
    request_id: str | None
    """What the sender called its request."""
    late: bool
    """The source said that it is old."""
    ahead: bool
    """Its time lies ahead of its arrival."""
    stored: datetime
    """When it was durable."""
    subject_id: int | None
    """Who it is about; null: nobody who is known."""
    identifiers: Sequence[str]
    """What the subject is called: namespaces and values."""
    settings_revision: int
    """Of the provider's settings, by which it is read."""
    unreadable: str | None
    """Why it could not be read; null: it could."""
    resolved_by: str | None
    """The item that took the place of one that could not."""
    body: Body
    """What was sent. It can hold personal data."""


class Attempt(Representation, frozen=True, kw_only=True):
    """A request that failed, or requests in a row that were confirmed, within an hour at most."""

    subscription_id: int
    """Whose."""
    subscription: str | None
    """That subscription's name; null: it is no more."""
    outcome: Literal["delivered", "failed"]
    """How it ended."""
    requests: int
    """How many."""
    events: int
    """How many events they held."""
    first: datetime
    """When the first request ended."""
    last: datetime
    """When the last one did."""
    min_elapsed_ms: float
    """How long the fastest took."""
    max_elapsed_ms: float
    """How long the slowest took."""
    attempt: int | None
    """Of one that failed: which attempt it was, from 1."""
    reason: str | None
    """Of one that failed: why."""
    status: int | None
    """Of one that failed: the HTTP status it was answered with."""
    detail: str | None
    """Of one that failed: more of that, for people."""
    request_id: str | None
    """Of one that failed: the id that the request had."""


class EventLetter(Representation, frozen=True, kw_only=True):
    """An event that waits for its next attempt, or was given up."""

    event_id: int
    """Its id, as its customer gets it."""
    type: str
    """Its wire type."""
    dead: bool
    """It was given up."""
    since: datetime | None
    """Given up then; or first tried then, or null: not yet."""
    due: datetime | None
    """When it is tried next; null: when it is its turn, or never."""
    attempts: int
    """How often it was tried."""
    reason: str
    """Why the last attempt failed."""
    status: int | None
    """Which HTTP status it was answered with."""
    detail: str
    """More of that, for people."""


class Route(Representation, frozen=True, kw_only=True):
    """What became of an item for one subscription."""

    subscription_id: int
    """Which."""
    subscription: str
    """Its name."""
    verdict: Literal[
        "before_stream",
        "erased",
        "meant_for_another",
        "no_stream",
        "nothing_to_say",
        "routed",
        "stream_ended",
        "types_not_agreed",
        "unassigned",
        "unreadable",
    ]
    """`routed`: it was to have it; else why not."""
    state: Literal["dead", "delivered", "failing", "parked", "pending", "skipped"]
    """How that stands."""
    types: Sequence[str]
    """Sent; or, by the verdict `types_not_agreed`, could have been."""
    event_ids: Sequence[int]
    """Of the events sent."""
    attempts: Sequence[Attempt]
    """The newest that may have had it in them, in order."""
    behind: Attempt | None
    """What holds it up: the failed attempt of the first in line."""
    letters: Sequence[EventLetter]
    """Events that wait, or were given up."""
    skips: Sequence[str]
    """Why events were passed over."""


class Explanation(Representation, frozen=True, kw_only=True):
    """The story of the item that an event was made of."""

    item: str
    """Where it stands in the log: its shard and its position."""
    received: datetime
    """When it arrived."""
    intake: Intake | None
    """Null: that is not for you."""
    routes: Sequence[Route]
    """For each subscription of yours, as far as it concerns it."""


class Fleet(Representation, frozen=True, kw_only=True):
    """A group of vehicles that somebody declared."""

    id: int
    """Its subject's; never used twice."""
    name: str
    """Unique in its organization."""


class Grant(Representation, frozen=True, kw_only=True):
    """An integration may have a vehicle, or every vehicle that is in a fleet."""

    id: int
    """Never used twice."""
    integration_id: int
    """Who may."""
    integration: str
    """Its name, behind its organization's."""
    subject_id: int
    """Of the vehicle or fleet."""
    kind: Literal["fleet", "vehicle"]
    """What it is."""
    subject: str
    """What it is called, behind its organization's name."""
    since: datetime
    """When it was given."""


class ServicePart(Representation, frozen=True, kw_only=True):
    """What an integration is to the owners of vehicles."""

    title: str
    """What owners know it as."""
    url: str
    """Where an owner is sent with userId and carId; https."""


class Integration(Representation, frozen=True, kw_only=True):
    """Who receives from us."""

    id: int
    """Never used twice."""
    name: str
    """Unique in its organization."""
    service: ServicePart | None
    """What it is to owners of vehicles; null: they are not offered it."""


class IssuedToken(Representation, frozen=True, kw_only=True):
    """A token that was just made."""

    id: str
    """Public: it may be shown and logged."""
    role: Literal["auditor", "fleet_owner", "integration", "operator", "provider"]
    """What its holder is to the hub."""
    owner: str | None
    """The owner's name; null: it has none."""
    owner_id: int | None
    """Of the provider, the integration or the organization."""
    organization_id: int | None
    """Of the owner; null: of all."""
    label: str
    """What it is for."""
    created_at: datetime
    """When it was made."""
    revoked_at: datetime | None
    """When it was ended; null: it is good."""
    token: str
    """Its text, shown this once; with an `Idempotency-Key` the same request shows it for a day."""


class Organization(Representation, frozen=True, kw_only=True):
    """A company, and everything that belongs to it."""

    id: int
    """Never used twice."""
    name: str
    """Unique."""


class PlacedAttempt(Representation, frozen=True, kw_only=True):
    """The same, with where its events stand in the log."""

    subscription_id: int
    """Whose."""
    subscription: str | None
    """That subscription's name; null: it is no more."""
    outcome: Literal["delivered", "failed"]
    """How it ended."""
    requests: int
    """How many."""
    events: int
    """How many events they held."""
    first: datetime
    """When the first request ended."""
    last: datetime
    """When the last one did."""
    min_elapsed_ms: float
    """How long the fastest took."""
    max_elapsed_ms: float
    """How long the slowest took."""
    attempt: int | None
    """Of one that failed: which attempt it was, from 1."""
    reason: str | None
    """Of one that failed: why."""
    status: int | None
    """Of one that failed: the HTTP status it was answered with."""
    detail: str | None
    """Of one that failed: more of that, for people."""
    request_id: str | None
    """Of one that failed: the id that the request had."""
    id: int
    """Never used twice."""
    shard: int | None
    """Null to an integration: how far others have come is not its."""
    first_position: int | None
    """Of the first event; null as `shard` is."""
    last_position: int | None
    """Of the last event; null as `shard` is."""


class ReceivePart(Representation, frozen=True, kw_only=True):
    """How its messages come beside the entrances of its protocol."""

    transport: str
    """Of the service that has them."""
    config: Mapping[str, Any] = {}
    """How they are received from it; by its transport."""


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
    receive: ReceivePart | None = None
    """The queue or topic they come from; null: by the entrances only."""
    name: str
    """Unique in its organization."""
    id: int
    """Never used twice."""
    revision: int
    """Of its settings: raised whenever they change."""
    secrets: Sequence[str]
    """The paths of the secrets that are set."""


class QuarantinedItem(Representation, frozen=True, kw_only=True):
    """An item that was stored as it came, and could not be read. Nobody was sent anything of it."""

    id: str
    """Where it stands in the log: its shard and its position."""
    received: datetime
    """When it arrived."""
    provider_id: int
    """Who sent it."""
    provider: str | None
    """The provider's name; null: it is no more."""
    protocol: str
    """By which it was sent."""
    reason: str
    """Which field is wrong, and how; never its value."""
    resolved_by: str | None
    """The item that took its place once it could be read; null: none."""


class QuarantinedItemWithBody(Representation, frozen=True, kw_only=True):
    """The same with what was sent."""

    id: str
    """Where it stands in the log: its shard and its position."""
    received: datetime
    """When it arrived."""
    provider_id: int
    """Who sent it."""
    provider: str | None
    """The provider's name; null: it is no more."""
    protocol: str
    """By which it was sent."""
    reason: str
    """Which field is wrong, and how; never its value."""
    resolved_by: str | None
    """The item that took its place once it could be read; null: none."""
    request_id: str | None
    """What the sender called its request."""
    body: Body
    """What was sent. It can hold personal data."""


class Receiver(Representation, frozen=True, kw_only=True):
    """How the messages of a provider are received, beside the entrances of its protocol."""

    provider_id: int
    """The provider that declares it."""
    provider: str
    """Its name."""
    transport: str
    """From what they are fetched, or what pushes them."""
    state: Literal["failing", "receiving"]
    """receiving: nothing is known to be wrong, whether or not there is anything to receive."""
    since: datetime | None
    """Since when it fails."""
    detail: str
    """What is wrong, for people."""
    last_message: datetime | None
    """When the last message came in; null: none since the hub started."""
    read: datetime | None
    """When it was last remembered how far a source was read, where the service leaves that to us."""


class Rotated(Representation, frozen=True, kw_only=True):
    """A new signing secret."""

    secret: str
    """For the customer. It is shown this once."""
    overlap_s: int
    """How long the secrets before it stay valid."""


class ServiceAccount(Representation, frozen=True, kw_only=True):
    """A machine that signs in with a key pair of its own."""

    id: str
    """Public: it may be shown and logged."""
    role: Literal["auditor", "fleet_owner", "integration", "operator", "provider"]
    """What its holder is to the hub."""
    owner: str | None
    """The owner's name; null: it has none."""
    owner_id: int | None
    """Of the provider, the integration or the organization."""
    organization_id: int | None
    """Of the owner; null: of all."""
    label: str
    """What it is for."""
    created_at: datetime
    """When it was made."""
    revoked_at: datetime | None
    """When it was ended; null: it is good."""
    iss: str
    """What its assertions name as their issuer."""
    aud: str
    """For whom they are: where it signs in."""
    kid: str
    """The id of its key."""


class SigningPart(Representation, frozen=True, kw_only=True):
    """How a subscription's requests are signed."""

    secrets: Sequence[Any]
    """The newest first."""


class Stream(Representation, frozen=True, kw_only=True):
    """One subject into one subscription, over an interval of positions. One that has ended answers who had what."""

    id: int
    """Never used twice."""
    subscription_id: int
    """Into which."""
    integration_id: int
    """Whose that is."""
    subject_id: int
    """Of which vehicle, driver or account."""
    shard: int
    """Of the log, in which the positions are."""
    from_position: int | None
    """From this item on; null: it has not begun yet."""
    until_position: int | None
    """Before this item; null: that is not known, or to come."""
    ended: bool
    """It gives nothing any more."""
    created_at: datetime
    """When it was opened."""
    ended_at: datetime | None
    """When it was ended."""
    scopes: Sequence[str] | None
    """What of the requested scopes is authorised; null: all of them."""
    reference_url: str | None
    """What the customer notes with it."""


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


class TaskAbout(Representation, frozen=True, kw_only=True):
    """Which events a task is about: those that every field fits that says something; of a list, any of it."""

    subscriptions: Sequence[str]
    """Their names."""
    providers: Sequence[str]
    """Their names."""
    types: Sequence[str]
    """Wire types."""
    subject_id: int | None
    """Who they are about."""
    since: datetime | None
    """Given up since then."""
    until: datetime | None
    """Given up before then."""
    reasons: Sequence[str]
    """Why they were given up."""
    event_ids: Sequence[int]
    """Their ids."""
    items: Sequence[str]
    """Items in quarantine."""


class Task(Representation, frozen=True, kw_only=True):
    """Something that the hub carries out by and by, and goes on with after a restart."""

    id: str
    """24 hexadecimal digits."""
    type: Literal[
        "DROP",
        "DROP_FETCHES",
        "DROP_QUARANTINE",
        "ERASE",
        "PUSH_FAILED_CRASHES",
        "PUSH_FAILED_TRIPS",
        "REDRIVE",
        "REDRIVE_FETCHES",
        "REDRIVE_QUARANTINE",
    ]
    """What it is."""
    status: Literal["CANCELED", "COMPLETED", "FAILED", "IN_PROGRESS", "PENDING"]
    """How it stands; the last three are for good."""
    integration_id: int | None
    """Who asked for it; null: the operator."""
    about: TaskAbout
    """Which events."""
    created: datetime
    """When it was asked for."""
    started: datetime | None
    """When the hub began with it."""
    completed: datetime | None
    """When it was finished, or given up."""
    done: int
    """Events dealt with so far."""
    remaining: int | None
    """Events to come; null: not counted yet."""
    rate_per_s: float | None
    """Events a second at most; null: no limit."""
    detail: str
    """Why it failed, for people."""


class Token(Representation, frozen=True, kw_only=True):
    """A token, or API key: never its text."""

    id: str
    """Public: it may be shown and logged."""
    role: Literal["auditor", "fleet_owner", "integration", "operator", "provider"]
    """What its holder is to the hub."""
    owner: str | None
    """The owner's name; null: it has none."""
    owner_id: int | None
    """Of the provider, the integration or the organization."""
    organization_id: int | None
    """Of the owner; null: of all."""
    label: str
    """What it is for."""
    created_at: datetime
    """When it was made."""
    revoked_at: datetime | None
    """When it was ended; null: it is good."""


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
