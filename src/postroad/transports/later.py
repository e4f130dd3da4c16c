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
        self._made: asyncio.Task[Transport] | None = None

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        if self._made is None:
            self._made = asyncio.create_task(self._open())
        # Whoever waits goes on in the same turn of the event loop, so that all their messages can share a request.
        transport = self._made.result() if self._made.done() else await asyncio.shield(self._made)
        return await transport.send(message)

    def endpoint(self, wire_type: str) -> str:  # noqa: ARG002 - one takes all
        """See ``Transport``."""
        return ""

    async def close(self) -> None:
        """See ``Transport``."""
        made, self._made = self._made, None
        if made is None:
            return
        if made.cancel():
            await asyncio.gather(made, return_exceptions=True)
        elif made.exception() is None:
            await made.result().close()

    async def _open(self) -> Transport:
        await imported(self._module)
        return self._make()


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
