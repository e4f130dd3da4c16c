"""Gathers messages that are sent one by one into the calls of a service that takes several at once.

No timer: what is sent in one turn of the event loop goes together, at once if a call may begin; while as many calls are
under way as there may be, messages wait and share the next one. So the load itself sets the size of a call. Each
message is answered by its own result, so that what the service did not take of a call is all that is tried again.

Messages of one key go in the order in which they came: while one is under way none of its key joins another call.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from postroad.transports.base import Message, Outcome

Call = Callable[[Sequence[Message]], Awaitable[Sequence[Outcome]]]
"""Send these at once; an outcome for each, in their order. It raises as little as ``Transport.send`` does."""


class _Waiting:
    """A message, and who waits for what becomes of it."""

    __slots__ = ("bytes", "future", "message")

    def __init__(self, message: Message, bytes_: int) -> None:
        self.message = message
        self.bytes = bytes_
        self.future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()


class Gathered:
    """See the module. Used on one event loop only."""

    def __init__(
        self,
        call: Call,
        *,
        max_items: int,
        max_bytes: int,
        size: Callable[[Message], int] = lambda message: len(message.body),
        calls: int = 1,
    ) -> None:
        """At most ``max_items`` messages and ``max_bytes`` a call, each counted as ``size`` says; ``calls`` at once.

        A message that is larger than ``max_bytes`` goes in a call of its own.
        """
        self._call = call
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._size = size
        self._calls = calls
        self._waiting: list[_Waiting] = []
        self._keys: set[str] = set()
        """Of the messages under way."""
        self._under_way: set[asyncio.Task[None]] = set()
        self._starts_soon = False

    async def send(self, message: Message) -> Outcome:
        """What became of the message. Raises what the call that it was part of raises.

        Cancelled, a message that waits is not sent; one that is under way goes on, and its answer is nobody's.
        """
        waiting = _Waiting(message, self._size(message))
        self._waiting.append(waiting)
        if not self._starts_soon:
            self._starts_soon = True
            asyncio.get_running_loop().call_soon(self._start)
        return await waiting.future

    async def close(self) -> None:
        """End the calls that are under way; nobody gets an answer any more."""
        for waiting in self._waiting:
            waiting.future.cancel()
        self._waiting.clear()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _start(self) -> None:
        """Begin as many calls as there may be with what waits."""
        self._starts_soon = False
        while len(self._under_way) < self._calls and (chosen := self._take()):
            self._keys.update(_keys(chosen))
            task = asyncio.get_running_loop().create_task(self._carry(chosen))
            self._under_way.add(task)
            task.add_done_callback(self._done)

    def _take(self) -> list[_Waiting]:
        """The next call's messages: those that came first, as far as they fit and none of their key is under way."""
        chosen: list[_Waiting] = []
        left: list[_Waiting] = []
        behind: set[str] = set()
        """Keys of which a message stays behind: those that came later stay as well."""
        room, full = self._max_bytes, False
        for waiting in self._waiting:
            if waiting.future.cancelled():
                continue
            key = waiting.message.key
            full = full or len(chosen) == self._max_items or (bool(chosen) and waiting.bytes > room)
            if full or (key is not None and (key in self._keys or key in behind)):
                left.append(waiting)
                if key is not None:
                    behind.add(key)
                continue
            chosen.append(waiting)
            room -= waiting.bytes
        self._waiting = left
        return chosen

    async def _carry(self, chosen: Sequence[_Waiting]) -> None:
        """Make one call, and tell each what became of its message."""
        try:
            outcomes = await self._call([waiting.message for waiting in chosen])
            answers = list(zip(chosen, outcomes, strict=True))
        except asyncio.CancelledError:
            for waiting in chosen:
                waiting.future.cancel()
            raise
        except Exception as exc:  # noqa: BLE001 - it is raised where each message was sent from
            for waiting in chosen:
                if not waiting.future.done():
                    waiting.future.set_exception(exc)
            return
        finally:
            self._keys.difference_update(_keys(chosen))
        for waiting, outcome in answers:
            if not waiting.future.done():
                waiting.future.set_result(outcome)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            self._start()


def _keys(chosen: Sequence[_Waiting]) -> set[str]:
    return {waiting.message.key for waiting in chosen if waiting.message.key is not None}
