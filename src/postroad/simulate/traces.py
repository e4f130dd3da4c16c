"""The trace file: real cars' speed logs and real road lines, as ``data/README.md`` describes it.

Derived from fastsim 2.1.5 (Apache-2.0) and mappymatch 0.7.1 (BSD-3-Clause) by ``tools/traces/derive.py``.
"""

import sys
from array import array
from importlib import resources
from itertools import accumulate
from typing import Literal

import msgspec
import zstandard

from postroad.errors import StoreCorrupt

FILE = "data/traces.msgpack.zst"
_CM = 0.01
_MICRODEGREE = 1e-6


class Trip(msgspec.Struct, frozen=True):
    """One labelled trip: from the engine's start to its stop, a sample each second."""

    label: str
    """Local date of the start, and the number within that date: ``2007-08-20/1``."""
    start_s: int
    """From midnight of the car's first day, local time."""
    speeds_mps: tuple[float, ...]
    gaps: tuple[tuple[int, int], ...]
    """First sample and length of each stretch that the logger left out and the derivation filled."""

    @property
    def end_s(self) -> int:
        """The second of the last sample."""
        return self.start_s + len(self.speeds_mps) - 1


class Car(msgspec.Struct, frozen=True):
    """One real car's trips, in order."""

    name: str
    trips: tuple[Trip, ...]


class Road(msgspec.Struct, frozen=True):
    """A road as a line of points, in the direction it was recorded."""

    name: str
    points: tuple[tuple[float, float], ...]
    """Latitude and longitude in degrees, WGS 84; no two neighbours are equal."""


class Traces(msgspec.Struct, frozen=True):
    """Everything the simulated vehicles drive."""

    cars: tuple[Car, ...]
    roads: tuple[Road, ...]


class _Trip(msgspec.Struct):
    label: str
    start_s: int
    gaps: tuple[tuple[int, int], ...]
    speeds: bytes


class _Car(msgspec.Struct):
    name: str
    trips: tuple[_Trip, ...]


class _Road(msgspec.Struct):
    name: str
    latitudes: bytes
    longitudes: bytes


class _File(msgspec.Struct):
    format: Literal[1]
    cars: tuple[_Car, ...]
    roads: tuple[_Road, ...]


def load_traces() -> Traces:
    """Read the trace file of this package. Raises ``StoreCorrupt`` if it is not what was shipped."""
    packed = (resources.files("postroad.simulate") / FILE).read_bytes()
    return decode_traces(packed)


def decode_traces(packed: bytes) -> Traces:
    """Decode the content of a trace file. Raises ``StoreCorrupt``."""
    try:
        file = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(packed), type=_File)
        return Traces(
            cars=tuple(Car(car.name, tuple(_trip(trip) for trip in car.trips)) for car in file.cars),
            roads=tuple(_road(road) for road in file.roads),
        )
    except (zstandard.ZstdError, msgspec.DecodeError, ValueError) as exc:
        raise StoreCorrupt(f"the trace file cannot be read: {exc}; install the package again") from exc


def _trip(trip: _Trip) -> Trip:
    speeds = tuple(round(speed * _CM, 2) for speed in _values("h", trip.speeds))
    return Trip(trip.label, trip.start_s, speeds, trip.gaps)


def _road(road: _Road) -> Road:
    latitudes, longitudes = (
        [round(degrees * _MICRODEGREE, 6) for degrees in _values("i", column)]
        for column in (road.latitudes, road.longitudes)
    )
    return Road(road.name, tuple(zip(latitudes, longitudes, strict=True)))


def _values(typecode: Literal["h", "i"], differences: bytes) -> list[int]:
    """Undo the differences of a little-endian array."""
    numbers = array(typecode, differences)
    if sys.byteorder == "big":
        numbers.byteswap()
    return list(accumulate(numbers))
