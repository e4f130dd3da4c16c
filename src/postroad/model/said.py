"""What events of every kind are made of: names of subjects, positions, and the source's own words."""

from typing import Any

import msgspec


class Identifier(msgspec.Struct, frozen=True):
    """A subject as a source names it."""

    namespace: str
    value: str


class Original(msgspec.Struct, frozen=True):
    """What the source said, for a target of the same protocol: it can say more than the common language has words for.

    Nobody else may look into it.
    """

    protocol: str
    said: Any


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a vehicle was, WGS 84."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = None
    """Above sea level."""
    speed_kmh: float | None = None
    heading_deg: float | None = None
    """Clockwise from true north, 0 to 360."""
    fix: bool | None = None
    """True: the receiver had a fix; False: this is an older position repeated."""
    horizontal_error_m: float | None = None
    """Estimated; how certain is not said."""
    hdop: float | None = None
    """Horizontal dilution of precision."""
