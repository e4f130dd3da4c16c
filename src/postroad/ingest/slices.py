"""Long work on the event loop, done in slices so that nobody else waits for the whole of it."""

import asyncio

from postroad.clock import Clock

SLICE_S = 0.002
"""Long enough that the pauses cost little; with the last step of a slice it stays below 5 ms."""


class Slices:
    """One long piece of work. Ask ``over`` after each small step, and then ``await pause()``."""

    def __init__(self, clock: Clock) -> None:
        """The first slice begins now."""
        self._clock = clock
        self._until_s = clock.monotonic_s() + SLICE_S

    def over(self) -> bool:
        """Whether the slice has lasted long enough."""
        return self._clock.monotonic_s() >= self._until_s

    async def pause(self) -> None:
        """Let the others have their turn; then a new slice begins."""
        await asyncio.sleep(0)
        self._until_s = self._clock.monotonic_s() + SLICE_S
