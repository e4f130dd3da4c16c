"""Carries erasures out, each as far as it goes now; whatever ends a hub half-way, the next one goes on.

1. The log is searched up to where it is routed, so that nobody holds anything of it that was not derived yet.
2. What was found becomes tombstones, all but the items that tell customers of it.
3. Deliveries that may hold a copy in memory stand still, while what waits beside the log goes.
4. State, trips in the making and the index of datasets forget it; so does the registry, whose file is written anew.
5. When the notices are settled, they are erased too, and nothing is left that names it.

Between 2 and 5, whenever erasures are looked after, what came in while it was being asked for is searched for as well.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from postroad.clock import DAY_US, Clock
from postroad.delivery.manager import DeliveryManager
from postroad.delivery.redrive import to_its_end
from postroad.erasure.received import as_it_was
from postroad.erasure.receivers import Receivers, access_was_had, last_told
from postroad.erasure.search import Found, Sought
from postroad.errors import PostroadError, StoreUnavailable
from postroad.log.interface import Erased, Erasing, ShardLog
from postroad.protocols.base import TargetProtocol
from postroad.registry import audit_details, erasures, traces
from postroad.registry.erasures import Erasure, Names, Receipt, Receiver
from postroad.registry.records import RegistryView
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import Task
from postroad.registry.transaction import Transaction
from postroad.routing.router import Router
from postroad.routing.translation import Decoder

NOTICES_WITHIN_US = 7 * DAY_US
"""So long a customer's word of the erasure is waited for; then it goes, and the receipt says that he was not told."""
LINGER_US = 60_000_000
"""What was being taken in when an erasure was asked for is in the log by then."""
READ_BYTES = 1024 * 1024
ROUTED_WITHIN_S = 30.0
_ROUTED_AGAIN_S = 0.02

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Rememberer(Protocol):
    """Somebody who remembers something of subjects or of what stands at positions."""

    async def forget(self, subject_id: int | None, positions: Sequence[int]) -> Receipt:
        """Forget it, in memory and on the disk; how much that was. Raises ``StoreUnavailable``."""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What erasures work with. Mappings are by shard."""

    registry: RegistryStore
    keys: KeyRing
    logs: Mapping[int, ShardLog]
    routers: Mapping[int, Router]
    manager: DeliveryManager
    fetching: Callable[[], Any]
    """An async context manager in which nothing is fetched; see ``Fetchers.standing_still``."""
    rememberers: Mapping[int, Sequence[Rememberer]]
    decoder: Decoder
    targets: Mapping[str, TargetProtocol]
    view: Callable[[], RegistryView]
    refresh: Callable[[], Awaitable[None]]
    clock: Clock


class Eraser:
    """One for each hub."""

    def __init__(self, given: Surroundings) -> None:
        """Nothing is erased yet."""
        self._given = given
        self._working = asyncio.Lock()

    async def carry_out(self, _task: Task) -> int:
        """Carry out the task ``ERASE``: all that was asked for; how many items went. Raises ``PostroadError``."""
        return await self._run(only_asked=True)

    async def run_once(self) -> None:
        """Carry out what was asked for, and finish what is told. One that fails is tried again the next time."""
        await self._run(only_asked=False)

    async def _run(self, *, only_asked: bool) -> int:
        items, failure, looked_after = 0, None, set[int]()
        async with self._working:
            while (erasure := await self._next(looked_after, only_asked=only_asked)) is not None:
                looked_after.add(erasure.id)
                try:
                    items += await _One(self._given, erasure).go_on()
                except PostroadError as exc:
                    _log.warning("Erasure %d cannot go on now: %s", erasure.id, exc)
                    failure = failure or exc
        if failure is not None and only_asked:
            raise failure
        return items

    async def _next(self, besides: set[int], *, only_asked: bool) -> Erasure | None:
        """Looked for each time: one may be asked for while others are carried out."""
        unfinished = await to_its_end(self._given.registry.unfinished_erasures)
        wanted = (one for one in unfinished if one.id not in besides and (one.state == "asked" or not only_asked))
        return next(wanted, None)


class _One:
    """One erasure at work."""

    def __init__(self, given: Surroundings, erasure: Erasure) -> None:
        self._given = given
        self._erasure = erasure
        self._names: Names = erasures.names(erasure, given.keys)
        self._log = given.logs[erasure.shard]
        self._router = given.routers[erasure.shard]
        self._subject_id = erasure.subject_id if erasure.kind != "trip" else None

    async def go_on(self) -> int:
        """As far as it goes now; how many items were erased."""
        await self._given.refresh()
        end = await self._routed()
        await self._given.refresh()  # where it is told of is known by now
        view = self._given.view()
        sought = Sought(self._erasure, self._names, decoder=self._given.decoder, view=view)
        found, subjects = await self._search(sought, end)
        notices = self._notices(view, found)
        positions = [position for position in found.positions if position not in notices]
        first_time = self._erasure.state == "asked"
        removed = Receipt()
        if first_time:
            await self._foresee(await self._receivers(view, found, notices), len(positions))
        if positions or first_time:
            concerned = access_was_had(view, {self._erasure.subject_id, *subjects.values()})
            removed = await self._remove(sought, positions, notices, concerned)
        foreseen = self._erasure.receipt.items if first_time else 0
        receipt = self._erasure.receipt.more(msgspec.structs.replace(removed, items=max(0, removed.items - foreseen)))
        self._erasure = msgspec.structs.replace(
            self._erasure,
            state="erased",
            searched_to=end,
            notices=tuple(notices),
            erased_us=self._erasure.erased_us or self._given.clock.now_us(),
            receipt=receipt,
        )
        await self._keep(sought, first_time=first_time)
        if await self._is_told():
            await self._finish(sought)
        return removed.items

    async def _routed(self) -> int:
        """Wait until everything that is stored now is routed; up to where that is."""
        end, clock = self._log.next_position, self._given.clock
        until_s = clock.monotonic_s() + ROUTED_WITHIN_S
        while self._router.routed_to < end:
            if clock.monotonic_s() > until_s:
                raise StoreUnavailable("backlog", "the log is being routed; what is to be erased is searched for later")
            await clock.sleep(_ROUTED_AGAIN_S)
        rows = await to_its_end(partial(self._given.registry.pending, self._erasure.shard, limit=1_000))
        if any(row.subject_id == self._erasure.subject_id for row in rows):
            raise StoreUnavailable("backlog", "what is to be told of an erasure is not in the log yet")
        return end

    async def _search(self, sought: Sought, end: int) -> tuple[Found, dict[int, int]]:
        """What is found, and whose it is in the log: subjects by position."""
        positions, notices, subjects = list[int](), list[int](), dict[int, int]()
        position = max(self._erasure.searched_to, self._log.first_position)
        while position < end and (batches := await self._log.read(position, max_bytes=READ_BYTES)):
            for batch in batches:
                here = await asyncio.to_thread(sought.in_batch, batch, end)
                positions += here.positions
                notices += here.notices
                subjects |= {at: batch.subjects[at - batch.position] for at in here.positions}
            position = batches[-1].end
        return Found(positions, notices), subjects

    def _notices(self, view: RegistryView, found: Found) -> list[int]:
        """Where the items stand that tell customers of it.

        The farewells of its streams, the last word to each who was told of its grants, or a trip's deletion.
        """
        if self._subject_id is None:
            return sorted({*self._erasure.notices, *found.notices[-1:]})
        mine = (stream for stream in view.streams.values() if stream.subject_id == self._subject_id)
        last = {stream.farewell_position for stream in mine} | {*last_told(view, self._subject_id).values()}
        return sorted({*self._erasure.notices, *(at for at in found.positions if at in last)})

    async def _receivers(self, view: RegistryView, found: Found, notices: Sequence[int]) -> tuple[Receiver, ...]:
        given, subject_id = self._given, self._erasure.subject_id
        if subject_id is None:
            return ()
        created_us = await to_its_end(partial(given.registry.streams_created_us, subject_id))
        receivers = self._looking(view, created_us)
        return await receivers.of(subject_id, found.positions, notices)

    def _looking(self, view: RegistryView, created_us: Mapping[int, int]) -> Receivers:
        return Receivers(
            self._log,
            view,
            before=as_it_was(view, self._erasure, self._names),
            decoder=self._given.decoder,
            targets=self._given.targets,
            created_us=created_us,
        )

    async def _foresee(self, receivers: tuple[Receiver, ...], items: int) -> None:
        """Keep who had what before it goes: who ends half-way and goes on later finds no more than what is left."""
        receipt = self._erasure.receipt
        receipt = msgspec.structs.replace(
            receipt, items=max(items, receipt.items), receivers=receipt.receivers or receivers
        )
        self._erasure = msgspec.structs.replace(self._erasure, receipt=receipt)
        await self._change(lambda transaction: erasures.note(transaction, self._erasure))

    async def _remove(
        self, sought: Sought, positions: Sequence[int], notices: Sequence[int], subscription_ids: set[int]
    ) -> Receipt:
        """Everywhere but in the registry. Done again, it removes what is left."""
        given, erasing = (
            self._given,
            Erasing(positions=positions, subject_id=self._subject_id, besides=notices, refused=sought.in_refusal),
        )
        erased: Erased = await self._log.erase(erasing)
        async with given.manager.standing_still(subscription_ids), given.fetching():
            erased += await self._log.erase(msgspec.structs.replace(erasing, letters_only=True))
        removed = Receipt(items=erased.items, letters=erased.letters, refusals=erased.refusals)
        for rememberer in given.rememberers[self._erasure.shard]:
            removed = removed.more(await rememberer.forget(self._subject_id, positions))
        return removed

    async def _keep(self, sought: Sought, *, first_time: bool) -> None:
        """Have the registry know how far this is; the first time, have it forget."""
        given = self._given

        def change(transaction: Transaction) -> Erasure:
            erasure = self._erasure
            if first_time:
                rows = traces.remove(transaction, self._subject_id, self._names, sought.in_text)
                rows += audit_details.forget(transaction, erasure.id, self._subject_id, sought.in_text)
                named = traces.declared_in(transaction.connection, self._subject_id, sought.in_text)
                copies = given.registry.backups(transaction.now_us)
                more = Receipt(registry=rows, declared_in=named, backups=copies)
                erasure = msgspec.structs.replace(erasure, receipt=erasure.receipt.more(more))
            erasures.note(transaction, erasure)
            return erasure

        self._erasure = await self._change(change)
        if first_time:
            await to_its_end(given.registry.scrub)

    async def _is_told(self) -> bool:
        """Whether every notice is settled, and nothing of what was being taken in can come any more."""
        now_us, erasure = self._given.clock.now_us(), self._erasure
        looking = self._looking(self._given.view(), {})
        receivers = []
        for receiver in erasure.receipt.receivers:
            if receiver.notice == "under_way":
                fate = await looking.fate(receiver.subscription_id, erasure.subject_id, erasure.notices)
                if fate == "under_way" and now_us > erasure.asked_us + NOTICES_WITHIN_US:
                    fate = "given_up"
                receiver = msgspec.structs.replace(receiver, notice=fate)
            receivers.append(receiver)
        receipt = msgspec.structs.replace(erasure.receipt, receivers=tuple(receivers))
        self._erasure = msgspec.structs.replace(erasure, receipt=receipt)
        await self._change(lambda transaction: erasures.note(transaction, self._erasure))
        settled = all(receiver.notice != "under_way" for receiver in receivers)
        return settled and now_us >= erasure.asked_us + LINGER_US

    async def _finish(self, sought: Sought) -> None:
        """The notices go too, and the names by which all was found."""
        erasure = self._erasure
        concerned = access_was_had(self._given.view(), {erasure.subject_id})
        removed = await self._remove(sought, erasure.notices, (), concerned)
        self._erasure = msgspec.structs.replace(erasure, sealed=None, receipt=erasure.receipt.more(removed))

        def change(transaction: Transaction) -> None:
            erasures.note(transaction, self._erasure)
            if self._subject_id is not None:
                traces.remove_issued(transaction, self._subject_id)
                traces.remove_told(transaction, self._subject_id)

        await self._change(change)
        await to_its_end(self._given.registry.scrub)
        self._erasure = msgspec.structs.replace(self._erasure, state="done", done_us=self._given.clock.now_us())
        await self._change(lambda transaction: erasures.note(transaction, self._erasure))
        _log.info("Erasure %d is done", erasure.id)

    async def _change(self, change: Callable[[Transaction], _T]) -> _T:
        return await to_its_end(partial(_in_transaction, self._given.registry, change))


def _in_transaction(registry: RegistryStore, change: Callable[[Transaction], _T]) -> _T:
    with registry.transaction() as transaction:
        return change(transaction)
