"""Harsh driving and whole numbers: the two roundings of the protocol."""

import math

from postroad.model.events import HarshManoeuvre
from postroad.protocols.connected_cars.options import HARSH_FLOOR_G, Options

_DIRECTIONS = {
    "braking": "brake",
    "acceleration": "acceleration",
    "turn_left": "turn_left",
    "turn_right": "turn_right",
}
_CLASSES = ("low", "medium", "high")


def whole(value: float) -> int:
    """The nearest whole number; a half goes up, exactly."""
    floor = math.floor(value)
    return floor + (value - floor >= 0.5)


def profiling(manoeuvre: HarshManoeuvre, options: Options) -> tuple[float, str] | None:
    """``gForce`` (three decimals) and ``direction``; None when the protocol has no word or no number for it."""
    direction = _DIRECTIONS.get(manoeuvre.kind)
    if direction is None or manoeuvre.magnitude_g is None or manoeuvre.magnitude_g < HARSH_FLOOR_G:
        return None
    g_force = round(manoeuvre.magnitude_g, 3)
    limits = (options.harsh_medium_g, options.harsh_high_g)
    return g_force, f"{direction}_{manoeuvre.severity or _CLASSES[sum(g_force >= limit for limit in limits)]}"
