"""By what somebody is known to the hub."""

import sqlalchemy as sa

from postroad.db.schema.common import Id, counted_table, id_column, reference

provider_tokens = counted_table(
    "provider_tokens",
    id_column(),
    reference("provider_id", "providers"),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("sha256", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("revoked_us", sa.BigInteger),
)

integration_tokens = counted_table(
    "integration_tokens",
    id_column(),
    reference("integration_id", "integrations"),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("sha256", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("revoked_us", sa.BigInteger),
)

api_keys = counted_table(  # of operators, auditors and fleet owners; those of the others are their tokens
    "api_keys",
    id_column(),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("organization_id", Id, sa.ForeignKey("organizations.id")),  # null: of all
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("sha256", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("revoked_us", sa.BigInteger),
)

service_accounts = counted_table(  # at most one of the three is set, by the role
    "service_accounts",
    id_column(),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("organization_id", Id, sa.ForeignKey("organizations.id")),
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id")),
    sa.Column("integration_id", Id, sa.ForeignKey("integrations.id")),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("audience", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("public_key", sa.LargeBinary, nullable=False),  # DER of SubjectPublicKeyInfo
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("revoked_us", sa.BigInteger),
)
