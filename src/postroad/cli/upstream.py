"""``postroad upstream``: what providers' control planes have, and making it what is declared."""

import asyncio
from pathlib import Path
from typing import Any

import click

from postroad.cli.folder import folder_option, registry_of, settings_of
from postroad.cli.output import console, json_option, print_fields, print_json, when
from postroad.clock import SystemClock
from postroad.layout import KEY_FILE
from postroad.registry.records import Provider
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service import egress_of, upstream_surroundings
from postroad.settings import Settings
from postroad.upstream.connected_cars.keeper import config_of, run_once
from postroad.upstream.connected_cars.sync import Outcome


@click.group("upstream", short_help="See and reconcile streams at providers.")
def group() -> None:
    """See and reconcile the streams that we have at providers with a control plane: Connected Cars."""


@group.command("show")
@click.argument("provider")
@folder_option
@json_option
def show(provider: str, folder: Path, as_json: bool) -> None:
    """Show what is declared of PROVIDER's control plane, and what came of the last run. Nobody is asked."""
    with registry_of(folder) as registry:
        found = _provider(registry, provider)
        config = config_of(found, KeyRing.load(folder / KEY_FILE))
        run, withdrawn = registry.upstream_run(found.id), registry.withdrawn(found.id)
    row: dict[str, Any] = {
        "provider": found.name,
        "graphql_url": config.graphql_url,
        "auth_url": config.auth_url,
        "namespace": config.namespace,
        "service_account": config.service_account.issuer,
        "topic": config.topic,
        "vehicles": config.vehicles,
        "types": list(config.types),
        "access_withdrawn": withdrawn,
        "last_run": None
        if run is None
        else {
            "reason": run.reason,
            "started": when(run.started_us),
            "finished": when(run.finished_us),
            "last_success": when(run.succeeded_us) or None,
            "consenting": run.consenting,
            "wanted": run.wanted,
            "streams_before": run.streams,
            "added": run.added,
            "deleted": run.deleted,
            "updated": run.updated,
            "error": run.error,
        },
    }
    if as_json:
        print_json(row)
        return
    last = row.pop("last_run") or {"": "none yet"}
    print_fields({name: value for name, value in row.items() if value != []})
    print_fields({f"last run {name}".strip(): value for name, value in last.items() if value is not None})


@group.command("sync")
@click.argument("provider")
@click.option("--dry-run", is_flag=True, help="Only say what would be changed.")
@folder_option
@json_option
def sync(provider: str, dry_run: bool, folder: Path, as_json: bool) -> None:
    """Make the streams at PROVIDER those that are declared, now, whether or not the hub is running."""
    settings = settings_of(folder)
    with registry_of(folder) as registry:
        found = _provider(registry, provider)
        outcome = asyncio.run(_run(registry, settings, found, folder, dry_run=dry_run))
    row = {
        "provider": found.name,
        "dry_run": dry_run,
        "consenting": None if outcome.consenting is None else len(outcome.consenting),
        "wanted": None if outcome.wanted is None else len(outcome.wanted),
        "streams_before": outcome.streams,
        "to_add": len(outcome.planned.add),
        "to_delete": len(outcome.planned.delete),
        "to_update": len(outcome.planned.update),
        "added": outcome.added,
        "deleted": outcome.deleted,
        "updated": outcome.updated,
        "error": outcome.error,
    }
    if as_json:
        print_json(row)
    else:
        print_fields({name: value for name, value in row.items() if value is not None})
        if outcome.error is None and outcome.planned.empty:
            console().print("The streams are as declared.")
    if outcome.error is not None:
        raise click.exceptions.Exit(1)


async def _run(
    registry: RegistryStore, settings: Settings, provider: Provider, folder: Path, *, dry_run: bool
) -> Outcome:
    clock = SystemClock()
    egress = egress_of(settings, clock)
    try:
        given = upstream_surroundings(registry, KeyRing.load(folder / KEY_FILE), egress, clock)
        return await run_once(provider, given, reason="asked", dry_run=dry_run)
    finally:
        await egress.close()


def _provider(registry: RegistryStore, named: str) -> Provider:
    """Raises ``NotFound`` or ``ConfigError``."""
    return registry.view().providers[registry.provider_id(named)]
