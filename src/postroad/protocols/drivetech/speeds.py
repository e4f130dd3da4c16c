"""What is known of a vehicle's place, speed and course as of an instant."""

import heapq
from collections.abc import Iterator

from postroad.model.events import Position
from postroad.model.levels import POSITION
from postroad.protocols.filling import Known

VEHICLE_SPEED = "vehicle_speed_kmh"


def places(known: Known, recorded_us: int) -> Iterator[tuple[int, Position]]:
    """The positions that were measured, the newest first: one without a fix is an older one repeated."""
    for at_us, place in known.before(POSITION, recorded_us):
        if place.fix is not False:
            yield at_us, place


def speeds(known: Known, recorded_us: int) -> Iterator[tuple[int, float]]:
    """The speeds in km/h, the newest first, as the satellites or the vehicle itself told them."""
    by_satellite = ((at_us, place.speed_kmh) for at_us, place in places(known, recorded_us))
    said = ((at_us, kmh) for at_us, kmh in by_satellite if kmh is not None)
    return heapq.merge(said, known.before(VEHICLE_SPEED, recorded_us), key=_instant, reverse=True)


def heading(known: Known, recorded_us: int) -> float | None:
    """The newest course, in degrees."""
    courses = (place.heading_deg for _, place in places(known, recorded_us))
    return next((course for course in courses if course is not None), None)


def _instant(at: tuple[int, float]) -> int:
    return at[0]
