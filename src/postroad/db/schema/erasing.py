"""What was erased, does not come back, and is held by backups still."""

import sqlalchemy as sa

from postroad.db.schema.common import Id, Json, counted_table, id_column, metadata, reference

erasures = counted_table(  # who or what is to be forgotten; of whom it was, nothing but a keyed hash stays
    "erasures",
    id_column(),
    reference("organization_id", "organizations"),
    sa.Column("kind", sa.Text, nullable=False),  # driver, vehicle or trip
    sa.Column("digest", sa.LargeBinary, nullable=False),  # postroad.registry.blocklist.digest of its first name
    sa.Column("subject_id", Id),  # null: of a trip that is known to be nobody's
    sa.Column("provider_id", Id),  # whose trip
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("asked_us", sa.BigInteger, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),  # operator or provider
    sa.Column("sealed", sa.LargeBinary),  # by what names it is found; null once it is all gone
    sa.Column("state", sa.Text, nullable=False),  # asked, erased (notices are under way), done
    sa.Column("searched_to", sa.BigInteger, nullable=False),  # of the shard, everything below was searched
    sa.Column("notices", Json, nullable=False),  # positions of the items that tell of it, erased last
    sa.Column("erased_us", sa.BigInteger),
    sa.Column("done_us", sa.BigInteger),
    sa.Column("receipt", Json, nullable=False),  # postroad.registry.erasures.Receipt
    sa.Index(None, "state"),
)

blocked = sa.Table(  # what does not come back
    "blocked",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # postroad.registry.blocklist.digest
    sa.Column("erasure_id", Id, sa.ForeignKey("erasures.id"), nullable=False, index=True),
)

block_key = sa.Table(  # made when something is first erased
    "block_key",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("id = 1", name="single_row"),
)

backups = counted_table(  # that were made of this hub: an erasure does not reach them
    "backups",
    id_column(),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("made_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger),  # when the operator lets it go; null: nobody said
)
