"""Whether what is gone by is certain to be the registry's newest version: access can be taken away by other processes.

A node that cannot ask does not know what was taken away meanwhile. So no attempt to send begins, and no data are given
to whoever asks, once the last certain moment is too long ago; both go on by themselves with the next one.
"""

import asyncio
import math

from postroad.clock import Clock


class Confirmation:
    """When the version that everybody goes by was last known to be the newest. Used on one event loop only."""

    def __init__(self, clock: Clock, *, within_s: float) -> None:
        """Nothing is confirmed yet. What is confirmed holds for ``within_s``; with ``math.inf`` it holds always."""
        self.within_s = within_s
        self._clock = clock
        self._asked_s = -math.inf
        self._news = asyncio.Event()

    @property
    def age_s(self) -> float:
        """How long ago it was certain; ``math.inf``: it never was."""
        return self._clock.monotonic_s() - self._asked_s

    @property
    def holds(self) -> bool:
        """Whether something may be sent, or given, right now."""
        return self.age_s <= self.within_s

    def confirm(self, asked_s: float) -> None:
        """What was asked at ``asked_s`` (monotonic), before the answer came, is what everybody goes by."""
        self._asked_s = max(self._asked_s, asked_s)
        if self.holds:
            self._news.set()
            self._news = asyncio.Event()

    async def wait(self) -> None:
        """Return once it holds."""
        while not self.holds:
            await self._news.wait()
