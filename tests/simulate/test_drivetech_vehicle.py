"""What a unit reports is in the data, and each report can be told from every other."""

from collections import Counter
from datetime import datetime
from itertools import islice, pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.clock import to_us
from postroad.simulate.drive import Drive, EndlessLog
from postroad.simulate.drivetech_vehicle import FASTEST_RATE, Limits, Unit, reports
from postroad.simulate.road import RoadLine
from postroad.simulate.traces import Traces

START_US = 1_700_000_000_000_000
QUIET = Limits(report_s=10_000)
PERIODIC = {"GPS"}


def told(ticks, limits: Limits = QUIET) -> list[tuple]:
    """(second, type, status, duration or magnitude) of everything but ``GPS``."""
    unit = Unit(limits)
    return [
        (tick.second, detail.type, detail.status, detail.magnitude if detail.duration is None else detail.duration)
        for tick in ticks
        for detail in unit.details(tick)
        if detail.type not in PERIODIC
    ]


def test_ignition_is_told_when_it_changes_with_how_long_the_state_before_lasted(ticks_of):
    speeds = [None, None, 0, 1, 1, 0, None, None, None, 0]
    assert told(ticks_of(speeds)) == [(2, "IGN", True, None), (6, "IGN", False, 4), (9, "IGN", True, 3)]


def test_a_unit_switched_on_during_a_trip_claims_no_ignition_change(ticks_of):
    assert told(ticks_of([10, 10, 10])) == []


def test_idling_begins_after_the_limit_and_its_end_says_how_long_it_was(ticks_of):
    speeds = [1, *[0] * 100, 1]
    assert told(ticks_of(speeds), Limits(report_s=10_000, idling_after_s=60)) == [
        (62, "IDLING", True, 0),  # standing since second 1: more than 60 s in second 62
        (101, "IDLING", False, 39),
    ]


def test_standing_up_to_the_limit_is_not_idling(ticks_of):
    assert told(ticks_of([1, *[0] * 61, 1])) == []


def test_parked_is_not_idling_and_the_ignition_ends_idling_before_it_is_told(ticks_of):
    speeds = [1, *[0] * 100, *[None] * 200]
    assert [(kind, status) for _, kind, status, _ in told(ticks_of(speeds))] == [
        ("IDLING", True),
        ("IDLING", False),
        ("IGN", False),
    ]


def test_overspeed_begins_above_its_limit_and_ends_below_the_lower_one(ticks_of):
    kmh = [104, 110, 112, 108, 112, 106, 104, 108, 111]
    assert told(ticks_of([v / 3.6 for v in kmh])) == [
        (2, "OVER_SPEED", True, None),
        (6, "OVER_SPEED", False, None),
        (8, "OVER_SPEED", True, None),
    ]


def test_a_harsh_manoeuvre_is_told_once_with_its_peak_after_it_is_over(ticks_of):
    speeds = [20, 17.4, 13.4, 10.8, 10, 10, 12.2, 14.5, 15]
    assert told(ticks_of(speeds)) == [
        (4, "HARSH_BEHAVIOR", 0, 4.0),
        (8, "HARSH_BEHAVIOR", 1, 2.3),
    ]


def test_braking_at_the_limit_is_not_harsh(ticks_of):
    assert told(ticks_of([20, 17.5, 17.5, 19.5, 19.5])) == []


def test_braking_to_a_stop_and_turning_off_is_still_told(ticks_of):
    assert told(ticks_of([3, 0, None])) == [(2, "HARSH_BEHAVIOR", 0, 3.0), (2, "IGN", False, None)]


def test_harsh_events_are_exactly_where_the_data_has_them(traces: Traces):
    """Counted a second time, by another road: runs of the speeds' differences beyond the limit."""
    limits = Limits()
    for car in traces.cars:
        log = EndlessLog(car)
        expected = []
        harsh: list[float] = []
        for second in range(1, log.lap_s):
            before, now = log.at(second - 1), log.at(second)
            gained = now.speed_mps - before.speed_mps if before.ignition and now.ignition else 0.0
            if gained < -limits.braking_mps2:
                harsh.append(-gained)
            elif harsh:
                expected.append((second, "HARSH_BEHAVIOR", 0, round(max(harsh), 2)))
                harsh = []
        ticks = islice(Drive(log, RoadLine(traces.roads[0].points)).ticks(), log.lap_s)
        assert [each for each in told(ticks) if each[1:3] == ("HARSH_BEHAVIOR", 0)] == expected


def test_the_logs_hold_the_harsh_braking_that_was_counted_in_the_source(traces: Traces):
    """147 seconds of them pass 2.5 m/s2, most in runs; the hardest is 4.76 m/s2."""
    seconds, magnitudes = 0, []
    for car in traces.cars:
        for trip in car.trips:
            seconds += sum(before - after > 2.505 for before, after in pairwise(trip.speeds_mps))
        log = EndlessLog(car)
        ticks = islice(Drive(log, RoadLine(traces.roads[0].points)).ticks(), log.lap_s)
        magnitudes += [size for _, kind, status, size in told(ticks) if (kind, status) == ("HARSH_BEHAVIOR", 0)]
    assert 140 <= seconds <= 147
    assert max(magnitudes) == pytest.approx(4.76, abs=0.02)


def test_over_a_whole_lap_every_trip_begins_and_ends_once(traces: Traces):
    for car in traces.cars[:8]:
        log = EndlessLog(car)
        ticks = islice(Drive(log, RoadLine(traces.roads[0].points)).ticks(), log.lap_s)
        counts = Counter((kind, status) for _, kind, status, _ in told(ticks))
        assert counts["IGN", False] == len(car.trips)
        assert counts["IGN", True] == len(car.trips) - 1  # the unit wakes with the first already on
        assert counts["IDLING", True] == counts["IDLING", False]


def test_positions_come_at_the_interval_and_with_every_change_of_the_ignition(ticks_of):
    unit = Unit(Limits(report_s=5, parked_report_s=20))
    ticks = ticks_of([*[10] * 12, *[None] * 45, *[10] * 7])
    seconds = [tick.second for tick in ticks if any(detail.type == "GPS" for detail in unit.details(tick))]
    assert seconds == [0, 5, 10, 12, 32, 52, 57, 62]


def test_the_state_follows_the_rule(ticks_of):
    ticks = ticks_of([None, 0, 1, 1.5, 10, *[0] * 70])
    limits = Limits(report_s=1, parked_report_s=1, idling_after_s=60)
    states = [
        report.injection.state
        for report in reports(ticks, plate="BBBB10", start_us=START_US, limits=limits)
        if report.injection.event.type == "GPS"
    ]
    assert states[:5] == [
        "Ignition Off Rest",
        "Ignition On Rest",
        "Ignition On Rest",
        "Ignition On Moving",
        "Ignition On Moving",
    ]
    assert states[5:] == ["Ignition On Rest"] * 61 + ["Idling"] * 9


def test_the_body_has_the_required_fields_and_invents_none(ticks_of):
    first, *_ = reports(ticks_of([10, 10]), plate="BCDF10", start_us=START_US + 29_000)
    assert msgspec.json.decode(first.body(late=False)) == {
        "plate": "BCDF10",
        "buff": False,
        "datetime": "2023-11-14T22:13:20.029Z",
        "latitude": 39.7001,
        "longitude": -104.9,
        "speed": 36.0,
        "azimuth": 0.0,
        "state": "Ignition On Moving",
        "event": {"type": "GPS"},
        "ign_input": True,
        "gps_status": True,
        "odometer": 0.01,
        "hourmeter": 0.0,
    }


def test_a_late_body_differs_in_buff_alone(ticks_of):
    first, *_ = reports(ticks_of([10, 10]), plate="BCDF10", start_us=START_US)
    assert first.body(late=True) == first.body(late=False).replace(b'"buff":false', b'"buff":true')


def test_status_stays_of_its_type_and_false_is_sent(ticks_of):
    bodies = [
        report.body(late=False)
        for report in reports(ticks_of([20.0, 16.0, 16.0, None]), plate="BCDF10", start_us=START_US, limits=QUIET)
    ]
    assert b'"event":{"type":"HARSH_BEHAVIOR","status":0,"magnitude":4.0}' in bodies[1]
    assert b'"event":{"type":"IGN","status":false}' in bodies[2]


@settings(max_examples=40, deadline=None)
@given(
    rate=st.floats(0.01, FASTEST_RATE),
    report_s=st.integers(1, 120),
    car=st.integers(0, 21),
    second=st.integers(0, 1_000_000),
    start_us=st.integers(0, 2_000_000_000_000_000),
)
def test_at_any_rate_and_interval_each_report_has_its_own_millisecond_and_does_not_run_ahead(
    traces: Traces, rate: float, report_s: int, car: int, second: int, start_us: int
):
    drive = Drive(EndlessLog(traces.cars[car]), RoadLine(traces.roads[0].points))
    limits = Limits(report_s=report_s, idling_after_s=3, braking_mps2=0.5, acceleration_mps2=0.5)
    made = list(reports(islice(drive.ticks(second), 400), plate="X", start_us=start_us, limits=limits, rate=rate))
    instants = [report.recorded_us for report in made]
    assert all(before < after for before, after in pairwise(instants))
    assert all(instant % 1000 == 0 for instant in instants)
    assert instants[-1] <= start_us + 400 / rate * 1e6 + 10_000
    assert [to_us(datetime.fromisoformat(report.injection.datetime)) for report in made] == instants


@pytest.mark.parametrize("rate", [0, -1, FASTEST_RATE * 1.01, float("nan")])
def test_a_rate_that_would_crowd_the_milliseconds_is_refused(rate: float):
    with pytest.raises(ValueError, match="rate"):
        next(reports([], plate="X", start_us=0, rate=rate))
