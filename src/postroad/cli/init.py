"""``postroad init``: make a data folder."""

import os
from pathlib import Path

import click

from postroad.cli.folder import DEFAULT_FOLDER, folder_option
from postroad.cli.output import json_option, messages, print_json
from postroad.dataformat import begin_format, check_format, require_files
from postroad.errors import ConfigError
from postroad.layout import KEY_FILE, REGISTRY_FILE, registry_url
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.settings import FILE_NAME, default_toml, load


@click.command("init", short_help="Make a hub's data folder.")
@folder_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Make a hub's data folder: settings, sealing key and registry. What is there already stays."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"cannot make the folder {folder}: {exc.strerror}") from exc
    settings = folder / FILE_NAME
    used = (folder / REGISTRY_FILE).exists() or any(folder.glob("shard-*.db"))
    # An older hub is brought up to date by its own command; settings alone, put there beforehand, make no hub.
    found = check_format(folder) if used else begin_format(folder)
    if not settings.exists():
        settings.write_text(default_toml(), encoding="utf-8")
    registry = registry_url(folder, load(folder, os.environ))
    require_files(folder, found, registry)
    KeyRing.load_or_create(folder / KEY_FILE)
    RegistryStore.open(registry).close()
    if as_json:
        print_json({"folder": str(folder)})
        return
    where = "" if folder == DEFAULT_FOLDER else f" --data {folder}"
    messages().print(f"A hub lives in {folder} now. Next: postroad apply FILE{where}")
