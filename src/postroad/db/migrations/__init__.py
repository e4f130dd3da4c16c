"""Alembic's environment and the migrations; ``postroad.db.migrate`` runs them."""
