"""Physics: distance is the integral of speed, and positions lie on the road."""

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.simulate.drive import Drive, EndlessLog
from postroad.simulate.road import RoadLine, distance_m, heading_deg
from postroad.simulate.traces import Car, Traces, Trip


def car(*trips: tuple[int, tuple[float, ...]]) -> Car:
    return Car("test", tuple(Trip(str(start), start, speeds, ()) for start, speeds in trips))


CORNER = RoadLine([(39.70, -104.90), (39.71, -104.90), (39.71, -104.89)])
"""North, then east."""


def test_the_odometer_is_the_integral_of_the_speed(traces: Traces):
    for real in traces.cars[:6]:
        drive = Drive(EndlessLog(real), RoadLine(traces.roads[0].points))
        driven_m = 0.0
        for before, tick in pairwise(islice(drive.ticks(), 3000)):
            driven_m += (before.speed_mps + tick.speed_mps) / 2
            assert tick.odometer_m == pytest.approx(driven_m, abs=1e-6)


def test_the_odometer_never_goes_back_not_even_from_one_lap_to_the_next(traces: Traces):
    log = EndlessLog(traces.cars[0])
    metres = [log.at(second).driven_m for second in range(3 * log.lap_s)]
    assert all(before <= after for before, after in pairwise(metres))
    assert log.at(2 * log.lap_s).driven_m == pytest.approx(2 * log.lap_m)


def test_between_two_ticks_a_vehicle_moves_as_far_as_its_speeds_say(traces: Traces):
    """On the ground it can be less, where the road bends between the two."""
    line = RoadLine(traces.roads[2].points)
    for before, tick in pairwise(islice(Drive(EndlessLog(traces.cars[3]), line).ticks(100), 3000)):
        moved_m = distance_m(before[1:3], tick[1:3])
        assert moved_m <= (before.speed_mps + tick.speed_mps) / 2 + 0.01


def test_every_position_lies_on_the_road(traces: Traces):
    line = RoadLine(traces.roads[1].points)
    for tick in islice(Drive(EndlessLog(traces.cars[5]), line, from_m=777).ticks(), 0, 4000, 13):
        here = tick[1:3]
        nearest_m = min(distance_m(a, here) + distance_m(here, b) - distance_m(a, b) for a, b in pairwise(line.points))
        assert nearest_m < 0.01


@given(st.floats(0, 1e7))
def test_there_is_a_place_for_every_distance(driven_m: float):
    place = CORNER.at(driven_m)
    assert 39.70 <= place.latitude_deg <= 39.71
    assert -104.90 <= place.longitude_deg <= -104.89
    assert 0 <= place.heading_deg < 360


def test_at_the_end_of_the_line_it_turns_back_and_does_not_jump():
    length_m = CORNER.length_m
    assert CORNER.at(100).heading_deg == pytest.approx(0)
    assert CORNER.at(length_m - 100).heading_deg == pytest.approx(90, abs=0.01)
    assert CORNER.at(length_m + 100)[:2] == pytest.approx(CORNER.at(length_m - 100)[:2])
    assert CORNER.at(length_m + 100).heading_deg == pytest.approx(270, abs=0.01)
    assert CORNER.at(2 * length_m - 100).heading_deg == pytest.approx(180)
    assert CORNER.at(2 * length_m)[:2] == CORNER.points[0]


def test_lengths_and_courses_are_those_of_the_earth():
    assert distance_m((39, -105), (40, -105)) == pytest.approx(111_195, rel=1e-4)
    assert distance_m((60, 10), (60, 11)) == pytest.approx(55_597, rel=1e-3)
    assert heading_deg((60, 10), (60, 11)) == pytest.approx(90)
    assert heading_deg((39, -105), (38, -105)) == pytest.approx(180)


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(1.0, 2.0), (1.0, 2.0)]])
def test_a_line_without_length_is_refused(points):
    with pytest.raises(ValueError, match="two points"):
        RoadLine(points)


def test_stops_are_as_long_as_they_were_up_to_the_longest():
    log = EndlessLog(car((100, (0, 5, 0)), (110, (0, 7, 0)), (90_000, (0, 9, 0))), longest_stop_s=30)
    ignition = "".join("x" if log.at(second).ignition else "." for second in range(log.lap_s))
    assert ignition == "xxx" + "." * 7 + "xxx" + "." * 30 + "xxx" + "." * 30


def test_standing_is_with_the_engine_on_and_parked_is_not():
    ticks = list(islice(Drive(EndlessLog(car((0, (0, 5, 0))), longest_stop_s=2), CORNER).ticks(), 5))
    assert [(tick.ignition, tick.standing) for tick in ticks] == [
        (True, True),
        (True, False),
        (True, True),
        (False, False),
        (False, False),
    ]
    assert [tick.engine_s for tick in ticks] == [0, 1, 2, 3, 3]


def test_two_trips_without_a_stop_between_still_have_one():
    log = EndlessLog(car((0, (0, 5, 0)), (3, (0, 7, 0))))
    assert not log.at(3).ignition
    assert log.at(4).ignition
