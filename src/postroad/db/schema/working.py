"""What the hub notes of its work: attempts, alerts, tasks, answers."""

import sqlalchemy as sa

from postroad.db.schema.common import Id, Json, counted_table, id_column, metadata, unique_where

attempts = counted_table(
    "attempts",
    id_column(),
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

alerts = counted_table(
    "alerts",
    id_column(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False),  # the id of a subscription, "shard N", or empty
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("raised_us", sa.BigInteger, nullable=False),
    sa.Column("last_us", sa.BigInteger, nullable=False),
    sa.Column("cleared_us", sa.BigInteger),
    unique_where("uq_alerts_open", "kind", "about", condition="cleared_us IS NULL"),
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

answered = sa.Table(  # requests with an idempotency key, and what they were answered: postroad.registry.idempotency
    "answered",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # it may hold a secret that was shown once
    sa.Column("created_us", sa.BigInteger, nullable=False, index=True),
)
