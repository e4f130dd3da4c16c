"""What is done once a minute: retention, snapshots of the state, old attempts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from postroad.clock import DAY_US, Clock
from postroad.delivery.manager import DeliveryManager
from postroad.log.delivery import FOLLOWER_ID
from postroad.log.sqlite import SqliteLog
from postroad.registry.records import RegistryView
from postroad.registry.store import RegistryStore
from postroad.service.tasks import going_on
from postroad.settings import LogSettings
from postroad.state.keeper import StateKeeper

HOUSEKEEPING_EVERY_S = 60.0
ATTEMPTS_KEPT_US = 30 * DAY_US

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
    """Removes from the shards what is old and settled, and what the disk budget has no room for."""

    def __init__(
        self,
        logs: Mapping[int, SqliteLog],
        manager: DeliveryManager,
        *,
        view: Callable[[], RegistryView],
        limits: LogSettings,
        clock: Clock,
    ) -> None:
        """``manager`` knows what is settled; ``view`` names the subscriptions that count."""
        self._logs = logs
        self._manager = manager
        self._view = view
        self._limits = limits
        self._clock = clock

    async def run_once(self) -> None:
        """Remove what may go now. Raises ``StoreUnavailable``."""
        wanted = frozenset(self._view().subscriptions)
        received_before_us = self._clock.now_us() - int(self._limits.retention_days * DAY_US)
        for number, log in self._logs.items():
            cursors = {id_: cursor.position for id_, cursor in (await log.delivery.cursors()).items()}
            for removed_id in cursors.keys() - wanted - {FOLLOWER_ID}:
                await log.delivery.forget(removed_id)
            removed = await log.retain(
                received_before_us=received_before_us,
                settled=self._manager.settled(number, wanted, cursors),
                max_bytes=self._limits.max_bytes,
            )
            if removed.items:
                _log.info("Retention removed %d items from shard %d", removed.items, number)


async def prune_attempts(registry: RegistryStore, clock: Clock) -> None:
    """Forget attempts that nobody asks for any more. Raises ``StoreUnavailable``."""
    await asyncio.to_thread(registry.prune_attempts, clock.now_us() - ATTEMPTS_KEPT_US)


async def save_states(states: Mapping[int, StateKeeper], logs: Mapping[int, SqliteLog]) -> None:
    """Write a snapshot of each shard's state. One that cannot be written costs time at the next start, no more."""
    for number, keeper in states.items():
        try:
            keeper.save(logs[number].epoch)
        except OSError as exc:
            _log.warning("The state of shard %d could not be saved: %s", number, exc)
