"""What is told of the registry's own changes: the outbox, issued texts, what a stream gives and how it ended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "registry_5"
down_revision = "registry_4"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add columns and tables; what is there stays as it is."""
    op.add_column("streams", sa.Column("fleet_id", ID))
    op.add_column("streams", sa.Column("farewell_position", sa.BigInteger()))
    op.add_column("streams", sa.Column("scopes", JSON))
    op.create_table(
        "issued_texts",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_issued_texts_subject_id")),
        sa.PrimaryKeyConstraint("namespace", "text", name=op.f("pk_issued_texts")),
        sa.UniqueConstraint("subject_id", "namespace", name=op.f("uq_issued_texts_subject_id_namespace")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", ID, nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("stream_id", sa.BigInteger(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("farewell", sa.Boolean(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_shard_id"), "outbox", ["shard", "id"])
