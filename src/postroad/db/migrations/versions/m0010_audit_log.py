"""The audit log: a chain of entries that nothing changes, their personal details beside them, and its head."""

import sqlalchemy as sa
from alembic import op

revision = "registry_10"
down_revision = "registry_9"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_REFUSED = "entries of the audit log are not changed"


def upgrade() -> None:
    """Add tables; what is there stays as it is."""
    op.create_table(
        "audit_log",
        sa.Column("number", ID, autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("role", sa.Text()),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text()),
        sa.Column("organization_id", sa.BigInteger()),
        sa.Column("subject_id", sa.BigInteger()),
        sa.Column("who", sa.LargeBinary(), nullable=False),
        sa.Column("what", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_organization_id_number"), "audit_log", ["organization_id", "number"])
    op.create_table(
        "audit_details",
        sa.Column("number", ID, nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("content", sa.LargeBinary()),
        sa.Column("gone", sa.Text()),
        sa.Column("pseudonym", sa.Text()),
        sa.ForeignKeyConstraint(["number"], ["audit_log.number"], name=op.f("fk_audit_details_number")),
        sa.PrimaryKeyConstraint("number", "part", name=op.f("pk_audit_details")),
    )
    there = sa.text("content IS NOT NULL")
    op.create_index("ix_audit_details_there", "audit_details", ["number"], sqlite_where=there, postgresql_where=there)
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_single_row")),
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": bytes(32)}])
    _refuse_changes()


def _refuse_changes() -> None:
    """Have the database itself refuse a statement that would change or delete an entry: a mistake, not an attack."""
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_log_no_{change.lower()} BEFORE {change} ON audit_log "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION audit_log_refuses() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuses()"
    )
