"""What requests with an idempotency key were answered."""

import sqlalchemy as sa
from alembic import op

revision = "registry_11"
down_revision = "registry_10"


def upgrade() -> None:
    """Add a table; what is there stays as it is."""
    op.create_table(
        "answered",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_answered")),
    )
    op.create_index(op.f("ix_answered_created_us"), "answered", ["created_us"])
