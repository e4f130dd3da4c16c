"""Who has access to what: grants, what integrations were told of it and where, reference URLs of streams."""

import sqlalchemy as sa
from alembic import op

revision = "registry_7"
down_revision = "registry_6"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns and tables; what is there stays as it is."""
    op.add_column("streams", sa.Column("reference_url", sa.Text()))
    op.add_column("outbox", sa.Column("subscription_id", sa.BigInteger()))
    op.create_table(
        "grants",
        sa.Column("id", ID, nullable=False),
        sa.Column("integration_id", ID, nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_grants_integration_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_grants_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_grants_subject_id"), "grants", ["subject_id"])
    still_open = sa.text("until_us IS NULL")
    op.create_index(
        op.f("uq_grants_open"),
        "grants",
        ["integration_id", "subject_id"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_table(
        "accesses",
        sa.Column("subscription_id", ID, nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("fleet_id", ID),
        sa.Column("direct", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"], name=op.f("fk_accesses_subscription_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_accesses_subject_id")),
        sa.PrimaryKeyConstraint("subscription_id", "subject_id", name=op.f("pk_accesses")),
    )
    op.create_table(
        "told",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "position", name=op.f("pk_told")),
    )
