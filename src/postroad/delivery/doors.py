"""Doors: where a delivery's events leave, one for each endpoint of its destination.

What fails at one endpoint says nothing of another, so each door has a gate, a queue and a count of failures of its own,
and remembers which alerts it has raised: an alert about the subscription ends when no door has reason for it.
"""

from collections.abc import Callable, Iterable, Iterator

from postroad.delivery.delivery import AlertKind, Overseer
from postroad.delivery.gate import Gate
from postroad.delivery.queues import Queue


class Door:
    """The way to one endpoint."""

    __slots__ = ("alerts", "failures", "gate", "in_line", "parked_went_last", "queue")

    def __init__(self, gate: Gate) -> None:
        """Nothing waits."""
        self.gate = gate
        self.queue = Queue()
        self.failures = 0
        """Attempts of this delivery in a row that failed by the endpoint's fault."""
        self.parked_went_last = False
        self.in_line = False
        """Something waits for its turn at the gate."""
        self.alerts: set[AlertKind] = set()
        """Those that this door has raised and not ended."""


class Doors:
    """All doors of one delivery."""

    def __init__(self, gate_of: Callable[[int], Gate], slots: Iterable[int]) -> None:
        """A door for each gate that ``slots`` go through."""
        by_gate: dict[int, Door] = {}
        self._by_slot = {slot: by_gate.setdefault(id(gate := gate_of(slot)), Door(gate)) for slot in slots}
        self._doors = tuple(by_gate.values())

    def __iter__(self) -> Iterator[Door]:
        """Each door once."""
        return iter(self._doors)

    def of(self, slot: int) -> Door:
        """The door of events of that slot."""
        return self._by_slot[slot]

    @property
    def failures(self) -> int:
        """Of the door that has failed most often."""
        return max((door.failures for door in self._doors), default=0)


class DoorOverseer:
    """The overseer, as one door may speak to it: it ends no alert that another door still has reason for."""

    def __init__(self, overseer: Overseer, door: Door, doors: Doors) -> None:
        self._overseer = overseer
        self._door = door
        self._doors = doors

    def raise_alert(self, kind: AlertKind, subscription_id: int, detail: str) -> None:
        """See ``Overseer``; the detail names the endpoint, where there are several."""
        self._door.alerts.add(kind)
        named = f"{self._door.gate.endpoint}: {detail}" if self._door.gate.endpoint else detail
        self._overseer.raise_alert(kind, subscription_id, named)

    def clear_alert(self, kind: AlertKind, subscription_id: int) -> None:
        """See ``Overseer``."""
        self._door.alerts.discard(kind)
        if not any(kind in door.alerts for door in self._doors):
            self._overseer.clear_alert(kind, subscription_id)

    def pause(self, subscription_id: int, reason: str) -> None:
        """See ``Overseer``."""
        self._overseer.pause(subscription_id, reason)
