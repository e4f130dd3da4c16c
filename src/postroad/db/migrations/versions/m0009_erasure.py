"""What erasure needs: who is to be forgotten, what does not come back, and which backups there are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "registry_9"
down_revision = "registry_8"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add tables; what is there stays as it is."""
    op.create_table(
        "erasures",
        sa.Column("id", ID, nullable=False),
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", ID),
        sa.Column("provider_id", ID),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("searched_to", sa.BigInteger(), nullable=False),
        sa.Column("notices", JSON, nullable=False),
        sa.Column("erased_us", sa.BigInteger()),
        sa.Column("done_us", sa.BigInteger()),
        sa.Column("receipt", JSON, nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_erasures_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_erasures_state"), "erasures", ["state"])
    op.create_table(
        "blocked",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("erasure_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasures.id"], name=op.f("fk_blocked_erasure_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blocked")),
    )
    op.create_index(op.f("ix_blocked_erasure_id"), "blocked", ["erasure_id"])
    op.create_table(
        "block_key",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_block_key_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_key")),
    )
    op.create_table(
        "backups",
        sa.Column("id", ID, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backups")),
        sqlite_autoincrement=True,
    )
