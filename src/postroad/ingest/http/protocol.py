"""The HTTP server's protocol, with a short way for entrances.

uvicorn's own protocol makes an ASGI scope and a task for every request. An entrance needs neither: the request is
handed over when its body is whole, and the answer is written from the log's own callback. Everything else (other paths,
``Expect: 100-continue``, upgrades) takes the ordinary way to the ASGI application, which serves the entrances too.
Why not plain ASGI: docs/decisions/0003-http-server.md.
"""

from asyncio import TimerHandle
from collections import deque
from collections.abc import Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from postroad.ingest.http.answers import Answer, Headers
from postroad.ingest.http.entrance import Entrance
from postroad.ingest.http.known_heads import END, KnownHeads

MAX_PIPELINED = 64
"""Requests of one connection that may wait for their answer; above it reading pauses."""

SWALLOWED_BYTES = 1024 * 1024
"""A body this much over the limit is still read to its end, so that the client sees its 413; beyond, we hang up."""


class _Turn:
    """One request's place in its connection's order of answers."""

    __slots__ = ("answer", "connection", "keep_alive")

    def __init__(self, connection: "EntranceProtocol", keep_alive: bool) -> None:
        self.connection = connection
        self.keep_alive = keep_alive
        self.answer: Answer | None = None

    def send(self, answer: Answer) -> None:
        """Called by the entrance: keep the answer until it is its turn."""
        if self.answer is None:
            self.answer = answer
            self.connection.write_answers()


class EntranceProtocol(HttpToolsProtocol):
    """One connection. Subclass it with ``bind`` to give it its entrances."""

    entrances: Mapping[bytes, Entrance] = {}
    known_heads = KnownHeads()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """See uvicorn."""
        super().__init__(*args, **kwargs)
        self._entrance: Entrance | None = None
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._turns: deque[_Turn] = deque()
        self._ending = False
        self._between = True
        """The parser is at the beginning of a request."""
        self._ordinary = False
        """A request has taken the ordinary way: from then on uvicorn's timers and queues count too."""
        self._whole: tuple[Entrance, Headers, bytes] | None = None
        self._idle_since_s: float | None = None
        self._idle_timer: TimerHandle | None = None

    @classmethod
    def bind(cls, entrances: Mapping[bytes, Entrance]) -> type["EntranceProtocol"]:
        """A protocol class that serves these entrances, by raw path, the short way."""
        return type("BoundEntranceProtocol", (cls,), {"entrances": entrances, "known_heads": KnownHeads()})

    def data_received(self, data: bytes) -> None:
        """Parse, unless it is one whole request with a head that was parsed before."""
        if not self._between or self._ending:
            super().data_received(data)
            return
        head, _, body = data.partition(END)
        known = self.known_heads.find(head)
        if known is not None and known.body_bytes == len(body):
            self._idle_since_s = None
            self._hand_over(known.entrance, known.headers, body, keep_alive=True)
            return
        self._whole = None
        super().data_received(data)
        self._learn(data)

    def _learn(self, data: bytes) -> None:
        if self._whole is not None:
            self.known_heads.learn(data, *self._whole)

    # The parser's callbacks, in the order of a request.

    def on_message_begin(self) -> None:
        """A request begins: uvicorn's scope is made later, if it is wanted at all."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._entrance = None
        self._between = False
        self._idle_since_s = None

    def on_headers_complete(self) -> None:
        """Choose the way."""
        entrance = self.entrances.get(self.url)
        if (
            entrance is not None
            and self.parser.get_method() == entrance.method.encode()
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
            and (self.cycle is None or self.cycle.response_complete)
        ):
            self._entrance = entrance
            self._body = []
            self._body_bytes = 0
            return
        if self._turns or self._ending:
            # An ordinary request behind entrance requests that are not answered yet. Nobody pipelines like this;
            # answering what came first and closing is always allowed, and the client sends the rest again.
            self._end()
            return
        self._ordinary = True
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = expect
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Gather the body, up to the entrance's limit."""
        entrance = self._entrance
        if entrance is None:
            if not self._ending:
                super().on_body(body)
            return
        self._body_bytes += len(body)
        if self._body_bytes <= entrance.body_limit_bytes:
            self._body.append(body)
        elif self._body_bytes > entrance.body_limit_bytes + SWALLOWED_BYTES:
            self._entrance = None
            self._ending = True
            turn = _Turn(self, keep_alive=False)
            self._turns.append(turn)
            turn.send(entrance.too_large)

    def on_message_complete(self) -> None:
        """The request is whole: hand it over."""
        entrance = self._entrance
        if entrance is None:
            if not self._ending:
                super().on_message_complete()
            return
        self._entrance = None
        if self._ending:
            return
        keep_alive = self.parser.should_keep_alive()
        chunks, self._body = self._body, []
        if self._body_bytes > entrance.body_limit_bytes:
            self._take_turn(keep_alive).send(entrance.too_large)
            self._between = keep_alive and not self._ordinary
            return
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if keep_alive and not self._ordinary:
            self._between = True
            self._whole = (entrance, self.headers, body)
        self._hand_over(entrance, self.headers, body, keep_alive=keep_alive)

    def _hand_over(self, entrance: Entrance, headers: Headers, body: bytes, *, keep_alive: bool) -> None:
        entrance.receive(headers, body, self._take_turn(keep_alive).send)

    def _take_turn(self, keep_alive: bool) -> _Turn:
        turn = _Turn(self, keep_alive)
        self._turns.append(turn)
        if len(self._turns) >= MAX_PIPELINED:
            self.flow.pause_reading()
        self.server_state.total_requests += 1
        return turn

    # Answers.

    def write_answers(self) -> None:
        """Write every answer whose turn has come."""
        turns, transport = self._turns, self.transport
        while turns and (answer := turns[0].answer) is not None:
            turn = turns.popleft()
            if transport.is_closing():
                continue
            if turn.keep_alive and not (self._ending and not turns):
                transport.write(answer.wire)
            else:
                transport.write(answer.closing())
                transport.close()
        if transport.is_closing():
            return
        if not turns:
            if self.flow.read_paused:
                self.flow.resume_reading()
            self._idle_since_s = self.loop.time()
            if self._idle_timer is None:
                self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._close_if_idle)

    def _close_if_idle(self) -> None:
        """Close after a keep-alive time without a request.

        One timer runs at its own pace, and looks how long it has been quiet: setting it anew for each request took as
        long as parsing one.
        """
        self._idle_timer = None
        if self._idle_since_s is None or self.transport.is_closing():
            return
        left_s = self._idle_since_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._idle_timer = self.loop.call_later(left_s, self._close_if_idle)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        super().connection_lost(exc)

    def _end(self) -> None:
        """Answer what is waiting, then close; read nothing more."""
        self._ending = True
        if not self._turns:
            self.transport.close()

    def shutdown(self) -> None:
        """A graceful stop: what was taken in is answered first."""
        if self._turns:
            self._ending = True
        else:
            super().shutdown()
