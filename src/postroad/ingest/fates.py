"""What becomes of items: one by one, and of all that a bulk is made of."""

import asyncio
from collections.abc import Callable

from postroad.errors import StoreUnavailable

Reply = Callable[[StoreUnavailable | None], None]
"""Called once per item or part: with ``None`` when it is durable (or was before), else with why it was not kept."""


class Fates:
    """What a bulk waits for: each of its parts, and items of it that are under way already for somebody else."""

    def __init__(self) -> None:
        """Nothing is expected yet."""
        self._failure: StoreUnavailable | None = None
        self._left = 1  # ``known`` itself
        self._known: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def expect(self) -> Reply:
        """One more; whoever decides its fate calls what this gives."""
        self._left += 1
        return self._settle

    async def known(self) -> StoreUnavailable | None:
        """Nothing more is expected: wait for what was. Gives the first of the failures, if there are any."""
        self._settle(None)
        await self._known
        return self._failure

    def _settle(self, failure: StoreUnavailable | None) -> None:
        self._failure = self._failure or failure
        self._left -= 1
        if not self._left and not self._known.done():
            self._known.set_result(None)
