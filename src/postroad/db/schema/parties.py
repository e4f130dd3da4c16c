"""Who there is: organizations, who sends to us and who receives from us."""

import sqlalchemy as sa

from postroad.db.schema.common import Id, Json, counted_table, id_column, metadata, reference, unique_where

organizations = counted_table(
    "organizations",
    id_column(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("removed_us", sa.BigInteger),
    unique_where("uq_organizations_name", "name", condition="removed_us IS NULL"),
)

providers = counted_table(
    "providers",
    id_column(),
    reference("organization_id", "organizations"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("protocol", sa.Text, nullable=False),
    sa.Column("unknown_vehicles", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("removed_us", sa.BigInteger),
    unique_where("uq_providers_name", "organization_id", "name", condition="removed_us IS NULL"),
)

provider_revisions = sa.Table(
    "provider_revisions",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("settings", Json, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
)

upstreams = sa.Table(
    "upstreams",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("config", Json, nullable=False),  # without its secrets
)

upstream_secrets = sa.Table(
    "upstream_secrets",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

upstream_runs = sa.Table(  # the last one of each provider
    "upstream_runs",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("started_us", sa.BigInteger, nullable=False),
    sa.Column("finished_us", sa.BigInteger, nullable=False),
    sa.Column("succeeded_us", sa.BigInteger),  # when one last did
    sa.Column("consenting", sa.Integer),
    sa.Column("wanted", sa.Integer),
    sa.Column("streams", sa.Integer),
    sa.Column("added", sa.Integer, nullable=False),
    sa.Column("deleted", sa.Integer, nullable=False),
    sa.Column("updated", sa.Integer, nullable=False),
    sa.Column("error", sa.Text),
)

receivers = sa.Table(  # how a provider's messages are fetched, or pushed, beside the entrances of its protocol
    "receivers",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("transport", sa.Text, nullable=False),
    sa.Column("config", Json, nullable=False),  # without its secrets
)

receiver_secrets = sa.Table(
    "receiver_secrets",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

checkpoints = sa.Table(  # how far a source was read whose service leaves that to the reader
    "checkpoints",
    metadata,
    sa.Column("provider_id", Id, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("partition", sa.Text, primary_key=True),
    sa.Column("mark", sa.Text, nullable=False),
    sa.Column("saved_us", sa.BigInteger, nullable=False),
)

integrations = counted_table(
    "integrations",
    id_column(),
    reference("organization_id", "organizations"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("service", Json, nullable=False, server_default=sa.text("'{}'")),  # {}: owners are not offered it
    sa.Column("removed_us", sa.BigInteger),
    unique_where("uq_integrations_name", "organization_id", "name", condition="removed_us IS NULL"),
)
