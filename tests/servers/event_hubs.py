"""Azure Event Hubs, as much of it as the tests need: partitions that are logs, and readers that start where they say.

Source   Microsoft, "AMQP 1.0 in Azure Service Bus and Event Hubs protocol guide"; what azure-eventhub asks for.

Not there: retention, consumer groups' limits, and a second reader that takes a partition away (``owner_level``).
"""

import re
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proton import Delivery, Endpoint, Link, Message, symbol, timestamp

from servers.amqp import AmqpServer, Incoming

_PATH = re.compile(r"(?P<hub>[^/]+)(?:/consumergroups/[^/]+)?(?:/partitions/(?P<partition>\d+))?")
_SELECTOR = re.compile(r"x-opt-(?:offset|sequence-number) >(?P<inclusive>=?) ?'?(?P<at>-?\d+|@latest)")


@dataclass
class Event:
    """One event of a partition."""

    incoming: Incoming
    enqueued_s: float
    key: str | None
    partition: int
    number: int

    @property
    def body(self) -> bytes:
        return bytes(self.incoming.message.body)


class EventHubsServer(AmqpServer):
    """One namespace."""

    def __init__(self, hubs: Mapping[str, int], **options: Any) -> None:
        """``hubs``: name -> how many partitions it has."""
        super().__init__(**{"max_message_bytes": 1_048_576, **options})
        self.hubs: dict[str, list[list[Event]]] = {name: [[] for _ in range(count)] for name, count in hubs.items()}
        self.taken: list[Event] = []
        """Of all hubs, in order."""
        self._readers: list[Link] = []
        self._turn = 0

    def known(self, path: str, *, receives: bool) -> bool:  # noqa: ARG002
        named = _PATH.fullmatch(path)
        partitions = self.hubs.get(named["hub"]) if named else None
        return partitions is not None and int(named["partition"] or 0) < len(partitions)

    def attach(self, link: Link, path: str) -> bool:
        named = _PATH.fullmatch(path)
        link.hub, link.partition = named["hub"], None if named["partition"] is None else int(named["partition"])
        if link.is_sender:
            link.at = self._start(link)
            self._readers.append(link)
        return True

    def detach(self, link: Link) -> None:
        if link in self._readers:
            self._readers.remove(link)

    def incoming(self, path: str, link: Link, messages: list[Incoming], envelope: Message) -> None:  # noqa: ARG002
        key = (envelope.annotations or {}).get(symbol("x-opt-partition-key"))
        self.put(link.hub, messages, None if key is None else str(key), link.partition)

    def put(self, hub: str, messages: list[Incoming], key: str | None, partition: int | None = None) -> None:
        """Add events: to the partition, to that of the key, or to the next one."""
        partitions = self.hubs[hub]
        if partition is None and key is not None:
            partition = zlib.crc32(key.encode()) % len(partitions)
        if partition is None:
            self._turn += 1
            partition = self._turn % len(partitions)
        events = partitions[partition]
        for message in messages:
            events.append(Event(message, time.time(), key, partition, len(events)))
            self.taken.append(events[-1])
        for reader in self._readers:
            self.pump(reader)

    def pump(self, link: Link) -> None:
        events = self.hubs[link.hub][link.partition]
        while link.at < len(events) and link.credit > 0 and link.state & Endpoint.REMOTE_ACTIVE:
            link.send(_rendered(events[link.at])).settle()
            link.at += 1

    def is_read(self) -> bool:
        """Whoever reads has come to the end of his partition."""
        return all(reader.at == len(self.hubs[reader.hub][reader.partition]) for reader in self._readers)

    def settled(self, delivery: Delivery) -> None:
        delivery.settle()

    def asked(self, path: str, operation: str, request: Message) -> tuple[int, str, Any]:  # noqa: ARG002
        asked = request.properties or {}
        name = str(asked.get("name", "")).lower()
        partitions = self.hubs.get(name)
        if partitions is None:
            return 404, f"The messaging entity '{name}' could not be found.", None
        now = timestamp(int(time.time() * 1000))
        if asked.get("type") == "com.microsoft:eventhub":
            numbers = [str(number) for number in range(len(partitions))]
            found = {"created_at": now, "partition_count": len(partitions), "partition_ids": numbers}
            return 200, "OK", {"name": name, "type": "com.microsoft:eventhub", **found}
        last = len(partitions[int(asked["partition"])]) - 1
        return (
            200,
            "OK",
            {
                "name": name,
                "partition": asked["partition"],
                "begin_sequence_number": 0,
                "last_enqueued_sequence_number": last,
                "last_enqueued_offset": str(last),
                "last_enqueued_time_utc": now,
                "is_partition_empty": last < 0,
            },
        )

    def _start(self, link: Link) -> int:
        """Where the reader's selector has it begin."""
        filters = link.remote_source.filter
        filters.rewind()
        selector = _SELECTOR.search(str(filters.get_object()) if filters.next() else "")
        if selector is None or selector["at"] == "@latest":
            return len(self.hubs[link.hub][link.partition])
        return max(0, int(selector["at"]) + (0 if selector["inclusive"] else 1))


def _rendered(event: Event) -> Message:
    """The message with what the service writes on it."""
    message = Message()
    message.decode(event.incoming.raw)
    annotations: dict[Any, Any] = {
        **(message.annotations or {}),
        symbol("x-opt-sequence-number"): event.number,
        symbol("x-opt-offset"): str(event.number),
        symbol("x-opt-enqueued-time"): timestamp(int(event.enqueued_s * 1000)),
    }
    if event.key is not None:
        annotations[symbol("x-opt-partition-key")] = event.key
    message.annotations = annotations
    return message
