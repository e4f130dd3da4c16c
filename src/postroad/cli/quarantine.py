"""``postroad quarantine``: items that could not be read, and reading them again."""

import time
from pathlib import Path
from typing import Any

import click

from postroad.administration import quarantine
from postroad.administration.items import Place
from postroad.cli.folder import folder_option, reader_of, readers_of, registry_of
from postroad.cli.output import console, json_option, messages, print_fields, print_json, print_table, when
from postroad.errors import ConfigError
from postroad.layout import SHARDS
from postroad.log.interface import Quarantined
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import Task

POLL_S = 0.2

_wait_option = click.option(
    "--wait-s", type=click.FloatRange(0), default=30.0, show_default=True, help="How long to wait for the hub."
)


@click.group("quarantine", short_help="See items that could not be read, and read them again.")
def group() -> None:
    """See items that were taken in but could not be read, and have them read again.

    Such an item was stored as it came, and its bulk was accepted; nobody was sent anything of it. It goes when
    retention removes what came in with it.
    """


@group.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that were read since.")
@click.option("--after", type=click.IntRange(0), default=0, help="Begin behind this position.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many, oldest first.")
@folder_option
@json_option
def list_items(everything: bool, after: int, limit: int, folder: Path, as_json: bool) -> None:
    """List the items in quarantine, the oldest first: who sent them, and which field is wrong."""
    with registry_of(folder) as registry:
        providers = {provider.id: provider.name for provider in registry.view().providers.values()}
    with readers_of(folder) as shards:
        found = quarantine.listed(shards, unresolved_only=not everything, after=Place(SHARDS[0], after), limit=limit)
    rows = [
        {"id": str(one.place), "provider": providers.get(one.item.provider_id, str(one.item.provider_id))}
        | _told(one.item)
        for one in found
    ]
    if as_json:
        print_json(rows)
        return
    columns = ["id", "received", "provider", "protocol", "reason", *(["resolved_by"] if everything else [])]
    print_table(columns, [[row[column] for column in columns] for row in rows], empty="Nothing is in quarantine.")


@group.command("show")
@click.argument("item")
@folder_option
@json_option
def show(item: str, folder: Path, as_json: bool) -> None:
    """Show ITEM, named as `postroad quarantine list` does (SHARD:POSITION), with what was sent."""
    place = _parse(item)
    with reader_of(folder, place.shard) as reader:
        found = quarantine.shown({place.shard: reader}, place)
    told = _told(found.unread.item) | {"request_id": found.request_id}
    body = found.body.decode(errors="replace")
    if as_json:
        print_json(told | {"body": body})
        return
    print_fields(told)
    console().print(body, style="dim")


@group.command("redrive")
@click.argument("items", nargs=-1)
@click.option("--provider", help="Only what this provider sent: its name, id or ORGANIZATION/NAME.")
@_wait_option
@folder_option
@json_option
def redrive(items: tuple[str, ...], provider: str | None, wait_s: float, folder: Path, as_json: bool) -> None:
    """Have the hub read ITEMS (SHARD:POSITION; all, if none is named) again, by today's decoder and settings.

    What can be read now is taken in as if it had just arrived. The rest stays where it is.
    """
    places = [_parse(item) for item in items]
    with registry_of(folder) as registry:
        provider_id = None if provider is None else registry.provider_id(provider)
        asked = quarantine.ask(registry, "REDRIVE_QUARANTINE", items=places, provider_id=provider_id)
        task = _finished(registry, asked, wait_s)
    if as_json:
        print_json({"task": task.id, "status": task.status, "redriven": task.items})
    else:
        _print_task(task, folder, f"{task.items} items were read and taken in.")
    _check(task)


@group.command("drop")
@click.argument("items", nargs=-1)
@click.option("--provider", help="Only what this provider sent: its name, id or ORGANIZATION/NAME.")
@click.option("--all", "everything", is_flag=True, help="Drop all there are: needed where nothing else is given.")
@_wait_option
@folder_option
@json_option
def drop(
    items: tuple[str, ...], provider: str | None, everything: bool, wait_s: float, folder: Path, as_json: bool
) -> None:
    """Have the hub take ITEMS (SHARD:POSITION) out of quarantine for good; nobody will read them.

    They stay in the log until retention removes them.
    """
    if not (items or provider or everything):
        raise click.UsageError("say which items to drop, or --all")
    places = [_parse(item) for item in items]
    with registry_of(folder) as registry:
        provider_id = None if provider is None else registry.provider_id(provider)
        asked = quarantine.ask(registry, "DROP_QUARANTINE", items=places, provider_id=provider_id)
        task = _finished(registry, asked, wait_s)
    if as_json:
        print_json({"task": task.id, "status": task.status, "dropped": task.items})
    else:
        _print_task(task, folder, f"{task.items} items were dropped.")
    _check(task)


def _print_task(task: Task, folder: Path, done: str) -> None:
    if task.completed_us is None:
        messages().print(f"Task {task.id} is asked for: a hub that runs on {folder} carries it out.")
    else:
        messages().print(done)


def _check(task: Task) -> None:
    if task.status == "FAILED":
        raise ConfigError(f"the hub could not do it: {task.detail}")


def quarantine_told(one: Quarantined | None) -> dict[str, Any] | None:
    """Why an item cannot be read, and what took its place; nothing for one that can."""
    return None if one is None else {"reason": one.reason, "resolved_by": one.resolved_by}


def _told(one: Quarantined) -> dict[str, Any]:
    return {
        "received": when(one.received_us),
        "protocol": one.protocol,
        "reason": one.reason,
        "resolved_by": one.resolved_by,
    }


def _parse(item: str) -> Place:
    try:
        return Place.read(item)
    except ValueError as exc:
        raise ConfigError(f"{item!r} names no item; write SHARD:POSITION, such as 0:123") from exc


def _finished(registry: RegistryStore, task: Task, wait_s: float) -> Task:
    """The task as it stands when it is finished, or ``wait_s`` are over."""
    until_s = time.monotonic() + wait_s
    while task.completed_us is None and time.monotonic() < until_s:
        time.sleep(POLL_S)
        task = registry.task(task.id)
    return task
