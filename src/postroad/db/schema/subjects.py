"""Whom or what events are about, and what they are called."""

import sqlalchemy as sa

from postroad.db.schema.common import INT32_MAX, Id, counted_table, id_column, metadata, reference, unique_where

subjects = counted_table(
    "subjects",
    id_column(),
    reference("organization_id", "organizations"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("name", sa.Text),  # fleets have one
    sa.Column("declared", sa.Boolean, nullable=False),  # by a file; the others were learnt from what providers sent
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("removed_us", sa.BigInteger),
    unique_where(
        "uq_subjects_name", "organization_id", "kind", "name", condition="removed_us IS NULL AND name IS NOT NULL"
    ),
)

identifiers = sa.Table(
    "identifiers",
    metadata,
    sa.Column("organization_id", Id, sa.ForeignKey("organizations.id"), primary_key=True),
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),  # normalised
    sa.Column("subject_id", Id, sa.ForeignKey("subjects.id"), nullable=False, index=True),
)

issued_numbers = sa.Table(
    "issued_numbers",
    metadata,
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("subject_id", Id, sa.ForeignKey("subjects.id"), nullable=False),
    sa.UniqueConstraint("subject_id", "namespace"),
    sa.CheckConstraint(f"number BETWEEN 1 AND {INT32_MAX}", name="int32"),
)

issued_texts = sa.Table(
    "issued_texts",
    metadata,
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, primary_key=True),
    sa.Column("subject_id", Id, sa.ForeignKey("subjects.id"), nullable=False),
    sa.UniqueConstraint("subject_id", "namespace"),
)

memberships = counted_table(
    "memberships",
    id_column(),
    reference("fleet_id", "subjects"),
    reference("vehicle_id", "subjects"),
    sa.Column("since_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger),
    unique_where("uq_memberships_open", "vehicle_id", condition="until_us IS NULL"),
)

documents = sa.Table(  # whose a provider's document is, and that it was deleted: nothing else of it
    "documents",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # postroad.registry.documents.digest of its key
    sa.Column("subject_id", Id, sa.ForeignKey("subjects.id")),  # null: not known, or no more
    sa.Column("deleted_us", sa.BigInteger),
    sa.Index(None, "subject_id"),
)
