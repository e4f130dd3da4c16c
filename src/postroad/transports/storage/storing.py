"""First the copy, then the word: a message goes out once what it speaks of is in the customer's storage."""

import asyncio
from collections import OrderedDict
from typing import Final
from weakref import WeakValueDictionary

from msgspec import structs

from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.transports.base import Copy, Failed, Message, Outcome, Transport
from postroad.transports.spec import Step
from postroad.transports.storage.base import Storage, StorageFailed
from postroad.transports.storage.config import FolderStorage, StorageConfig
from postroad.transports.storage.folder import Folder
from postroad.transports.storage.s3 import S3

PROBE: Final = Copy(key="postroad-probe.json", edition=0, body=b"{}")
REMEMBERED: Final = 10_000
"""Messages whose copy is not made once more if only the word failed."""


class StoringTransport:
    """A ``Transport`` that stores what a message brings along before it hands the message on to another."""

    def __init__(self, transport: Transport, storage: Storage, clock: Clock) -> None:
        self._transport = transport
        self._storage = storage
        self._clock = clock
        self._stored: OrderedDict[str, None] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By key: two editions of one thing are stored one after the other."""

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        if message.copy is not None and message.request_id not in self._stored:
            started = self._clock.monotonic_s()
            try:
                await self._store(message.copy)
            except StorageFailed as exc:
                elapsed_s = self._clock.monotonic_s() - started
                return Failed(
                    reason=exc.reason, detail=f"storage, {self._storage.name}: {exc.detail}", elapsed_s=elapsed_s
                )
            self._remember(message.request_id)
        return await self._transport.send(structs.replace(message, copy=None))

    def endpoint(self, wire_type: str) -> str:
        """See ``Transport``."""
        return self._transport.endpoint(wire_type)

    async def close(self) -> None:
        """See ``Transport``."""
        try:
            await self._transport.close()
        finally:
            await self._storage.close()

    async def _store(self, copy: Copy) -> None:
        lock = self._locks.setdefault(copy.key, asyncio.Lock())
        async with lock:
            await self._storage.put(copy)

    def _remember(self, request_id: str) -> None:
        self._stored[request_id] = None
        if len(self._stored) > REMEMBERED:
            self._stored.popitem(last=False)


def open_storage(config: StorageConfig, egress: EgressClient, clock: Clock, *, ca_file: str | None) -> Storage:
    """The storage of a destination; connects to nothing yet. Raises ``ConfigError``."""
    if isinstance(config, FolderStorage):
        return Folder(config)
    return S3(config, egress, clock, ca_file=ca_file)


async def probe_storage(config: StorageConfig, egress: EgressClient, clock: Clock, *, ca_file: str | None) -> Step:
    """Write a small file of its own name, the same each time. Raises ``ConfigError``."""
    storage = open_storage(config, egress, clock, ca_file=ca_file)
    try:
        await storage.put(PROBE)
    except StorageFailed as exc:
        return Step(name="storage", ok=False, detail=f"{storage.name}: {exc}")
    finally:
        await storage.close()
    return Step(name="storage", ok=True, detail=f"{storage.name}: {PROBE.key} is written")
