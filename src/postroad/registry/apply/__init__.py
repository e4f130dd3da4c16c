"""``postroad apply FILE``: declares organizations and everything in them from YAML. docs/how-to/apply.md shows it.

Source       reads the YAML, remembers lines
Checker      shape, names, references, catalogue, secrets  ->  desired.*
Reconciler   compares with the registry and writes what differs  ->  Change, ...

``Declaring`` does the same with one part of a document; ``Declared`` is the way back, from the registry to documents.
"""

from collections.abc import Mapping
from pathlib import Path

from postroad.errors import ConfigError
from postroad.registry.apply.catalogue import Catalogue
from postroad.registry.apply.changing import Declaring, InUse
from postroad.registry.apply.check import Checker
from postroad.registry.apply.declared import Declared, Part, one_of
from postroad.registry.apply.reconcile import Reconciler
from postroad.registry.apply.rows import Change
from postroad.registry.apply.secret_fields import Resolver
from postroad.registry.apply.source import Source
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore

__all__ = ["Catalogue", "Change", "Declared", "Declaring", "InUse", "Part", "apply_file", "one_of"]


def apply_file(
    store: RegistryStore,
    path: Path,
    *,
    catalogue: Catalogue,
    keys: KeyRing,
    environment: Mapping[str, str],
    shard: int = 0,
    dry_run: bool = False,
    prune: bool = False,
) -> list[Change]:
    """Make the registry what a file declares; all of it, or nothing if anything is wrong.

    Applying the same file again changes nothing, not even the registry's version.

    Args:
        store: the registry.
        path: the YAML file.
        catalogue: what protocols, transports and delivery allow.
        keys: seal the secrets.
        environment: where ``{env: NAME}`` is looked up.
        shard: where the items of new vehicles will live.
        dry_run: only tell what would change. The change is made and then undone, so it tells exactly that.
        prune: remove what the file does not declare; otherwise that stays as it is. Vehicles that were learnt from what
            providers sent always stay, unless their organization goes.

    Returns:
        What was changed, or would be, in order.

    Raises:
        ConfigError: The file cannot be read or is wrong: says its line and field.
        StoreUnavailable: The registry cannot be changed now.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8 text"
        raise ConfigError(f"cannot be read: {reason}", file=str(path)) from exc
    source = Source(str(path), text)
    wanted = Checker(source, catalogue, Resolver(source, environment, path.parent)).organizations()
    with store.transaction() as transaction:
        transaction.dropped = dry_run
        reconciler = Reconciler(
            transaction,
            source,
            keys=keys,
            shard=shard,
            issue=catalogue.issues,
            namespaces=catalogue.vehicle_namespaces,
            prune=prune,
        )
        return reconciler.run(wanted)
