"""Owners: people who sign in and share their vehicles with services, and what they agreed to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "registry_12"
down_revision = "registry_11"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add columns and tables; what is there stays as it is."""
    op.add_column("integrations", sa.Column("service", JSON, nullable=False, server_default=sa.text("'{}'")))
    op.add_column("grants", sa.Column("account_id", ID))
    op.add_column("grants", sa.Column("scopes", JSON))
    op.add_column("streams", sa.Column("account_id", ID))
    op.create_table(
        "owners",
        sa.Column("id", ID, nullable=False),
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("first_names", sa.Text()),
        sa.Column("last_name", sa.Text()),
        sa.Column("email", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("disabled_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_owners_organization_id")),
        sa.ForeignKeyConstraint(["account_id"], ["subjects.id"], name=op.f("fk_owners_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owners")),
        sa.UniqueConstraint("account_id", name=op.f("uq_owners_account_id")),
        sa.UniqueConstraint("login", name=op.f("uq_owners_login")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "owned_vehicles",
        sa.Column("id", ID, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("vehicle_id", ID, nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_owned_vehicles_owner_id")),
        sa.ForeignKeyConstraint(["vehicle_id"], ["subjects.id"], name=op.f("fk_owned_vehicles_vehicle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owned_vehicles")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_owned_vehicles_owner_id"), "owned_vehicles", ["owner_id"])
    still_open = sa.text("until_us IS NULL")
    op.create_index(
        op.f("uq_owned_vehicles_open"),
        "owned_vehicles",
        ["vehicle_id"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_table(
        "owner_sessions",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("begun_us", sa.BigInteger(), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_owner_sessions_owner_id")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_owner_sessions")),
    )
    op.create_index(op.f("ix_owner_sessions_owner_id"), "owner_sessions", ["owner_id"])
