"""What lies where in a data folder."""

from pathlib import Path

from postroad.settings import Settings

KEY_FILE = "postroad.key"
LOCK_FILE = "postroad.lock"
REGISTRY_FILE = "registry.db"
SHARDS = (0,)
"""One machine has one shard."""


def registry_url(folder: Path, settings: Settings) -> str | Path:
    """Where the registry of the hub in ``folder`` is: a URL, or a SQLite file's path."""
    return settings.hub.registry_url or folder / REGISTRY_FILE


def state_path(folder: Path, shard: int) -> Path:
    """Where the snapshot of a shard's state is."""
    return folder / f"state-{shard:02d}.msgpack"


def trips_path(folder: Path, shard: int) -> Path:
    """Where the snapshot of a shard's trips in the making is."""
    return folder / f"trips-{shard:02d}.msgpack"


def datasets_path(folder: Path, shard: int) -> Path:
    """Where the index of a shard's datasets is."""
    return folder / f"datasets-{shard:02d}.db"
