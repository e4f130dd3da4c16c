"""Bring a database's tables to what this version of the code wants. The migrations are part of the package."""

import alembic.command
import alembic.config
import alembic.util
import sqlalchemy as sa

from postroad.db.engine import Database
from postroad.errors import ConfigError

_ADVISORY_LOCK = 0x706F7374  # any number that nothing else on the server uses; this one reads "post"


def migrate(database: Database) -> None:
    """Apply every migration that the database has not had yet, all of them or none.

    Several processes may call this at once: one migrates, the others wait and find nothing left to do.

    Raises:
        ConfigError: The database was made by a newer Postroad.
        StoreUnavailable: It cannot be written now.
    """
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
