"""Distances on the earth."""

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius; on the few kilometres of a road the error is below 0.3 %."""

Point = tuple[float, float]
"""Latitude and longitude in degrees, WGS 84."""


def distance_m(start: Point, end: Point) -> float:
    """Great-circle distance (haversine)."""
    phi_1, phi_2 = radians(start[0]), radians(end[0])
    across = sin(radians(end[1] - start[1]) / 2) ** 2 * cos(phi_1) * cos(phi_2)
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(sin((phi_2 - phi_1) / 2) ** 2 + across)))
