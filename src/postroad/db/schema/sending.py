"""What goes where, of whom, and what was told of it."""

import sqlalchemy as sa

from postroad.db.schema.common import (
    Id,
    Json,
    JsonOrNull,
    counted_table,
    id_column,
    index_where,
    metadata,
    reference,
    unique_where,
)

destinations = counted_table(
    "destinations",
    id_column(),
    reference("integration_id", "integrations"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("transport", sa.Text, nullable=False),
    sa.Column("config", Json, nullable=False),  # without its secrets
    sa.Column("limits", Json, nullable=False, server_default=sa.text("'{}'")),  # what it can bear, as declared
    sa.Column("removed_us", sa.BigInteger),
    unique_where("uq_destinations_name", "integration_id", "name", condition="removed_us IS NULL"),
)

destination_secrets = sa.Table(
    "destination_secrets",
    metadata,
    sa.Column("destination_id", Id, sa.ForeignKey("destinations.id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

subscriptions = counted_table(
    "subscriptions",
    id_column(),
    reference("integration_id", "integrations"),
    reference("destination_id", "destinations"),
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
    unique_where("uq_subscriptions_name", "integration_id", "name", condition="removed_us IS NULL"),
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

streams = counted_table(
    "streams",
    id_column(),
    reference("subscription_id", "subscriptions"),
    reference("subject_id", "subjects"),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("from_position", sa.BigInteger),
    sa.Column("until_position", sa.BigInteger),
    sa.Column("ended", sa.Boolean, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("ended_us", sa.BigInteger),
    sa.Column("fleet_id", Id),  # the fleet through which the vehicle came into the subscription; null: by itself
    sa.Column("farewell_position", sa.BigInteger),  # of the item that says that the stream has ended
    sa.Column("scopes", JsonOrNull),  # what was authorised; null: all that the subscription requests
    sa.Column("account_id", Id),  # the owner's account that shares the vehicle; null: the organization's
    sa.Column("reference_url", sa.Text),  # what the customer notes with it, where he chose the vehicle
    unique_where("uq_streams_open", "subscription_id", "subject_id", condition="NOT ended"),
    index_where("ix_streams_waiting", "shard", condition="from_position IS NULL AND NOT ended"),
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

outbox = counted_table(
    "outbox",
    id_column(),
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

followed = sa.Table(  # admin events below the position have had their effect
    "followed",
    metadata,
    sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, nullable=False),
)
