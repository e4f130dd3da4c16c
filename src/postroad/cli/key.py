"""``postroad key``: the keys that seal secrets at rest."""

from pathlib import Path

import click

from postroad.cli.folder import folder_option, registry_of
from postroad.cli.output import json_option, messages, print_json, print_table
from postroad.layout import KEY_FILE
from postroad.registry.rotation import Rotation, key_use, retire_unused, rotate


@click.group("key", short_help="List and rotate the keys that seal secrets.")
def group() -> None:
    """List and rotate the keys that seal secrets. Nothing here ever shows a key, only its id."""


@group.command("list")
@folder_option
@json_option
def list_keys(folder: Path, as_json: bool) -> None:
    """List the keys by id: which one is current, and how many stored secrets each seals."""
    with registry_of(folder) as registry:
        uses = key_use(folder / KEY_FILE, registry)
    rows = [{"id": use.id, "current": use.current, "held": use.held, "secrets": use.secrets} for use in uses]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["id", "use", "secrets"],
        [[use.id, "current" if use.current else "older" if use.held else "missing", use.secrets] for use in uses],
        empty="No keys.",
    )


@group.command("rotate")
@click.option("--retire", is_flag=True, help="Drop the older keys once no stored secret needs them.")
@folder_option
@json_option
def rotate_key(folder: Path, retire: bool, as_json: bool) -> None:
    """Make a new current key and seal every stored secret with it. A running hub goes on.

    Without --retire the older keys stay in the key file, and open backups made before.
    """
    with registry_of(folder) as registry:
        done = rotate(folder / KEY_FILE, registry)
        retired = retire_unused(folder / KEY_FILE, registry) if retire else ()
    if as_json:
        print_json({"current": done.current, "resealed": done.resealed, "retired": list(retired)})
        return
    messages().print(_told(done, retired))


def _told(done: Rotation, retired: tuple[str, ...]) -> str:
    text = f"Key {done.current} is current; {done.resealed} secrets are sealed with it now."
    if retired:
        text += f" Dropped: {', '.join(retired)}; backups made before need a copy of the key file from then."
    return f"{text} Keep a new copy of the key file."
