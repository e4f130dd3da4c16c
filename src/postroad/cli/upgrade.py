"""``postroad upgrade``: bring a data folder to this version's format."""

from pathlib import Path

import click

from postroad.backup.upgrade import upgrade_folder
from postroad.cli.folder import folder_option
from postroad.cli.output import json_option, messages, print_json


@click.command("upgrade", short_help="Bring the data folder to this version's format.")
@folder_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Bring the data folder to the format of this version. Stop the hub first, and make a backup.

    Only this command changes stored formats. An older Postroad cannot use the folder afterwards.
    """
    done = upgrade_folder(folder)
    if as_json:
        print_json(done)
        return
    if done.before == done.after:
        messages().print(f"{folder} has format {done.after} already; its registry is up to date")
    else:
        messages().print(f"{folder} has format {done.after} now")
