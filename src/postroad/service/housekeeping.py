"""What is done once a minute: retention, snapshots of the state, old records."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from postroad.clock import DAY_US, Clock
from postroad.delivery.expiry import Expiry
from postroad.delivery.manager import DeliveryManager
from postroad.delivery.pressure import PressureGauge
from postroad.errors import StoreUnavailable
from postroad.log.delivery import FOLLOWER_ID, fetched_for
from postroad.log.interface import ShardLog
from postroad.log.sqlite import SqliteLog
from postroad.registry import idempotency
from postroad.registry.records import RegistryView
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service.tasks import going_on
from postroad.settings import LogSettings
from postroad.state.keeper import StateKeeper

HOUSEKEEPING_EVERY_S = 60.0
RECORDS_KEPT_US = 30 * DAY_US
CHAPTER_US = DAY_US
CHAPTER_POSITIONS = 1 << 20
"""What retention has taken a piece of cannot be audited any more: so accounts are divided by age and length."""

_log = logging.getLogger(__name__)


class Chore(msgspec.Struct, frozen=True):
    """Something to be done again and again."""

    do: Callable[[], Awaitable[None]]
    failure: str
    """What the log says when it could not be done; the others are done all the same."""


async def keep_house(chores: Sequence[Chore], clock: Clock) -> None:
    """Do the chores in order, each minute, until cancelled."""
    while True:
        await clock.sleep(HOUSEKEEPING_EVERY_S)
        for chore in chores:
            with going_on(chore.failure):
                await chore.do()


class Retention:
    """Removes from the shards what is old and settled, and what the disk budget has no room for.

    What somebody has not settled goes only once it is recorded that he loses it; see ``postroad.delivery.expiry``.
    """

    def __init__(
        self,
        logs: Mapping[int, SqliteLog],
        manager: DeliveryManager,
        *,
        fetching: Callable[[int, Mapping[int, int]], Mapping[int, int]],
        expiry: Expiry,
        gauge: PressureGauge,
        view: Callable[[], RegistryView],
        limits: LogSettings,
        clock: Clock,
    ) -> None:
        """``manager`` knows what is settled; ``view`` names the subscriptions that count.

        ``fetching``: what fetching needs still (``Fetchers.needs``), given a shard and its cursors.
        """
        self._logs = logs
        self._manager = manager
        self._fetching = fetching
        self._expiry = expiry
        self._gauge = gauge
        self._view = view
        self._limits = limits
        self._clock = clock

    async def run_once(self) -> None:
        """Remove what may go now. Raises ``StoreUnavailable``."""
        for number, log in self._logs.items():
            await self._forget_removed(log)
            await self._expiry.expire(number)
            needs = await self._needs(number, log)
            pressure = await self._gauge.measure(log, needs)  # before anything is lost: the alerts come first
            given_up = log.first_position
            if pressure.stored_bytes > self._limits.max_bytes:
                given_up = await self._make_room(number, log)
                needs = await self._needs(number, log)
            removed = await log.retain(
                received_before_us=self._clock.now_us() - int(self._limits.retention_days * DAY_US),
                settled=min(needs.values(), default=log.next_position),
                max_bytes=self._limits.max_bytes,
                given_up=given_up,
            )
            await log.delivery.turn(
                first_position=removed.first_position,
                began_before_us=self._clock.now_us() - CHAPTER_US,
                max_positions=CHAPTER_POSITIONS,
            )
            if removed.items:
                _log.info("Retention removed %d items from shard %d", removed.items, number)

    async def _forget_removed(self, log: SqliteLog) -> None:
        view = self._view()
        known = {*view.subscriptions, FOLLOWER_ID}
        for removed_id in (await log.delivery.cursors()).keys() - known:
            if fetched_for(removed_id) in view.providers:
                continue
            await log.delivery.forget(removed_id)

    async def _needs(self, shard: int, log: SqliteLog) -> dict[int, int]:
        cursors = {id_: cursor.position for id_, cursor in (await log.delivery.cursors()).items()}
        needs = self._manager.needs(shard, frozenset(self._view().subscriptions), cursors)
        return {**needs, **self._fetching(shard, cursors)}

    async def _make_room(self, shard: int, log: SqliteLog) -> int:
        """Up to where the oldest may go so that the budget is kept.

        As far as it is recorded who loses what; where the disk is under its reserve also without, as the hub takes in
        nothing then: whoever misses it finds and records the gap himself, uncounted.
        """
        routed_to = self._manager.routed_to(shard)
        end = await log.surplus_end(max_bytes=self._limits.max_bytes, below=routed_to)
        recorded = await self._expiry.make_room(shard, end)
        if recorded < end and await _under_reserve(log):
            _log.error("Shard %d is under its disk reserve: what is lost with retention is not counted", shard)
            return end
        return recorded


async def _under_reserve(log: SqliteLog) -> bool:
    try:
        await log.probe()
    except StoreUnavailable as exc:
        return exc.reason in {"disk_reserve", "disk_full"}
    return False


async def prune_records(registry: RegistryStore, clock: Clock) -> None:
    """Forget attempts, cleared alerts, finished tasks and old answers that nobody asks for any more.

    Raises ``StoreUnavailable``.
    """
    await asyncio.to_thread(registry.prune_answered, clock.now_us() - idempotency.KEPT_US)
    before_us = clock.now_us() - RECORDS_KEPT_US
    for prune in (registry.prune_attempts, registry.prune_alerts, registry.prune_tasks):
        await asyncio.to_thread(prune, before_us)


async def prune_audit_details(registry: RegistryStore, keys: KeyRing, details_days: float, clock: Clock) -> None:
    """Remove personal details of the audit log that are older than wanted, once a day. Raises ``PostroadError``.

    The files are written anew then, so that nothing of them is left in these.
    """
    if not details_days:
        return
    today_us = clock.now_us() // DAY_US * DAY_US
    if await asyncio.to_thread(registry.prune_audit_details, today_us - int(details_days * DAY_US), keys):
        await asyncio.to_thread(registry.scrub)


async def prune_told(registry: RegistryStore, logs: Mapping[int, ShardLog], view: Callable[[], RegistryView]) -> None:
    """Forget where subscriptions were told of grants, where retention removed that. Raises ``StoreUnavailable``."""
    for number, log in logs.items():
        first = log.first_position
        if any(at.shard == number and at.position < first for at in view().told):
            await asyncio.to_thread(registry.forget_told, number, below=first)


async def save_states(states: Mapping[int, StateKeeper], logs: Mapping[int, SqliteLog]) -> None:
    """Write a snapshot of each shard's state. One that cannot be written costs time at the next start, no more."""
    for number, keeper in states.items():
        try:
            keeper.save(logs[number].epoch)
        except OSError as exc:
            _log.warning("The state of shard %d could not be saved: %s", number, exc)
