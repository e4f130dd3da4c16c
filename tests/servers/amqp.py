"""An AMQP 1.0 server that asks for tokens as Azure's messaging services do: what their SDKs talk to in the tests.

Sources  OASIS AMQP 1.0; AMQP Claims-Based Security 1.0 (``$cbs``); Microsoft, "AMQP 1.0 in Azure Service Bus and Event
         Hubs protocol guide", and "Shared access signature" for the tokens.

The wire is Apache Qpid Proton's, in a thread of its own. What the SDKs insist on beyond the standard (pyamqp, the AMQP
client within them): an error has all three of its fields; a link that is refused is answered with null addresses and
then detached.
"""

import asyncio
import base64
import hashlib
import hmac
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from proton import Condition, Connection, Data, Delivery, Event, Link, Message, SSLDomain, Terminus, symbol
from proton.handlers import MessagingHandler
from proton.reactor import ApplicationEvent, Container, EventInjector

POLICY, KEY = "hub", "s3cr3t/k3y+0815abcdefgh="
JWT = "eyJhbGciOiJub25lIn0.e30.of-a-test"
"""Taken for a token of Microsoft Entra ID."""
NAMESPACE = "customer.servicebus.windows.net"
_BATCHED_SECTIONS = range(0x70, 0x79)
_DATA_SECTION = 0x75
_T = TypeVar("_T")


class Fault(NamedTuple):
    """What happens to the next message that somebody sends."""

    condition: str
    """An AMQP error condition. ``CUT``: the connection is cut before an answer; ``SILENCE``: no answer comes."""
    text: str = "as the test wanted it"


CUT = Fault("cut")
TAKE_AND_CUT = Fault("take and cut")
SILENCE = Fault("silence")
BUSY = Fault("com.microsoft:server-busy")
BROKEN = Fault("amqp:internal-error")
UNAUTHORIZED = Fault("amqp:unauthorized-access")
WRONG = Fault("com.microsoft:argument-error")
MISSING = Fault("amqp:not-found")
TOO_LARGE = Fault("amqp:link:message-size-exceeded")


class Incoming(NamedTuple):
    """A message as it was sent, and what it says."""

    raw: bytes
    message: Message


class _Call(ApplicationEvent):
    def __init__(self, function: Callable[[], None]) -> None:
        super().__init__("call")
        self.function = function


class AmqpServer(MessagingHandler):
    """Tokens, links and faults. What is behind a link's address is the subclass's."""

    def __init__(self, *, certificate: tuple[str, str] | None = None, max_message_bytes: int = 262_144) -> None:
        """With the PEM files of a certificate and its key it speaks TLS."""
        super().__init__(prefetch=0, auto_accept=False, auto_settle=False)
        self.key = KEY
        self.jwt = JWT
        self.max_message_bytes = max_message_bytes
        self.faults: deque[Fault] = deque()
        self.link_faults: deque[Fault] = deque()
        """What happens to the next links that somebody opens."""
        self.poison: bytes | None = None
        """Nothing is taken that holds it."""
        self.silent = False
        """Nothing that somebody sends is taken, nor answered."""
        self.transfers = 0
        self.connections = 0
        self.tokens: list[tuple[str, bool]] = []
        """For which address each token was, and whether it was good."""
        self._certificate = certificate
        self._admitted: dict[Connection, set[str]] = {}
        self._waiting: list[tuple[Callable[[], bool], Future[None]]] = []
        self._ready = threading.Event()
        self._silenced: list[Delivery] = []
        self.port = 0

    # --- from the test's thread

    def start(self) -> None:
        """Listen on a free port of the loopback."""
        self._container = Container(self)
        self._injector = EventInjector()
        self._container.selectable(self._injector)
        self._thread = threading.Thread(target=self._container.run, name="amqp-server", daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        """Cut every connection and end."""
        self._injector.trigger(_Call(self._end))
        self._thread.join(10)
        for end in (self._listening, self._injector):
            end.close()

    def ask(self, function: Callable[[], _T]) -> _T:
        """What ``function`` says, run in the server's thread."""
        result: Future[_T] = Future()

        def answer() -> None:
            try:
                result.set_result(function())
            except BaseException as exc:  # noqa: BLE001 - it is the asker's
                result.set_exception(exc)

        self._injector.trigger(_Call(answer))
        return result.result(10)

    async def until(self, condition: Callable[[], bool], within_s: float = 20.0) -> None:
        """Wait for ``condition``, which the server's thread asks after each thing that happens."""
        holds: Future[None] = Future()
        self._injector.trigger(_Call(lambda: self._waiting.append((condition, holds))))
        await asyncio.wait_for(asyncio.wrap_future(holds), within_s)

    def hang_up(self) -> None:
        """Cut every connection at once."""
        self.ask(lambda: [self._cut(connection) for connection in list(self._admitted)])

    def connection_string(self, *, plain: bool = False, **more: str) -> str:
        """As the portal gives it; ``plain``: as an emulator's."""
        host = f"127.0.0.1:{self.port}" if plain else NAMESPACE
        parts = {"Endpoint": f"sb://{host}/", "SharedAccessKeyName": POLICY, "SharedAccessKey": KEY, **more}
        if plain:
            parts["UseDevelopmentEmulator"] = "true"
        return ";".join(f"{name}={value}" for name, value in parts.items())

    # --- what a subclass says

    def known(self, path: str, *, receives: bool) -> bool:
        """Whether there is something at ``path``; ``receives``: that takes messages in."""
        raise NotImplementedError

    def attach(self, link: Link, path: str) -> bool:
        """A link to something known is about to open; false if it was refused."""
        raise NotImplementedError

    def incoming(self, path: str, link: Link, messages: list[Incoming], envelope: Message) -> None:
        """Somebody sent these, all of them at once."""
        raise NotImplementedError

    def settled(self, delivery: Delivery) -> None:
        """Somebody answered what was sent to him."""
        raise NotImplementedError

    def asked(self, path: str, operation: str, request: Message) -> tuple[int, str, Any]:
        """A request to ``$management``: status, description and body of the answer."""
        raise NotImplementedError

    def pump(self, link: Link) -> None:
        """``link`` has room for messages."""
        raise NotImplementedError

    def detach(self, link: Link) -> None:
        """``link`` is gone."""
        raise NotImplementedError

    def tick(self) -> None:
        """Ten times a second."""

    # --- Proton's events

    def on_start(self, event: Event) -> None:
        acceptor = event.container.acceptor("127.0.0.1", 0)
        if self._certificate is not None:
            domain = SSLDomain(SSLDomain.MODE_SERVER)
            domain.set_credentials(*self._certificate, None)
            acceptor.set_ssl_domain(domain)
        self._listening: socket.socket = acceptor._selectable._delegate
        self.port = self._listening.getsockname()[1]
        event.reactor.schedule(0.1, self)
        self._ready.set()

    def on_timer_task(self, event: Event) -> None:
        self.tick()
        self._look()
        event.reactor.schedule(0.1, self)

    def on_call(self, event: Event) -> None:
        event.function()
        self._look()

    def on_connection_opening(self, event: Event) -> None:
        self.connections += 1
        self._admitted[event.connection] = set()
        event.connection.container = "tests"
        event.connection.properties = {symbol("product"): "tests"}  # or trailing fields are left out

    def on_connection_closing(self, event: Event) -> None:
        self._gone(event.connection)
        event.connection.close()

    def on_disconnected(self, event: Event) -> None:
        self._gone(event.connection)
        self._look()

    def on_link_opening(self, event: Event) -> None:
        link = event.link
        path = _path(_address(link))
        if path == "$cbs" or path.endswith("$management"):
            _mirror(link)
            link.open()
            if link.is_receiver:
                link.flow(100)
            return
        if not self.known(path, receives=link.is_receiver):
            self.refuse(link, "amqp:not-found", f"The messaging entity '{path}' could not be found.")
        elif self.link_faults:
            self.refuse(link, *self.link_faults.popleft())
        elif not self._may(event.connection, path):
            self.refuse(link, "amqp:unauthorized-access", f"Unauthorized access. Listen or send claims for '{path}'.")
        else:
            _mirror(link)
            link.max_message_size = self.max_message_bytes
            link.snd_settle_mode, link.rcv_settle_mode = link.remote_snd_settle_mode, link.remote_rcv_settle_mode
            if not self.attach(link, path):
                return
            link.open()
            if link.is_receiver:
                link.flow(500)
        self._look()

    def on_link_opened(self, event: Event) -> None:
        if getattr(event.link, "refused", False):
            event.link.close()

    def on_link_closing(self, event: Event) -> None:
        self.detach(event.link)
        event.link.close()

    def on_link_flow(self, event: Event) -> None:
        link = event.link
        if link.is_sender and not _path(_address(link)).startswith("$"):
            self.pump(link)
            if link.drain_mode and link.credit:
                link.drained()

    def on_delivery(self, event: Event) -> None:
        delivery, link = event.delivery, event.link
        if link.is_sender:
            if delivery.updated:
                self.settled(delivery)
                self._look()
            return
        if not delivery.readable or delivery.partial:
            return
        raw = link.recv(delivery.pending)
        link.advance()
        if getattr(link, "refused", False):
            return
        link.flow(1)
        self._take(_path(_address(link)), raw, event)
        self._look()

    # --- within

    def refuse(self, link: Link, condition: str, text: str) -> bool:
        """Open ``link`` without an address, to be closed with the error at once. False, for who passes it on."""
        link.refused = True
        link.source.type = link.target.type = Terminus.UNSPECIFIED
        link.condition = error(condition, text)
        link.open()
        return False

    def _take(self, path: str, raw: bytes, event: Event) -> None:
        delivery = event.delivery
        if path == "$cbs" or path.endswith("$management"):
            request = _decoded(raw)
            delivery.update(Delivery.ACCEPTED)
            delivery.settle()
            if path == "$cbs":
                self._token(event.link, request)
            else:
                operation = str((request.properties or {}).get("operation", ""))
                status, text, body = self.asked(path.removesuffix("$management").rstrip("/"), operation, request)
                self._reply(event.link, request, status, text, body)
            return
        self.transfers += 1
        fault = SILENCE if self.silent else self.faults.popleft() if self.faults else None
        if fault is None and len(raw) > self.max_message_bytes:
            fault = TOO_LARGE
        if fault is None and self.poison is not None and self.poison in raw:
            fault = WRONG
        if fault is TAKE_AND_CUT:
            self.incoming(path, event.link, [Incoming(each, _decoded(each)) for each in _unpacked(raw)], _decoded(raw))
        if fault is CUT or fault is TAKE_AND_CUT:
            self._cut(event.connection)
        elif fault is SILENCE:
            self._silenced.append(delivery)
        elif fault is not None:
            delivery.local.condition = error(*fault)
            delivery.update(Delivery.REJECTED)
            delivery.settle()
        else:
            self.incoming(path, event.link, [Incoming(each, _decoded(each)) for each in _unpacked(raw)], _decoded(raw))
            delivery.update(Delivery.ACCEPTED)
            delivery.settle()

    def _end(self) -> None:
        for connection in list(self._admitted):
            self._cut(connection)
        self._container.stop()

    def _cut(self, connection: Connection) -> None:
        connection.transport.close_tail()
        connection.transport.close_head()

    def _gone(self, connection: Connection) -> None:
        self._admitted.pop(connection, None)
        link = connection.link_head(0)
        while link:
            self.detach(link)
            link = link.next(0)

    def _look(self) -> None:
        still = []
        for condition, holds in self._waiting:
            if condition():
                holds.set_result(None)
            else:
                still.append((condition, holds))
        self._waiting = still

    def _may(self, connection: Connection, path: str) -> bool:
        return any(path == admitted or path.startswith(admitted + "/") for admitted in self._admitted[connection])

    def _token(self, link: Link, request: Message) -> None:
        claims = request.properties or {}
        token = request.body if isinstance(request.body, str) else bytes(request.body).decode()
        audience = str(claims.get("name", ""))
        # azure-servicebus calls either kind of token a jwt
        good = self._is_good(token, audience) if token.startswith("SharedAccessSignature") else token == self.jwt
        self.tokens.append((_path(audience), good))
        if good:
            self._admitted[link.connection].add(_path(audience))
        text = "Accepted" if good else "InvalidSignature: The token has an invalid signature."
        self._reply(link, request, 202 if good else 401, text, None)

    def _is_good(self, token: str, audience: str) -> bool:
        fields = dict(part.split("=", 1) for part in token.partition(" ")[2].split("&"))
        signed = f"{fields['sr']}\n{fields['se']}".encode()
        mac = base64.b64encode(hmac.new(self.key.encode(), signed, hashlib.sha256).digest()).decode()
        return (
            hmac.compare_digest(mac, unquote(fields["sig"]))
            and fields["skn"] == POLICY
            and int(fields["se"]) > time.time()
            and audience.lower().startswith(unquote(fields["sr"]).lower().rstrip("/"))
        )

    def _reply(self, link: Link, request: Message, status: int, text: str, body: Any) -> None:
        """Both spellings: Service Bus and ``$cbs`` differ in them."""
        properties = {
            "status-code": status,
            "status-description": text,
            "statusCode": status,
            "statusDescription": text,
        }
        reply = Message(correlation_id=request.id, properties=properties, body=body)
        other = link.connection.link_head(0)
        while other:
            if other.is_sender and other.session == link.session and _path(_address(other)) == _path(_address(link)):
                other.send(reply).settle()
                return
            other = other.next(0)


def incoming_of(body: bytes, group: str | None = None) -> Incoming:
    """A message of somebody who is not our own; ``group``: its session."""
    message = Message(body=body, inferred=True, id=str(uuid.uuid4()), group_id=group)
    return Incoming(message.encode(), message)


def error(condition: str, text: str) -> Condition:
    """With all three fields."""
    return Condition(condition, text, {symbol("tracking-id"): "tests"})


def _decoded(raw: bytes) -> Message:
    message = Message()
    message.decode(raw)
    return message


def _address(link: Link) -> str:
    terminus = link.remote_source if link.is_sender else link.remote_target
    return terminus.address or ""


def _path(address: str) -> str:
    return (urlsplit(address).path if "://" in address else address).strip("/").lower()


def _mirror(link: Link) -> None:
    link.source.copy(link.remote_source)
    link.target.copy(link.remote_target)
    link.properties = {symbol("server"): "tests"}


def _unpacked(raw: bytes) -> list[bytes]:
    """The messages of a batch (format 0x80013700: data sections, each a whole message), or the one that it is.

    Proton does not tell a transfer's format, so that a batch is known by its content.
    """
    messages, at = [], 0
    while at < len(raw):
        if raw[at : at + 2] == b"\0S" and raw[at + 2] == _DATA_SECTION:
            small = raw[at + 3] == 0xA0
            start = at + (5 if small else 8)
            length = raw[at + 4] if small else int.from_bytes(raw[at + 4 : at + 8], "big")
            inner = raw[start : start + length]
            if inner[:2] != b"\0S" or len(inner) < 3 or inner[2] not in _BATCHED_SECTIONS:
                return [raw]
            messages.append(inner)
            at = start + length
        else:
            used = Data().decode(raw[at:])
            if used <= 0:
                return [raw]
            at += used
    return messages or [raw]
