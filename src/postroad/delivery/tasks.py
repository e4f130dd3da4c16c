"""Carries out the registry's tasks in the background: several at a time, one of each type and integration.

A task that the hub was at when it stopped is found in the registry, and gone on with.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from postroad.delivery.redrive import NotWanted, Redrive, Surroundings, to_its_end
from postroad.errors import PostroadError, StoreUnavailable
from postroad.logs import wide
from postroad.registry.tasks import Task, TaskStatus, TaskType

LOOK_S = 0.5
"""Between two looks for new tasks."""
AGAIN_S = 5.0
"""After a store could not be used."""
AT_ONCE = 8
"""Tasks under way at most; others wait."""

_log = logging.getLogger(__name__)


CarryOut = Callable[[Task], Awaitable[int]]
"""Do what a task asks for; how many items were dealt with. A ``PostroadError`` fails the task."""


class TaskRunner:
    """One for each hub; ``run`` it as a task."""

    def __init__(
        self,
        given: Surroundings,
        *,
        refresh: Callable[[], Awaitable[object]],
        others: Mapping[TaskType, CarryOut] | None = None,
    ) -> None:
        """Nothing runs yet. ``others``: what is carried out beside the tasks of dead letters, by type.

        ``refresh`` brings the view up to date: a subscription that was resumed before its letters were redriven must
        not look paused.
        """
        self.ended: Counter[tuple[TaskType, TaskStatus]] = Counter()
        """How the tasks ended that this hub has ended."""
        self._given = given
        self._refresh = refresh
        self._others = others or {}
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def running(self) -> int:
        """How many are under way."""
        return len(self._running)

    async def run(self) -> None:
        """Look for tasks and carry them out, until cancelled."""
        try:
            while True:
                try:
                    await self._begin()
                except StoreUnavailable as exc:
                    _log.warning("Tasks cannot be looked for now: %s", exc)
                    await self._given.clock.sleep(AGAIN_S)
                await self._given.clock.sleep(LOOK_S)
        finally:
            running = list(self._running.values())
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _begin(self) -> None:
        """Begin with what waits, as far as there is room."""
        while len(self._running) < AT_ONCE:
            besides = frozenset(self._running)
            task = await to_its_end(partial(self._given.registry.next_task, besides=besides))
            if task is None:
                return
            self._running[task.id] = asyncio.create_task(self._carry_out(task), name=f"task {task.id}")

    async def _carry_out(self, task: Task) -> None:
        try:
            await self._try(task)
        except StoreUnavailable as exc:
            _log.warning("Task %s cannot go on now: %s", task.id, exc)
            await self._given.clock.sleep(AGAIN_S)
        finally:
            del self._running[task.id]

    async def _try(self, task: Task) -> None:
        """Raises ``StoreUnavailable``; then the task stays under way, and is taken up again."""
        registry = self._given.registry
        try:
            await self._refresh()
            other = self._others.get(task.type)
            if other is None:
                await Redrive(task, self._given).run()
            else:
                items = await other(task)
                await to_its_end(partial(registry.progress_task, task.id, items=items, remaining=0))
        except NotWanted:
            await to_its_end(partial(registry.cancel_task, task.id))
            self._note(task, "CANCELED")
        except StoreUnavailable:
            raise
        except Exception as exc:  # noqa: BLE001 - one task's failure is its own; the next one is carried out
            known = isinstance(exc, PostroadError)
            if not known:
                _log.exception("Task %s failed", task.id)
            detail = str(exc) if known else "a defect of the hub; its log says which"
            await to_its_end(partial(registry.finish_task, task.id, failed=detail))
            self._note(task, "FAILED")
        else:
            await to_its_end(partial(registry.finish_task, task.id))
            self._note(task, "COMPLETED")

    def _note(self, task: Task, status: TaskStatus) -> None:
        self.ended[task.type, status] += 1
        _log.info("A task has ended", extra=wide(task_id=task.id, type=task.type, status=status))
