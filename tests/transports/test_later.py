"""A transport that is made at its first message, while messages wait for it."""

import asyncio

import pytest

from postroad.transports import later
from postroad.transports.base import Delivered, Message, Outcome
from postroad.transports.later import LaterTransport

MESSAGE = Message(body=b"[]", content_type="application/json", request_id="bulk-1")


class Sink:
    """Counts the turns of the event loop in which messages came."""

    def __init__(self) -> None:
        self.turns: list[int] = []
        self.closed = 0
        self._turn = 0

    def _next(self) -> None:
        self._turn += 1

    async def send(self, message: Message) -> Outcome:  # noqa: ARG002 - any
        self.turns.append(self._turn)
        asyncio.get_running_loop().call_soon(self._next)
        return Delivered(status=None, elapsed_s=0.0)

    def endpoint(self, wire_type: str) -> str:  # noqa: ARG002 - any
        return ""

    async def close(self) -> None:
        self.closed += 1


class Import:
    """Stands where modules are imported, and takes until it is let go on."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.count = 0

    async def __call__(self, module: str) -> None:  # noqa: ARG002 - any
        self.count += 1
        await self.go_on.wait()


@pytest.fixture
async def importing(monkeypatch: pytest.MonkeyPatch) -> Import:
    importing = Import()
    monkeypatch.setattr(later, "imported", importing)
    return importing


async def test_all_that_waited_goes_on_in_one_turn_and_it_is_made_once(importing: Import) -> None:
    sink = Sink()
    transport = LaterTransport("sdk", lambda: sink)
    sends = [asyncio.create_task(transport.send(MESSAGE)) for _ in range(20)]
    await asyncio.sleep(0)
    importing.go_on.set()
    assert all(isinstance(outcome, Delivered) for outcome in await asyncio.gather(*sends))
    assert sink.turns == [0] * 20
    assert importing.count == 1


async def test_whoever_stops_waiting_takes_nobody_with_him(importing: Import) -> None:
    transport = LaterTransport("sdk", Sink)
    first, second = (asyncio.create_task(transport.send(MESSAGE)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    importing.go_on.set()
    assert isinstance(await second, Delivered)
    assert first.cancelled()


async def test_closed_before_it_is_made_it_makes_nothing(importing: Import) -> None:
    sink = Sink()
    made: list[Sink] = []

    def make() -> Sink:
        made.append(sink)
        return sink

    transport = LaterTransport("sdk", make)
    await transport.close()
    waiting = asyncio.create_task(transport.send(MESSAGE))
    await asyncio.sleep(0)
    await transport.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    importing.go_on.set()
    assert (made, sink.closed) == ([], 0)


async def test_it_closes_what_it_made(importing: Import) -> None:
    sink = Sink()
    importing.go_on.set()
    transport = LaterTransport("sdk", lambda: sink)
    await transport.send(MESSAGE)
    await transport.close()
    assert sink.closed == 1
