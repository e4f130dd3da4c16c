"""The pace of those who catch up: live events come first.

A subscription that is far behind could use a whole core for an hour. Everything else on the event loop would then wait
for it at each step: intake, routing, answers of destinations. So all who catch up in a shard take turns, each turn is
short, and while live events flow the time between two turns is a multiple of a turn.
"""

import asyncio

from postroad.clock import Clock

TURN_S = 0.0005
"""How long a turn lasts. A live event waits for one at about five places: from its request to its confirmation."""

RESTS = 3
"""So many times as long as a turn took, nobody catches up after it, while live events flow."""

LIVE_S = 1.0
"""Live events flow if one came within this time."""


class Pace:
    """Of all who catch up in a shard. ``async with pace`` is a turn; whoever has it works until it is ``over``."""

    def __init__(self, clock: Clock) -> None:
        """Nothing live has come yet."""
        self._clock = clock
        self._turns = asyncio.Lock()
        self._began_s = 0.0
        self._live_until_s = float("-inf")

    def live(self) -> None:
        """A live event has come."""
        self._live_until_s = self._clock.monotonic_s() + LIVE_S

    def begin(self) -> None:
        """The work of the present turn begins."""
        self._began_s = self._clock.monotonic_s()

    @property
    def over(self) -> bool:
        """Whether it has lasted long enough."""
        return self._clock.monotonic_s() - self._began_s >= TURN_S

    async def __aenter__(self) -> None:
        """Wait for a turn: first come, first served."""
        await self._turns.acquire()
        self.begin()

    async def __aexit__(self, *_: object) -> None:
        """Let the others have theirs, after the rest that is due; in any case after everything that is ready to run."""
        now_s = self._clock.monotonic_s()
        rest_s = RESTS * (now_s - self._began_s) if now_s < self._live_until_s else 0.0
        try:
            await (self._clock.sleep(rest_s) if rest_s else asyncio.sleep(0))
        finally:
            self._turns.release()
