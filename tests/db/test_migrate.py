"""Bringing a database up to date."""

import alembic.config
import alembic.script

from postroad.db.migrate import HEAD, OLDER


def test_the_newest_migration_is_the_one_that_is_looked_for() -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", "postroad.db:migrations")
    scripts = alembic.script.ScriptDirectory.from_config(config)
    assert [script.revision for script in scripts.walk_revisions()] == [HEAD, *OLDER]
