"""Readiness: whether the hub can do its work now, check by check, each with a reason of a closed set when not.

=========  ================================================================  ==========================================
check      reasons                                                           means
=========  ================================================================  ==========================================
log        disk_reserve, disk_full, locked, io, closed, slow                 a shard cannot take appends
registry   unconfirmed                                                       nothing is sent: access may have ended
routing    behind, stalled                                                   what is stored is not routed in time
tasks      broken                                                            a part of the hub broke down
=========  ================================================================  ==========================================
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from postroad.api.parts import HubParts
from postroad.delivery.pressure import THRESHOLDS
from postroad.errors import StoreUnavailable

PROBE_WITHIN_S = 2.0
"""An append that takes longer than this is answered too late to be called taken in."""
ROUTING_BEHIND_POSITIONS = 100_000
ROUTING_STALLED_S = 5.0
ASKED_EVERY_S = 0.5
"""An answer is good for this long, so that whoever asks often costs nothing."""


class Finding(msgspec.Struct, frozen=True):
    """How a check came out; ``reason`` is empty when it holds."""

    reason: str = ""
    message: str = ""


HOLDS = Finding()


class Health:
    """Asks the hub's parts. ``note_routing`` each second or so, ``findings`` when somebody wants to know."""

    def __init__(self, parts: HubParts) -> None:
        """Nothing is asked yet."""
        self._parts = parts
        self._checks: Mapping[str, Callable[[], Awaitable[Finding]]] = {
            "log": self._log,
            "registry": self._registry,
            "routing": self._routing,
            "tasks": self._tasks,
        }
        self._asking = asyncio.Lock()
        self._asked_s = float("-inf")
        self._findings: dict[str, Finding] = {}
        self._moved: dict[int, tuple[int, float]] = {}

    async def findings(self) -> Mapping[str, Finding]:
        """Every check, by its name, at most ``ASKED_EVERY_S`` old."""
        async with self._asking:
            if self._parts.clock.monotonic_s() - self._asked_s >= ASKED_EVERY_S:
                self._findings = {name: await check() for name, check in self._checks.items()}
                self._asked_s = self._parts.clock.monotonic_s()
            return self._findings

    def note_routing(self) -> None:
        """Remember since when each router stands where it stands with work before it."""
        now_s = self._parts.clock.monotonic_s()
        for shard, router in self._parts.routers.items():
            position, _ = self._moved.get(shard, (-1, now_s))
            if position != router.routed_to or router.routed_to >= self._parts.logs[shard].next_position:
                self._moved[shard] = router.routed_to, now_s

    async def _log(self) -> Finding:
        for shard, log in self._parts.logs.items():
            try:
                async with asyncio.timeout(PROBE_WITHIN_S):
                    await log.probe()
            except StoreUnavailable as exc:
                return Finding(exc.reason, f"shard {shard}: {exc}")
            except TimeoutError:
                return Finding("slow", f"shard {shard}: an append takes more than {PROBE_WITHIN_S:g} s")
        return HOLDS

    async def _registry(self) -> Finding:
        confirmed = self._parts.confirmed
        if confirmed.holds:
            return HOLDS
        return Finding("unconfirmed", f"nothing is sent: the registry was last asked {confirmed.age_s:.0f} s ago")

    async def _routing(self) -> Finding:
        self.note_routing()
        now_s = self._parts.clock.monotonic_s()
        for shard, router in self._parts.routers.items():
            behind = self._parts.logs[shard].next_position - router.routed_to
            still_s = now_s - self._moved[shard][1]
            if behind > ROUTING_BEHIND_POSITIONS:
                return Finding("behind", f"shard {shard}: {behind} positions are not routed yet")
            if still_s > ROUTING_STALLED_S:
                return Finding("stalled", f"shard {shard}: routing has stood still for {still_s:.0f} s")
        return HOLDS

    async def _tasks(self) -> Finding:
        return Finding("broken", "a part of the hub broke down; its log says which") if self._parts.broken() else HOLDS


def warnings(parts: HubParts) -> list[str]:
    """What does not keep the hub from working yet, and will. Without names: everybody may read it."""
    return [
        f"{kind}: shard {shard}: {pressure.share:.0%} of log.max_bytes waits to be delivered"
        for shard, pressure in parts.pressure.items()
        for kind, threshold in THRESHOLDS.items()
        if pressure.share >= threshold.raised_at
    ]
