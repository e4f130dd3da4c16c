"""What taking DriveQuant in needs: drivers of subscriptions, whose a document is, deletions that go by the outbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "registry_6"
down_revision = "registry_5"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add columns and a table; what is there stays as it is."""
    op.add_column("subscriptions", sa.Column("drivers", JSON, nullable=False, server_default=sa.text("'{}'")))
    op.add_column("outbox", sa.Column("provider_id", sa.BigInteger()))
    op.add_column("outbox", sa.Column("protocol", sa.Text()))
    op.add_column("outbox", sa.Column("revision", sa.Integer()))
    op.add_column("outbox", sa.Column("farewell_of", JSON))
    op.create_table(
        "documents",
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", ID),
        sa.Column("deleted_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_documents_provider_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_documents_subject_id")),
        sa.PrimaryKeyConstraint("provider_id", "digest", name=op.f("pk_documents")),
    )
    op.create_index(op.f("ix_documents_subject_id"), "documents", ["subject_id"])
