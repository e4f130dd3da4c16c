"""The data folder as commands open it."""

import fcntl
import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from postroad.administration.shards import Shards
from postroad.dataformat import check_format
from postroad.errors import ConfigError
from postroad.layout import LOCK_FILE, SHARDS, registry_url
from postroad.log.reader import ShardReader, open_reader
from postroad.log.schema import shard_path
from postroad.registry.actor import Actor
from postroad.registry.store import RegistryStore
from postroad.settings import FILE_NAME, Settings, load

DEFAULT_FOLDER = Path("postroad-data")

folder_option: Callable[[Any], Any] = click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_FOLDER,
    envvar="POSTROAD_DATA",
    show_default=True,
    show_envvar=True,
    help="The hub's data folder.",
)


def settings_of(folder: Path) -> Settings:
    """The settings of an existing folder of this format. Raises ``ConfigError`` that says what to do otherwise."""
    if not (folder / FILE_NAME).exists():
        raise ConfigError(f"there is no hub in {folder}; make one with: postroad init --data {folder}")
    check_format(folder)
    return load(folder, os.environ)


@contextmanager
def registry_of(folder: Path) -> Iterator[RegistryStore]:
    """The registry of an existing folder, whether or not its hub is running; changes are by who gave the command."""
    url = registry_url(folder, settings_of(folder))
    if isinstance(url, Path) and not url.exists():
        raise ConfigError(
            f"{folder} has lost its registry, {url.name}: put the file back (with the -wal file beside it, if there is "
            f"one), or restore a backup: postroad restore BACKUP --force --data {folder}"
        )
    store = RegistryStore.open(url)
    try:
        yield store.acting(who_commands())
    finally:
        store.close()


def who_commands() -> Actor:
    """The user of the machine who gave the command; the number of one that has no name."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = f"user {number}"
    return Actor(name=name, origin="command_line")


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


@contextmanager
def readers_of(folder: Path) -> Iterator[Shards]:
    """The shards that have a file, for reading."""
    with ExitStack() as stack:
        yield {shard: stack.enter_context(reader_of(folder, shard)) for shard in shards_of(folder)}


def shards_of(folder: Path) -> list[int]:
    """The shards that have a file."""
    return [shard for shard in SHARDS if (shard_path(folder, shard)).exists()]


def hub_runs(folder: Path) -> bool:
    """Whether a hub runs on the folder: it holds the lock. Shared, so that commands asking at once see no hub."""
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(lock)
