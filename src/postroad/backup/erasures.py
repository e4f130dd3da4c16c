"""A restore over a hub that has erased since the backup: what it has erased is erased again in what is restored."""

from contextlib import closing
from pathlib import Path

import msgspec

from postroad.backup.manifest import Manifest
from postroad.dataformat import FORMAT, shard_file
from postroad.erasure.again import Again, erase_again
from postroad.errors import ConfigError, PostroadError
from postroad.layout import KEY_FILE, REGISTRY_FILE, SHARDS
from postroad.log.reader import open_reader
from postroad.registry.carried import Carried, carried
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore


class ErasedSince(msgspec.Struct, frozen=True, kw_only=True):
    """What became of erasures in the folder that was replaced."""

    taken: int = 0
    """Of which the backup knew nothing."""
    asked: tuple[int, ...] = ()
    """Erasures that were asked for anew: the hub carries them out."""
    allowed: int = 0
    """So many of those taken had been allowed again."""
    failure: str | None = None
    """Why nothing could be taken over: it has to be done by hand."""


def erase_since(kept: Path, restored: Path, manifest: Manifest) -> ErasedSince:
    """Take the erasures of the folder ``kept`` over into ``restored``, whose hub has not started yet.

    It is no failure of the restore if that cannot be done: the folder may be replaced because it is damaged.
    """
    try:
        again = _erase_again(kept, restored, manifest)
    except PostroadError as exc:
        return ErasedSince(failure=str(exc))
    return ErasedSince(taken=again.taken, asked=again.asked, allowed=again.allowed)


def _erase_again(kept: Path, restored: Path, manifest: Manifest) -> Again:
    found = _erasures_of(kept)
    if not found.erasures:
        return Again(0, (), 0)
    if manifest.registry_external or manifest.format < FORMAT:
        raise ConfigError("the restored registry cannot be changed yet: it is elsewhere, or has to be upgraded first")
    theirs = KeyRing.load(kept / KEY_FILE)
    ours = KeyRing.load(restored / KEY_FILE) if (restored / KEY_FILE).exists() else theirs
    [shard] = SHARDS
    with (
        closing(RegistryStore.open(restored / REGISTRY_FILE)) as registry,
        closing(open_reader(shard_file(restored, shard))) as reader,
    ):
        return erase_again(registry, reader, found, theirs=theirs, ours=ours, shard=shard)


def _erasures_of(folder: Path) -> Carried:
    if not (folder / REGISTRY_FILE).exists():
        raise ConfigError("the folder that was replaced does not hold its registry")
    with closing(RegistryStore.open(folder / REGISTRY_FILE)) as registry, registry.transaction() as transaction:
        return carried(transaction.connection)
