"""Where a vehicle is that has driven so many metres along a road line."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import atan2, cos, degrees, hypot, radians
from typing import NamedTuple

from postroad.model.geodesy import Point as Point
from postroad.model.geodesy import distance_m as distance_m


class Place(NamedTuple):
    """A place on a road line and the direction of travel there."""

    latitude_deg: float
    longitude_deg: float
    heading_deg: float
    """Clockwise from true north, 0 to below 360."""


def heading_deg(start: Point, end: Point) -> float:
    """Course from one point to another that is near, clockwise from true north."""
    east = (end[1] - start[1]) * cos(radians((start[0] + end[0]) / 2))
    return degrees(atan2(east, end[0] - start[0])) % 360


class RoadLine:
    """A line of points, driven to its end, back to its start, and so on: the vehicle never jumps."""

    def __init__(self, points: Sequence[Point]) -> None:
        """Measure the line once; ``points`` has at least two, no two neighbours equal."""
        self.points = tuple(points)
        self._metres = tuple(accumulate((distance_m(a, b) for a, b in pairwise(self.points)), initial=0.0))
        self._headings = tuple(heading_deg(a, b) for a, b in pairwise(self.points))
        self.length_m = self._metres[-1]
        if not self._headings or not all(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(self.points)):
            raise ValueError("a road line needs two points or more, each different from the one before")

    def at(self, driven_m: float) -> Place:
        """The place after ``driven_m`` metres from the line's start, turning back at either end."""
        along = driven_m % (2 * self.length_m)
        outward = along < self.length_m
        if not outward:
            along = 2 * self.length_m - along
        i = min(bisect_right(self._metres, along), len(self._headings)) - 1
        (lat_1, lon_1), (lat_2, lon_2) = self.points[i], self.points[i + 1]
        share = (along - self._metres[i]) / (self._metres[i + 1] - self._metres[i])
        heading = self._headings[i] if outward else (self._headings[i] + 180) % 360
        return Place(lat_1 + share * (lat_2 - lat_1), lon_1 + share * (lon_2 - lon_1), heading)
