"""The HTTP server's protocol, with a short way for entrances.

uvicorn's own protocol makes an ASGI scope and a task for every request. An entrance needs neither: the request is
handed over when its body is whole, and the answer is written from the log's own callback. Everything else (other paths,
``Expect: 100-continue``, upgrades) takes the ordinary way to the ASGI application, which serves the entrances too.
Why not plain ASGI: docs/decisions/0003-http-server.md.
"""

import enum
from asyncio import BaseTransport, TimerHandle
from collections import deque
from collections.abc import Mapping
from typing import Any

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from postroad.ingest.http.answers import PLAIN, Answer
from postroad.ingest.http.entrance import Entrance
from postroad.ingest.http.limits import ConnectionLimits, Connections, RateLimit, client_key
from postroad.metrics import declared
from postroad.metrics.counts import Counter

MAX_PIPELINED = 64
"""Requests of one connection that may wait for their answer; above it reading pauses."""

SWALLOWED_BYTES = 1024 * 1024
"""A body this much over the limit is still read to its end, so that the client sees its 413; beyond, we hang up."""


_BUSY_RETRY_S = b"5"
_BAD_REQUEST = Answer(400, b"Bad request", PLAIN)
_LATE = Answer(408, b"The request did not arrive in time", PLAIN)
_LARGE_HEAD = Answer(431, b"The request's headers are too large", PLAIN)
_BUSY = Answer(503, b"Too many connections", (*PLAIN, (b"retry-after", _BUSY_RETRY_S)))


class _Awaits(enum.Enum):
    """What a connection is waiting for its client to do, within a time."""

    NOTHING = enum.auto()
    REQUEST = enum.auto()  # the next one, on a connection kept alive
    HEAD = enum.auto()
    BODY = enum.auto()
    READING = enum.auto()  # of our answers


# By names of their own: looking a member up in its class takes ten times as long, a dozen times a request.
_NOTHING, _REQUEST, _HEAD, _BODY, _READING = _Awaits


class _Trailers(list[tuple[bytes, bytes]]):
    """Where fields that follow a chunked body go: nowhere. Nobody asked for them, and nothing bounds them."""

    def append(self, field: tuple[bytes, bytes]) -> None:
        """See the class."""


class _Turn(msgspec.Struct, eq=False):
    """One request's place in its connection's order of answers."""

    connection: "EntranceProtocol"
    keep_alive: bool
    answer: Answer | None = None

    def send(self, answer: Answer) -> None:
        """Called by the entrance: keep the answer until it is its turn."""
        if self.answer is None:
            self.answer = answer
            self.connection.write_answers()


class EntranceProtocol(HttpToolsProtocol):
    """One connection. Subclass it with ``bind`` to give it its entrances."""

    entrances: Mapping[bytes, Entrance] = {}
    limits = ConnectionLimits()
    all_connections = Connections(limits)
    address_rate: RateLimit | None = None
    turned_away = Counter(declared.HTTP_TURNED_AWAY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """See uvicorn."""
        super().__init__(*args, **kwargs)
        self._entrance: Entrance | None = None
        self._refusal: Answer | None = None  # what a request gets whatever its body, which is then not kept
        self._fields: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._turns: deque[_Turn] = deque()
        self._ending = False
        self._client: str | None = None
        self._arriving = _NOTHING  # the part of a request that the parser is in; NOTHING between requests
        self._head_bytes = 0  # at most so many came in for the head that is arriving
        self._awaits = _NOTHING
        self._due_s = 0.0
        self._timer: TimerHandle | None = None
        self._timer_s = 0.0

    @classmethod
    def bind(
        cls,
        entrances: Mapping[bytes, Entrance],
        limits: ConnectionLimits | None = None,
        address_rate: RateLimit | None = None,
        turned_away: Counter | None = None,
    ) -> type["EntranceProtocol"]:
        """A protocol class that serves these entrances, by raw path, the short way, and keeps to these limits.

        ``turned_away`` counts, by status, what no entrance gets to see.
        """
        limits = limits or ConnectionLimits()
        shared = {
            "entrances": entrances,
            "limits": limits,
            "all_connections": Connections(limits),
            "address_rate": address_rate,
            "turned_away": turned_away or Counter(declared.HTTP_TURNED_AWAY),
        }
        return type("BoundEntranceProtocol", (cls,), shared)

    # The connection.

    def connection_made(self, transport: BaseTransport) -> None:
        """Let it in, unless there are too many."""
        super().connection_made(transport)  # type: ignore[arg-type] # uvicorn narrows it too
        client = client_key(self.client[0]) if self.client else ""
        if not self.all_connections.enter(client):
            self._ending = True
            self.turned_away.add(_BUSY.status)
            self.transport.write(_BUSY.closing())
            self.transport.close()
            return
        self._client = client
        self._await(_REQUEST, self.limits.head_within_s)

    def data_received(self, data: bytes) -> None:
        """Parse what came in, and see what is still to come."""
        if self._ending:
            return  # nothing more is taken from this connection
        self._head_bytes += len(data)
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        try:  # as uvicorn does it, without a call in between, and knowing that there are no WebSockets
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self._refuse(_BAD_REQUEST)
        except httptools.HttpParserUpgrade:
            self._unsupported_upgrade_warning()
        arriving = self._arriving
        if arriving is _NOTHING:
            return
        if arriving is not self._awaits and self._awaits is not _READING:
            self._await(arriving)
        if arriving is _HEAD and self._head_bytes > self.limits.head_bytes:
            self._refuse(_LARGE_HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        if self._client is not None:
            self.all_connections.leave(self._client)
            self._client = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._awaits = _NOTHING
        self._ending = True
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read its answers: take nothing more from it until it does."""
        super().pause_writing()
        self.flow.pause_reading()
        self._await(_READING)

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._await(self._arriving)  # READING no longer
        self._await_next_request()
        if len(self._turns) < MAX_PIPELINED:
            self.flow.resume_reading()

    # The parser's callbacks, in the order of a request.

    def on_message_begin(self) -> None:
        """A request begins: uvicorn's scope is made later, if it is wanted at all."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._entrance = None
        self._arriving = _HEAD
        if self._awaits is not _READING:
            self._awaits = _NOTHING

    def on_headers_complete(self) -> None:
        """Choose the way."""
        if self._ending:
            return
        if self._head_is_too_large():
            self._refuse(_LARGE_HEAD)
            return
        entrance = self.entrances.get(self.url)
        if (
            entrance is not None
            and self.parser.get_method() == entrance.method.encode()
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
            and (self.cycle is None or self.cycle.response_complete)
        ):
            self._arriving = _BODY
            self._entrance = entrance
            self._refusal = entrance.refuses(self.headers)
            self._fields, self.headers = self.headers, _Trailers()
            self._body = []
            self._body_bytes = 0
            return
        if self._turns:
            # An ordinary request behind entrance requests that are not answered yet. Nobody pipelines like this;
            # answering what came first and closing is always allowed, and the client sends the rest again.
            self._end()
            return
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = expect
        super().on_headers_complete()
        self.headers = _Trailers()
        self._arriving = _BODY

    def _head_is_too_large(self) -> bool:
        limits = self.limits
        if len(self.headers) > limits.head_fields:
            return True
        if self._head_bytes <= limits.head_bytes:
            return False  # not even with all that came in beside it
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > limits.head_bytes

    def on_body(self, body: bytes) -> None:
        """Gather the body, up to the entrance's limit."""
        entrance = self._entrance
        if entrance is None:
            if not self._ending:
                super().on_body(body)
            return
        self._body_bytes += len(body)
        if self._refusal is not None:
            if self._body_bytes > SWALLOWED_BYTES:
                self._refuse(self._refusal)
                self._entrance = None
        elif self._body_bytes <= entrance.body_limit_bytes:
            self._body.append(body)
        elif self._body_bytes > entrance.body_limit_bytes + SWALLOWED_BYTES:
            self._refuse(entrance.too_large)
            self._entrance = None

    def on_message_complete(self) -> None:
        """The request is whole: hand it over."""
        self._arriving = _NOTHING
        if self._awaits is not _READING:
            self._awaits = _NOTHING
        self._head_bytes = 0
        entrance = self._entrance
        if entrance is None:
            if not self._ending:
                super().on_message_complete()
                self._ending = not self.cycle.keep_alive
            return
        self._entrance = None
        if self._ending:
            return
        turn = _Turn(self, self.parser.should_keep_alive())
        self._turns.append(turn)
        if not turn.keep_alive:
            self._ending = (
                True  # what stands behind a last request is none: the parser skips it, and we need not feed it
            )
        if len(self._turns) >= MAX_PIPELINED:
            self.flow.pause_reading()
        self.server_state.total_requests += 1
        if self._refusal is not None:
            turn.send(self._refusal)
            return
        if self._body_bytes > entrance.body_limit_bytes:
            self._turn_away(turn, entrance.too_large)
            return
        if self.address_rate is not None and self._client and (wait_s := self.address_rate.take(self._client)):
            self._turn_away(turn, entrance.unavailable(wait_s))
            return
        chunks = self._body
        self._body = []
        entrance.receive(self._fields, chunks[0] if len(chunks) == 1 else b"".join(chunks), turn.send)

    # Answers.

    def write_answers(self) -> None:
        """Write every answer whose turn has come."""
        turns, transport = self._turns, self.transport
        closing = transport.is_closing()
        while turns and (answer := turns[0].answer) is not None:
            turn = turns.popleft()
            if closing:
                continue
            if turn.keep_alive and not (self._ending and not turns):
                transport.write(answer.wire)
            else:
                transport.write(answer.closing())
                transport.close()
                closing = True
        if not turns and not closing:
            if self.flow.read_paused and not self.flow.write_paused:
                self.flow.resume_reading()
            self._await_next_request()

    def on_response_complete(self) -> None:
        """An ordinary request is answered."""
        super().on_response_complete()
        self._await_next_request()

    def _refuse(self, answer: Answer) -> None:
        """Answer what is arriving, in its turn, and close; read nothing more."""
        if self._ending:
            return
        self._ending = True
        cycle = self.cycle
        in_body = self._arriving is _BODY and self._entrance is None  # of an ordinary request
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False
            if not in_body:
                return  # the answer of the ordinary request before this one is the last
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:  # ours would be taken for another's
                self.transport.close()
                return
        elif in_body:  # answered before it was whole
            self.transport.close()
            return
        turn = _Turn(self, keep_alive=False)
        self._turns.append(turn)
        self._turn_away(turn, answer)

    def _turn_away(self, turn: _Turn, answer: Answer) -> None:
        """Answer what no entrance gets to see."""
        self.turned_away.add(answer.status)
        turn.send(answer)

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

    # Time.

    def _await(self, what: _Awaits, within_s: float | None = None) -> None:
        """Let the time begin in which the client has to do something.

        One timer runs at its own pace, and looks how long it has been: setting it anew for each request took as long as
        parsing one.
        """
        self._awaits = what
        if what is _NOTHING:
            return
        self._due_s = self.loop.time() + (self._within_s(what) if within_s is None else within_s)
        if self._timer is not None and self._timer_s > self._due_s:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer_s = self._due_s
            self._timer = self.loop.call_at(self._due_s, self._look)

    def _await_next_request(self) -> None:
        """Begin the keep-alive time, if nothing is arriving, nothing waits for our answer, and all answers are read."""
        if (
            self._arriving is _NOTHING
            and self._awaits is not _READING
            and not self._turns
            and not self._ending
            and (self.cycle is None or self.cycle.response_complete)
        ):
            self._await(_REQUEST)

    def _within_s(self, what: _Awaits) -> float:
        if what is _REQUEST:
            return self.timeout_keep_alive
        return self.limits.head_within_s if what is _HEAD else self.limits.body_within_s

    def _look(self) -> None:
        self._timer = None
        if self._awaits is _NOTHING or self.transport.is_closing():
            return
        if self._awaits is not _READING and self.flow.read_paused:
            self._await(self._awaits)  # it is us who do not read
        elif self._due_s > self.loop.time():
            self._timer_s = self._due_s
            self._timer = self.loop.call_at(self._due_s, self._look)
        elif self._awaits is _READING:
            self.transport.abort()
        elif self._awaits is _REQUEST:
            self.transport.close()
        else:
            self._refuse(_LATE)
