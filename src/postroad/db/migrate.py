"""Bring a database's tables to what this version of the code wants. The migrations are part of the package."""

import sqlalchemy as sa

from postroad.db.engine import Database
from postroad.errors import ConfigError

HEAD = "registry_13"
"""The newest migration: a test holds it to Alembic's own idea."""
OLDER: tuple[str, ...] = (
    "registry_12",
    "registry_11",
    "registry_10",
    "registry_9",
    "registry_8",
    "registry_7",
    "registry_6",
    "registry_5",
    "registry_4",
    "registry_3",
    "registry_2",
    "registry_1",
)
"""The migrations before it: what ``postroad upgrade`` brings up to date. The same test holds them."""

_ADVISORY_LOCK = 0x706F7374  # any number that nothing else on the server uses; this one reads "post"


def require_current(database: Database) -> None:
    """Make the tables in an empty database; leave any other as it is.

    Raises:
        ConfigError: The tables are not those of this Postroad; says what to do.
        StoreUnavailable: It cannot be read or written now.
    """
    revision = _revision(database)
    if revision in OLDER:
        raise ConfigError(f"{database.name} was made by an older Postroad; stop the hub and run: postroad upgrade")
    migrate(database)


def migrate(database: Database) -> None:
    """Apply every migration that the database has not had yet, all of them or none.

    Several processes may call this at once: one migrates, the others wait and find nothing left to do.

    Raises:
        ConfigError: The database was made by a newer Postroad.
        StoreUnavailable: It cannot be written now.
    """
    if _revision(database) == HEAD:
        return
    # Read only here: it takes a quarter of a second, and nearly every start finds nothing to do.
    import alembic.command
    import alembic.config
    import alembic.util

    with database.write() as transaction:
        connection = transaction.connection
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        config = alembic.config.Config()
        config.set_main_option("script_location", "postroad.db:migrations")
        config.attributes["connection"] = connection
        try:
            alembic.command.upgrade(config, "head")
        except alembic.util.CommandError as exc:
            message = f"{database.name} was made by a newer Postroad: install that version again, or restore a backup"
            raise ConfigError(message) from exc


def _revision(database: Database) -> str | None:
    """The migration that the database stands at; ``None`` when it has had none."""
    with database.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return revision
