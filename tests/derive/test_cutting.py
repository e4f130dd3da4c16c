"""Where a trip begins and ends, and what is known of it."""

from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.drives import START_US, drive, parked, report
from postroad.derive import TripSettings, VehicleTrips
from postroad.model.documents import Trip, TripDeleted
from postroad.model.events import Report


def told(*parts: list[Report]) -> list[Trip | TripDeleted]:
    vehicle = VehicleTrips(7, TripSettings())
    return [edition for part in parts for one in part for edition in vehicle.feed(one)]


def trips(*parts: list[Report]) -> list[Trip]:
    """Of reports in order: every edition is a trip's first."""
    editions = told(*parts)
    assert all(isinstance(edition, Trip) and edition.revision == 1 for edition in editions)
    return [edition for edition in editions if isinstance(edition, Trip)]


def span(trip: Trip) -> tuple[float, float]:
    return (trip.started_us - START_US) / 1e6, (trip.ended_us - START_US) / 1e6


def test_a_trip_is_told_the_moment_the_ignition_is_turned_off() -> None:
    [trip] = trips(drive(0, 600))
    assert span(trip) == (0, 600)
    assert trip.distance_m == pytest.approx(10_000)
    assert trip.max_speed_kmh == 60
    assert trip.mean_speed_kmh == pytest.approx(60)
    assert (trip.driving_s, trip.idling_s) == (600, 0)
    assert len(trip.path) == 61
    assert trip.start is not None
    assert trip.end is not None
    assert (trip.start.latitude_deg, trip.end.latitude_deg) == pytest.approx((10, 10.0899), abs=1e-3)
    assert trip.derived
    assert trip.key == f"derived:7:{START_US}"
    assert trip.header.subject_id == 7
    assert trip.header.provider_id == 0


def test_what_nobody_said_is_unknown() -> None:
    [trip] = trips([report(0, turned=True), report(600, turned=False)])
    assert span(trip) == (0, 600)
    unknown: list[Any] = [trip.distance_m, trip.driving_s, trip.idling_s, trip.mean_speed_kmh, trip.max_speed_kmh]
    assert unknown == [None] * 5
    assert (trip.start, trip.end, trip.path) == (None, None, ())


def test_standing_in_traffic_is_idling_within_the_trip() -> None:
    there = drive(0, 300)[:-1]
    stood = [report(s, 4.9, kmh=0, on=True, odometer_km=1004.9) for s in range(300, 901, 10)]
    [trip] = trips(there, stood, drive(910, 1200, from_km=4.9)[1:])
    assert span(trip) == (0, 1200)
    assert trip.idling_s == pytest.approx(600, abs=20)


def test_an_hour_of_standing_with_the_ignition_on_ends_the_trip_where_it_began() -> None:
    there = drive(0, 300)[:-1]
    stood = [report(s, 4.9, kmh=0, on=True, odometer_km=1004.9) for s in range(300, 5000, 60)]
    first, second = trips(there, stood, drive(5000, 5300, from_km=4.9, turned=False))
    assert span(first) == (0, 300)
    assert 4900 <= span(second)[0] <= 5010


def test_moving_the_car_in_its_yard_is_no_trip() -> None:
    assert trips(drive(0, 20, kmh=4)) == []


def test_a_drive_that_was_under_way_when_the_first_report_came_is_no_trip() -> None:
    assert trips(drive(0, 600)[5:]) == []


def test_the_turn_off_tells_of_a_turn_on_that_was_lost() -> None:
    lost = [r for r in drive(0, 600) if r.header.recorded_us >= START_US + 45_000_000]
    end = report(600, 10, kmh=0, on=False, turned=False, after_s=600, odometer_km=1010)
    [trip] = trips(parked(-100), lost[:-1], [end])
    assert span(trip) == (0, 600)
    assert trip.distance_m == pytest.approx(10_000)


def test_a_turn_off_alone_tells_of_the_whole_trip() -> None:
    [trip] = trips(parked(-100), [report(600, 10, on=False, turned=False, after_s=600, odometer_km=1010)])
    assert span(trip) == (0, 600)
    assert trip.distance_m == pytest.approx(10_000)


def test_the_turn_on_tells_of_a_turn_off_that_was_lost() -> None:
    first, second = drive(0, 300)[:-1], drive(400, 700, from_km=4.83)
    second[0] = report(400, 4.83, kmh=0, on=True, turned=True, after_s=105, odometer_km=1004.83)
    one, two = trips(first, second)
    assert (span(one), span(two)) == ((0, 295), (400, 700))


def test_without_turns_the_level_of_each_report_counts() -> None:
    reports = drive(0, 600, turned=False)
    reports[-1] = report(600, 10, kmh=0, on=True, odometer_km=1010)
    [trip] = trips(parked(-30), reports, parked(640, km=10))
    assert span(trip) == (0, 600)


def test_without_ignition_movement_counts_and_five_minutes_of_standing_end_a_trip() -> None:
    moving = drive(0, 600, on=None, odometer=False)
    stood = parked(*range(610, 1000, 10), km=10, on=None, odometer=False)
    [trip] = trips(parked(-20, -10, on=None, odometer=False), moving, stood)
    assert span(trip) == (0, 600)
    assert trip.distance_m == pytest.approx(10_000, rel=0.02)


def test_a_long_stand_before_the_start_is_no_stand_within_the_trip() -> None:
    waited = [report(s, 0, kmh=0, on=True, odometer_km=1000) for s in range(0, 121, 10)]
    [trip] = trips(parked(-7200, -3600), waited, drive(130, 600)[1:])
    assert span(trip) == (0, 600)


def test_a_towed_vehicle_makes_no_trip() -> None:
    towed = [report(s, s / 60, kmh=60, on=False, odometer_km=1000) for s in range(0, 600, 10)]
    assert trips(towed) == []


def test_a_turn_on_that_was_lost_does_not_hide_a_drive_of_a_vehicle_that_tells_only_turns() -> None:
    moving = [report(s, s / 60, kmh=60) for s in range(10, 600, 10)]
    [trip] = trips([report(-50, 0, turned=False), report(0, 0, kmh=0)], moving, [report(600, 10, turned=False)])
    assert span(trip) == (0, 600)


def test_silence_in_which_it_drove_on_does_not_cut_a_trip() -> None:
    reports = drive(0, 3600)
    [trip] = trips([r for r in reports if not START_US + 600e6 < r.header.recorded_us < START_US + 2400e6])
    assert span(trip) == (0, 3600)


def test_silence_in_which_it_may_have_stopped_cuts_a_trip() -> None:
    first, second = trips(drive(0, 600)[:-1], drive(2400, 3000, from_km=9.85, turned=False))
    assert (span(first), span(second)) == ((0, 590), (2400, 2990))


@pytest.mark.parametrize(
    "odometer", [lambda _: 12.0, lambda km: 1000 - km, lambda km: 1000 + 300 * km], ids=["stuck", "backward", "fast"]
)
def test_an_odometer_that_cannot_be_right_gives_way_to_the_positions(odometer: Any) -> None:
    reports = [
        report(s, s / 60, kmh=60.0 if 0 < s < 600 else 0.0, on=s < 600, turned=turned, odometer_km=odometer(s / 60))
        for s in range(0, 601, 10)
        for turned in [{0: True, 600: False}.get(s)]
    ]
    [trip] = trips(reports)
    assert trip.distance_m == pytest.approx(10_000, rel=0.02)


def test_a_coarse_odometer_gives_way_to_the_positions() -> None:
    reports = [
        report(s, s / 60, kmh=60.0 if 0 < s < 600 else 0.0, on=s < 600, turned=turned, odometer_km=int(1000.9 + s / 60))
        for s in range(0, 601, 10)
        for turned in [{0: True, 600: False}.get(s)]
    ]
    [trip] = trips(reports)
    assert trip.distance_m == pytest.approx(9_833, rel=0.001)


def test_a_report_from_the_future_changes_nothing() -> None:
    reports = drive(0, 600)
    ahead = report(100_000, 500, kmh=0, on=False, turned=False, ahead=True, received_us=START_US)
    assert trips(reports[:5], [ahead], reports[5:]) == trips(reports)


def test_an_older_position_repeated_is_no_position() -> None:
    reports = drive(0, 600, odometer=False)
    stale = report(55, 400, kmh=0, on=True)
    assert stale.position is not None
    stale = replace(stale, position=replace(stale.position, fix=False))
    assert trips(reports[:6], [stale], reports[6:])[0].distance_m == trips(reports)[0].distance_m


def test_a_trip_without_an_end_is_cut_after_a_day() -> None:
    hours = [report(s, s / 60, kmh=60, on=True, turned=True if s == 0 else None) for s in range(0, 26 * 3600, 60)]
    [trip] = trips(hours)
    assert span(trip)[1] == 24 * 3600


def test_a_path_is_bounded_and_keeps_both_ends() -> None:
    settings = TripSettings(longest_path=20)
    vehicle = VehicleTrips(7, settings)
    reports = drive(0, 600, each=5)
    [trip] = [edition for one in reports for edition in vehicle.feed(one)]
    assert isinstance(trip, Trip)
    assert len(trip.path) <= 21
    assert trip.path[0].recorded_us == trip.started_us
    assert trip.path[-1].recorded_us == trip.ended_us


def test_what_is_kept_of_a_vehicle_is_bounded() -> None:
    vehicle = VehicleTrips(7, TripSettings())
    most = 0
    for day in range(2):
        for number in range(40):
            at = day * 86400 + number * 2000
            for one in [*drive(at, at + 1200, each=2), *parked(at + 1500)]:
                vehicle.feed(one)
            most = max(most, len(vehicle.memory.samples))
    assert most < 6 * 3600 / 2 * 2
    assert len(vehicle.memory.told) < 40


def test_a_second_holds_no_more_than_one_report_of_a_kind() -> None:
    vehicle = VehicleTrips(7, TripSettings())
    for millisecond in range(5000):
        vehicle.feed(report(millisecond / 1000, 0, kmh=50, on=True))
    assert len(vehicle.memory.samples) == 5
