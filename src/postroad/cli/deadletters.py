"""``postroad deadletters``: events that were given up, and what becomes of them."""

from pathlib import Path
from typing import Any

import click
import msgspec

from postroad.administration import dead_letters
from postroad.cli.folder import folder_option, hub_runs, readers_of, registry_of
from postroad.cli.meant import Asked, filter_options, meant_of
from postroad.cli.output import console, json_option, messages, print_fields, print_json, print_table, when
from postroad.cli.tasks import follow
from postroad.delivery.meant import Meant
from postroad.errors import ConfigError, NotFound
from postroad.registry.records import RegistryView
from postroad.registry.store import RegistryStore


@click.group("deadletters", short_help="Events that were given up: see, redrive or drop them.")
def group() -> None:
    """See events that were given up, have them delivered once more, or drop them.

    Filters narrow each other down: an event is meant if all that are given fit.
    """


@group.command("list")
@filter_options
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@folder_option
@json_option
def list_letters(limit: int, folder: Path, as_json: bool, **asked: Any) -> None:
    """List dead letters by subscription, oldest event first."""
    with registry_of(folder) as registry:
        view = registry.view()
        meant = meant_of(Asked(**asked), registry, view)
    with readers_of(folder) as shards:
        found = dead_letters.listed(shards, view, meant, limit=limit + 1)
    if len(found) > limit:
        messages().print(f"There are more: --limit {limit} of them are shown.")
    rows = [_row(one) for one in found[:limit]]
    if as_json:
        print_json(rows)
        return
    columns = ["id", "subscription", "type", "vehicle", "died", "attempts", "reason", "status", "detail"]
    print_table(columns, [[row[column] for column in columns] for row in rows], empty="No dead letters.")


@group.command("show")
@click.argument("event_id", type=int)
@folder_option
@json_option
def show(event_id: int, folder: Path, as_json: bool) -> None:
    """Show the dead letter of EVENT_ID with its body, and why it died: once for each subscription that gave it up."""
    with registry_of(folder) as registry:
        view = registry.view()
    with readers_of(folder) as shards:
        found = [
            _row(one) | {"body": dead_letters.body_of(shards, one)}
            for one in dead_letters.of_event(shards, view, event_id)
        ]
    if not found:
        raise NotFound(f"there is no dead letter {event_id}; `postroad explain {event_id}` tells what became of it")
    if as_json:
        print_json([row | {"body": _as_json(row["body"])} for row in found])
        return
    for row in found:
        body = row.pop("body")
        print_fields({name: value for name, value in row.items() if value not in (None, "")})
        console().print(_pretty(body), style="dim")


@group.command("redrive")
@filter_options
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Events a second at most.  [default: no limit]")
@click.option(
    "--dry-run", is_flag=True, help="Count what would be redriven, by subscription and reason; change nothing."
)
@click.option("--wait", is_flag=True, help="Wait until it is done, showing how far it is.")
@folder_option
@json_option
def redrive(rate: float | None, dry_run: bool, wait: bool, folder: Path, as_json: bool, **asked: Any) -> None:
    """Have dead letters delivered once more, as if they were new: by their protocol's schedule, from the first attempt.

    A running hub begins within a second; without one it is done at the next start.
    """
    wanted = Asked(**asked)
    with registry_of(folder) as registry:
        view = registry.view()
        meant = _not_paused(meant_of(wanted, registry, view), view, named=bool(wanted.subscriptions))
        _carry_out(registry, folder, "REDRIVE", meant, rate=rate, dry_run=dry_run, wait=wait, as_json=as_json)


@group.command("drop")
@filter_options
@click.option("--all", "everything", is_flag=True, help="Drop all there are: needed where no filter is given.")
@click.option(
    "--dry-run", is_flag=True, help="Count what would be dropped, by subscription and reason; change nothing."
)
@click.option("--wait", is_flag=True, help="Wait until it is done, showing how far it is.")
@folder_option
@json_option
def drop(everything: bool, dry_run: bool, wait: bool, folder: Path, as_json: bool, **asked: Any) -> None:
    """Drop dead letters for good. That they were dropped stays recorded: `postroad explain` tells it."""
    wanted = Asked(**asked)
    if wanted.everything and not everything and not dry_run:
        raise click.UsageError("say which dead letters to drop, or --all")
    with registry_of(folder) as registry:
        meant = meant_of(wanted, registry, registry.view())
        _carry_out(registry, folder, "DROP", meant, rate=None, dry_run=dry_run, wait=wait, as_json=as_json)


def _not_paused(meant: Meant, view: RegistryView, *, named: bool) -> Meant:
    """Without subscriptions that are paused: nothing is sent for them. ``ConfigError`` if they were asked for."""
    paused = dead_letters.paused(meant, view)
    for subscription in paused:
        if named:
            name = subscription.name
            raise ConfigError(f"subscription {name} is paused; first: postroad subscriptions resume {name}")
        messages().print(f"Subscription {subscription.name} is paused and left out.")
    return dead_letters.without(meant, paused)


def _carry_out(
    registry: RegistryStore,
    folder: Path,
    fate: dead_letters.Fate,
    meant: Meant,
    *,
    rate: float | None,
    dry_run: bool,
    wait: bool,
    as_json: bool,
) -> None:
    with readers_of(folder) as shards:
        counts = [msgspec.to_builtins(one) for one in dead_letters.counts(shards, registry.view(), meant)]
    letters = sum(row["letters"] for row in counts)
    if dry_run:
        if as_json:
            print_json({"letters": letters, "of": counts})
        else:
            columns = ["letters", "subscription", "reason"]
            rows = [[row[column] for column in columns] for row in counts]
            print_table(columns, rows, empty="No dead letters fit.")
        return
    if not letters:
        print_json({"task": None, "letters": 0}) if as_json else messages().print("No dead letters fit.")
        return
    running = hub_runs(folder)
    if wait and not running:
        raise ConfigError(f"no hub runs on {folder}, so there is nothing to wait for; leave --wait out, or start it")
    task = dead_letters.ask(registry, fate, meant, letters=letters, rate_per_s=rate)
    if wait:
        task = follow(registry, task, quiet=as_json)
    if as_json:
        print_json({"task": task.id, "letters": letters, "status": task.status, "hub_running": running})
    elif wait:
        messages().print(f"Task {task.id} is {task.status}. {task.detail}".rstrip())
    elif running:
        messages().print(f"Task {task.id}: {letters} dead letters. Follow it with: postroad tasks show {task.id}")
    else:
        messages().print(f"Task {task.id}: {letters} dead letters. No hub is running: it is done at the next start.")
    if task.status in ("CANCELED", "FAILED"):
        raise click.exceptions.Exit(1)


def _row(one: dead_letters.Dead) -> dict[str, Any]:
    letter = one.dead.letter
    return {
        "id": one.key.event_id,
        "subscription": one.subscription.name,
        "type": one.type,
        "vehicle": one.vehicle,
        "subject": letter.subject_id,
        "shard": one.shard,
        "position": letter.position,
        "received": when(letter.received_us),
        "first_attempt": when(letter.first_attempt_us) or None,
        "died": when(letter.dead_us),
        "attempts": letter.attempts,
        "reason": letter.reason,
        "status": letter.status,
        "detail": letter.detail,
        "bytes": letter.size,
    }


def _as_json(body: bytes) -> Any:
    """A body within a JSON document: as it is, or as text if it is none."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode(errors="replace")


def _pretty(body: bytes) -> str:
    try:
        return msgspec.json.format(body, indent=2).decode(errors="replace")
    except msgspec.DecodeError:
        return body.decode(errors="replace")
