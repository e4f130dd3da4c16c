"""Making a backup, whether or not a hub is running on the folder.

The shards are copied before the registry. A shard refers to vehicles, subscriptions and revisions of settings by id,
and the registry never deletes what it has given an id: a registry copied later knows all that a shard copied earlier
speaks of. What the registry says of a shard are positions: where streams begin, what attempts reached. Those may lie
above the end of the earlier copy, and that is harmless, because a restore goes on in a new epoch, above them all. The
other order would leave items and cursors of ids that the restored registry does not know, and gives to others.

Checkpoints of receivers are the exception: they say what the shards have. Those of before the shards are put into the
copy, so that what a restored hub does not have is read again.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

import postroad
from postroad.backup.manifest import MANIFEST_FILE, CopiedShard, Manifest, described
from postroad.clock import Clock
from postroad.dataformat import (
    FORMAT,
    FORMAT_FILE,
    check_format,
    known_shards,
    require_files,
    shard_file,
    sync_folder,
    write_durably,
)
from postroad.db.copying import check_database, copy_database
from postroad.errors import ConfigError, StoreUnavailable
from postroad.layout import KEY_FILE, REGISTRY_FILE, registry_url
from postroad.log.copying import check_pages, copy_shard
from postroad.registry.records import RegistryView
from postroad.registry.secrets import sealing_key_id
from postroad.registry.store import RegistryStore
from postroad.settings import FILE_NAME, Settings


def create_backup(folder: Path, target: Path, settings: Settings, *, with_key: bool, clock: Clock) -> Manifest:
    """Copy the hub in ``folder`` to the new folder ``target``, which is there whole and durable, or not at all.

    Raises:
        ConfigError: ``target`` exists or cannot be made; or the folder has lost a file.
        StoreUnavailable, StoreCorrupt: A file cannot be read or copied; nothing is left at ``target``.
    """
    found = check_format(folder)
    require_files(folder, found, registry_url(folder, settings))
    if target.exists():
        raise ConfigError(f"{target} exists; a backup is written to a new folder")
    part = target.with_name(target.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)  # of a backup that was ended half-way
        part.mkdir(mode=0o700)
    except OSError as exc:
        raise ConfigError(f"cannot make the folder {part}: {exc.strerror}") from exc
    try:
        manifest = _fill(folder, part, settings, sorted(known_shards(found)), with_key=with_key, clock=clock)
        part.rename(target)
        sync_folder(target.parent)
    except OSError as exc:
        shutil.rmtree(part, ignore_errors=True)
        raise StoreUnavailable("io", f"the backup cannot be written: {exc.strerror}") from exc
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return manifest


def _fill(folder: Path, part: Path, settings: Settings, shards: list[int], *, with_key: bool, clock: Clock) -> Manifest:
    registry = registry_url(folder, settings)
    with closing(RegistryStore.open(registry)) as store:
        checkpoints = store.checkpoints()
    copied: dict[str, CopiedShard] = {}
    for shard in shards:
        heads = copy_shard(shard_file(folder, shard), part / shard_file(folder, shard).name, shard)
        check_pages(part / shard_file(folder, shard).name, shard, until=_never)
        copied[str(shard)] = CopiedShard(heads.epoch, heads.first_position, heads.next_position)
    made_us = clock.now_us()
    if isinstance(registry, Path):
        copy_database(registry, part / REGISTRY_FILE)
        registry = part / REGISTRY_FILE
        check_database(registry, until=_never)
        with closing(RegistryStore.open(registry)) as store:
            store.take_checkpoints_back(checkpoints)
    with closing(RegistryStore.open(registry)) as store:
        view, head = store.view(), store.audit_log.head()
    names = (FILE_NAME, FORMAT_FILE, *((KEY_FILE,) if with_key else ()))
    for name in names:
        write_durably(part / name, (folder / name).read_bytes())
    for path in part.iterdir():
        _make_durable(path)
    manifest = Manifest(
        format=FORMAT,
        postroad=postroad.__version__,
        made_us=made_us,
        files=tuple(described(path) for path in sorted(part.iterdir())),
        shards=copied,
        registry_version=view.version,
        audit_head=str(head),
        registry_external=not isinstance(registry, Path),
        key_ids=tuple(sorted({sealing_key_id(sealed) for sealed in _sealed(view)})),
        with_key=with_key,
    )
    write_durably(part / MANIFEST_FILE, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def _sealed(view: RegistryView) -> Iterator[bytes]:
    """Every secret in a view."""
    for destination in view.destinations.values():
        yield from destination.sealed.values()
    for provider in view.providers.values():
        for config in (provider.upstream, provider.receiver):
            yield from () if config is None else config.sealed.values()
    for subscription in view.subscriptions.values():
        yield from (secret.sealed for secret in subscription.signing)


def _make_durable(path: Path) -> None:
    path.chmod(0o600)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _never() -> bool:
    """Look through all of a copy, before anybody relies on it."""
    return False
