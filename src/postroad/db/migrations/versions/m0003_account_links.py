"""Which vehicles the account feed says an account shares, and visits to the landing page that wait for that."""

import sqlalchemy as sa
from alembic import op

revision = "registry_3"
down_revision = "registry_2"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add two tables; what is there stays as it is."""
    op.create_table(
        "account_links",
        sa.Column("id", ID, nullable=False),
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("car_id", sa.Text(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger()),
        sa.Column("visited_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_account_links_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_links")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_account_links_open",
        "account_links",
        ["user_id", "car_id", "organization_id"],
        unique=True,
        sqlite_where=sa.text("until_us IS NULL"),
        postgresql_where=sa.text("until_us IS NULL"),
    )
    op.create_table(
        "landings",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("car_id", sa.Text(), nullable=False),
        sa.Column("visited_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "car_id", name=op.f("pk_landings")),
    )
    op.create_index(op.f("ix_landings_visited_us"), "landings", ["visited_us"])
