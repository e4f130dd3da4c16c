"""Bringing a database up to date."""

import alembic.config
import alembic.script

from postroad.db.migrate import HEAD


def test_the_newest_migration_is_the_one_that_is_looked_for() -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", "postroad.db:migrations")
    assert alembic.script.ScriptDirectory.from_config(config).get_current_head() == HEAD
