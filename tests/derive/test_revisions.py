"""What late reports do to trips, and that the order of arrival does not count in the end."""

from collections import defaultdict
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fixtures.driven import final
from fixtures.drives import START_US, drive, parked, report
from postroad.derive import Memory, TripSettings, VehicleTrips
from postroad.derive.measure import Facts
from postroad.model.documents import Trip, TripDeleted
from postroad.model.events import Report

Editions = list[Trip | TripDeleted]


def feed(vehicle: VehicleTrips, reports: list[Report]) -> Editions:
    return [edition for one in reports for edition in vehicle.feed(one)]


def facts(trip: Trip) -> dict[str, Any]:
    return {name: getattr(trip, name) for name in Facts.__struct_fields__}


def in_the_end(editions: Editions) -> list[dict[str, Any]]:
    return sorted((facts(trip) for trip in final(editions).values()), key=lambda trip: trip["started_us"])


def test_late_reports_of_a_trip_make_a_new_revision_of_the_same_trip() -> None:
    reports = drive(0, 600)
    vehicle = VehicleTrips(7, TripSettings())
    [first] = feed(vehicle, [*reports[:10], *reports[40:]])
    seconds = feed(vehicle, reports[10:40])
    assert isinstance(first, Trip)
    assert {second.key for second in seconds} == {first.key}
    assert [second.revision for second in seconds] == list(range(2, 2 + len(seconds)))
    assert in_the_end([first, *seconds]) == in_the_end(feed(VehicleTrips(7, TripSettings()), reports))


def test_the_same_report_again_makes_no_edition() -> None:
    reports = [*parked(-100), *drive(0, 600)]
    vehicle = VehicleTrips(7, TripSettings())
    assert len(feed(vehicle, reports)) == 1
    assert feed(vehicle, reports) == []


def test_a_late_report_that_changes_nothing_of_a_trip_makes_no_edition() -> None:
    vehicle = VehicleTrips(7, TripSettings())
    feed(vehicle, [*drive(0, 600), *parked(800, 1200, km=10)])
    assert feed(vehicle, [*parked(1000, km=10), report(305, on=True), report(306, odometer_km=1005.1)]) == []


def test_two_trips_that_were_one_become_one_and_the_other_is_withdrawn() -> None:
    reports = [*parked(-10), *drive(0, 3600)]
    gap = [r for r in reports if START_US + 600e6 < r.header.recorded_us < START_US + 3000e6]
    vehicle = VehicleTrips(7, TripSettings())
    seen = [r for r in reports if r not in gap and r.header.recorded_us < START_US + 600e6]
    later = drive(3000, 3600, from_km=10.1, turned=False)
    later[-1] = report(3600, 20, kmh=0, on=False, turned=False, odometer_km=1020)
    before = feed(vehicle, [*seen, *later])
    assert len(final(before)) == 2
    middle = [report(s, 10, kmh=8.0, on=True, odometer_km=1010) for s in range(600, 3000, 60)]
    after = feed(vehicle, middle)
    assert len(final([*before, *after])) == 1
    deleted = [edition for edition in after if isinstance(edition, TripDeleted)]
    assert len(deleted) == 1
    assert deleted[0].revision >= 2


def test_a_trip_that_late_reports_show_to_be_none_is_withdrawn_and_its_key_never_comes_back() -> None:
    vehicle = VehicleTrips(7, TripSettings())
    [trip] = feed(vehicle, [report(0, turned=True), report(600, turned=False)])
    assert isinstance(trip, Trip)
    stood = [report(s, 0, kmh=0, on=s < 600, odometer_km=1000) for s in (1, 300, 599)]
    *revised, gone = feed(vehicle, stood)
    assert isinstance(gone, TripDeleted)
    assert (gone.key, gone.revision) == (trip.key, 2 + len(revised))
    drove = [report(s, s / 60, kmh=60, on=True, odometer_km=1000 + s / 60) for s in range(10, 590, 10)]
    again = feed(vehicle, [*drove, report(599.5, 9.9, kmh=0, on=True, odometer_km=1009.9)])
    assert again
    assert trip.key not in {edition.key for edition in again}


def test_a_trip_that_goes_on_after_all_stays_as_it_was_told_until_it_ends() -> None:
    moving = drive(0, 600, on=None, odometer=False)[:-1]
    stood = parked(610, 920, km=9.8, on=None, odometer=False)
    vehicle = VehicleTrips(7, TripSettings())
    [trip] = feed(vehicle, [*parked(-10, on=None, odometer=False), *moving, *stood])
    late = [report(s, 9.8, kmh=30, on=None) for s in (700, 800, 915)]
    assert feed(vehicle, late) == []
    [second] = feed(vehicle, parked(1000, 1310, km=9.8, on=None, odometer=False))
    assert (second.key, second.revision) == (trip.key, 2)


def test_what_was_remembered_goes_on_as_if_nothing_had_happened() -> None:
    reports = [*parked(-100), *drive(0, 600), *drive(1000, 1600, from_km=10), *parked(1700, km=20)]
    Random(3).shuffle(reports)
    through = VehicleTrips(7, TripSettings())
    vehicle, made = VehicleTrips(7, TripSettings()), []
    for one in reports:
        packed = msgspec.msgpack.encode(vehicle.memory)
        vehicle = VehicleTrips(7, TripSettings(), msgspec.msgpack.decode(packed, type=Memory))
        made += vehicle.feed(one)
    assert made == feed(through, reports)


@st.composite
def days(draw: st.DrawFn) -> list[Report]:
    """Some drives within the horizon, sent by units of every kind, with losses; at last a long stand."""
    reports, at, km = parked(-700, -20), 0.0, 0.0
    on = draw(st.sampled_from([True, None]))
    for _ in range(draw(st.integers(1, 4))):
        length = draw(st.integers(1, 30)) * 60
        part = drive(
            at, at + length, from_km=km, kmh=draw(st.sampled_from([3.0, 20.0, 60.0])),
            each=draw(st.sampled_from([20.0, 60.0])),
            on=on, turned=draw(st.booleans()), odometer=draw(st.booleans()),
        )  # fmt: skip
        reports += part
        km = (part[-1].position.latitude_deg - 10) * 111.195 if part[-1].position else km
        at += length + draw(st.sampled_from([30, 200, 400, 1000, 4000]))
    kept = [one for one in reports if draw(st.integers(0, 9))]
    return [*kept, *parked(at + 100, at + 500, at + 4000, at + 4100, km=km)]


@settings(max_examples=60, deadline=None)
@given(reports=days(), random=st.randoms(use_true_random=False))
def test_any_order_ends_in_the_same_trips(reports: list[Report], random: Random) -> None:
    in_order = feed(VehicleTrips(7, TripSettings()), reports)
    shuffled = list(reports)
    random.shuffle(shuffled)
    made = feed(VehicleTrips(7, TripSettings()), shuffled)
    assert in_the_end(made) == in_the_end(in_order)
    revisions = defaultdict[str, list[Trip | TripDeleted]](list)
    for edition in made:
        revisions[edition.key].append(edition)
    for editions in revisions.values():
        assert [edition.revision for edition in editions] == list(range(1, len(editions) + 1))
        assert not any(isinstance(edition, TripDeleted) for edition in editions[:-1])
        said = [facts(edition) for edition in editions if isinstance(edition, Trip)]
        assert all(before != after for before, after in pairwise(said))


def test_a_drive_that_breaks_off_ends_once_nothing_has_arrived_for_too_long() -> None:
    """Whenever somebody looks, the edition is the same; and if nobody does, the next report brings it."""
    begun = drive(0, 600)[:-1]
    last_us, silence_us = begun[-1].header.received_us, TripSettings().bridged_silence_s * 1_000_000

    def fed() -> VehicleTrips:
        trips = VehicleTrips(7, TripSettings())
        assert feed(trips, [*parked(-60), *begun]) == []
        return trips

    trips = fed()
    assert trips.silent_until(last_us + silence_us - 1) == []
    [trip] = trips.silent_until(last_us + silence_us)
    assert (trip.ended_us, trip.revision, trip.header.received_us) == (last_us, 1, last_us + silence_us)
    assert trips.silent_until(last_us + 2 * silence_us) == [], "once"
    assert fed().silent_until(last_us + 50 * silence_us) == [trip]
    [unlooked, *_] = fed().feed(parked(600 + 2 * 7200, km=9.9)[0])
    assert unlooked == trip


def test_a_drive_that_was_held_for_ended_and_went_on_is_corrected_under_the_same_key() -> None:
    whole = drive(0, 1200)
    trips = VehicleTrips(7, TripSettings())
    feed(trips, [*parked(-60), *whole[:60]])
    [half] = trips.silent_until(whole[60].header.received_us + 10**11)
    late_us = whole[60].header.received_us + 2 * 10**11
    later = [structs.replace(one, header=structs.replace(one.header, received_us=late_us)) for one in whole[60:]]
    corrected = feed(trips, later)
    assert [(one.key, one.revision, one.ended_us) for one in corrected] == [
        (half.key, half.revision + 1, whole[-1].header.recorded_us)
    ]
