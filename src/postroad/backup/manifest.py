"""What a backup says of itself. *Stored format*: ``docs/formats/backup.md`` spells it out."""

import hashlib
from pathlib import Path

import msgspec

from postroad.dataformat import FORMAT
from postroad.errors import ConfigError, StoreCorrupt, StoreUnavailable

MANIFEST_FILE = "manifest.json"
MANIFEST_VERSION = 1
RESTORES_FILE = "restores.json"
"""Shard -> the highest epoch that a restore from this backup has begun. Beside the manifest, for it changes."""


class CopiedFile(msgspec.Struct, frozen=True):
    """A file of the backup."""

    name: str
    size: int
    sha256: str


class CopiedShard(msgspec.Struct, frozen=True):
    """Where the copy of a shard stands."""

    epoch: int
    first_position: int
    next_position: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A backup."""

    manifest: int = MANIFEST_VERSION
    format: int
    """Of the data folder."""
    postroad: str
    """The version that made it."""
    made_us: int
    files: tuple[CopiedFile, ...]
    shards: dict[str, CopiedShard]
    registry_version: int
    audit_head: str = ""
    """The newest entry of the audit log, ``N:HASH``: ``postroad audit-log verify --head`` proves the rest by it."""
    registry_external: bool
    """The registry is a database elsewhere, and no file of this backup."""
    key_ids: tuple[str, ...]
    """The sealing keys, by id in hex, that are needed to open the secrets in the registry."""
    with_key: bool
    """The backup holds the sealing key itself."""


def read_manifest(backup: Path) -> Manifest:
    """Read a backup's manifest. Raises ``ConfigError`` when it is none, or a newer Postroad made it."""
    path = backup / MANIFEST_FILE
    try:
        data = path.read_bytes()
        version = msgspec.json.decode(data, type=dict[str, object]).get("manifest")
        if isinstance(version, int) and version > MANIFEST_VERSION:
            raise ConfigError(f"{backup} was made by a newer Postroad; restore it with that one")
        manifest = msgspec.json.decode(data, type=Manifest)
    except FileNotFoundError as exc:
        raise ConfigError(f"{backup} is not a whole backup: it has no {MANIFEST_FILE}") from exc
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}") from exc
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise StoreCorrupt(f"{path} is damaged: {exc}; use another copy of the backup") from exc
    if manifest.format > FORMAT:
        raise ConfigError(f"{backup} holds a folder of format {manifest.format}; restore it with a newer Postroad")
    return manifest


def verify(backup: Path, manifest: Manifest) -> None:
    """Raise ``StoreCorrupt`` unless every file is there as the manifest says."""
    for file in manifest.files:
        if Path(file.name).name != file.name:
            raise StoreCorrupt(f"{backup}: the manifest names a file outside the backup")
        try:
            found = described(backup / file.name)
        except StoreUnavailable as exc:
            raise StoreCorrupt(f"{backup} is not whole: {exc}; use another copy of the backup") from exc
        if found != file:
            raise StoreCorrupt(f"{backup / file.name} is not as it was copied; use another copy of the backup")


def described(path: Path) -> CopiedFile:
    """A file's name, size and checksum. Never of a database that this process has open. Raises ``StoreUnavailable``."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return CopiedFile(path.name, file.tell(), digest)
    except OSError as exc:
        raise StoreUnavailable("io", f"{path} cannot be read: {exc.strerror}") from exc
