"""``postroad tasks``: what the hub was asked to do, and how far it is."""

import time
from pathlib import Path
from typing import Any

import click

from postroad.administration import tasks
from postroad.cli.folder import folder_option, registry_of
from postroad.cli.output import json_option, messages, print_fields, print_json, print_table, when
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
        rows = [_row(one) for one in tasks.listed(registry, registry.view(), limit=limit)]
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
        row = _row(tasks.get(registry, registry.view(), task))
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
        cancelled, now = tasks.cancel(registry, task)
    if as_json:
        print_json({"task": task, "status": now.status})
    elif cancelled:
        messages().print(f"Task {task} is cancelled.")
    else:
        messages().print(f"Task {task} was finished already: {now.status}.")


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


def _row(one: tasks.Described) -> dict[str, Any]:
    task = one.task
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
        "events": _events(one.about),
        "detail": task.detail,
    }


def _events(about: tasks.About) -> dict[str, Any]:
    """Which events a task is about, in the words of the command line."""
    said = {
        "subscriptions": about.subscriptions,
        "providers": about.providers,
        "types": about.types,
        "subject": about.subject_id,
        "since": when(about.since_us),
        "until": when(about.until_us),
        "reasons": about.reasons,
        "ids": about.event_ids,
        "items": [str(place) for place in about.items],
    }
    return {name: value for name, value in said.items() if value}
