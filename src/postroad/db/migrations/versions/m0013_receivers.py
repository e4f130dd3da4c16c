"""What receiving from queues needs: where providers' messages are fetched, and how far that has come."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "registry_13"
down_revision = "registry_12"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add tables; what is there stays as it is."""
    op.create_table(
        "receivers",
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("config", JSON, nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_receivers_provider_id")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_receivers")),
    )
    op.create_table(
        "receiver_secrets",
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_receiver_secrets_provider_id")),
        sa.PrimaryKeyConstraint("provider_id", "path", name=op.f("pk_receiver_secrets")),
    )
    op.create_table(
        "checkpoints",
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("saved_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_checkpoints_provider_id")),
        sa.PrimaryKeyConstraint("provider_id", "source", "partition", name=op.f("pk_checkpoints")),
    )
