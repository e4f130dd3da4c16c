"""Following admin events: what a provider's feed says about access is done here, in the order of the log.

One reader a shard. The bytes of other items are not looked at: their kind says enough. Effects are exactly once: each
is written in one transaction with the position that it came from (``registry.upstreams.follow``), and what lies below
that position is passed over. The cursor beside it, kept in the shard under ``FOLLOWER_ID``, only saves a restart from
reading the shard from its beginning. It holds up no retention.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, Literal

import msgspec

from postroad.clock import Clock
from postroad.errors import PostroadError
from postroad.log.delivery import FOLLOWER_ID
from postroad.log.interface import Batch, ShardLog
from postroad.model.events import AccessChanged, Header, MembershipChanged
from postroad.protocols.connected_cars import PROTOCOL
from postroad.registry import consents, upstreams
from postroad.registry.actor import of_provider
from postroad.registry.records import Provider, RegistryView
from postroad.registry.store import RegistryStore
from postroad.registry.transaction import Transaction
from postroad.upstream.connected_cars.vehicles import NewSubjects, settings_of, vehicle

ADMIN_TYPES: Final = (
    "access_granted_to_fleet",
    "access_granted_to_vehicle",
    "access_removed_from_fleet",
    "access_removed_from_vehicle",
    "vehicle_added_to_fleet",
    "vehicle_removed_from_fleet",
)
_KINDS: Final = bytes(PROTOCOL.kinds.index(type_) for type_ in ADMIN_TYPES)
SETTLED_EVERY = 10_000
"""Positions between two writings of the cursor: so many are looked through again after a kill."""
TRY_AGAIN_S = 1.0

_log = logging.getLogger(__name__)

Refresh = Callable[[], Awaitable[None]]
"""Have the hub go by what the registry says now. Raises ``StoreUnavailable``."""


class AccessSaid(msgspec.Struct, frozen=True):
    """Access was given or withdrawn."""

    position: int
    of: Literal["vehicle", "fleet"]
    name: str
    given: bool


class MembershipSaid(msgspec.Struct, frozen=True):
    """A vehicle joined or left a fleet."""

    position: int
    name: str
    fleet: str
    namespace: str
    joined: bool


Said = AccessSaid | MembershipSaid


def said_in(batch: Batch, view: RegistryView) -> Iterator[Said]:
    """What a batch's admin events say, in order; what cannot be read any more is passed over and logged."""
    if not _concerns(batch):
        return
    settings = settings_of(view.provider_settings.get((batch.provider_id, batch.revision), {}))
    for index, raw in enumerate(batch.items()):
        if batch.kinds[index] not in _KINDS:
            continue
        position = batch.position + index
        try:
            item = PROTOCOL.read(raw, settings)
        except PostroadError as exc:
            _log.error("The admin event at position %d cannot be read any more: %s", position, exc)
            continue
        header = Header(
            subject_id=batch.subjects[index],
            provider_id=batch.provider_id,
            recorded_us=item.recorded_us,
            received_us=batch.received_at_us(index),
        )
        for event in PROTOCOL.events(item, header, settings):
            match event:
                case AccessChanged(to_hub=True):
                    yield AccessSaid(position, event.of, item.identifier, event.granted)
                case MembershipChanged():
                    fleet = event.fleet
                    yield MembershipSaid(position, item.identifier, fleet.value, fleet.namespace, event.joined)


def apply(transaction: Transaction, provider: Provider, said: Sequence[Said], shard: int, new: NewSubjects) -> None:
    """Do what the provider said in a shard, all of it or nothing. What was done before is not done again."""
    done = upstreams.followed(transaction.connection, shard)
    for one in said:
        if one.position < done:
            continue
        match one:
            case AccessSaid():
                _access(transaction, provider, one, shard, new)
            case MembershipSaid():
                _membership(transaction, provider, one, new)
        upstreams.follow(transaction, shard, one.position + 1)


def _access(transaction: Transaction, provider: Provider, said: AccessSaid, shard: int, new: NewSubjects) -> None:
    if said.of == "fleet":
        ids = list(consents.of_fleet(transaction.connection, provider.id, said.name))
    else:
        known = vehicle(transaction, provider, said.name, new, vin=None)
        ids = [] if known is None else [known]
    if said.given:
        consents.give(transaction, provider.id, provider.organization_id, ids)
    else:
        consents.withdraw(transaction, provider.id, ids, consents.Place(shard, said.position))


def _membership(transaction: Transaction, provider: Provider, said: MembershipSaid, new: NewSubjects) -> None:
    known = vehicle(transaction, provider, said.name, new, vin=None)
    if known is None:
        return
    if not said.joined and consents.fleet_of(transaction.connection, provider.id, known) != said.fleet:
        return  # it has joined another meanwhile, or was never known to be there
    consents.note_fleet(transaction, provider.id, known, said.fleet if said.joined else None)
    place = (said.namespace, said.fleet) if said.joined else None
    consents.move(transaction, provider.organization_id, known, place, shard=new.shard, issue=new.issue)


class AdminFollower:
    """Follows the admin events in one shard: run ``run`` as a task."""

    def __init__(
        self,
        log: ShardLog,
        registry: RegistryStore,
        *,
        view: Callable[[], RegistryView],
        refresh: Refresh,
        changed: Callable[[int], None],
        new: NewSubjects,
        clock: Clock,
    ) -> None:
        """``changed`` is told the id of a provider that said something."""
        self._log = log
        self._registry = registry
        self._view = view
        self._refresh = refresh
        self._changed = changed
        self._new = new
        self._clock = clock
        self._news = asyncio.Event()
        self._news.set()
        self._settled = 0
        self.position = 0
        """Everything below was looked at."""
        self.idle = False
        """Nothing is left to be looked at or done."""

    async def run(self) -> None:
        """Begin where the cursor is, and follow until cancelled."""
        cursor = (await self._log.delivery.cursors()).get(FOLLOWER_ID)
        if cursor is not None:
            self.position = cursor.position
        else:
            self.position = self._log.first_position if self._anybody else self._log.next_position
        self._settled = self.position
        self._log.listen(self._stored)
        while True:
            self.idle = not self._news.is_set()
            await self._news.wait()
            self._news.clear()
            self.idle = False
            try:
                await self._follow()
            except PostroadError as exc:
                _log.warning("Admin events cannot be followed now; trying again: %s", exc)
                self._news.set()
                await self._clock.sleep(TRY_AGAIN_S)

    def _stored(self, batches: Sequence[Batch]) -> None:
        """The log's listener: what concerns nobody here is passed without being read."""
        for batch in batches:
            if self.position == batch.position and not _concerns(batch):
                self.position = batch.end
            else:
                self._news.set()
        if self.position - self._settled >= SETTLED_EVERY:
            self._news.set()

    @property
    def _anybody(self) -> bool:
        """Whether there is a provider to follow: without one, nothing is read or written."""
        return any(provider.protocol == PROTOCOL.name for provider in self._view().providers.values())

    async def _follow(self) -> None:
        """Look at everything up to the log's end. Raises ``StoreUnavailable`` or ``StoreCorrupt``."""
        acted = False
        while self.position < self._log.next_position:
            batches = await self._log.read(self.position)
            if not batches:
                break
            for batch in batches:
                acted |= await self._look(batch)
                self.position = max(self.position, batch.end)
        if acted or (self._anybody and self.position - self._settled >= SETTLED_EVERY):
            await self._log.delivery.settle(FOLLOWER_ID, self.position)
            self._settled = self.position

    async def _look(self, batch: Batch) -> bool:
        view = self._view()
        provider = view.providers.get(batch.provider_id)
        said = [] if provider is None else list(said_in(batch, view))
        if provider is None or not said:
            return False
        await asyncio.to_thread(self._do, provider, said)
        await self._refresh()
        self._changed(provider.id)
        return True

    def _do(self, provider: Provider, said: Sequence[Said]) -> None:
        with self._registry.acting(of_provider(provider.name)).transaction() as transaction:
            apply(transaction, provider, said, self._log.shard, self._new)


def _concerns(batch: Batch) -> bool:
    return batch.protocol == PROTOCOL.name and not set(batch.kinds).isdisjoint(_KINDS)
