#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["msgspec", "zstandard"]
# ///
"""Derive the demo's trace file from the two published packages it comes from. Deterministic.

    pip download --no-deps fastsim==2.1.5 mappymatch==0.7.1     # then unzip both wheels
    python tools/traces/derive.py FASTSIM_FOLDER MAPPYMATCH_FOLDER [OUTPUT]

FASTSIM_FOLDER and MAPPYMATCH_FOLDER are the packages' own folders (those with ``resources`` in them). The same input
and the same version of zstandard give the same bytes. What the file holds, and its units: ``README.md`` beside it.
"""

import csv
import itertools
import sys
from array import array
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import zstandard

OUTPUT = Path(__file__).parents[2] / "src/postroad/simulate/data/traces.msgpack.zst"
FORMAT = 1
MPH_IN_CM_PER_S = 44.704
MICRODEGREES = 1_000_000
ZSTD_LEVEL = 19
SECOND = timedelta(seconds=1)


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The lines of a CSV file with a head line."""
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def little_endian(values: array) -> bytes:
    """The array's bytes as every machine that reads the file will expect them."""
    if sys.byteorder == "big":
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def differences(values: list[int]) -> list[int]:
    """The first value, then each value less the one before: small numbers, which compress well."""
    return values[:1] + [value - before for before, value in itertools.pairwise(values)]


def trip(day: datetime, number: int, start: datetime, end: datetime, log: dict[datetime, float]) -> dict[str, Any]:
    """One trip, a sample each second from its start to its end; what the logger left out is filled along a line."""
    seconds = [second for i in range((end - start) // SECOND + 1) if (second := start + i * SECOND) in log]
    if seconds[0] != start or seconds[-1] != end:
        raise ValueError(f"the trip of {start} begins or ends without a sample")
    speeds = [round(log[start] * MPH_IN_CM_PER_S)]
    gaps: list[tuple[int, int]] = []
    for before, second in itertools.pairwise(seconds):
        steps = (second - before) // SECOND
        speed, last = log[second] * MPH_IN_CM_PER_S, log[before] * MPH_IN_CM_PER_S
        if steps > 1:
            gaps.append((len(speeds), steps - 1))
        speeds += [round(last + (speed - last) * i / steps) for i in range(1, steps + 1)]
    return {
        "label": f"{start:%Y-%m-%d}/{number}",
        "start_s": (start - day) // SECOND,
        "gaps": gaps,
        "speeds": little_endian(array("h", differences(speeds))),
    }


def car(folder: Path) -> dict[str, Any]:
    """One car: every labelled trip of its folder, cut out of the daily logs beside the list of trips."""
    log = {
        datetime.fromisoformat(row["timestamp"]): float(row["speed_mph"])
        for path in sorted(folder.glob("[0-9]*.csv"))
        for row in rows(path)
    }
    bounds = sorted(
        (datetime.fromisoformat(row["start_ts"]), datetime.fromisoformat(row["end_ts"]))
        for row in rows(folder / "trips.csv")
    )
    day = bounds[0][0].replace(hour=0, minute=0, second=0)
    numbers: dict[str, int] = {}
    trips = []
    for start, end in bounds:
        date = f"{start:%Y-%m-%d}"
        numbers[date] = numbers.get(date, 0) + 1
        trips.append(trip(day, numbers[date], start, end, log))
    return {"name": folder.name, "trips": trips}


def road(path: Path) -> dict[str, Any]:
    """One road line: the trace's points in order, without a point that only repeats the one before."""
    points: list[tuple[int, int]] = []
    for row in rows(path):
        point = (round(float(row["latitude"]) * MICRODEGREES), round(float(row["longitude"]) * MICRODEGREES))
        if not points or point != points[-1]:
            points.append(point)
    return {
        "name": path.stem,
        "latitudes": little_endian(array("i", differences([latitude for latitude, _ in points]))),
        "longitudes": little_endian(array("i", differences([longitude for _, longitude in points]))),
    }


def main(fastsim: Path, mappymatch: Path, output: Path = OUTPUT) -> None:
    """Read both packages, write the file."""
    cycles, traces = fastsim / "resources/cycles/cmap_subset", mappymatch / "resources/traces"
    content = {
        "format": FORMAT,
        "cars": [car(folder) for folder in sorted(cycles.iterdir()) if folder.is_dir()],
        "roads": [road(path) for path in sorted(traces.glob("*.csv"))],
    }
    packed = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compress(msgspec.msgpack.encode(content))
    output.write_bytes(packed)
    trips = sum(len(each["trips"]) for each in content["cars"])
    sys.stdout.write(f"{output}: {len(content['cars'])} cars, {trips} trips, {len(packed)} bytes\n")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
