"""A car's speed log driven along a road line: pure functions of the second, so that a drive can begin anywhere.

The log is made endless: trip, parked, trip, ..., and after the last trip the first again. Distance is the integral of
the logged speed (trapezoids between samples). Parked times are the log's own up to ``longest_stop_s``, then cut: a
demonstration of a minute has no room for a night. That cut, and the road, are what is not real here.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple

from postroad.simulate.road import RoadLine
from postroad.simulate.traces import Car


class Tick(NamedTuple):
    """What holds in one second of a drive."""

    second: int
    """Of the endless log."""
    latitude_deg: float
    longitude_deg: float
    heading_deg: float
    """Clockwise from true north, 0 to below 360."""
    speed_mps: float
    odometer_m: float
    """Driven since the log's first second."""
    engine_s: int
    """Seconds with the engine on since the log's first second."""
    ignition: bool
    standing: bool
    """The engine is on and the speed is zero."""


class Moment(NamedTuple):
    """What the log alone says of one second."""

    speed_mps: float
    driven_m: float
    engine_s: int
    ignition: bool


class EndlessLog:
    """A car's trips with the stops between them, over and over. Shared by every vehicle that drives it."""

    def __init__(self, car: Car, *, longest_stop_s: int = 60) -> None:
        """Lay the trips out one after the other; each stop takes at least a second."""
        if longest_stop_s < 1:
            raise ValueError("longest_stop_s is at least 1")
        self.car = car
        stops = [min(max(after.start_s - before.end_s - 1, 1), longest_stop_s) for before, after in pairwise(car.trips)]
        stops.append(longest_stop_s)
        self._speeds = [trip.speeds_mps for trip in car.trips]
        lengths = [len(speeds) + stop for speeds, stop in zip(self._speeds, stops, strict=True)]
        self._starts = list(accumulate(lengths, initial=0))
        self.lap_s = self._starts.pop()
        """Seconds after which the log begins again."""
        self._metres = [
            list(accumulate(((v + w) / 2 for v, w in pairwise(speeds)), initial=0.0)) for speeds in self._speeds
        ]
        self._metres_before = list(accumulate((metres[-1] for metres in self._metres), initial=0.0))
        self.lap_m = self._metres_before.pop()
        self._engine_before = list(accumulate((len(speeds) for speeds in self._speeds), initial=0))
        self.lap_engine_s = self._engine_before.pop()

    def at(self, second: int) -> Moment:
        """What holds in ``second``, 0 or more."""
        lap, second = divmod(second, self.lap_s)
        trip = bisect_right(self._starts, second) - 1
        speeds, metres = self._speeds[trip], self._metres[trip]
        i = second - self._starts[trip]
        on = i < len(speeds)
        return Moment(
            speed_mps=speeds[i] if on else 0.0,
            driven_m=lap * self.lap_m + self._metres_before[trip] + metres[i if on else -1],
            engine_s=lap * self.lap_engine_s + self._engine_before[trip] + (i if on else len(speeds)),
            ignition=on,
        )


class Drive:
    """One vehicle on its road: a log, a line, and where on the line the log's first second was."""

    def __init__(self, log: EndlessLog, line: RoadLine, *, from_m: float = 0.0) -> None:
        """``from_m``: metres from the line's start."""
        self._log = log
        self._line = line
        self._from_m = from_m

    def at(self, second: int) -> Tick:
        """The tick of ``second``, 0 or more."""
        moment = self._log.at(second)
        place = self._line.at(self._from_m + moment.driven_m)
        return Tick(
            second,
            *place,
            speed_mps=moment.speed_mps,
            odometer_m=moment.driven_m,
            engine_s=moment.engine_s,
            ignition=moment.ignition,
            standing=moment.ignition and moment.speed_mps == 0,
        )

    def ticks(self, second: int = 0) -> Iterator[Tick]:
        """Every tick from ``second`` on, without end."""
        while True:
            yield self.at(second)
            second += 1
