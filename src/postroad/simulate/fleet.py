"""Any number of vehicles out of the few real cars: each drives a car's log from its own second, on its own stretch."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from postroad.simulate.drive import Drive, EndlessLog
from postroad.simulate.drivetech_vehicle import Limits, Report, reports
from postroad.simulate.road import RoadLine
from postroad.simulate.traces import Traces

PLATE_LETTERS = "BCDFGHJKLPRSTVWXYZ"
"""Of Chilean plates since 2007: no vowels, no M, N or Q."""
PLATES = len(PLATE_LETTERS) ** 4 * 100
_STRIDE = 7_368_787
"""Prime, so that stepping by it visits every plate once before it comes round."""


class Vehicle(NamedTuple):
    """A vehicle with what it reports, in order, without end."""

    plate: str
    reports: Iterator[Report]


def plate(number: int) -> str:
    """Plate ``number`` (0 to ``PLATES`` - 1) of the Chilean pattern: four letters, two digits. All are different."""
    rest, digits = divmod(number, 100)
    letters = ""
    for _ in range(4):
        rest, letter = divmod(rest, len(PLATE_LETTERS))
        letters = PLATE_LETTERS[letter] + letters
    return f"{letters}{digits:02d}"


def make_fleet(
    traces: Traces, *, count: int, seed: int, start_us: int, limits: Limits | None = None, rate: float = 1.0
) -> Sequence[Vehicle]:
    """``count`` vehicles, the same for the same arguments.

    Vehicle i drives the log of car i (modulo the cars) on road i (modulo the roads), beginning at a random second of
    the log and a random metre of the road, with its first tick within a second after ``start_us``.
    """
    random = Random(seed)  # noqa: S311 - a repeatable fleet is wanted, not a secret
    logs = [EndlessLog(car) for car in traces.cars[:count]]
    lines = [RoadLine(road.points) for road in traces.roads]
    first_plate = random.randrange(PLATES)
    vehicles = []
    for i in range(count):
        log, line = logs[i % len(logs)], lines[i % len(lines)]
        drive = Drive(log, line, from_m=random.uniform(0, 2 * line.length_m))
        ticks = drive.ticks(random.randrange(log.lap_s))
        number = plate((first_plate + i * _STRIDE) % PLATES)
        begins_us = start_us + random.randrange(1_000_000)
        vehicles.append(Vehicle(number, reports(ticks, plate=number, start_us=begins_us, limits=limits, rate=rate)))
    return vehicles
