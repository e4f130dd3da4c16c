"""Azure Service Bus, as much of it as the tests need: queues, topics with subscriptions, sessions, locks, dead letters.

Source   Microsoft, "AMQP 1.0 in Azure Service Bus and Event Hubs protocol guide", and "AMQP 1.0 in Azure Service Bus:
         request-response-based operations".

Not there: scheduled and deferred messages, filters of subscriptions, transactions, forwarding.
"""

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proton import Data, Delivery, Endpoint, Link, Message, symbol, timestamp

from servers.amqp import AmqpServer, Incoming, error

MICROSOFT = "com.microsoft:"
DEAD_LETTERS = "/$deadletterqueue"
_TICKS_TO_1970 = 621_355_968_000_000_000
"""Of .NET: 100 ns each, since the year 1."""
_HOW = {Delivery.ACCEPTED: "complete", Delivery.RELEASED: "release", Delivery.REJECTED: "dead-letter"}


@dataclass
class Item:
    """A message in a queue."""

    incoming: Incoming
    number: int
    enqueued_s: float
    deliveries: int = 0
    lock: uuid.UUID | None = None
    locked_until_s: float = 0.0
    why_dead: Mapping[str, str] = field(default_factory=dict)

    @property
    def session(self) -> str | None:
        return self.incoming.message.group_id

    @property
    def body(self) -> bytes:
        return bytes(self.incoming.message.body)


class Queue:
    """A queue, a topic's subscription, or the dead letters of either."""

    def __init__(self, name: str, *, sessions: bool = False, lock_s: float = 30.0, max_deliveries: int = 10) -> None:
        self.name = name.lower()
        self.sessions = sessions
        self.lock_s = lock_s
        self.max_deliveries = max_deliveries
        self.items: OrderedDict[int, Item] = OrderedDict()
        self.arrived: list[Incoming] = []
        """All that was ever enqueued, in order."""
        self.settled: list[str] = []
        """How each delivery ended."""
        self.done: list[bytes] = []
        """The bodies of what will not come again, in order."""
        self.links: list[Link] = []
        self.owners: dict[str, Link] = {}
        """By session."""
        self.dead = None if self.name.endswith(DEAD_LETTERS) else Queue(self.name + DEAD_LETTERS)

    def end_locks(self) -> None:
        """All of them, as if their time had come."""
        for item in self.items.values():
            item.locked_until_s = 0.0

    def put(self, incoming: Incoming, why_dead: Mapping[str, str] | None = None) -> None:
        self.arrived.append(incoming)
        number = len(self.arrived)
        self.items[number] = Item(incoming, number, time.time(), why_dead=why_dead or {})

    def settle(self, item: Item, how: str, reason: str = "", description: str = "") -> None:
        item.lock = None
        self.settled.append(how)
        if how in ("complete", "dead-letter"):
            self.done.append(item.body)
        if how == "complete":
            del self.items[item.number]
        elif how == "dead-letter" or (how == "abandon" and item.deliveries >= self.max_deliveries):
            if how == "abandon":
                reason = "MaxDeliveryCountExceeded"
            del self.items[item.number]
            assert self.dead is not None
            self.dead.put(item.incoming, {"DeadLetterReason": reason, "DeadLetterErrorDescription": description})


class ServiceBusServer(AmqpServer):
    """One namespace."""

    def __init__(self, *queues: Queue, topics: Mapping[str, Sequence[Queue]] | None = None, **options: Any) -> None:
        """``topics``: name -> the subscriptions, each a queue named ``<topic>/subscriptions/<name>``."""
        super().__init__(**options)
        self.topics = {name.lower(): list(subscriptions) for name, subscriptions in (topics or {}).items()}
        every = [*queues, *(each for subscriptions in self.topics.values() for each in subscriptions)]
        self.queues = {queue.name: queue for queue in every}
        self.queues |= {queue.dead.name: queue.dead for queue in every if queue.dead is not None}
        self._held: dict[Delivery, tuple[Queue, Item, uuid.UUID]] = {}
        self.heard: Callable[[], None] = lambda: None
        """Called when a receiver has settled a message, before it is told so; in the server's thread."""

    # --- see AmqpServer

    def known(self, path: str, *, receives: bool) -> bool:
        return path in self.queues or (receives and path in self.topics)

    def attach(self, link: Link, path: str) -> bool:
        if link.is_receiver:
            return True
        queue = self.queues[path]
        if queue.sessions and not self._lock_session(link, queue):
            return False
        queue.links.append(link)
        return True

    def detach(self, link: Link) -> None:
        for queue in self.queues.values():
            if link in queue.links:
                queue.links.remove(link)
                if queue.sessions:  # a session's locks end with it
                    self._abandon(queue, link.session_name)
                queue.owners = {session: owner for session, owner in queue.owners.items() if owner != link}

    def incoming(self, path: str, link: Link, messages: list[Incoming], envelope: Message) -> None:  # noqa: ARG002
        for queue in self.topics.get(path) or [self.queues[path]]:
            for message in messages:
                queue.put(message)
            self._pump(queue)

    def pump(self, link: Link) -> None:
        for queue in self.queues.values():
            if link in queue.links:
                self._pump(queue)

    def tick(self) -> None:
        for queue in self.queues.values():
            for item in list(queue.items.values()):
                if item.lock is not None and item.locked_until_s < time.time():
                    queue.settle(item, "abandon")
            self._pump(queue)

    def settled(self, delivery: Delivery) -> None:
        held = self._held.pop(delivery, None)
        if held is None:
            delivery.settle()
            return
        queue, item, lock = held
        if item.lock != lock:
            delivery.local.condition = error(MICROSOFT + "message-lock-lost", "The lock supplied is invalid.")
            delivery.update(Delivery.REJECTED)
            delivery.settle()
            return
        how = _HOW.get(delivery.remote_state, "abandon")
        if how == "release":
            item.deliveries -= 1
        condition = delivery.remote.condition if how == "dead-letter" else None
        told = {str(name): str(value) for name, value in ((condition and condition.info) or {}).items()}
        queue.settle(item, how, told.get("DeadLetterReason", ""), told.get("DeadLetterErrorDescription", ""))
        self.heard()
        delivery.update(delivery.remote_state)
        delivery.settle()
        self._pump(queue)
        if queue.dead is not None:
            self._pump(queue.dead)

    def asked(self, path: str, operation: str, request: Message) -> tuple[int, str, Any]:
        queue, until_s = self.queues[path], time.time() + self.queues[path].lock_s
        match operation.removeprefix(MICROSOFT):
            case "renew-lock":
                locks = list(request.body["lock-tokens"])
                held = {item.lock: item for item in queue.items.values() if item.lock is not None}
                if any(lock not in held for lock in locks):
                    return 410, "The lock supplied is invalid.", None
                for lock in locks:
                    held[lock].locked_until_s = until_s
                return 200, "OK", {"expirations": [timestamp(int(until_s * 1000)) for _ in locks]}
            case "renew-session-lock":
                for item in queue.items.values():
                    if item.lock is not None and item.session == request.body["session-id"]:
                        item.locked_until_s = until_s
                return 200, "OK", {"expiration": timestamp(int(until_s * 1000))}
            case unknown:
                return 501, f"{unknown} is not there", None

    # --- within

    def _lock_session(self, link: Link, queue: Queue) -> bool:
        """Give ``link`` the session that it asks for, or the next one that nobody has."""
        asked = link.remote_source.filter
        asked.rewind()
        filters = asked.get_object() if asked.next() else {}
        name = symbol(MICROSOFT + "session-filter")
        if name not in filters:
            return self.refuse(link, "amqp:not-allowed", "The entity requires sessions.")
        wanted = getattr(filters[name], "value", filters[name])
        if wanted is None:
            waiting = (item.session for item in queue.items.values() if item.lock is None)
            wanted = next((session for session in waiting if session and session not in queue.owners), None)
            if wanted is None:
                return self.refuse(link, MICROSOFT + "timeout", "No session is available.")
        if wanted in queue.owners:
            return self.refuse(link, MICROSOFT + "session-cannot-be-locked", "The session is locked.")
        queue.owners[wanted] = link
        link.session_name = wanted
        _write_filter(link.source.filter, name, wanted)
        until_ticks = int((time.time() + queue.lock_s) * 1e7) + _TICKS_TO_1970
        link.properties = {symbol(MICROSOFT + "locked-until-utc"): until_ticks}
        return True

    def _abandon(self, queue: Queue, session: str) -> None:
        """Whatever of the session is locked."""
        for item in list(queue.items.values()):
            if item.lock is not None and item.session == session:
                queue.settle(item, "abandon")

    def _pump(self, queue: Queue) -> None:
        for link in list(queue.links):
            if not (link.state & Endpoint.LOCAL_ACTIVE and link.state & Endpoint.REMOTE_ACTIVE):
                continue
            for item in list(queue.items.values()):
                if link.credit <= 0:
                    break
                if item.lock is None and (not queue.sessions or item.session == link.session_name):
                    self._deliver(link, queue, item)

    def _deliver(self, link: Link, queue: Queue, item: Item) -> None:
        item.deliveries += 1
        item.lock, item.locked_until_s = uuid.uuid4(), time.time() + queue.lock_s
        delivery = link.delivery(item.lock.bytes_le)
        link.stream(_rendered(item))
        link.advance()
        self._held[delivery] = (queue, item, item.lock)


def _rendered(item: Item) -> bytes:
    """The message with what the service writes on it."""
    message = Message()
    message.decode(item.incoming.raw)
    message.durable = True
    message.delivery_count = item.deliveries - 1
    message.annotations = {
        **(message.annotations or {}),
        symbol("x-opt-sequence-number"): item.number,
        symbol("x-opt-enqueued-time"): timestamp(int(item.enqueued_s * 1000)),
        symbol("x-opt-locked-until"): timestamp(int(item.locked_until_s * 1000)),
    }
    message.properties = {**(message.properties or {}), **item.why_dead}
    return bytes(message.encode())


def _write_filter(data: Data, name: symbol, value: str) -> None:
    data.clear()
    data.put_map()
    data.enter()
    data.put_symbol(name)
    data.put_string(value)
    data.exit()
