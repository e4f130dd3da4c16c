"""``postroad doctor``: look for what is wrong, and say what to do."""

import asyncio
from pathlib import Path

import click

from postroad.cli.doctor import destinations, storage
from postroad.cli.doctor.findings import Findings
from postroad.cli.folder import folder_option, registry_of, settings_of
from postroad.cli.output import console, json_option, marked, print_json
from postroad.clock import SystemClock
from postroad.dataformat import FORMAT, check_format, known_shards, missing_files
from postroad.errors import ConfigError
from postroad.layout import KEY_FILE, registry_url
from postroad.registry.secrets import KeyRing
from postroad.settings import FILE_NAME


@click.command("doctor", short_help="Look for what is wrong.")
@folder_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Check folder, key, registry, shards, disk, clock and destinations. Exit code 1 if something is wrong."""
    findings = _examine(folder)
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            console().print(marked(finding.check, finding.detail, ok=finding.ok))
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(1)


def _examine(folder: Path) -> Findings:
    findings = Findings()
    if not findings.look("settings", lambda: _settings(folder)):
        return findings
    settings, clock = settings_of(folder), SystemClock()
    findings.look("folder", lambda: storage.privacy(folder))
    findings.look("files", lambda: _files(folder))
    key = findings.look("sealing key", lambda: _key(folder))
    registry = findings.look("registry", lambda: storage.registry(folder))
    if registry:
        findings.look("registry answers", lambda: storage.answers(folder, settings))
    for shard in sorted(known_shards(check_format(folder))):
        if findings.look(f"shard {shard}", lambda shard=shard: storage.shard(folder, shard)) and registry:  # type: ignore[misc] # bound for each
            findings.look(f"end of shard {shard}", lambda shard=shard: storage.end(folder, shard))  # type: ignore[misc] # bound for each
    findings.look("disk", lambda: storage.disk(folder, settings))
    if registry:
        findings.look("backlog", lambda: storage.backlog(folder))
    findings.look("clock", lambda: storage.clock(folder, clock.now_us()))
    if key and registry:
        with registry_of(folder) as opened:
            view = opened.view()
        keys = KeyRing.load(folder / KEY_FILE)
        if findings.look("secrets", lambda: destinations.secrets(view, keys)):
            findings += asyncio.run(destinations.reach(view, keys, settings, clock))
    return findings


def _settings(folder: Path) -> str:
    settings_of(folder)
    return f"{folder / FILE_NAME}, folder format {FORMAT}"


def _files(folder: Path) -> str:
    found = check_format(folder)
    missing = missing_files(folder, found, registry_url(folder, settings_of(folder)))
    if missing:
        raise ConfigError(
            f"{' and '.join(missing)} is lost: put it back, or restore a backup: "
            f"postroad restore BACKUP --force --data {folder}"
        )
    return "all there" if found.shards else "no shard yet; it is made when the hub first starts: postroad serve"


def _key(folder: Path) -> str:
    KeyRing.load(folder / KEY_FILE)
    return str(folder / KEY_FILE)
