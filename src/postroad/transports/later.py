"""What needs an SDK, made when it is first used: importing one takes a second, and is done in a thread."""

import asyncio
import importlib
from collections.abc import Callable, Sequence

from postroad.transports.base import Message, Outcome, Transport
from postroad.transports.receiving import Receiver, Take
from postroad.transports.spec import Step, answer_step


class LaterTransport:
    """A ``Transport`` with one endpoint for all types, made at the first message."""

    def __init__(self, module: str, make: Callable[[], Transport]) -> None:
        """``make`` may import ``module``, by its full name; it connects to nothing, and does not raise."""
        self._module = module
        self._make = make
        self._made: Transport | None = None
        self._making = asyncio.Lock()

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        return await (self._made or await self._opened()).send(message)

    def endpoint(self, wire_type: str) -> str:  # noqa: ARG002 - one takes all
        """See ``Transport``."""
        return ""

    async def close(self) -> None:
        """See ``Transport``."""
        if self._made is not None:
            await self._made.close()

    async def _opened(self) -> Transport:
        async with self._making:
            if self._made is None:
                await imported(self._module)
                self._made = self._make()
            return self._made


class LaterReceiver:
    """A ``Receiver``, made when it runs."""

    def __init__(self, module: str, make: Callable[[], Receiver]) -> None:
        """See ``LaterTransport``."""
        self._module = module
        self._make = make

    async def run(self, take: Take) -> None:
        """See ``Receiver``."""
        await imported(self._module)
        await self._make().run(take)


async def probed(steps: Sequence[Step], transport: Transport, message: Message | None) -> tuple[Step, ...]:
    """A probe's steps so far, and what becomes of the message, if there is one. Closes the transport."""
    try:
        sent = () if message is None else (answer_step(await transport.send(message)),)
    finally:
        await transport.close()
    return (*steps, *sent)


async def imported(module: str) -> None:
    """Returns once an import of ``module`` takes no time any more."""
    await asyncio.to_thread(importlib.import_module, module)
