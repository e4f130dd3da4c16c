"""Deletions that stick: what a provider deletes is deleted here, and what comes of it later is not taken in.

A deletion changes the registry (a tombstone, ended streams) and is itself an item of the log. Both are one transaction
of the registry, since the item goes by its outbox: a kill at any moment leaves all of it or nothing, and the sender,
who has no answer then, sends it again. What comes of a deleted trip or driver afterwards, each on a retry clock of its
own, is confirmed, so that it is not sent again, and not stored.

What waits of a deleted driver beside the log is removed at once. A deletion also asks for an erasure
(``postroad.registry.erasures``), which soon removes what the log still holds; until then it is sent to nobody (of a
driver, no stream covers it; of a trip, its deletion supersedes it).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from postroad.clock import Clock
from postroad.errors import ConfigError, NotFound, StoreUnavailable, WireError
from postroad.ingest.bulk import Bulk
from postroad.ingest.intake import Intake
from postroad.ingest.slices import Slices
from postroad.metrics.counts import Counts
from postroad.protocols import drivequant
from postroad.protocols.base import Item
from postroad.protocols.drivequant import DriverDeletedPush, TripDeletedPush, TripPush
from postroad.registry import alerts, documents, drivers, erasures, subjects
from postroad.registry.actor import of_provider
from postroad.registry.alerts import about_provider
from postroad.registry.blocklist import document_namespace, is_blocked
from postroad.registry.outbox import Saying, Speaker
from postroad.registry.records import Provider
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.transaction import Transaction
from postroad.service.tasks import going_on

_NOTHING = Bulk((), ())
_log = logging.getLogger(__name__)


class DriveQuantDeletions:
    """Surrounds the storing of what DriveQuant pushes: see ``Around``."""

    def __init__(
        self,
        registry: RegistryStore,
        intake: Intake,
        *,
        keys: KeyRing,
        shard: int,
        refresh: Callable[[], Awaitable[None]],
        forget: Callable[[], Awaitable[None]],
        clock: Clock,
        counts: Counts,
    ) -> None:
        """``shard`` is where what is about nobody goes.

        ``refresh`` has the hub go by what the registry says now; then ``forget`` removes what waits of deleted drivers.
        """
        self._registry = registry
        self._intake = intake
        self._keys = keys
        self._shard = shard
        self._refresh = refresh
        self._forget = forget
        self._clock = clock
        self._counts = counts
        self._turns = _Turns()

    @asynccontextmanager
    async def around(self, provider: Provider, bulk: Bulk, received_us: int) -> AsyncIterator[Bulk]:
        """Give what is to be stored of a request in the ordinary way: all or nothing."""
        [raw], [item] = bulk.raws, bulk.outcomes
        if isinstance(item, WireError):
            yield bulk
            return
        driver, document = ("driver", item.identifier), ("document", drivequant.document_key(item))
        async with self._turns.of(provider.id, driver), self._turns.of(provider.id, document):  # always in this order
            yield bulk if await self._is_data(provider, item, raw, received_us) else _NOTHING

    async def _is_data(self, provider: Provider, item: Item, raw: bytes, received_us: int) -> bool:
        """Whether the item is data of something that is not deleted; a deletion is carried out."""
        key = drivequant.document_key(item)
        saying = Saying(
            by=Speaker(provider.id, provider.protocol, provider.revision),
            kind=drivequant.KINDS[item.kind],
            body=raw,
            received_us=received_us,
        )
        match item.wire.push:
            case TripDeletedPush():
                await self._delete(provider, saying, lambda change: self._forget_trip(change, provider, key, saying))
                return False
            case DriverDeletedPush() if item.identifier:
                await self._delete(provider, saying, lambda change: self._forget_driver(change, provider, item, saying))
                return False
            case DriverDeletedPush():
                await self._tell_unknown(provider)
                return True
        if await self._is_deleted(provider, item, key):
            self._counts.deleted.add(provider.id)
            return False
        return True

    async def _is_deleted(self, provider: Provider, item: Item, key: str) -> bool:
        failure = await self._intake.subjects.make_known(provider, [item], Slices(self._clock))
        if failure is not None:
            raise failure
        if self._intake.subjects.is_erased(provider, item):
            return True
        subject_id, _ = self._intake.subjects.of(provider, item)
        subject = self._intake.view.subjects.get(subject_id)
        if subject is not None and subject.removed:
            return True
        if not isinstance(item.wire.push, TripPush):
            return False
        return not await self._change(provider, lambda change: self._is_news(change, provider, key, subject_id))

    def _is_news(self, change: Transaction, provider: Provider, key: str, subject_id: int) -> bool:
        return not self._is_blocked(change, provider, document_namespace(provider.id), key) and documents.note(
            change, provider.id, key, subject_id
        )

    def _forget_trip(self, change: Transaction, provider: Provider, key: str, saying: Saying) -> bool:
        """Have a trip erased, and its deletion passed on; whether that is news."""
        organization_id, shard = provider.organization_id, self._shard
        if self._is_blocked(change, provider, document_namespace(provider.id), key) or not documents.delete(
            change, organization_id, key, saying, shard=shard
        ):
            return False
        erasures.ask_trip(
            change,
            self._keys,
            key,
            provider_id=provider.id,
            organization_id=organization_id,
            shard=shard,
            by="provider",
        )
        return True

    def _forget_driver(self, change: Transaction, provider: Provider, item: Item, saying: Saying) -> bool:
        """Have a driver erased, and the word of it passed on; whether that is news."""
        name = provider.organization_id, item.namespace, item.identifier
        if self._is_blocked(change, provider, item.namespace, item.identifier):
            alerts.clear_alert(change, drivers.UNNAMED, about_provider(provider.id))
            return False
        if not drivers.forget(change, *name, saying, shard=self._shard):
            return False
        driver_id = subjects.find(change.connection, *name)
        if driver_id is not None:
            erasures.ask_subject(change, self._keys, driver_id, by="provider")
        return True

    def _is_blocked(self, change: Transaction, provider: Provider, namespace: str, value: str) -> bool:
        return is_blocked(change, self._keys, provider.organization_id, namespace, value)

    async def _delete(self, provider: Provider, saying: Saying, delete: Callable[[Transaction], bool]) -> None:
        """Carry a deletion out; it is durable when this returns. ``delete`` says whether it was news."""
        if not await self._change(provider, delete):
            self._counts.duplicates.add(provider.id)
            return
        self._counts.events.add(provider.id)
        self._counts.bytes.add(provider.id, by=len(saying.body))
        with going_on("What was deleted stops being sent as soon as the registry is looked at again"):
            await self._refresh()
            await self._forget()

    async def _change(self, provider: Provider, change: Callable[[Transaction], bool]) -> bool:
        registry = self._registry.acting(of_provider(provider.name))

        def store() -> bool:
            with registry.transaction() as transaction:
                return change(transaction)

        try:
            return await asyncio.to_thread(store)
        except (ConfigError, NotFound) as exc:
            raise StoreUnavailable("locked", f"The registry could not take a deletion: {exc}") from exc

    async def _tell_unknown(self, provider: Provider) -> None:
        detail = "a driver is to be forgotten, and the request does not say which; it is stored, and nothing is deleted"
        _log.error("Provider %s: %s", provider.name, detail)
        with going_on("An alert could not be raised"):
            await asyncio.to_thread(self._registry.raise_alert, drivers.UNNAMED, about_provider(provider.id), detail)


class _Turns:
    """One at a time for each driver and document: a trip must not be stored behind its deletion, or its driver's."""

    def __init__(self) -> None:
        self._locks: dict[tuple[int, str, str], asyncio.Lock] = {}
        self._users = Counter[tuple[int, str, str]]()

    @asynccontextmanager
    async def of(self, provider_id: int, what: tuple[str, str]) -> AsyncIterator[None]:
        """A turn of a thing, by kind and name; what has no name waits for nobody."""
        if not what[1]:
            yield
            return
        name = (provider_id, *what)
        lock = self._locks.setdefault(name, asyncio.Lock())
        self._users[name] += 1
        try:
            async with lock:
                yield
        finally:
            self._users[name] -= 1
            if not self._users[name]:
                del self._users[name], self._locks[name]
