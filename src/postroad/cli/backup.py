"""``postroad backup``: copy a hub while it runs."""

from pathlib import Path

import click

from postroad.backup.create import create_backup
from postroad.cli.folder import folder_option, registry_of, settings_of
from postroad.cli.output import json_option, messages, print_json
from postroad.clock import DAY_US, SystemClock


@click.command("backup", short_help="Copy the hub to a new folder, also while it runs.")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--with-key", is_flag=True, help="Copy the sealing key too: whoever has the backup can then open every secret."
)
@click.option(
    "--kept-days",
    type=click.FloatRange(min=0, min_open=True),
    help="For how long you keep this backup: the receipts of erasures say until when it holds what was erased.",
)
@folder_option
@json_option
def command(target: Path, with_key: bool, kept_days: float | None, folder: Path, as_json: bool) -> None:
    """Copy registry, log and settings to the new folder TARGET, consistently, whether or not the hub runs.

    Without --with-key keep a copy of postroad.key elsewhere: a restore needs it.
    """
    manifest = create_backup(folder, target, settings_of(folder), with_key=with_key, clock=SystemClock())
    until_us = None if kept_days is None else manifest.made_us + round(kept_days * DAY_US)
    with registry_of(folder) as registry:
        registry.record_backup(str(target.absolute()), manifest.made_us, until_us)
    if as_json:
        print_json(manifest)
        return
    size = sum(file.size for file in manifest.files)
    messages().print(f"{target}: {len(manifest.files)} files, {size / 1e6:.1f} MB, checked")
    if manifest.registry_external:
        messages().print(
            "The registry is a database elsewhere and is NOT in this backup: copy it now, after the log (pg_dump)"
        )
    if manifest.key_ids and not with_key:
        messages().print(
            f"The sealing key is not in it: keep a copy of postroad.key apart ({', '.join(manifest.key_ids)})"
        )
