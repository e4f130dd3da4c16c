"""A Pub/Sub service for tests: Google's own wire protocol (gRPC), as far as the hub speaks it.

Source   ``google.pubsub.v1`` (the message classes of google-cloud-pubsub), and Google's documentation of ordering keys,
         acknowledgement deadlines, quotas and push authentication.

Publish, pull, acknowledge, deadlines, ordering keys with redelivery of what follows. Not here: streaming pull, pushes,
filters, snapshots, schemas, exactly-once delivery, the REST face. Tests break it by the attributes of ``Faults``.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from servers.google_keys import Key

MAX_MESSAGES = 1000
MAX_BYTES = 10_000_000
PULL_WAITS_S = 5.0
THREADS = 16
AUDIENCE = "https://pubsub.googleapis.com/google.pubsub.v1."
Code = grpc.StatusCode


class Refused(Exception):
    """Answered as an error."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class Faults:
    """How the service misbehaves."""

    def __init__(self) -> None:
        self.next: deque[Refused] = deque()
        """Answers of the next calls that publish, pull or acknowledge."""
        self.poison: bytes | None = None
        """A request that publishes a message holding this is refused whole, as Google refuses what is not valid."""
        self.cut_after_publish = False
        """The next request's messages are kept, and the connection ends before it is answered."""
        self.silent = False
        """Nothing that is published is kept, nor answered as long as this is so."""


class Held:
    """A message in a subscription."""

    def __init__(self, message: types.PubsubMessage) -> None:
        self.message = message
        self.ack_id = ""
        self.until = 0.0
        """Leased until then, by ``time.monotonic``."""
        self.deliveries = 0


class Subscription:
    """What waits in one."""

    def __init__(self, name: str, topic: str, *, ordered: bool, deadline_s: float) -> None:
        self.name, self.topic, self.ordered, self.deadline_s = name, topic, ordered, deadline_s
        self.held: list[Held] = []
        self.acknowledged: list[str] = []
        """Message ids, in order."""

    def lease(self, most: int) -> list[Held]:
        """What can be delivered now. Of an ordering key nothing is that stands behind what is out."""
        now, out, blocked = time.monotonic(), list[Held](), set[str]()
        for held in self.held:
            key = held.message.ordering_key if self.ordered else ""
            if len(out) >= most:
                break
            if held.until > now or key in blocked:
                blocked |= {key} - {""}
                continue
            held.deliveries += 1
            held.until = now + self.deadline_s
            held.ack_id = f"{held.message.message_id}-{held.deliveries}"
            out.append(held)
        return out

    def next_s(self) -> float:
        """How long until a lease ends, at most a second."""
        return max(min([held.until - time.monotonic() for held in self.held], default=1.0), 0.005)


class PubSubServer:
    """``start`` it; ``close`` it. It works in threads of its own."""

    def __init__(
        self,
        *,
        key: Key | None = None,
        tokens: Collection[str] | None = None,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        """Plaintext, or with ``credentials`` TLS; with ``key`` only for whom it signs; ``tokens`` are taken too."""
        self.port = 0
        self.faults = Faults()
        self.topics: dict[str, list[types.PubsubMessage]] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.requests = 0
        """That published."""
        self.shown: list[str] = []
        """The tokens that each call with one came with."""
        self._key = key
        self._tokens = tokens
        self._credentials = credentials
        self._next_id = 1
        self._server: grpc.Server | None = None
        self._changed = threading.Condition()
        """Held by whoever looks at, or changes, any of this."""
        self._stopping = False
        self.heard: Callable[[], None] = lambda: None
        """Called when messages were acknowledged, before that is answered; in one of the server's threads."""

    def start(self) -> None:
        """Listen; on the same port again after a stop."""
        self._stopping = False
        self._server = grpc.server(ThreadPoolExecutor(THREADS), options=[("grpc.max_receive_message_length", -1)])
        self._server.add_generic_rpc_handlers(self._handlers())
        address = f"127.0.0.1:{self.port}"
        if self._credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, self._credentials)
        self._server.start()

    def close(self) -> None:
        """End all connections at once."""
        stopped = None if self._server is None else self._server.stop(None)
        with self._changed:  # no call is answered any more: whoever still works may end
            self._stopping = True
            self._changed.notify_all()
        if stopped is not None:
            stopped.wait()

    def cut(self) -> None:
        """End all connections, and take new ones."""
        self.close()
        self.start()

    def add_topic(self, name: str) -> None:
        self.topics[name] = []

    def add_subscription(
        self, name: str, topic: str, *, ordered: bool = False, deadline_s: float = 10.0
    ) -> Subscription:
        made = self.subscriptions[name] = Subscription(name, topic, ordered=ordered, deadline_s=deadline_s)
        return made

    def put(self, topic: str, data: bytes, *, ordering_key: str = "", **attributes: str) -> types.PubsubMessage:
        """Publish from within."""
        message = types.PubsubMessage(data=data, ordering_key=ordering_key, attributes=attributes)
        with self._changed:
            self._keep(topic, message)
        return message

    def _keep(self, topic: str, message: types.PubsubMessage) -> None:
        message.message_id = str(self._next_id)
        self._next_id += 1
        self.topics[topic].append(message)
        for subscription in self.subscriptions.values():
            if subscription.topic == topic:
                subscription.held.append(Held(message))
        self._changed.notify_all()

    # The service

    def _publish(self, request: types.PublishRequest) -> types.PublishResponse:
        self.requests += 1
        self._fault()
        if self.faults.silent:
            self._changed.wait_for(lambda: self._stopping or not self.faults.silent)
            raise Refused(Code.UNAVAILABLE, "Nothing was kept")
        if request.topic not in self.topics:
            raise Refused(Code.NOT_FOUND, "Resource not found")
        if not 1 <= len(request.messages) <= MAX_MESSAGES:
            raise Refused(Code.INVALID_ARGUMENT, "The request has too many messages, or none")
        if type(request).pb(request).ByteSize() > MAX_BYTES:
            raise Refused(Code.INVALID_ARGUMENT, "Request payload size exceeds the limit: 10000000 bytes.")
        for message in request.messages:
            if not message.data and not message.attributes:
                raise Refused(Code.INVALID_ARGUMENT, "Some messages are empty")
            if self.faults.poison is not None and self.faults.poison in message.data:
                raise Refused(Code.INVALID_ARGUMENT, "A message is not valid")
        for message in request.messages:
            self._keep(request.topic, message)
        if self.faults.cut_after_publish:
            self.faults.cut_after_publish = False
            threading.Thread(target=self.cut).start()
            self._changed.wait_for(lambda: self._stopping)
        return types.PublishResponse(message_ids=[message.message_id for message in request.messages])

    def _pull(self, request: types.PullRequest) -> types.PullResponse:
        self._fault()
        subscription = self._subscription(request.subscription)
        until = time.monotonic() + PULL_WAITS_S
        while not (leased := subscription.lease(request.max_messages)):
            if self._stopping or time.monotonic() > until:
                break
            self._changed.wait(subscription.next_s())
        received = [
            types.ReceivedMessage(ack_id=held.ack_id, message=held.message, delivery_attempt=held.deliveries)
            for held in leased
        ]
        return types.PullResponse(received_messages=received)

    def _acknowledge(self, request: types.AcknowledgeRequest) -> empty_pb2.Empty:
        self._fault()
        subscription = self._subscription(request.subscription)
        gone = set(request.ack_ids)
        subscription.acknowledged += [held.message.message_id for held in subscription.held if held.ack_id in gone]
        subscription.held = [held for held in subscription.held if held.ack_id not in gone]
        self.heard()
        self._changed.notify_all()
        return empty_pb2.Empty()

    def _modify(self, request: types.ModifyAckDeadlineRequest) -> empty_pb2.Empty:
        for held in self._subscription(request.subscription).held:
            if held.ack_id in set(request.ack_ids):
                held.until = time.monotonic() + request.ack_deadline_seconds
        self._changed.notify_all()
        return empty_pb2.Empty()

    def _subscription(self, name: str) -> Subscription:
        if name not in self.subscriptions:
            raise Refused(Code.NOT_FOUND, "Resource not found")
        return self.subscriptions[name]

    def _fault(self) -> None:
        if self.faults.next:
            raise self.faults.next.popleft()

    def _authenticate(self, context: Any, service: str) -> None:
        if self._key is None and self._tokens is None:
            return
        token = dict(context.invocation_metadata()).get("authorization", "").removeprefix("Bearer ")
        self.shown.append(token)
        if token in (self._tokens or ()):
            return
        certificates = {} if self._key is None else {"k1": self._key.certificate}
        try:
            jwt.decode(token, certs=certificates, audience=AUDIENCE + service)
        except (ValueError, GoogleAuthError) as exc:
            raise Refused(Code.UNAUTHENTICATED, "Request had invalid authentication credentials.") from exc

    def _handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        def unary(service: str, cls: Any, work: Callable[[Any], Any]) -> grpc.RpcMethodHandler:
            def call(request: Any, context: Any) -> Any:
                try:
                    self._authenticate(context, service)
                    with self._changed:
                        return work(request)
                except Refused as refused:
                    context.abort(refused.code, refused.text)

            def written(answer: Any) -> bytes:
                plain = isinstance(answer, empty_pb2.Empty)
                return bytes(answer.SerializeToString() if plain else type(answer).serialize(answer))

            return grpc.unary_unary_rpc_method_handler(call, cls.deserialize, written)

        methods = {
            "Publisher": {"Publish": (types.PublishRequest, self._publish)},
            "Subscriber": {
                "Pull": (types.PullRequest, self._pull),
                "Acknowledge": (types.AcknowledgeRequest, self._acknowledge),
                "ModifyAckDeadline": (types.ModifyAckDeadlineRequest, self._modify),
            },
        }
        return tuple(
            grpc.method_handlers_generic_handler(
                f"google.pubsub.v1.{service}", {name: unary(service, *of) for name, of in named.items()}
            )
            for service, named in methods.items()
        )
