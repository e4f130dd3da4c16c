"""What control planes of providers need: how to sign in, runs, consents, how far admin events were followed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "registry_4"
down_revision = "registry_3"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add tables; what is there stays as it is."""
    op.create_table(
        "upstreams",
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("config", JSON, nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_upstreams_provider_id")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_upstreams")),
    )
    op.create_table(
        "upstream_secrets",
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_upstream_secrets_provider_id")),
        sa.PrimaryKeyConstraint("provider_id", "path", name=op.f("pk_upstream_secrets")),
    )
    op.create_table(
        "upstream_runs",
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_us", sa.BigInteger(), nullable=False),
        sa.Column("succeeded_us", sa.BigInteger()),
        sa.Column("consenting", sa.Integer()),
        sa.Column("wanted", sa.Integer()),
        sa.Column("streams", sa.Integer()),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_upstream_runs_provider_id")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_upstream_runs")),
    )
    op.create_table(
        "consents",
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("vehicle_id", ID, nullable=False),
        sa.Column("fleet", sa.Text()),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_consents_provider_id")),
        sa.ForeignKeyConstraint(["vehicle_id"], ["subjects.id"], name=op.f("fk_consents_vehicle_id")),
        sa.PrimaryKeyConstraint("provider_id", "vehicle_id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_vehicle_id"), "consents", ["vehicle_id"])
    op.create_table(
        "followed",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_followed")),
    )
