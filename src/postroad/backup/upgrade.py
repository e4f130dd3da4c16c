"""Bringing a data folder to this version's format: the only place where stored formats change."""

import os
from pathlib import Path

import msgspec

from postroad.backup.stopped import stopped_hub
from postroad.dataformat import FORMAT, check_format, known_shards, read_format, require_files, shard_file, write_format
from postroad.errors import ConfigError
from postroad.layout import SHARDS, registry_url
from postroad.log.copying import reached_epoch
from postroad.log.upgrade import upgrade_shard
from postroad.registry.store import RegistryStore
from postroad.settings import FILE_NAME, load


class Upgraded(msgspec.Struct, frozen=True):
    """The folder's format before and after; 0 stands for a folder from before formats had numbers."""

    before: int
    after: int


def upgrade_folder(folder: Path) -> Upgraded:
    """Bring shards and registry to this version's formats, then the folder; ended half-way, it can be done again.

    Raises:
        ConfigError: There is no hub in the folder, one is running, a file is missing, or a newer Postroad wrote it.
        StoreUnavailable, StoreCorrupt: The registry or a shard cannot be used.
    """
    if not (folder / FILE_NAME).exists():
        raise ConfigError(f"there is no hub in {folder}; make one with: postroad init --data {folder}")
    with stopped_hub(folder):
        found = read_format(folder)
        if found is not None and found.format > FORMAT:
            check_format(folder)
        registry = registry_url(folder, load(folder, os.environ))
        if isinstance(registry, Path) and not registry.exists():
            raise ConfigError(f"{folder} has lost its registry, {registry.name}; restore a backup")
        if found is not None:
            require_files(folder, found, registry)
        epochs = known_shards(found) if found is not None else {}
        for shard in SHARDS:
            if shard_file(folder, shard).exists():
                upgrade_shard(shard_file(folder, shard), shard)
                epochs[shard] = max(epochs.get(shard, 0), reached_epoch(shard_file(folder, shard), shard))
        RegistryStore.open(registry, upgrade=True).close()
        write_format(folder, epochs)
    return Upgraded(found.format if found is not None else 0, FORMAT)
