"""Restoring a backup into an empty folder, so that no position is given a second time.

Positions that were given after the backup was made are unknown to it. So every shard goes on in an epoch of its own,
above its copy's, above what the folder that is replaced has reached, and above what any earlier restore of this backup
has begun: that one is counted in the backup itself, before the epoch is used. 127 epochs fit below the limit of the ids
(ADR 2), so the next free one is taken and none is wasted.

A backup keeps its format: a folder restored from an older one asks for ``postroad upgrade`` as any older folder does.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from postroad.backup.erasures import ErasedSince, erase_since
from postroad.backup.manifest import RESTORES_FILE, Manifest, read_manifest, verify
from postroad.backup.stopped import stopped_hub
from postroad.clock import Clock
from postroad.dataformat import (
    FORMAT,
    known_shards,
    read_format,
    shard_file,
    sync_folder,
    write_durably,
    write_format,
)
from postroad.errors import ConfigError, PostroadError, StoreUnavailable
from postroad.layout import KEY_FILE, SHARDS
from postroad.log.copying import raise_epoch, reached_epoch
from postroad.registry.secrets import KeyRing
from postroad.settings import FILE_NAME

HIGHEST_EPOCH = 127
_STAGE = ".restoring"


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore did, and what is left to do."""

    made_us: int
    """When the backup was made: everything that came later is not in it."""
    positions: dict[str, tuple[int, int]]
    """Shard -> (the position at which the backup ends, the position at which the hub goes on)."""
    epochs: dict[str, int]
    kept: str | None
    """Where the folder that was replaced is now."""
    missing_keys: tuple[str, ...]
    """Sealing keys that the secrets need and the folder does not hold, by id in hex."""
    registry_external: bool
    older: bool
    """The folder has the backup's older format, and has to be upgraded."""
    erased: ErasedSince | None
    """What became of what the folder that was replaced had erased; None: there was none."""


def restore(
    backup: Path, folder: Path, *, replace: bool, above_epoch: int, clock: Clock, now: Callable[[], datetime]
) -> Restored:
    """Restore ``backup`` into ``folder``, which is empty, or does not exist, or with ``replace`` is put aside.

    Args:
        backup: what ``create_backup`` made; its count of restores is written.
        folder: the data folder.
        replace: put the folder that is there aside, under a name with the time in it.
        above_epoch: an epoch that is known to have been begun elsewhere, from another copy of this backup.
        clock: dates what is changed.
        now: the wall clock, for the name of the folder that is put aside.

    Raises:
        ConfigError: The folder is not empty, or a hub runs on it; or the backup is none, or cannot be counted in.
        StoreCorrupt: The backup is damaged. Nothing was changed.
        StoreUnavailable: The folder cannot be written.
    """
    manifest = read_manifest(backup)
    verify(backup, manifest)
    kept = None
    try:
        if not folder.exists() or not any(folder.iterdir()):
            epochs = _reserve_epochs(backup, manifest, {}, above_epoch)
        elif replace:
            with stopped_hub(folder):
                epochs = _reserve_epochs(backup, manifest, _reached(folder), above_epoch)
                kept = folder.with_name(f"{folder.name}.before-{now():%Y%m%dT%H%M%SZ}")
                folder.rename(kept)
                sync_folder(folder.parent)
        else:
            raise ConfigError(f"{folder} is not empty; restore into an empty folder, or say --force to put it aside")
        positions, erased = _fill(backup, folder, manifest, epochs, kept, clock)
    except OSError as exc:
        where = f"; what was there is in {kept}" if kept is not None and kept.exists() else ""
        raise StoreUnavailable("io", f"{folder} cannot be restored: {exc.strerror}{where}") from exc
    return Restored(
        made_us=manifest.made_us,
        positions=positions,
        epochs={str(shard): epoch for shard, epoch in epochs.items()},
        kept=str(kept) if kept is not None else None,
        missing_keys=_missing_keys(folder, manifest),
        registry_external=manifest.registry_external,
        older=manifest.format < FORMAT,
        erased=erased,
    )


def _reached(folder: Path) -> dict[int, int]:
    """Shard -> the highest epoch that a folder has reached, by its shards and by its memory of them."""
    reached: dict[int, int] = {}
    try:
        found = read_format(folder)
    except PostroadError:
        found = None  # damaged: the shards themselves may tell
    if found is not None:
        reached.update(known_shards(found))
    for shard in SHARDS:
        try:
            epoch = reached_epoch(shard_file(folder, shard), shard)
        except PostroadError:
            continue  # lost or damaged: that may be why it is replaced; the folder's memory tells
        reached[shard] = max(reached.get(shard, 0), epoch)
    return reached


def _reserve_epochs(backup: Path, manifest: Manifest, reached: Mapping[int, int], above: int) -> dict[int, int]:
    """The epoch that each shard goes on in; counted in the backup before anybody uses it."""
    path = backup / RESTORES_FILE
    try:
        counted = msgspec.json.decode(path.read_bytes(), type=dict[str, int]) if path.exists() else {}
    except (OSError, msgspec.MsgspecError) as exc:
        raise ConfigError(
            f"{path} cannot be read, so it is not known which epochs earlier restores began; write into it "
            '{"0": N}, N being the highest epoch that postroad restore or postroad doctor told'
        ) from exc
    epochs = {}
    for number, copied in manifest.shards.items():
        epoch = max(copied.epoch, counted.get(number, 0), reached.get(int(number), 0), above) + 1
        if epoch > HIGHEST_EPOCH:
            raise ConfigError(f"shard {number} has used up its {HIGHEST_EPOCH} epochs; ids would no longer be exact")
        epochs[int(number)] = epoch
    try:
        write_durably(path, msgspec.json.encode({str(shard): epoch for shard, epoch in epochs.items()}) + b"\n")
    except OSError as exc:
        raise ConfigError(
            f"{backup} cannot be written ({exc.strerror}): a restore is counted there, so that two never give the same "
            "positions; copy the backup to where it can be written and restore that copy"
        ) from exc
    return epochs


def _fill(
    backup: Path, folder: Path, manifest: Manifest, epochs: Mapping[int, int], kept: Path | None, clock: Clock
) -> tuple[dict[str, tuple[int, int]], ErasedSince | None]:
    """Make everything ready in a folder beside the final names; what makes it a hub's folder moves last.

    What the folder ``kept`` had erased is asked for again before that, so that no hub starts without.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stage = folder / _STAGE
    stage.mkdir(mode=0o700)
    for file in manifest.files:
        shutil.copyfile(backup / file.name, stage / file.name)
        (stage / file.name).chmod(0o600)
    verify(stage, manifest)
    positions = {}
    for shard, epoch in epochs.items():
        end = manifest.shards[str(shard)].next_position
        heads = raise_epoch(shard_file(stage, shard), shard, above_epoch=epoch - 1, now_us=clock.now_us())
        positions[str(shard)] = (end, heads.next_position)
    write_format(stage, epochs, manifest.format)
    erased = None if kept is None else erase_since(kept, stage, manifest)
    names = sorted((path.name for path in stage.iterdir()), key=lambda name: (name == FILE_NAME, name))
    for name in names:
        _sync_file(stage / name)
        (stage / name).rename(folder / name)
    stage.rmdir()
    sync_folder(folder)
    sync_folder(folder.parent)
    return positions, erased


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _missing_keys(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    try:
        held = KeyRing.load(folder / KEY_FILE).ids
    except ConfigError:
        held = []
    return tuple(id_ for id_ in manifest.key_ids if id_ not in held)
