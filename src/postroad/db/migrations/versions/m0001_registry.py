"""The registry as it was first released."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "registry_1"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Make every table, and the row that holds the version."""
    op.create_table(
        "attempts",
        sa.Column("id", ID, nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("items", sa.BigInteger(), nullable=False),
        sa.Column("bulks", sa.BigInteger(), nullable=False),
        sa.Column("first_at_us", sa.BigInteger(), nullable=False),
        sa.Column("last_at_us", sa.BigInteger(), nullable=False),
        sa.Column("min_elapsed_ms", sa.Double(), nullable=False),
        sa.Column("max_elapsed_ms", sa.Double(), nullable=False),
        sa.Column("attempt", sa.Integer()),
        sa.Column("reason", sa.Text()),
        sa.Column("status", sa.Integer()),
        sa.Column("detail", sa.Text()),
        sa.Column("request_id", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_attempts_last_at_us"), "attempts", ["last_at_us"])
    op.create_index(op.f("ix_attempts_subscription_id_shard_id"), "attempts", ["subscription_id", "shard", "id"])
    op.create_table(
        "organizations",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("removed_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_organizations_name",
        "organizations",
        ["name"],
        unique=True,
        sqlite_where=sa.text("removed_us IS NULL"),
        postgresql_where=sa.text("removed_us IS NULL"),
    )
    op.create_table(
        "registry_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_registry_version_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_version")),
    )
    op.create_table(
        "integrations",
        sa.Column("id", ID, nullable=False),
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("removed_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_integrations_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrations")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_integrations_name",
        "integrations",
        ["organization_id", "name"],
        unique=True,
        sqlite_where=sa.text("removed_us IS NULL"),
        postgresql_where=sa.text("removed_us IS NULL"),
    )
    op.create_table(
        "providers",
        sa.Column("id", ID, nullable=False),
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("protocol", sa.Text(), nullable=False),
        sa.Column("unknown_vehicles", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("removed_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_providers_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_providers_name",
        "providers",
        ["organization_id", "name"],
        unique=True,
        sqlite_where=sa.text("removed_us IS NULL"),
        postgresql_where=sa.text("removed_us IS NULL"),
    )
    op.create_table(
        "subjects",
        sa.Column("id", ID, nullable=False),
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("declared", sa.Boolean(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("removed_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_subjects_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subjects")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_subjects_name",
        "subjects",
        ["organization_id", "kind", "name"],
        unique=True,
        sqlite_where=sa.text("removed_us IS NULL AND name IS NOT NULL"),
        postgresql_where=sa.text("removed_us IS NULL AND name IS NOT NULL"),
    )
    op.create_table(
        "destinations",
        sa.Column("id", ID, nullable=False),
        sa.Column("integration_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("config", JSON, nullable=False),
        sa.Column("removed_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_destinations_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destinations")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_destinations_name",
        "destinations",
        ["integration_id", "name"],
        unique=True,
        sqlite_where=sa.text("removed_us IS NULL"),
        postgresql_where=sa.text("removed_us IS NULL"),
    )
    op.create_table(
        "identifiers",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_identifiers_organization_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_identifiers_subject_id")),
        sa.PrimaryKeyConstraint("organization_id", "namespace", "value", name=op.f("pk_identifiers")),
    )
    op.create_index(op.f("ix_identifiers_subject_id"), "identifiers", ["subject_id"])
    op.create_table(
        "issued_numbers",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.CheckConstraint("number BETWEEN 1 AND 2147483647", name=op.f("ck_issued_numbers_int32")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_issued_numbers_subject_id")),
        sa.PrimaryKeyConstraint("namespace", "number", name=op.f("pk_issued_numbers")),
        sa.UniqueConstraint("subject_id", "namespace", name=op.f("uq_issued_numbers_subject_id_namespace")),
    )
    op.create_table(
        "memberships",
        sa.Column("id", ID, nullable=False),
        sa.Column("fleet_id", ID, nullable=False),
        sa.Column("vehicle_id", ID, nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(["fleet_id"], ["subjects.id"], name=op.f("fk_memberships_fleet_id")),
        sa.ForeignKeyConstraint(["vehicle_id"], ["subjects.id"], name=op.f("fk_memberships_vehicle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_memberships_open",
        "memberships",
        ["vehicle_id"],
        unique=True,
        sqlite_where=sa.text("until_us IS NULL"),
        postgresql_where=sa.text("until_us IS NULL"),
    )
    op.create_table(
        "provider_revisions",
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_provider_revisions_provider_id")),
        sa.PrimaryKeyConstraint("provider_id", "revision", name=op.f("pk_provider_revisions")),
    )
    op.create_table(
        "provider_tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_provider_tokens_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_tokens")),
        sa.UniqueConstraint("public_id", name=op.f("uq_provider_tokens_public_id")),
        sa.UniqueConstraint("sha256", name=op.f("uq_provider_tokens_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "destination_secrets",
        sa.Column("destination_id", ID, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destinations.id"], name=op.f("fk_destination_secrets_destination_id")
        ),
        sa.PrimaryKeyConstraint("destination_id", "path", name=op.f("pk_destination_secrets")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", ID, nullable=False),
        sa.Column("integration_id", ID, nullable=False),
        sa.Column("destination_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("protocol", sa.Text(), nullable=False),
        sa.Column("types", JSON, nullable=False),
        sa.Column("vehicles", JSON, nullable=False),
        sa.Column("options", JSON, nullable=False),
        sa.Column("delivery", JSON, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("removed_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(["destination_id"], ["destinations.id"], name=op.f("fk_subscriptions_destination_id")),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_subscriptions_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_subscriptions_name",
        "subscriptions",
        ["integration_id", "name"],
        unique=True,
        sqlite_where=sa.text("removed_us IS NULL"),
        postgresql_where=sa.text("removed_us IS NULL"),
    )
    op.create_table(
        "streams",
        sa.Column("id", ID, nullable=False),
        sa.Column("subscription_id", ID, nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("from_position", sa.BigInteger()),
        sa.Column("until_position", sa.BigInteger()),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_streams_subject_id")),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"], name=op.f("fk_streams_subscription_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_streams")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_streams_waiting",
        "streams",
        ["shard"],
        sqlite_where=sa.text("from_position IS NULL AND NOT ended"),
        postgresql_where=sa.text("from_position IS NULL AND NOT ended"),
    )
    op.create_index(
        "uq_streams_open",
        "streams",
        ["subscription_id", "subject_id"],
        unique=True,
        sqlite_where=sa.text("NOT ended"),
        postgresql_where=sa.text("NOT ended"),
    )
    op.execute("INSERT INTO registry_version (id, version) VALUES (1, 1)")
