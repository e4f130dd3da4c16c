"""Carries erasures out, each as far as it goes now; whatever ends a hub half-way, the next one goes on.

1. The log is searched up to where it is routed, so that nobody holds anything of it that was not derived yet.
2. What is to go is counted, and who had what: the receipt comes first.
3. What was found becomes tombstones, all but the items that tell customers of it.
4. Deliveries that may hold a copy in memory stand still, while what waits beside the log goes.
5. State, trips in the making and the index of datasets forget it; so does the registry, whose file is written anew.
6. When the notices are settled, they are erased too, and nothing is left that names it.

Between 3 and 6, whenever erasures are looked after, what came in while it was being asked for is searched for as well.
A hub that was ended between 2 and 5 left tombstones of which others may remember something: they are looked at again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from postroad.clock import DAY_US, Clock
from postroad.delivery.manager import DeliveryManager
from postroad.delivery.redrive import to_its_end
from postroad.erasure.counting import Rememberer, beside_the_log
from postroad.erasure.received import as_it_was
from postroad.erasure.receivers import Receivers, access_was_had, last_told
from postroad.erasure.search import Found, Sought
from postroad.errors import PostroadError, StoreUnavailable
from postroad.log.interface import Erased, Erasing, ShardLog
from postroad.protocols.base import TargetProtocol
from postroad.registry import audit_details, erasures, subscriptions, traces
from postroad.registry.erasures import Erasure, Names, Receipt, Receiver
from postroad.registry.records import RegistryView, Subscription
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
    record_attempts: Callable[[], Awaitable[None]]
    """Has the registry know of all attempts: customers' answers may quote what they were sent."""
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
        erasing = self._erasing(sought, self._to_erase(found, notices), notices)
        first_time, items = self._erasure.state == "asked", 0
        if erasing.positions or first_time:
            concerned = access_was_had(view, {self._erasure.subject_id, *subjects.values()})
            concerned |= {*view.subscriptions} if self._was_ended_half_way else set()
            await self._count(view, found, erasing, end)
            items = await self._remove(erasing, concerned)
        self._erasure = msgspec.structs.replace(
            self._erasure,
            state="erased",
            searched_to=end,
            notices=tuple(notices),
            erased_us=self._erasure.erased_us or self._given.clock.now_us(),
        )
        await self._keep(sought, first_time=first_time)
        if await self._is_told():
            await self._finish(sought)
        return items

    @property
    def _was_ended_half_way(self) -> bool:
        """Something was counted, and it is not certain that all of it went."""
        return self._erasure.receipt.counted_to > self._erasure.searched_to

    def _to_erase(self, found: Found, notices: Sequence[int]) -> list[int]:
        besides, counted_to = {*notices}, self._erasure.receipt.counted_to
        again = [at for at in found.tombstones if at < counted_to]
        return sorted([*again, *(at for at in found.positions if at not in besides)])

    def _erasing(self, sought: Sought, positions: Sequence[int], besides: Sequence[int]) -> Erasing:
        return Erasing(positions=positions, subject_id=self._subject_id, besides=besides, refused=sought.in_refusal)

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
        positions, notices, tombstones, subjects = list[int](), list[int](), list[int](), dict[int, int]()
        position = max(self._erasure.searched_to, self._log.first_position)
        while position < end and (batches := await self._log.read(position, max_bytes=READ_BYTES)):
            for batch in batches:
                here = await asyncio.to_thread(sought.in_batch, batch, end)
                positions += here.positions
                notices += here.notices
                tombstones += here.tombstones
                subjects |= {at: batch.subjects[at - batch.position] for at in here.positions}
            position = batches[-1].end
        return Found(positions, notices, tombstones), subjects

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
        gone = access_was_had(view, {subject_id}) - view.subscriptions.keys()
        removed = await self._change(lambda transaction: subscriptions.removed(transaction.connection, gone))
        receivers = self._looking(view, created_us, removed)
        return await receivers.of(subject_id, found.positions, notices)

    def _looking(
        self, view: RegistryView, created_us: Mapping[int, int], removed: Mapping[int, Subscription]
    ) -> Receivers:
        return Receivers(
            self._log,
            view,
            before=as_it_was(view, self._erasure, self._names),
            decoder=self._given.decoder,
            targets=self._given.targets,
            created_us=created_us,
            removed=removed,
        )

    async def _count(self, view: RegistryView, found: Found, erasing: Erasing, end: int) -> None:
        """Keep what is to go, and who had it, before it goes. Counted again, what was counted already is left out."""
        erasure = self._erasure
        more = Receipt(items=sum(at >= erasure.receipt.counted_to for at in found.positions), counted_to=end)
        receipt = msgspec.structs.replace(erasure.receipt, counted_to=0).more(more)
        if erasure.state == "asked":
            rememberers = self._given.rememberers[erasure.shard]
            receipt = receipt.at_least(await beside_the_log(self._log, erasing, rememberers))
            receivers = receipt.receivers or await self._receivers(view, found, erasing.besides)
            receipt = msgspec.structs.replace(receipt, receivers=receivers)
        self._erasure = msgspec.structs.replace(erasure, receipt=receipt)
        await self._change(lambda transaction: erasures.note(transaction, self._erasure))

    async def _remove(self, erasing: Erasing, subscription_ids: set[int]) -> int:
        """Everywhere but in the registry; how many items. Done again, it removes what is left."""
        given = self._given
        erased: Erased = await self._log.erase(erasing)
        async with given.manager.standing_still(subscription_ids), given.fetching():
            erased += await self._log.erase(msgspec.structs.replace(erasing, letters_only=True))
        removed = Receipt(letters=erased.letters, refusals=erased.refusals)
        for rememberer in given.rememberers[self._erasure.shard]:
            removed = removed.more(await rememberer.forget(erasing.subject_id, erasing.positions))
        receipt = self._erasure.receipt
        receipt = receipt.at_least(removed) if self._erasure.state == "asked" else receipt.more(removed)
        self._erasure = msgspec.structs.replace(self._erasure, receipt=receipt)
        return erased.items

    async def _keep(self, sought: Sought, *, first_time: bool) -> None:
        """Have the registry know how far this is; the first time, have it forget."""
        given = self._given
        await given.record_attempts()

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
        looking = self._looking(self._given.view(), {}, {})
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
        await self._remove(self._erasing(sought, erasure.notices, ()), concerned)
        await self._given.record_attempts()

        def change(transaction: Transaction) -> None:
            rows = traces.remove(transaction, self._subject_id, self._names, sought.in_text)
            rows += audit_details.forget(transaction, erasure.id, self._subject_id, sought.in_text)
            receipt = self._erasure.receipt.more(Receipt(registry=rows))
            self._erasure = msgspec.structs.replace(self._erasure, sealed=None, receipt=receipt)
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
