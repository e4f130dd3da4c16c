"""How much of each shard's budget of disk is held by what is not delivered yet, and the alerts that say so in time."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from postroad.delivery.delivery import ShardAlertKind
from postroad.log.interface import ShardLog
from postroad.registry.records import RegistryView


class Threshold(msgspec.Struct, frozen=True):
    """Shares of the budget at which an alert is raised, and below which it is cleared."""

    raised_at: float
    cleared_below: float


THRESHOLDS: Mapping[ShardAlertKind, Threshold] = {
    "backlog_half": Threshold(0.50, 0.45),
    "backlog_high": Threshold(0.80, 0.75),
}


class Pressure(msgspec.Struct, frozen=True, kw_only=True):
    """How a shard stood when it was last looked at."""

    stored_bytes: int
    """Of bodies, as stored."""
    unsettled_bytes: int
    """Of those, what stands at or above the oldest position that somebody has not settled."""
    max_bytes: int
    """The budget: ``log.max_bytes``."""
    holder: int | None = None
    """The subscription that holds the oldest unsettled position."""
    since_us: int | None = None
    """When what stands there arrived."""

    @property
    def share(self) -> float:
        """Of the budget that is held by what is not settled."""
        return self.unsettled_bytes / self.max_bytes


class ShardOverseer(Protocol):
    """Whom to tell of a shard; see ``Overseer``."""

    def raise_alert(self, kind: ShardAlertKind, shard: int, detail: str) -> None:
        """It is so from now on."""

    def clear_alert(self, kind: ShardAlertKind, shard: int) -> None:
        """It is so no longer."""


class PressureGauge:
    """Measures when asked, remembers the last, and raises and clears alerts."""

    def __init__(self, overseer: ShardOverseer, *, view: Callable[[], RegistryView], max_bytes: int) -> None:
        """``view`` knows the names; ``max_bytes`` is the budget of each shard."""
        self.last: dict[int, Pressure] = {}
        """By shard."""
        self._overseer = overseer
        self._view = view
        self._max_bytes = max_bytes

    async def measure(self, log: ShardLog, needs: Mapping[int, int]) -> Pressure:
        """Look at a shard; ``needs``: subscription -> the first position it has not settled.

        Raises ``StoreUnavailable`` or ``StoreCorrupt``.
        """
        holder = min(needs, key=lambda id_: needs[id_], default=None)
        settled = log.next_position if holder is None else needs[holder]
        batches = await log.read(settled, max_bytes=1)
        if not batches:
            holder = None
        since_us = batches[0].received_at_us(max(0, settled - batches[0].position)) if batches else None
        pressure = self.last[log.shard] = Pressure(
            stored_bytes=await log.bytes_from(0),
            unsettled_bytes=await log.bytes_from(settled),
            max_bytes=self._max_bytes,
            holder=holder,
            since_us=since_us,
        )
        self._tell(log.shard, pressure)
        return pressure

    def _tell(self, shard: int, pressure: Pressure) -> None:
        for kind, threshold in THRESHOLDS.items():
            if pressure.share >= threshold.raised_at:
                self._overseer.raise_alert(kind, shard, self._detail(pressure))
            elif pressure.share < threshold.cleared_below:
                self._overseer.clear_alert(kind, shard)

    def _detail(self, pressure: Pressure) -> str:
        subscription = self._view().subscriptions.get(pressure.holder or 0)
        name = subscription.name if subscription else "a subscription"
        since = "" if pressure.since_us is None else f" since {_when(pressure.since_us)}"
        return (
            f"{pressure.share:.0%} of log.max_bytes waits to be delivered; {name} waits longest,{since}: "
            "mend its destination, resume it or remove it, or raise log.max_bytes; when it is full the oldest events go"
        )


def _when(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
