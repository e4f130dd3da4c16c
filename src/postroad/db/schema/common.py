"""What all tables share: their names' convention, types of columns, and how rows are numbered."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only in a column declared INTEGER
Json = sa.JSON().with_variant(JSONB(), "postgresql")
JsonOrNull = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""None is no value at all, rather than JSON's null."""

INT32_MAX = 2**31 - 1


def id_column() -> sa.Column[int]:
    """The number of a row, which is never given again."""
    return sa.Column("id", Id, primary_key=True)


def reference(name: str, target: str) -> sa.Column[int]:
    """A column that holds the number of a row of another table."""
    return sa.Column(name, Id, sa.ForeignKey(f"{target}.id"), nullable=False)


def index_where(name: str, *columns: str, condition: str, unique: bool = False) -> sa.Index:
    """An index of the rows for which a condition holds."""
    where = sa.text(condition)
    return sa.Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


def unique_where(name: str, *columns: str, condition: str) -> sa.Index:
    """An index that lets a value stand once among the rows for which a condition holds."""
    return index_where(name, *columns, condition=condition, unique=True)


def counted_table(name: str, *items: SchemaItem) -> sa.Table:
    """A table whose rows are numbered, no number ever twice."""
    # Without AUTOINCREMENT, SQLite gives the highest id again once its row is gone.
    return sa.Table(name, metadata, *items, sqlite_autoincrement=True)
