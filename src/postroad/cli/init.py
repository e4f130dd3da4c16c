"""``postroad init``: make a data folder."""

from pathlib import Path

import click

from postroad.cli.folder import folder_option
from postroad.cli.output import json_option, messages, print_json
from postroad.errors import ConfigError
from postroad.layout import KEY_FILE, registry_url
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.settings import FILE_NAME, Settings, default_toml


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
    if not settings.exists():
        settings.write_text(default_toml(), encoding="utf-8")
    KeyRing.load_or_create(folder / KEY_FILE)
    RegistryStore.open(registry_url(folder, Settings())).close()
    if as_json:
        print_json({"folder": str(folder)})
        return
    messages().print(f"A hub lives in {folder} now. Next: postroad apply FILE --data {folder}")
