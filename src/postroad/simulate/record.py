"""What a customer was delivered: first deliveries with their times, repeats and order as they arrived."""

from collections.abc import Sequence
from typing import NamedTuple

from postroad.clock import to_us
from postroad.simulate.streams import GpsPosition, VehicleEvent

MALFORMED_KEPT = 20
"""How many of the sentences about malformed events are kept; all are counted."""


class Delivery(NamedTuple):
    """An event's first delivery."""

    event_id: int
    delivered_us: int
    place: tuple[float, float] | None
    """Latitude and longitude of a ``gps_position``."""


class _Vehicle:
    """What is remembered of one vehicle for the checks on arrival."""

    __slots__ = ("highest_id", "ids")

    def __init__(self) -> None:
        self.ids: set[int] = set()
        self.highest_id = -1


class Record:
    """Deliveries, checked as they arrive.

    An id counts within its vehicle: a vehicle stays in one shard, and only within a shard are ids unique.

    Attributes:
        first: first delivery by (vehicle id, type, time in ms), in the order of arrival; a unit reports each instant
            once, so this names an event.
        events: events delivered, repeats included.
        bulks: requests taken.
        redelivered: events whose id the vehicle had before: at least once is the contract, so this may happen.
        doubled: events with a new id but a vehicle, type and time that another id had: the same thing told twice.
        out_of_order: first deliveries with a lower id than one delivered before for the vehicle.
        malformed: events that break the documented shape.
        complaints: the first few sentences about those.
    """

    def __init__(self) -> None:
        """Nothing was delivered yet."""
        self.first: dict[tuple[int, str, int], Delivery] = {}
        self.events = 0
        self.bulks = 0
        self.redelivered = 0
        self.doubled = 0
        self.out_of_order = 0
        self.malformed = 0
        self.complaints: list[str] = []
        self._vehicles: dict[int, _Vehicle] = {}

    def add(self, events: Sequence[VehicleEvent], malformed: Sequence[str], delivered_us: int) -> None:
        """One bulk that arrived at ``delivered_us``."""
        self.bulks += 1
        self.events += len(events)
        self.malformed += len(malformed)
        self.complaints += malformed[: MALFORMED_KEPT - len(self.complaints)]
        for event in events:
            self._add(event, delivered_us)

    def _add(self, event: VehicleEvent, delivered_us: int) -> None:
        vehicle = self._vehicles.get(event.vehicle_id)
        if vehicle is None:
            vehicle = self._vehicles[event.vehicle_id] = _Vehicle()
        if event.id in vehicle.ids:
            self.redelivered += 1
            return
        vehicle.ids.add(event.id)
        if event.id < vehicle.highest_id:
            self.out_of_order += 1
        else:
            vehicle.highest_id = event.id
        place = (event.latitude, event.longitude) if isinstance(event, GpsPosition) else None
        key = event.vehicle_id, event.type, to_us(event.time) // 1000
        if self.first.setdefault(key, delivery := Delivery(event.id, delivered_us, place)) is not delivery:
            self.doubled += 1
