"""An idle connection is closed after the keep-alive time, counted from its last answer."""

from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from postroad.ingest.http.answers import Answer
from postroad.ingest.http.protocol import EntranceProtocol

KEEP_ALIVE_S = 75
REQUEST = b"POST /in HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}"


class Loop:
    """As much of an event loop as the protocol asks for, in virtual time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, at_s: float, callback: Any) -> "Timer":
        self.timers.append(Timer(self, at_s, callback))
        return self.timers[-1]

    def advance(self, to_s: float) -> None:
        while due := [timer for timer in self.timers if timer.at_s <= to_s]:
            timer = min(due, key=lambda one: one.at_s)
            self.timers.remove(timer)
            self.now_s = timer.at_s
            timer.callback()
        self.now_s = to_s


class Timer:
    def __init__(self, loop: Loop, at_s: float, callback: Any) -> None:
        self.loop, self.at_s, self.callback = loop, at_s, callback

    def cancel(self) -> None:
        if self in self.loop.timers:
            self.loop.timers.remove(self)


class Transport:
    def __init__(self) -> None:
        self.closed = False

    def write(self, _data: bytes) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, _name: str) -> None:
        return None


class Entrance:
    """Answers when it is told to."""

    paths = ("/in",)
    method = "POST"
    body_limit_bytes = 100
    too_large = wrong_method = Answer(413, b"")

    def __init__(self) -> None:
        self.sends: list[Any] = []

    def unavailable(self, _retry_after_s: int) -> Answer:
        return Answer(503, b"")

    def refuses(self, _headers: Any) -> None:
        return None

    def receive(self, _headers: Any, _body: bytes, send: Any) -> None:
        self.sends.append(send)

    def answer(self) -> None:
        self.sends.pop(0)(Answer(200, b"{}"))


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def entrance() -> Entrance:
    return Entrance()


@pytest.fixture
def connection(loop: Loop, entrance: Entrance) -> EntranceProtocol:
    config = uvicorn.Config(lambda: None, log_config=None, lifespan="off", ws="none", timeout_keep_alive=KEEP_ALIVE_S)
    protocol: Any = EntranceProtocol.bind({b"/in": entrance})
    made: EntranceProtocol = protocol(config=config, server_state=ServerState(), app_state={}, _loop=loop)
    made.connection_made(Transport())  # type: ignore[arg-type] # a transport in all that is asked of it
    return made


def test_a_connection_is_closed_a_keep_alive_time_after_its_last_answer(
    loop: Loop, entrance: Entrance, connection: Any
) -> None:
    for at_s in (0, 30, 60):
        loop.advance(at_s)
        connection.data_received(REQUEST)
        entrance.answer()
    loop.advance(60 + KEEP_ALIVE_S - 1)
    assert not connection.transport.closed
    loop.advance(60 + KEEP_ALIVE_S)
    assert connection.transport.closed


def test_a_connection_that_waits_for_its_answer_is_not_idle(loop: Loop, entrance: Entrance, connection: Any) -> None:
    connection.data_received(REQUEST)
    entrance.answer()
    loop.advance(KEEP_ALIVE_S - 1)
    connection.data_received(REQUEST)
    loop.advance(3 * KEEP_ALIVE_S)
    assert not connection.transport.closed
    entrance.answer()
    loop.advance(4 * KEEP_ALIVE_S)
    assert connection.transport.closed


def test_the_idle_time_after_an_ordinary_answer_ends_with_the_next_request(
    loop: Loop, entrance: Entrance, connection: Any
) -> None:
    """uvicorn sets a timer of its own when an ordinary request is answered."""
    connection.timeout_keep_alive_task = loop.call_at(KEEP_ALIVE_S, connection.timeout_keep_alive_handler)
    loop.advance(10)
    connection.data_received(REQUEST)
    entrance.answer()
    loop.advance(10 + KEEP_ALIVE_S - 1)
    assert not connection.transport.closed
    loop.advance(10 + KEEP_ALIVE_S)
    assert connection.transport.closed


def test_a_connection_that_is_gone_leaves_no_timer(loop: Loop, entrance: Entrance, connection: Any) -> None:
    connection.data_received(REQUEST)
    entrance.answer()
    connection.connection_lost(None)
    assert loop.timers == []
