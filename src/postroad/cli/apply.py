"""``postroad apply``: make the registry what a file declares."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from postroad.cli.folder import folder_option, registry_of
from postroad.cli.output import console, json_option, messages, print_json
from postroad.layout import KEY_FILE, SHARDS
from postroad.registry.apply import Change, apply_file
from postroad.registry.secrets import KeyRing
from postroad.service import catalogue

MARKS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


@click.command("apply", short_help="Declare who sends and who receives, from a file.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--prune", is_flag=True, help="Delete what the file does not declare.")
@folder_option
@json_option
def command(file: Path, dry_run: bool, prune: bool, folder: Path, as_json: bool) -> None:
    """Declare organizations, providers, vehicles, destinations and subscriptions from the YAML file FILE.

    The same file again changes nothing. A running hub follows within half a second.
    """
    with registry_of(folder) as registry:
        changes = apply_file(
            registry,
            file,
            catalogue=catalogue(),
            keys=KeyRing.load_or_create(folder / KEY_FILE),
            environment=os.environ,
            shard=SHARDS[0],
            dry_run=dry_run,
            prune=prune,
        )
    if as_json:
        print_json({"dry_run": dry_run, "changes": changes})
        return
    for change in changes:
        said = (MARKS[change.action], f" {change.kind} ", (change.name, "bold"), _fields(change))
        console().print(Text.assemble(*said))
    if not changes:
        messages().print("Nothing to change.")
    else:
        messages().print(f"{len(changes)} changes {'would be made' if dry_run else 'made'}.")


def _fields(change: Change) -> str:
    if change.action != "update":
        return ""
    return "".join(f"\n    {name}: {_shown(old)} -> {_shown(new)}" for name, (old, new) in _items(change.fields))


def _items(fields: Mapping[str, tuple[Any, Any]]) -> list[tuple[str, tuple[Any, Any]]]:
    return sorted(fields.items())


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
