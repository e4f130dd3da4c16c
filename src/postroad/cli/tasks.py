"""``postroad tasks``: what the hub was asked to do, and how far it is."""

import time
from pathlib import Path
from typing import Any

import click

from postroad.cli.folder import folder_option, registry_of
from postroad.cli.meant import type_of
from postroad.cli.output import json_option, messages, print_fields, print_json, print_table, when
from postroad.delivery.meant import Meant
from postroad.registry.records import RegistryView
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import Task

POLL_S = 0.2


@click.group("tasks", short_help="See what the hub was asked to do; cancel it.")
def group() -> None:
    """See what the hub was asked to do, and how far it is; cancel it."""


@group.command("list")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many, newest first.")
@folder_option
@json_option
def list_tasks(limit: int, folder: Path, as_json: bool) -> None:
    """List tasks, the newest first."""
    with registry_of(folder) as registry:
        view = registry.view()
        rows = [_row(task, view) for task in registry.tasks(limit=limit)]
    if as_json:
        print_json(rows)
        return
    columns = ["task", "type", "status", "created", "completed", "done", "remaining", "detail"]
    print_table(columns, [[row[column] for column in columns] for row in rows], empty="No tasks.")


@group.command("show")
@click.argument("task")
@folder_option
@json_option
def show(task: str, folder: Path, as_json: bool) -> None:
    """Show TASK: how far it is, and which events it is about."""
    with registry_of(folder) as registry:
        row = _row(registry.task(task), registry.view())
    if as_json:
        print_json(row)
    else:
        print_fields({name: value for name, value in row.items() if value not in (None, "")})


@group.command("cancel")
@click.argument("task")
@folder_option
@json_option
def cancel(task: str, folder: Path, as_json: bool) -> None:
    """Cancel TASK. What it has done stays done; the hub stops at it within seconds."""
    with registry_of(folder) as registry:
        cancelled = registry.cancel_task(task)
        status = registry.task(task).status
    if as_json:
        print_json({"task": task, "status": status})
    elif cancelled:
        messages().print(f"Task {task} is cancelled.")
    else:
        messages().print(f"Task {task} was finished already: {status}.")


def follow(registry: RegistryStore, task: Task, *, quiet: bool) -> Task:
    """Wait until a task is finished, telling how far it is unless ``quiet``; the task as it ended."""
    told = None
    while True:
        task = registry.task(task.id)
        if not quiet and (task.items, task.remaining) != told:
            told = task.items, task.remaining
            messages().print(f"{task.items} done, {task.remaining or 0} remaining")
        if task.completed_us is not None:
            return task
        time.sleep(POLL_S)


def _row(task: Task, view: RegistryView) -> dict[str, Any]:
    return {
        "task": task.id,
        "type": task.type,
        "status": task.status,
        "created": when(task.created_us),
        "started": when(task.started_us) or None,
        "completed": when(task.completed_us) or None,
        "done": task.items,
        "remaining": task.remaining,
        "rate_per_s": task.rate_per_s,
        "integration": task.integration_id,
        "events": _events(task, view),
        "detail": task.detail,
    }


def _events(task: Task, view: RegistryView) -> dict[str, Any]:
    """A task's filter in the words of the command line."""
    meant = Meant.of(task.filter)
    known = {part: view.subscriptions.get(part.subscription_id) for part in meant.parts}
    said = {
        "subscriptions": [s.name if s else str(part.subscription_id) for part, s in known.items()],
        "types": sorted({type_of(s, slot) for part, s in known.items() if s for slot in part.slots or ()}),
        "subject": meant.subject_id,
        "since": when(meant.since_us),
        "until": when(meant.until_us),
        "reasons": sorted(meant.reasons or ()),
        "ids": sorted(meant.events or ()),
    }
    return {name: value for name, value in said.items() if value}
