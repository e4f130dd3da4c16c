"""What the hub was asked to do."""

from typing import Final

from postroad.access.policy import Operation
from postroad.administration import tasks as asked
from postroad.api.rest import reach
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.problems import MALFORMED, Refused
from postroad.api.rest.resources.showing import instant
from postroad.api.rest.routes import Resource
from postroad.api.rest.types.paging import Page, Paging
from postroad.api.rest.types.task import Task, TaskAbout
from postroad.clock import from_us

tasks = Resource("tasks", "What the hub was asked to do, and how far it is.")

_MAX_US: Final = 2**63 - 1


@tasks.get("/tasks", Operation.READ_DELIVERIES)
def list_tasks(call: Call, query: Paging) -> Page[Task]:
    """List tasks, the newest first: an integration's own, or all."""
    found = asked.listed(
        call.registry,
        call.view,
        integration_ids=reach.integration_ids(call),
        before=_before(key_of(query, str)),
        limit=query.limit + 1,
    )
    return page_of(found, query, shown, key=lambda one: f"{one.task.created_us}:{one.task.id}")


@tasks.get("/tasks/{task}", Operation.READ_DELIVERIES)
def get_task(call: Call, task: str) -> Task:
    """Get a task."""
    found = asked.get(call.registry, call.view, task)
    call.require(reach.of_integration(call, found.task.integration_id))
    return shown(found)


@tasks.post("/tasks/{task}/cancel", Operation.REDRIVE_DELIVERIES)
def cancel_task(call: Call, task: str) -> Task:
    """Cancel a task. What it has done stays done; one that is finished stays as it is."""
    call.require(reach.of_integration(call, asked.get(call.registry, call.view, task).task.integration_id))
    asked.cancel(call.registry, task)
    return shown(asked.get(call.registry, call.view, task))


def shown(one: asked.Described) -> Task:
    """A task as it is answered."""
    task, about = one.task, one.about
    return Task(
        id=task.id,
        type=task.type,
        status=task.status,
        integration_id=task.integration_id,
        about=TaskAbout(
            subscriptions=list(about.subscriptions),
            providers=list(about.providers),
            types=list(about.types),
            subject_id=about.subject_id,
            since=instant(about.since_us),
            until=instant(about.until_us),
            reasons=list(about.reasons),
            event_ids=list(about.event_ids),
            items=[str(place) for place in about.items],
        ),
        created=from_us(task.created_us),
        started=instant(task.started_us),
        completed=instant(task.completed_us),
        done=task.items,
        remaining=task.remaining,
        rate_per_s=task.rate_per_s,
        detail=task.detail,
    )


def _before(key: str | None) -> tuple[int, str] | None:
    if key is None:
        return None
    created_us, _, id_ = key.partition(":")
    if not (created_us.isascii() and created_us.isdigit() and len(created_us) < 20 and int(created_us) <= _MAX_US):
        raise Refused(MALFORMED, "cursor: not one of ours")
    return int(created_us), id_
