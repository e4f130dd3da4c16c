"""Carries out the tasks that commands put into the registry, one at a time, for as long as the hub runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from postroad.clock import Clock
from postroad.errors import PostroadError
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import Task, TaskType
from postroad.service.tasks import going_on

LOOKED_FOR_EVERY_S: Final = 1.0

CarryOut = Callable[[Task], Awaitable[int]]
"""Do what a task asks for; how many items were dealt with. A ``PostroadError`` fails the task."""

_log = logging.getLogger(__name__)


class Jobs:
    """Looks for tasks, and has them carried out."""

    def __init__(self, registry: RegistryStore, known: Mapping[TaskType, CarryOut], *, clock: Clock) -> None:
        """``known``: what can be carried out, by the type of the task."""
        self._registry = registry
        self._known = known
        self._clock = clock

    async def run(self) -> None:
        """Look for tasks each second, until cancelled."""
        while True:
            await self._clock.sleep(LOOKED_FOR_EVERY_S)
            with going_on("Tasks cannot be carried out now"):
                await self.run_once()

    async def run_once(self) -> None:
        """Carry out the tasks that wait. One that was under way when a hub stopped begins again."""
        while any(task.completed_us is None for task in await asyncio.to_thread(self._registry.tasks)):
            task = await asyncio.to_thread(self._registry.next_task)
            if task is None:
                return
            await self._carry_out(task)

    async def _carry_out(self, task: Task) -> None:
        carry_out, failed = self._known.get(task.type), None
        if carry_out is None:
            failed = "this hub cannot carry it out"
        else:
            try:
                items = await carry_out(task)
                await asyncio.to_thread(self._registry.progress_task, task.id, items=items, remaining=0)
            except PostroadError as exc:
                failed = str(exc)
        _log.info("Task %s (%s) %s", task.id, task.type, "failed" if failed else "is done")
        await asyncio.to_thread(self._registry.finish_task, task.id, failed=failed)
