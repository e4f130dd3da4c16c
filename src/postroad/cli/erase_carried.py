"""``postroad erase export`` and ``import``: what was erased, for a copy of the hub that is restored elsewhere."""

from contextlib import ExitStack, suppress
from pathlib import Path

import click
import msgspec

from postroad.cli.folder import folder_option, reader_of, registry_of, shards_of
from postroad.cli.output import json_option, messages, print_json
from postroad.dataformat import write_durably
from postroad.erasure.again import erase_again
from postroad.errors import ConfigError
from postroad.layout import KEY_FILE, SHARDS
from postroad.registry import carried
from postroad.registry.secrets import KeyRing
from postroad.registry.tasks import TaskUnfinished


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@folder_option
def export(file: Path, folder: Path) -> None:
    """Write what was erased to a new FILE, for `postroad erase import`.

    It names nobody: keyed hashes, their key sealed by `postroad.key`, and the receipts.
    """
    with registry_of(folder) as registry, registry.transaction() as transaction:
        found = carried.carried(transaction.connection)
    if file.exists():
        raise ConfigError(f"{file} exists; erasures are written to a new file")
    try:
        write_durably(file, msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    except OSError as exc:
        raise ConfigError(f"{file} cannot be written: {exc.strerror}") from exc
    messages().print(f"{file} holds {len(found.erasures)} erasures")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@folder_option
@json_option
def import_(file: Path, folder: Path, as_json: bool) -> None:
    """Erase what was erased elsewhere, by a FILE that `postroad erase export` wrote for a copy of this hub.

    For a folder that was restored from a backup: what the backup brought back is erased again, what is blocked is
    blocked here, and the receipts are taken over. Done before the hub starts, nothing of it is sent to anybody.
    """
    try:
        found = carried.read(file.read_bytes())
    except OSError as exc:
        raise ConfigError(f"{file} cannot be read: {exc.strerror}") from exc
    keys = KeyRing.load(folder / KEY_FILE)
    [shard] = SHARDS
    with registry_of(folder) as registry, ExitStack() as stack:
        reader = stack.enter_context(reader_of(folder, shard)) if shard in shards_of(folder) else None
        again = erase_again(registry, reader, found, theirs=keys, ours=keys, shard=shard)
        if again.asked:
            with suppress(TaskUnfinished):  # that one carries these out too
                registry.add_task("ERASE")
    if as_json:
        print_json(again)
        return
    messages().print(f"{again.taken} erasures were taken over; {len(again.asked)} are asked for again by that")
    if again.allowed:
        messages().print(
            f"{again.allowed} of them had been allowed again; allow again what is asked for, once it is done"
        )
