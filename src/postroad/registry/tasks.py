"""Jobs that the hub carries out when asked: pushing failed events again, dropping them, reading quarantine again.

One at a time of each type and integration, so that two requests do not push the same events twice. No view shows tasks:
they leave the version alone.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError, NotFound
from postroad.registry import called
from postroad.registry.text import storable
from postroad.registry.transaction import Transaction

TaskType = Literal[
    "REDRIVE",
    "DROP",
    "REDRIVE_QUARANTINE",
    "DROP_QUARANTINE",
    "REDRIVE_FETCHES",
    "DROP_FETCHES",
    "PUSH_FAILED_TRIPS",
    "PUSH_FAILED_CRASHES",
    "ERASE",
]
TaskStatus = Literal["PENDING", "IN_PROGRESS", "COMPLETED", "CANCELED", "FAILED"]
"""The first two are unfinished; nothing changes a task that is finished."""

_ID_BYTES = 12
_tasks = schema.tasks
_UNFINISHED = _tasks.c.status.in_(("PENDING", "IN_PROGRESS"))


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A row. Instants are microseconds since 1970, UTC."""

    id: str
    """24 lower-case hex digits."""
    type: TaskType
    filter: Mapping[str, Any] = {}
    """Which events: what that means is the type's."""
    rate_per_s: float | None = None
    """Events a second at most; None: as fast as delivery takes them."""
    integration_id: int | None = None
    """Whose; None: the operator's, over all integrations."""
    status: TaskStatus = "PENDING"
    created_us: int
    started_us: int | None = None
    completed_us: int | None = None
    items: int = 0
    """Events dealt with so far."""
    remaining: int | None = None
    """Events still to deal with; None until they were counted."""
    detail: str = ""
    """Why it failed, for people."""


class TaskUnfinished(ConfigError):
    """A task of the same type and integration is not finished yet.

    Attributes:
        task_id: that task's.
    """

    def __init__(self, task: Task) -> None:
        """Say which, so that it can be waited for or cancelled."""
        super().__init__(
            f"task {task.id} of type {task.type} is {task.status}: wait until it is finished, or cancel it"
        )
        self.task_id = task.id


def add(
    transaction: Transaction,
    type_: TaskType,
    *,
    filter_: Mapping[str, Any],
    rate_per_s: float | None,
    integration_id: int | None,
    remaining: int | None = None,
    random: Callable[[int], bytes],
) -> Task:
    """Ask for a task; ``remaining``, if the events were counted already.

    Raises:
        TaskUnfinished: One of the same type and integration is asked for or under way.
        NotFound: There is no such integration.
    """
    connection = transaction.connection
    if integration_id is not None:
        living = (schema.integrations.c.id == integration_id) & schema.integrations.c.removed_us.is_(None)
        if connection.execute(sa.select(schema.integrations.c.id).where(living)).first() is None:
            raise NotFound(f"there is no integration {integration_id}")
    same = (_tasks.c.integration_id == integration_id) & (_tasks.c.type == type_) & _UNFINISHED  # None: IS NULL
    unfinished = connection.execute(sa.select(_tasks).where(same)).mappings().first()
    if unfinished is not None:
        raise TaskUnfinished(Task(**unfinished))
    task = Task(
        id=random(_ID_BYTES).hex(),
        type=type_,
        filter=dict(filter_),
        rate_per_s=rate_per_s,
        integration_id=integration_id,
        created_us=transaction.now_us,
        remaining=remaining,
    )
    connection.execute(sa.insert(_tasks).values(msgspec.structs.asdict(task)))
    if transaction.asked_for:
        fields = {"type": (None, type_), "filter": (None, task.filter), "rate_per_s": (None, rate_per_s)}
        organization_id = _organization_of(connection, integration_id)
        transaction.note("create", "task", task.id, organization_id=organization_id, fields=fields)
    return task


def next_task(transaction: Transaction, *, besides: Collection[str] = ()) -> Task | None:
    """The task to carry out now: one under way, which a hub that stopped has left, else the oldest that waits.

    ``besides`` those that are being carried out.
    """
    query = (
        sa.select(_tasks)
        .where(_UNFINISHED, _tasks.c.id.not_in(besides))
        .order_by(_tasks.c.started_us.is_(None), _tasks.c.started_us, _tasks.c.created_us, _tasks.c.id)
        .limit(1)
    )
    row = transaction.connection.execute(query).mappings().first()
    if row is None:
        return None
    task = Task(**row)
    if task.status == "PENDING":
        task = msgspec.structs.replace(task, status="IN_PROGRESS", started_us=transaction.now_us)
        _change(transaction, task.id, status=task.status, started_us=task.started_us)
    return task


def progress(transaction: Transaction, id_: str, *, items: int, remaining: int | None) -> bool:
    """Note how far a task is; False if it was finished or cancelled meanwhile: stop then.

    Raises:
        NotFound: No task has this id.
    """
    return _change(transaction, id_, items=items, remaining=remaining)


def end(transaction: Transaction, id_: str, status: TaskStatus, detail: str) -> bool:
    """Finish a task; False if it was finished already, which stays so. Raises like ``progress``."""
    ended = _change(transaction, id_, status=status, detail=storable(detail), completed_us=transaction.now_us)
    if ended and status == "CANCELED" and transaction.asked_for:
        of = get(transaction.connection, id_).integration_id
        organization_id = _organization_of(transaction.connection, of)
        transaction.note("cancel", "task", id_, organization_id=organization_id)
    return ended


def get(connection: sa.Connection, id_: str) -> Task:
    """One task.

    Raises:
        NotFound: No task has this id.
    """
    row = connection.execute(sa.select(_tasks).where(_tasks.c.id == id_)).mappings().one_or_none()
    if row is None:
        raise NotFound("there is no task with this id")
    return Task(**row)


def listed(
    connection: sa.Connection,
    *,
    integration_ids: Collection[int] | None,
    limit: int,
    before: tuple[int, str] | None = None,
) -> list[Task]:
    """The newest first, from the one behind ``before`` on: of everybody, or of some integrations.

    ``before`` is a task's ``created_us`` and ``id``.
    """
    query = sa.select(_tasks).order_by(_tasks.c.created_us.desc(), _tasks.c.id).limit(limit)
    if integration_ids is not None:
        query = query.where(_tasks.c.integration_id.in_(integration_ids))
    if before is not None:
        created_us, id_ = before
        same_instant = (_tasks.c.created_us == created_us) & (_tasks.c.id > id_)
        query = query.where((_tasks.c.created_us < created_us) | same_instant)
    return [Task(**row) for row in connection.execute(query).mappings()]


def _organization_of(connection: sa.Connection, integration_id: int | None) -> int | None:
    return None if integration_id is None else called.integration(connection, integration_id).organization_id


def _change(transaction: Transaction, id_: str, **values: object) -> bool:
    this = (_tasks.c.id == id_) & _UNFINISHED
    changed = transaction.connection.execute(sa.update(_tasks).where(this).values(values)).rowcount
    if not changed:
        get(transaction.connection, id_)
    return bool(changed)


def prune(connection: sa.Connection, before_us: int) -> int:
    """Forget tasks that were finished before an instant; how many those were."""
    old = sa.delete(_tasks).where(sa.not_(_UNFINISHED), _tasks.c.completed_us < before_us)
    return connection.execute(old).rowcount
