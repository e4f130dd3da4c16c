"""The load that both ``slow_neighbour`` and ``lag_slowdown`` look at: few events a second to each of many customers."""

from collections.abc import Callable
from typing import Any

import vehicles
from hub import Hub
from worker import Worker

OFFERED_PER_S = 100
"""Each event is a bulk of its own, as its customer gets one a second: what is tried is the number of customers."""
ROUND_EVENTS = 6 * OFFERED_PER_S
"""Short rounds and many: a stall of the disk then spoils a few of them, and the median is of the others."""
CONNECTIONS = 16
WARM_EVENTS = 2 * vehicles.PLATES


class LiveLoad:
    """Sends to a hub and asks the crowd what came of it."""

    def __init__(self, hub: Hub, crowd: Worker, generator: Worker) -> None:
        """Nothing is sent yet."""
        self._hub = hub
        self._crowd = crowd
        self._generator = generator
        self._sent = 0

    def warm_up(self, began_ms: int) -> None:
        """Make the vehicles known, and with them their streams, and open the connections."""
        self._crowd.ask("clear")
        self._generator.ask("closed", began_ms=began_ms, **self._next(WARM_EVENTS))
        self._await(WARM_EVENTS)
        self.round()

    def round(self, afterwards: Callable[[], object] = lambda: None) -> dict[str, Any]:
        """One round, and how late the healthy got their events; ``afterwards`` is done before the others get theirs."""
        self._crowd.ask("clear")
        sent = self._generator.ask("open", rate=OFFERED_PER_S, **self._next(ROUND_EVENTS))
        if sent["acknowledged"] < ROUND_EVENTS:
            raise SystemExit(f"{sent['acknowledged']} of {ROUND_EVENTS} events were acknowledged")
        seen = self._crowd.ask("arrived", count=ROUND_EVENTS, within_s=0.5)
        afterwards()
        self._await(ROUND_EVENTS)
        return sent | seen

    def _next(self, count: int) -> dict[str, Any]:
        first, self._sent = self._sent, self._sent + count
        return {
            "port": self._hub.port,
            "token": self._hub.token,
            "first": first,
            "count": count,
            "connections": CONNECTIONS,
        }

    def _await(self, count: int) -> None:
        got = self._crowd.ask("arrived", count=count, within_s=120.0)
        if got["events"] < count:
            raise SystemExit(f"{got['events']} of {count} events were delivered")
