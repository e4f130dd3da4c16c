"""The trace file is what its README says, and nothing else is taken for it."""

import hashlib
import re
from importlib import resources
from itertools import pairwise

import msgspec
import pytest
import zstandard

from postroad.errors import StoreCorrupt
from postroad.simulate.traces import FILE, Traces, decode_traces

PACKED = (resources.files("postroad.simulate") / FILE).read_bytes()


def test_the_file_is_the_one_that_was_derived():
    """Made anew by ``tools/traces/derive.py``? Then this digest, and the figures below, are looked at again."""
    assert hashlib.sha256(PACKED).hexdigest() == "c62d9b11a191b155c62b8ba2e0640e73e602bd807e8f6607b89e389652ecfeaa"
    assert len(PACKED) < 300_000


def test_it_holds_22_cars_with_241_trips_of_3581_km(traces: Traces):
    trips = [trip for car in traces.cars for trip in car.trips]
    assert len(traces.cars) == 22
    assert len(trips) == 241
    assert sum(sum(trip.speeds_mps) for trip in trips) / 1000 == pytest.approx(3581.5, abs=0.1)
    assert sum(len(trip.speeds_mps) for trip in trips) == 249_143


def test_filled_stretches_are_as_many_as_the_readme_says(traces: Traces):
    at_rest, other = [], []
    for trip in (trip for car in traces.cars for trip in car.trips):
        for first, length in trip.gaps:
            filled = trip.speeds_mps[first - 1 : first + length + 1]
            (other if any(filled) else at_rest).append(length)
    assert (len(at_rest), sum(at_rest)) == (739, 29_818)
    assert other == [14] * 39


def test_filled_stretches_lie_on_a_straight_line(traces: Traces):
    for trip in (trip for car in traces.cars for trip in car.trips):
        for first, length in trip.gaps:
            before, after = trip.speeds_mps[first - 1], trip.speeds_mps[first + length]
            for i in range(1, length + 1):
                expected = before + (after - before) * i / (length + 1)
                assert trip.speeds_mps[first - 1 + i] == pytest.approx(expected, abs=0.011)


def test_trips_of_a_car_follow_each_other_in_time_and_do_not_overlap(traces: Traces):
    for car in traces.cars:
        assert all(before.end_s < after.start_s for before, after in pairwise(car.trips)), car.name
        assert len({trip.label for trip in car.trips}) == len(car.trips)
        assert all(re.fullmatch(r"2007-\d\d-\d\d/\d+", trip.label) for trip in car.trips)


def test_every_trip_begins_and_ends_standing_and_has_speeds_of_a_car(traces: Traces):
    for trip in (trip for car in traces.cars for trip in car.trips):
        assert trip.speeds_mps[0] == trip.speeds_mps[-1] == 0
        assert all(0 <= speed < 40 for speed in trip.speeds_mps)
        assert all(abs(after - before) < 5 for before, after in pairwise(trip.speeds_mps)), "more than 0.5 g"


def test_roads_lie_in_denver_and_no_point_repeats_the_one_before(traces: Traces):
    assert [len(road.points) for road in traces.roads] == [840, 624, 1206]
    for road in traces.roads:
        assert all(39.6 < latitude < 39.8 and -105.1 < longitude < -104.8 for latitude, longitude in road.points)
        assert all(before != after for before, after in pairwise(road.points))


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        PACKED[:-100],
        PACKED[:1000] + b"\0" + PACKED[1001:],
        zstandard.compress(b"not msgpack"),
        zstandard.compress(msgspec.msgpack.encode({"format": 2, "cars": [], "roads": []})),
        zstandard.compress(
            msgspec.msgpack.encode(
                {"format": 1, "cars": [], "roads": [{"name": "", "latitudes": b"1", "longitudes": b""}]}
            )
        ),
    ],
    ids=["empty", "cut", "damaged", "other content", "other format", "half a number"],
)
def test_a_file_that_is_not_the_one_shipped_is_corrupt(packed: bytes):
    with pytest.raises(StoreCorrupt, match="trace file"):
        decode_traces(packed)
