"""The audit log."""

import sqlalchemy as sa

from postroad.db.schema.common import Id, index_where, metadata

audit_log = sa.Table(  # nothing of it changes, ever: the database refuses that (docs/formats/audit-log.md)
    "audit_log",
    metadata,
    sa.Column("number", Id, primary_key=True, autoincrement=False),  # from 1, without a gap
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),  # of the registry, after the change
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("role", sa.Text),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("id", sa.Text),
    sa.Column("organization_id", sa.BigInteger),  # no foreign keys: it tells of what was
    sa.Column("subject_id", sa.BigInteger),
    sa.Column("who", sa.LargeBinary, nullable=False),  # commitments to the details
    sa.Column("what", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),  # over the one before and all of the above
    sa.Index(None, "organization_id", "number"),
)


def _when_made(table: sa.Table, dialect: str, statement: str) -> None:
    ddl = sa.DDL(statement)  # type: ignore[no-untyped-call]  # SQLAlchemy has it untyped
    sa.event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


_REFUSED = "entries of the audit log are not changed"

_when_made(
    audit_log,
    "sqlite",
    f"CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
)

_when_made(
    audit_log,
    "sqlite",
    f"CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
)

_when_made(
    audit_log,
    "postgresql",
    "CREATE OR REPLACE FUNCTION audit_log_refuses() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$",
)

_when_made(
    audit_log,
    "postgresql",
    "CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuses()",
)

audit_details = sa.Table(  # what of an entry is personal; salt and content go, the row stays
    "audit_details",
    metadata,
    sa.Column("number", Id, sa.ForeignKey("audit_log.number"), primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),  # who or what
    sa.Column("salt", sa.LargeBinary),
    sa.Column("content", sa.LargeBinary),  # JSON
    sa.Column("gone", sa.Text),  # what took it
    sa.Column("pseudonym", sa.Text),  # of an actor whose name is gone
    index_where("ix_audit_details_there", "number", condition="content IS NOT NULL"),
)

audit_head = sa.Table(  # the newest entry, so that a tail that was cut off is missed
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("id = 1", name="single_row"),
)
