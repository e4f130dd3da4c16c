"""``postroad doctor``: look for what is wrong, and say what to do."""

import asyncio
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from postroad.cli.folder import folder_option, reader_of, registry_of, settings_of, shards_of
from postroad.cli.output import console, json_option, print_json
from postroad.clock import SystemClock
from postroad.errors import ConfigError, PostroadError
from postroad.layout import KEY_FILE
from postroad.registry.secrets import KeyRing, opened_config
from postroad.service import egress_of
from postroad.settings import FILE_NAME, Settings
from postroad.transports import TRANSPORTS


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at."""

    check: str
    ok: bool
    detail: str


@click.command("doctor", short_help="Look for what is wrong.")
@folder_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Check folder, key, registry, shards, disk and destinations. Exit code 1 if something is wrong."""
    findings = _examine(folder)
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            mark = "[green]ok  [/]" if finding.ok else "[red]FAIL[/]"
            console().print(f"{mark} [bold]{finding.check}[/]  {finding.detail}")
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(1)


def _examine(folder: Path) -> list[Finding]:
    findings: list[Finding] = []

    def look(check: str, at: Callable[[], str]) -> bool:
        try:
            findings.append(Finding(check, True, at()))
        except PostroadError as exc:
            findings.append(Finding(check, False, str(exc)))
        return findings[-1].ok

    def readable(open_: Callable[[], object], path: Path) -> str:
        open_()
        return str(path)

    if not look("settings", lambda: readable(lambda: settings_of(folder), folder / FILE_NAME)):
        return findings
    settings = settings_of(folder)
    look("folder", lambda: _folder(folder))
    key = look("sealing key", lambda: readable(lambda: KeyRing.load(folder / KEY_FILE), folder / KEY_FILE))
    registry = look("registry", lambda: _registry(folder))
    for shard in shards_of(folder):
        look(f"shard {shard}", lambda shard=shard: _shard(folder, shard))  # type: ignore[misc] # bound for each
    look("disk", lambda: _disk(folder, settings))
    if key and registry:
        findings += asyncio.run(_destinations(folder, settings))
    return findings


def _folder(folder: Path) -> str:
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o007:
        raise ConfigError(f"everybody on this machine may look into it: chmod 700 {folder}")
    return f"{folder}, mode {mode:o}"


def _registry(folder: Path) -> str:
    with registry_of(folder) as registry:
        view = registry.view()
    return (
        f"version {view.version}: {len(view.providers)} providers, {len(view.subscriptions)} subscriptions, "
        f"{sum(s.kind == 'vehicle' for s in view.subjects.values())} vehicles"
    )


def _shard(folder: Path, shard: int) -> str:
    with reader_of(folder, shard) as reader:
        heads = reader.heads()
        reader.read(heads.first_position, max_bytes=1)
    return f"epoch {heads.epoch}, positions {heads.first_position} to {heads.next_position - 1}"


def _disk(folder: Path, settings: Settings) -> str:
    free = shutil.disk_usage(folder).free
    reserve = settings.log.reserve_bytes
    told = f"{free / 1e9:.1f} GB free, reserve {reserve / 1e9:.2f} GB"
    if free < reserve:
        raise ConfigError(f"{told}: the hub answers 503 until there is room; lower log.max_bytes or free some disk")
    if free < 2 * reserve:
        raise ConfigError(f"{told}: nearly full")
    return told


async def _destinations(folder: Path, settings: Settings) -> list[Finding]:
    """Reach every destination that an active subscription uses; nothing is sent there."""
    with registry_of(folder) as registry:
        view = registry.view()
    keys = KeyRing.load(folder / KEY_FILE)
    egress = egress_of(settings, SystemClock())
    findings = []
    try:
        used = {s.destination_id for s in view.subscriptions.values() if s.state == "active"}
        for destination in (view.destinations[id_] for id_ in sorted(used)):
            check = f"destination {destination.name}"
            try:
                spec = TRANSPORTS[destination.transport]
                config = msgspec.convert(opened_config(destination, keys), spec.config_type)
                steps = await spec.probe(config, egress, SystemClock(), None)
                findings.append(Finding(check, steps[-1].ok, f"{steps[-1].name}: {steps[-1].detail}"))
            except PostroadError as exc:
                findings.append(Finding(check, False, str(exc)))
    finally:
        await egress.close()
    return findings
