"""People who own vehicles, and who says what may be had of them."""

import sqlalchemy as sa

from postroad.db.schema.common import Id, JsonOrNull, counted_table, id_column, metadata, reference, unique_where

owners = counted_table(  # people with vehicles, who sign in and share them with services
    "owners",
    id_column(),
    reference("organization_id", "organizations"),
    sa.Column("account_id", Id, sa.ForeignKey("subjects.id"), nullable=False, unique=True),  # a subject
    sa.Column("login", sa.Text, nullable=False, unique=True),  # postroad.registry.vehicle_owners.normalised
    sa.Column("password", sa.Text, nullable=False),  # argon2id, in PHC format
    sa.Column("first_names", sa.Text),
    sa.Column("last_name", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("phone", sa.Text),  # E.164
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("disabled_us", sa.BigInteger),
)

owned_vehicles = counted_table(  # whose a vehicle is; a closed row answers whose it was
    "owned_vehicles",
    id_column(),
    reference("owner_id", "owners"),
    reference("vehicle_id", "subjects"),
    sa.Column("since_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger),
    unique_where("uq_owned_vehicles_open", "vehicle_id", condition="until_us IS NULL"),
    sa.Index(None, "owner_id"),
)

owner_sessions = sa.Table(  # who is signed in
    "owner_sessions",
    metadata,
    sa.Column("sha256", sa.LargeBinary, primary_key=True),  # of the session's token
    sa.Column("owner_id", Id, sa.ForeignKey("owners.id"), nullable=False, index=True),
    sa.Column("begun_us", sa.BigInteger, nullable=False),
    sa.Column("seen_us", sa.BigInteger, nullable=False),
)

consents = sa.Table(  # a provider's last word on its access to a vehicle; without a row nothing was said
    "consents",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("vehicle_id", Id, sa.ForeignKey("subjects.id"), primary_key=True),
    sa.Column("fleet", sa.Text),  # as the provider numbers it; null: none, or not known
    sa.Column("given", sa.Boolean, nullable=False),
    sa.Column("changed_us", sa.BigInteger, nullable=False),
    sa.Index(None, "vehicle_id"),
)

grants = counted_table(  # an integration may have a vehicle, or what is in a fleet; a closed one answers who had what
    "grants",
    id_column(),
    reference("integration_id", "integrations"),
    sa.Column("subject_id", Id, sa.ForeignKey("subjects.id"), nullable=False, index=True),
    sa.Column("since_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger),
    sa.Column("account_id", Id),  # of the owner who gave it; null: an organization did
    sa.Column("scopes", JsonOrNull),  # what the owner agreed to; null: whatever is requested
    unique_where("uq_grants_open", "integration_id", "subject_id", condition="until_us IS NULL"),
)

account_links = counted_table(
    "account_links",
    id_column(),
    reference("organization_id", "organizations"),
    sa.Column("user_id", sa.Text, nullable=False),  # identifiers, normalised: subjects may not be known yet
    sa.Column("car_id", sa.Text, nullable=False),
    sa.Column("since_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger),
    sa.Column("visited_us", sa.BigInteger),  # when the user was at the landing page; null: not yet
    unique_where("uq_account_links_open", "user_id", "car_id", "organization_id", condition="until_us IS NULL"),
)

landings = sa.Table(
    "landings",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("car_id", sa.Text, primary_key=True),
    sa.Column("visited_us", sa.BigInteger, nullable=False),
    sa.Index(None, "visited_us"),
)
