"""The data folder as commands open it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from postroad.errors import ConfigError
from postroad.layout import SHARDS, registry_url
from postroad.log.reader import ShardReader, open_reader
from postroad.log.schema import shard_path
from postroad.registry.store import RegistryStore
from postroad.settings import FILE_NAME, Settings, load

folder_option: Callable[[Any], Any] = click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("postroad-data"),
    envvar="POSTROAD_DATA",
    show_default=True,
    show_envvar=True,
    help="The hub's data folder.",
)


def settings_of(folder: Path) -> Settings:
    """The settings of an existing folder. Raises ``ConfigError`` that says how to make one."""
    if not (folder / FILE_NAME).exists():
        raise ConfigError(f"there is no hub in {folder}; make one with: postroad init --data {folder}")
    return load(folder, os.environ)


@contextmanager
def registry_of(folder: Path) -> Iterator[RegistryStore]:
    """The registry of an existing folder, whether or not its hub is running."""
    store = RegistryStore.open(registry_url(folder, settings_of(folder)))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def reader_of(folder: Path, shard: int) -> Iterator[ShardReader]:
    """A shard's file for reading, whether or not the hub is running."""
    path = shard_path(folder, shard)
    if not path.exists():
        raise ConfigError(
            f"shard {shard} has no file in {folder} yet; it is made when the hub first starts: postroad serve"
        )
    reader = open_reader(path)
    try:
        yield reader
    finally:
        reader.close()


def shards_of(folder: Path) -> list[int]:
    """The shards that have a file."""
    return [shard for shard in SHARDS if (shard_path(folder, shard)).exists()]
