"""The data folder's format: its version, and what the folder remembers of its shards.

``postroad.format`` is a small JSON file. Its version says which Postroad may use the folder. The highest epoch of each
shard that was ever begun here stands beside it: a shard that is named and has no file was lost, and must not silently
begin anew at position 1.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from postroad.errors import ConfigError, StoreCorrupt, StoreUnavailable
from postroad.layout import REGISTRY_FILE, SHARDS

FORMAT_FILE = "postroad.format"
FORMAT = 3
"""Raised by every change of a stored format, of the folder's or of a file in it, that an older Postroad cannot use."""


class FolderFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """What ``postroad.format`` holds."""

    format: int
    shards: dict[str, int] = {}
    """Number of a shard that has been begun -> the highest epoch it is known to have reached."""


def read_format(folder: Path) -> FolderFormat | None:
    """What the folder says of itself; ``None`` when it says nothing. Raises ``StoreCorrupt``, ``StoreUnavailable``."""
    path = folder / FORMAT_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=FolderFormat)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise StoreUnavailable("io", f"{path} cannot be read: {exc.strerror}") from exc
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise StoreCorrupt(
            f"{path} is damaged; stop the hub, move it away and run: postroad upgrade --data {folder}"
        ) from exc


def write_format(folder: Path, shards: Mapping[int, int], version: int = FORMAT) -> None:
    """Write a version and these epochs, durably, whole or not at all. Raises ``StoreUnavailable``."""
    value = FolderFormat(version, {str(number): epoch for number, epoch in sorted(shards.items())})
    try:
        write_durably(folder / FORMAT_FILE, msgspec.json.encode(value) + b"\n")
    except OSError as exc:
        raise StoreUnavailable("io", f"{folder / FORMAT_FILE} cannot be written: {exc.strerror}") from exc


def check_format(folder: Path) -> FolderFormat:
    """What the folder says of itself, if this Postroad may use it. Raises ``ConfigError`` that says what to do."""
    found = read_format(folder)
    if found is None or found.format < FORMAT:
        raise ConfigError(f"{folder} has an older format; stop its hub and run: postroad upgrade --data {folder}")
    if found.format > FORMAT:
        raise ConfigError(
            f"{folder} has format {found.format}, newer than {FORMAT}, the newest this Postroad knows; "
            "use the Postroad that wrote it, or a newer one"
        )
    return found


def begin_format(folder: Path) -> FolderFormat:
    """``check_format``, but a folder in which there are no shards yet gets a format."""
    if read_format(folder) is None and not any(shard_file(folder, shard).exists() for shard in SHARDS):
        write_format(folder, {})
    return check_format(folder)


def known_shards(found: FolderFormat) -> dict[int, int]:
    """Shard -> the highest epoch it is known to have reached."""
    return {int(number): epoch for number, epoch in found.shards.items()}


def missing_files(folder: Path, found: FolderFormat, registry: Path | str) -> list[str]:
    """The files that must be there and are not: those of shards that were begun, and the registry they refer to."""
    missing = [path.name for shard in known_shards(found) if not (path := shard_file(folder, shard)).exists()]
    if found.shards and isinstance(registry, Path) and not registry.exists():
        missing.append(REGISTRY_FILE)
    return missing


def require_files(folder: Path, found: FolderFormat, registry: Path | str) -> None:
    """Raise ``ConfigError`` when a file is missing that this folder has had."""
    missing = missing_files(folder, found, registry)
    if missing:
        raise ConfigError(
            f"{folder} has lost {' and '.join(missing)}; put the file back (with the -wal file beside it, if there is "
            f"one), or restore a backup: postroad restore BACKUP --force --data {folder}"
        )


def shard_file(folder: Path, shard: int) -> Path:
    """Where a shard is kept. The log's own ``shard_path`` says the same; a test holds the two together."""
    return folder / f"shard-{shard:02d}.db"


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file, whole or not at all, so that it outlives a power cut. Raises ``OSError``."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises ``OSError``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
