"""The tasks that run for as long as the hub does."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from postroad.errors import PostroadError

_log = logging.getLogger(__name__)


class BackgroundTasks:
    """Every task of the hub's own. None of them ends by itself: if one does, the hub must not look as if it worked."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self.failed = asyncio.Event()
        """Set when a task has ended with an error."""
        self._tasks: list[asyncio.Task[None]] = []

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Run ``work`` until ``cancel``."""
        self._tasks.append(self.watched(work, name=name))

    def watched(self, work: Coroutine[Any, Any, None], *, name: str) -> "asyncio.Task[None]":
        """Run ``work``, which whoever called this ends in its own way; until then its failure is the hub's."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        return task

    async def cancel(self) -> None:
        """End what was spawned, and wait for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("A part of the hub broke down: %s", error, exc_info=error)
            self.failed.set()


@contextmanager
def going_on(failure: str) -> Iterator[None]:
    """What a task does again and again must not end with one failure of it, not even with an unexpected one."""
    try:
        yield
    except PostroadError as exc:
        _log.warning("%s: %s", failure, exc)
    except Exception:  # noqa: BLE001 - see above
        _log.exception("%s", failure)
