"""The tables, as this version of the code wants them. *Stored format*: a change here needs a migration beside it.

Instants are microseconds since 1970, UTC, in columns named ``..._us``. What the log or a customer may still refer to is
never deleted but marked with ``removed_us``: ids, revisions and issued numbers are not used twice, and ended streams
answer who had what. Names are unique among what is not removed.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only in a column declared INTEGER
Json = sa.JSON().with_variant(JSONB(), "postgresql")
_JsonOrNull = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

INT32_MAX = 2**31 - 1


def _id() -> sa.Column[int]:
    return sa.Column("id", Id, primary_key=True)


def _reference(name: str, target: str) -> sa.Column[int]:
    return sa.Column(name, Id, sa.ForeignKey(f"{target}.id"), nullable=False)


def _index_where(name: str, *columns: str, condition: str, unique: bool = False) -> sa.Index:
    where = sa.text(condition)
    return sa.Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _unique_where(name: str, *columns: str, condition: str) -> sa.Index:
    return _index_where(name, *columns, condition=condition, unique=True)


def _table(name: str, *items: SchemaItem) -> sa.Table:
    # Without AUTOINCREMENT, SQLite gives the highest id again once its row is gone.
    return sa.Table(name, metadata, *items, sqlite_autoincrement=True)


registry_version = sa.Table(
    "registry_version",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.CheckConstraint("id = 1", name="single_row"),
)

organizations = _table(
    "organizations",
    _id(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("removed_us", sa.BigInteger),
    _unique_where("uq_organizations_name", "name", condition="removed_us IS NULL"),
)

providers = _table(
    "providers",
    _id(),
    _reference("organization_id", "organizations"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("protocol", sa.Text, nullable=False),
    sa.Column("unknown_vehicles", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("removed_us", sa.BigInteger),
    _unique_where("uq_providers_name", "organization_id", "name", condition="removed_us IS NULL"),
)

provider_revisions = sa.Table(
    "provider_revisions",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("settings", Json, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
)

upstreams = sa.Table(
    "upstreams",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("config", Json, nullable=False),  # without its secrets
)

upstream_secrets = sa.Table(
    "upstream_secrets",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

upstream_runs = sa.Table(  # the last one of each provider
    "upstream_runs",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("started_us", sa.BigInteger, nullable=False),
    sa.Column("finished_us", sa.BigInteger, nullable=False),
    sa.Column("succeeded_us", sa.BigInteger),  # when one last did
    sa.Column("consenting", sa.Integer),
    sa.Column("wanted", sa.Integer),
    sa.Column("streams", sa.Integer),
    sa.Column("added", sa.Integer, nullable=False),
    sa.Column("deleted", sa.Integer, nullable=False),
    sa.Column("updated", sa.Integer, nullable=False),
    sa.Column("error", sa.Text),
)

receivers = sa.Table(  # how a provider's messages are fetched, or pushed, beside the entrances of its protocol
    "receivers",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("transport", sa.Text, nullable=False),
    sa.Column("config", Json, nullable=False),  # without its secrets
)

receiver_secrets = sa.Table(
    "receiver_secrets",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

checkpoints = sa.Table(  # how far a source was read whose service leaves that to the reader
    "checkpoints",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("partition", sa.Text, primary_key=True),
    sa.Column("mark", sa.Text, nullable=False),
    sa.Column("saved_us", sa.BigInteger, nullable=False),
)

provider_tokens = _table(
    "provider_tokens",
    _id(),
    _reference("provider_id", "providers"),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("sha256", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("revoked_us", sa.BigInteger),
)

integrations = _table(
    "integrations",
    _id(),
    _reference("organization_id", "organizations"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("service", Json, nullable=False, server_default=sa.text("'{}'")),  # {}: owners are not offered it
    sa.Column("removed_us", sa.BigInteger),
    _unique_where("uq_integrations_name", "organization_id", "name", condition="removed_us IS NULL"),
)

integration_tokens = _table(
    "integration_tokens",
    _id(),
    _reference("integration_id", "integrations"),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("sha256", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("revoked_us", sa.BigInteger),
)

api_keys = _table(  # of operators, auditors and fleet owners; those of the others are their tokens
    "api_keys",
    _id(),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("organization_id", Id, sa.ForeignKey("organizations.id")),  # null: of all
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("sha256", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("revoked_us", sa.BigInteger),
)

service_accounts = _table(  # at most one of the three is set, by the role
    "service_accounts",
    _id(),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("organization_id", Id, sa.ForeignKey("organizations.id")),
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id")),
    sa.Column("integration_id", Id, sa.ForeignKey("integrations.id")),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("audience", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("public_key", sa.LargeBinary, nullable=False),  # DER of SubjectPublicKeyInfo
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("revoked_us", sa.BigInteger),
)

subjects = _table(
    "subjects",
    _id(),
    _reference("organization_id", "organizations"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("name", sa.Text),  # fleets have one
    sa.Column("declared", sa.Boolean, nullable=False),  # by a file; the others were learnt from what providers sent
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("removed_us", sa.BigInteger),
    _unique_where(
        "uq_subjects_name", "organization_id", "kind", "name", condition="removed_us IS NULL AND name IS NOT NULL"
    ),
)

identifiers = sa.Table(
    "identifiers",
    metadata,
    sa.Column("organization_id", Id, sa.ForeignKey("organizations.id"), primary_key=True),
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),  # normalised
    sa.Column("subject_id", Id, sa.ForeignKey("subjects.id"), nullable=False, index=True),
)

issued_numbers = sa.Table(
    "issued_numbers",
    metadata,
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("subject_id", Id, sa.ForeignKey("subjects.id"), nullable=False),
    sa.UniqueConstraint("subject_id", "namespace"),
    sa.CheckConstraint(f"number BETWEEN 1 AND {INT32_MAX}", name="int32"),
)

issued_texts = sa.Table(
    "issued_texts",
    metadata,
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, primary_key=True),
    sa.Column("subject_id", Id, sa.ForeignKey("subjects.id"), nullable=False),
    sa.UniqueConstraint("subject_id", "namespace"),
)

owners = _table(  # people with vehicles, who sign in and share them with services
    "owners",
    _id(),
    _reference("organization_id", "organizations"),
    sa.Column("account_id", Id, sa.ForeignKey("subjects.id"), nullable=False, unique=True),  # a subject
    sa.Column("login", sa.Text, nullable=False, unique=True),  # postroad.registry.vehicle_owners.normalised
    sa.Column("password", sa.Text, nullable=False),  # argon2id, in PHC format
    sa.Column("first_names", sa.Text),
    sa.Column("last_name", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("phone", sa.Text),  # E.164
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("disabled_us", sa.BigInteger),
)

owned_vehicles = _table(  # whose a vehicle is; a closed row answers whose it was
    "owned_vehicles",
    _id(),
    _reference("owner_id", "owners"),
    _reference("vehicle_id", "subjects"),
    sa.Column("since_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger),
    _unique_where("uq_owned_vehicles_open", "vehicle_id", condition="until_us IS NULL"),
    sa.Index(None, "owner_id"),
)

owner_sessions = sa.Table(  # who is signed in
    "owner_sessions",
    metadata,
    sa.Column("sha256", sa.LargeBinary, primary_key=True),  # of the session's token
    sa.Column("owner_id", Id, sa.ForeignKey("owners.id"), nullable=False, index=True),
    sa.Column("begun_us", sa.BigInteger, nullable=False),
    sa.Column("seen_us", sa.BigInteger, nullable=False),
)

memberships = _table(
    "memberships",
    _id(),
    _reference("fleet_id", "subjects"),
    _reference("vehicle_id", "subjects"),
    sa.Column("since_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger),
    _unique_where("uq_memberships_open", "vehicle_id", condition="until_us IS NULL"),
)

consents = sa.Table(  # a provider's last word on its access to a vehicle; without a row nothing was said
    "consents",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("vehicle_id", Id, sa.ForeignKey("subjects.id"), primary_key=True),
    sa.Column("fleet", sa.Text),  # as the provider numbers it; null: none, or not known
    sa.Column("given", sa.Boolean, nullable=False),
    sa.Column("changed_us", sa.BigInteger, nullable=False),
    sa.Index(None, "vehicle_id"),
)

grants = _table(  # an integration may have a vehicle, or what is in a fleet; a closed one answers who had what
    "grants",
    _id(),
    _reference("integration_id", "integrations"),
    sa.Column("subject_id", Id, sa.ForeignKey("subjects.id"), nullable=False, index=True),
    sa.Column("since_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger),
    sa.Column("account_id", Id),  # of the owner who gave it; null: an organization did
    sa.Column("scopes", _JsonOrNull),  # what the owner agreed to; null: whatever is requested
    _unique_where("uq_grants_open", "integration_id", "subject_id", condition="until_us IS NULL"),
)

documents = sa.Table(  # whose a provider's document is, and that it was deleted: nothing else of it
    "documents",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # postroad.registry.documents.digest of its key
    sa.Column("subject_id", Id, sa.ForeignKey("subjects.id")),  # null: not known, or no more
    sa.Column("deleted_us", sa.BigInteger),
    sa.Index(None, "subject_id"),
)

erasures = _table(  # who or what is to be forgotten; of whom it was, nothing but a keyed hash stays
    "erasures",
    _id(),
    _reference("organization_id", "organizations"),
    sa.Column("kind", sa.Text, nullable=False),  # driver, vehicle or trip
    sa.Column("digest", sa.LargeBinary, nullable=False),  # postroad.registry.blocklist.digest of its first name
    sa.Column("subject_id", Id),  # null: of a trip that is known to be nobody's
    sa.Column("provider_id", Id),  # whose trip
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("asked_us", sa.BigInteger, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),  # operator or provider
    sa.Column("sealed", sa.LargeBinary),  # by what names it is found; null once it is all gone
    sa.Column("state", sa.Text, nullable=False),  # asked, erased (notices are under way), done
    sa.Column("searched_to", sa.BigInteger, nullable=False),  # of the shard, everything below was searched
    sa.Column("notices", Json, nullable=False),  # positions of the items that tell of it, erased last
    sa.Column("erased_us", sa.BigInteger),
    sa.Column("done_us", sa.BigInteger),
    sa.Column("receipt", Json, nullable=False),  # postroad.registry.erasures.Receipt
    sa.Index(None, "state"),
)

blocked = sa.Table(  # what does not come back
    "blocked",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # postroad.registry.blocklist.digest
    sa.Column("erasure_id", Id, sa.ForeignKey("erasures.id"), nullable=False, index=True),
)

block_key = sa.Table(  # made when something is first erased
    "block_key",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("id = 1", name="single_row"),
)

backups = _table(  # that were made of this hub: an erasure does not reach them
    "backups",
    _id(),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("made_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger),  # when the operator lets it go; null: nobody said
)

audit_log = sa.Table(  # nothing of it changes, ever: the database refuses that (docs/formats/audit-log.md)
    "audit_log",
    metadata,
    sa.Column("number", Id, primary_key=True, autoincrement=False),  # from 1, without a gap
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),  # of the registry, after the change
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("role", sa.Text),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("id", sa.Text),
    sa.Column("organization_id", sa.BigInteger),  # no foreign keys: it tells of what was
    sa.Column("subject_id", sa.BigInteger),
    sa.Column("who", sa.LargeBinary, nullable=False),  # commitments to the details
    sa.Column("what", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),  # over the one before and all of the above
    sa.Index(None, "organization_id", "number"),
)


def _when_made(table: sa.Table, dialect: str, statement: str) -> None:
    ddl = sa.DDL(statement)  # type: ignore[no-untyped-call]  # SQLAlchemy has it untyped
    sa.event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


_REFUSED = "entries of the audit log are not changed"
_when_made(
    audit_log,
    "sqlite",
    f"CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
)
_when_made(
    audit_log,
    "sqlite",
    f"CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
)
_when_made(
    audit_log,
    "postgresql",
    "CREATE OR REPLACE FUNCTION audit_log_refuses() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$",
)
_when_made(
    audit_log,
    "postgresql",
    "CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuses()",
)

audit_details = sa.Table(  # what of an entry is personal; salt and content go, the row stays
    "audit_details",
    metadata,
    sa.Column("number", Id, sa.ForeignKey("audit_log.number"), primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),  # who or what
    sa.Column("salt", sa.LargeBinary),
    sa.Column("content", sa.LargeBinary),  # JSON
    sa.Column("gone", sa.Text),  # what took it
    sa.Column("pseudonym", sa.Text),  # of an actor whose name is gone
    _index_where("ix_audit_details_there", "number", condition="content IS NOT NULL"),
)

audit_head = sa.Table(  # the newest entry, so that a tail that was cut off is missed
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("id = 1", name="single_row"),
)

followed = sa.Table(  # admin events below the position have had their effect
    "followed",
    metadata,
    sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, nullable=False),
)

destinations = _table(
    "destinations",
    _id(),
    _reference("integration_id", "integrations"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("transport", sa.Text, nullable=False),
    sa.Column("config", Json, nullable=False),  # without its secrets
    sa.Column("limits", Json, nullable=False, server_default=sa.text("'{}'")),  # what it can bear, as declared
    sa.Column("removed_us", sa.BigInteger),
    _unique_where("uq_destinations_name", "integration_id", "name", condition="removed_us IS NULL"),
)

destination_secrets = sa.Table(
    "destination_secrets",
    metadata,
    sa.Column("destination_id", Id, sa.ForeignKey("destinations.id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

subscriptions = _table(
    "subscriptions",
    _id(),
    _reference("integration_id", "integrations"),
    _reference("destination_id", "destinations"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("protocol", sa.Text, nullable=False),
    sa.Column("types", Json, nullable=False),
    sa.Column("vehicles", Json, nullable=False),  # postroad.registry.selection.Selector
    sa.Column("drivers", Json, nullable=False, server_default=sa.text("'{}'")),  # ... .DriverSelector
    sa.Column("options", Json, nullable=False),
    sa.Column("delivery", Json, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("paused_reason", sa.Text),  # why the hub paused it by itself; null when a person did, or nobody
    sa.Column("paused_us", sa.BigInteger),
    sa.Column("removed_us", sa.BigInteger),
    _unique_where("uq_subscriptions_name", "integration_id", "name", condition="removed_us IS NULL"),
)

subscription_secrets = sa.Table(
    "subscription_secrets",
    metadata,
    sa.Column("subscription_id", Id, sa.ForeignKey("subscriptions.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # the highest is the newest
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("declared", sa.Boolean, nullable=False),  # by a file, which then decides; the others were made here
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("expires_us", sa.BigInteger),
)

streams = _table(
    "streams",
    _id(),
    _reference("subscription_id", "subscriptions"),
    _reference("subject_id", "subjects"),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("from_position", sa.BigInteger),
    sa.Column("until_position", sa.BigInteger),
    sa.Column("ended", sa.Boolean, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("ended_us", sa.BigInteger),
    sa.Column("fleet_id", Id),  # the fleet through which the vehicle came into the subscription; null: by itself
    sa.Column("farewell_position", sa.BigInteger),  # of the item that says that the stream has ended
    sa.Column("scopes", _JsonOrNull),  # what was authorised; null: all that the subscription requests
    sa.Column("account_id", Id),  # the owner's account that shares the vehicle; null: the organization's
    sa.Column("reference_url", sa.Text),  # what the customer notes with it, where he chose the vehicle
    _unique_where("uq_streams_open", "subscription_id", "subject_id", condition="NOT ended"),
    _index_where("ix_streams_waiting", "shard", condition="from_position IS NULL AND NOT ended"),
)

accesses = sa.Table(  # the fleets and vehicles that a subscription was told its integration has
    "accesses",
    metadata,
    sa.Column("subscription_id", Id, sa.ForeignKey("subscriptions.id"), primary_key=True),
    sa.Column("subject_id", Id, sa.ForeignKey("subjects.id"), primary_key=True),
    sa.Column("fleet_id", Id),  # in which the vehicle is, as far as that is told
    sa.Column("direct", sa.Boolean, nullable=False),  # the vehicle's own grant, not only its fleet's
)

told = sa.Table(  # where in the log a subscription is told of a grant; such an item it may have whatever became of that
    "told",
    metadata,
    sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("subscription_id", sa.BigInteger, nullable=False),  # no foreign keys: rows go with the log's
    sa.Column("subject_id", sa.BigInteger, nullable=False),
)

outbox = _table(
    "outbox",
    _id(),
    # No foreign keys: its rows are few and soon gone.
    sa.Column("organization_id", sa.BigInteger, nullable=False),
    sa.Column("subject_id", sa.BigInteger, nullable=False),
    sa.Column("stream_id", sa.BigInteger, nullable=False),  # 0: it is told to no single one
    sa.Column("subscription_id", sa.BigInteger),  # to whom it is told whatever streams there are; null: by streams
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),  # an item of ``protocol``; null: of "postroad"
    sa.Column("farewell", sa.Boolean, nullable=False),  # the stream's last item, told although it has ended
    sa.Column("created_us", sa.BigInteger, nullable=False),
    # Of an item that a provider said, and that had to change the registry with it:
    sa.Column("provider_id", sa.BigInteger),
    sa.Column("protocol", sa.Text),
    sa.Column("revision", sa.Integer),
    sa.Column("farewell_of", Json),  # the streams whose last item it is
    sa.Index(None, "shard", "id"),
)

attempts = _table(
    "attempts",
    _id(),
    # No foreign key: a ledger with a bounded life of its own, written in batches that must not fail over one row.
    sa.Column("subscription_id", sa.BigInteger, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("succeeded", sa.Boolean, nullable=False),
    sa.Column("first_position", sa.BigInteger, nullable=False),
    sa.Column("last_position", sa.BigInteger, nullable=False),
    sa.Column("items", sa.BigInteger, nullable=False),
    sa.Column("bulks", sa.BigInteger, nullable=False),
    sa.Column("first_at_us", sa.BigInteger, nullable=False),
    sa.Column("last_at_us", sa.BigInteger, nullable=False),
    sa.Column("min_elapsed_ms", sa.Double, nullable=False),
    sa.Column("max_elapsed_ms", sa.Double, nullable=False),
    sa.Column("attempt", sa.Integer),
    sa.Column("reason", sa.Text),
    sa.Column("status", sa.Integer),
    sa.Column("detail", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Index(None, "subscription_id", "shard", "id"),
    sa.Index(None, "last_at_us"),
)

alerts = _table(
    "alerts",
    _id(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False),  # the id of a subscription, "shard N", or empty
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("raised_us", sa.BigInteger, nullable=False),
    sa.Column("last_us", sa.BigInteger, nullable=False),
    sa.Column("cleared_us", sa.BigInteger),
    _unique_where("uq_alerts_open", "kind", "about", condition="cleared_us IS NULL"),
    sa.Index(None, "cleared_us"),
)

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # 24 lower-case hex digits: it goes into answers to customers
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("filter", Json, nullable=False),
    sa.Column("rate_per_s", sa.Double),
    sa.Column("integration_id", Id, sa.ForeignKey("integrations.id")),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("started_us", sa.BigInteger),
    sa.Column("completed_us", sa.BigInteger),
    sa.Column("items", sa.BigInteger, nullable=False),
    sa.Column("remaining", sa.BigInteger),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Index(None, "status", "created_us"),
)

account_links = _table(
    "account_links",
    _id(),
    _reference("organization_id", "organizations"),
    sa.Column("user_id", sa.Text, nullable=False),  # identifiers, normalised: subjects may not be known yet
    sa.Column("car_id", sa.Text, nullable=False),
    sa.Column("since_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger),
    sa.Column("visited_us", sa.BigInteger),  # when the user was at the landing page; null: not yet
    _unique_where("uq_account_links_open", "user_id", "car_id", "organization_id", condition="until_us IS NULL"),
)

landings = sa.Table(
    "landings",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("car_id", sa.Text, primary_key=True),
    sa.Column("visited_us", sa.BigInteger, nullable=False),
    sa.Index(None, "visited_us"),
)

answered = sa.Table(  # requests with an idempotency key, and what they were answered: postroad.registry.idempotency
    "answered",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # it may hold a secret that was shown once
    sa.Column("created_us", sa.BigInteger, nullable=False, index=True),
)
