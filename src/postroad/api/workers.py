"""The threads of an API of its own: what is answered there may take long, events may not.

Requests that wait for a thread are bounded. What has changed the registry is answered once the hub works by it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, ParamSpec, Protocol, TypeVar

from postroad.errors import PostroadError

MAX_WAITING: Final = 50
"""Requests that wait for a thread."""

P = ParamSpec("P")
_log = logging.getLogger(__name__)


class Carried(Protocol):
    """What became of a request."""

    @property
    def changed(self) -> bool:
        """Whether it changed the registry, in what the hub works by."""


C = TypeVar("C", bound=Carried)


class Workers:
    """Some threads. ``close`` them when nothing is asked any more."""

    def __init__(self, name: str, threads: int, *, refresh: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """``refresh``: have the hub work by what was changed."""
        self._most = threads + MAX_WAITING
        self._refresh = refresh
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._under_way = 0

    @property
    def full(self) -> bool:
        """Whether no more may wait: the next request is to be answered 503."""
        return self._under_way >= self._most

    async def carry_out(self, work: Callable[P, C], *args: P.args, **kwargs: P.kwargs) -> C:
        """Do it in a thread, and have the hub work by what it changed. Raises what it raises."""
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            done = await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))
            if done.changed:
                await self._follow()
        finally:
            self._under_way -= 1
        return done

    async def _follow(self) -> None:
        try:
            await self._refresh()
        except PostroadError as exc:
            _log.warning("A change is recorded, but the hub does not work by it yet: %s", exc)

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.to_thread(self._threads.shutdown)
