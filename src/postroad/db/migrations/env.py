"""Run by Alembic: migrate on the connection, and in the transaction, of ``postroad.db.migrate``."""

from alembic import context

from postroad.db.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
