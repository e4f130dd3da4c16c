"""Any number of vehicles, each its own, the same each time."""

import re
from itertools import islice

from postroad.simulate.fleet import _STRIDE, PLATES, make_fleet, plate
from postroad.simulate.traces import Traces

START_US = 1_700_000_000_000_000


def bodies(traces: Traces, **arguments) -> list[list[bytes]]:
    fleet = make_fleet(traces, start_us=START_US, **arguments)
    return [[report.body(late=False) for report in islice(vehicle.reports, 5)] for vehicle in fleet]


def test_the_same_seed_gives_the_same_reports_and_another_seed_gives_others(traces: Traces):
    assert bodies(traces, count=30, seed=7) == bodies(traces, count=30, seed=7)
    assert bodies(traces, count=30, seed=7) != bodies(traces, count=30, seed=8)


def test_plates_follow_the_chilean_pattern_and_are_all_different(traces: Traces):
    plates = [vehicle.plate for vehicle in make_fleet(traces, count=3000, seed=3, start_us=START_US)]
    assert len(set(plates)) == 3000
    assert all(re.fullmatch(r"[BCDFGHJKLPRSTVWXYZ]{4}[0-9]{2}", each) for each in plates)


def test_stepping_by_the_stride_visits_every_plate():
    assert len({i * _STRIDE % PLATES for i in range(0, PLATES, 97)}) == len(range(0, PLATES, 97))
    assert (plate(0), plate(99), plate(100), plate(PLATES - 1)) == ("BBBB00", "BBBB99", "BBBC00", "ZZZZ99")


def test_vehicles_on_the_same_car_and_road_are_at_different_places(traces: Traces):
    fleet = make_fleet(traces, count=132, seed=5, start_us=START_US)
    firsts = [next(vehicle.reports).injection for vehicle in fleet]
    assert len({(first.latitude, first.longitude) for first in firsts}) == len(firsts)


def test_first_reports_are_spread_over_the_first_second(traces: Traces):
    fleet = make_fleet(traces, count=100, seed=5, start_us=START_US)
    offsets = sorted(next(vehicle.reports).recorded_us - START_US for vehicle in fleet)
    assert 0 <= offsets[0] < 100_000
    assert 900_000 < offsets[-1] < 1_000_000
