"""What other protocols have brought, as datasets: read again it is the same, within the rounding of the page."""

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroad.model.documents import (
    Crash,
    CrashReport,
    DeviceStatus,
    DriverDeleted,
    Manoeuvre,
    PhoneUse,
    TrackPoint,
    Trip,
    TripDeleted,
    TripManoeuvre,
)
from postroad.model.events import AccessChanged, Report
from postroad.model.header import Header
from postroad.model.said import Position
from postroad.protocols import damoov
from postroad.protocols.base import Addressing
from postroad.protocols.damoov.datasets import dataset_of
from postroad.protocols.damoov.trips import SCORES

TOKEN = "0f7b6c58-2d94-4a1b-8e36-95c0d1f4a27e"
HEADER = Header(subject_id=1, provider_id=2, recorded_us=3, received_us=1_750_000_000_000_000)
OPTIONS = damoov.Options(base_url="https://hub.example")
START = 1_742_280_300_000_000
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


positions = st.builds(Position, latitude_deg=latitudes, longitude_deg=longitudes)
points = st.builds(
    TrackPoint,
    recorded_us=st.integers(START, START + 3_600_000_000),
    latitude_deg=latitudes,
    longitude_deg=longitudes,
    speed_kmh=maybe(st.floats(0.1, 250)),
    heading_deg=maybe(st.floats(0.1, 359.9)),
    altitude_m=maybe(st.integers(1, 800_000).map(lambda cm: cm / 100)),
    horizontal_error_m=maybe(st.floats(0.1, 100)),
)
manoeuvres = st.builds(
    TripManoeuvre,
    kind=st.sampled_from(get_args(Manoeuvre)),
    at_us=st.integers(START // 1000, START // 1000 + 3_600_000).map(lambda ms: ms * 1000),
    position=positions,
    acceleration_mps2=maybe(st.floats(0.1, 9)),
).map(lambda one: msgspec.structs.replace(one, acceleration_mps2=signed(one)))


def signed(one: TripManoeuvre) -> float | None:
    value = one.acceleration_mps2
    return -value if value is not None and one.kind == "braking" else value


trips = st.builds(
    Trip,
    header=st.just(HEADER),
    key=st.just("trip-1"),
    revision=st.just(1),
    started_us=st.just(START),
    ended_us=st.integers(START, START + 86_400_000_000),
    start_address=maybe(st.text(min_size=1, max_size=20)),
    end_address=maybe(st.text(min_size=1, max_size=20)),
    distance_m=maybe(st.floats(0, 1e6)),
    scores=st.dictionaries(st.sampled_from(list(SCORES.values())), st.floats(0, 100)),
    manoeuvres=maybe(st.lists(manoeuvres, max_size=4, unique_by=lambda one: one.at_us).map(tuple)),
    phone=maybe(st.builds(PhoneUse, unlocked_s=st.floats(0, 10_000))),
    path=st.lists(points, max_size=5, unique_by=lambda one: one.recorded_us).map(
        lambda found: tuple(sorted(found, key=lambda point: point.recorded_us))
    ),
)


def announced(event, name: str) -> bytes:
    """The notification of that name."""
    told = damoov.write(event, to=Addressing(driver_id=TOKEN), options=OPTIONS)
    return next(one.body for one in told if json.loads(one.body)["Event"] == name)


def received(says, event, name: str, kind, **choice: Any):
    """What a receiver of the hub's notifications and datasets is told by them."""
    body = dataset_of(event, kind, device_token=TOKEN)
    (told,) = says(damoov.fetched(announced(event, name), body), **choice)
    return told


@quick
@given(trip=trips)
def test_a_trip_read_again_from_a_processed_track_is_the_same(says, trip):
    told = received(says, trip, "TrackEnrichmentFinished", "processed_track", height_unit="cm")
    assert told.key == damoov.track_token(2, "trip-1")
    assert (told.started_us, told.ended_us) == (trip.started_us, trip.ended_us)
    assert (told.start_address, told.end_address) == (trip.start_address, trip.end_address)
    assert told.scores == trip.scores
    near = {"rel": 1e-12, "abs": 5e-4}
    assert told.distance_m == (None if trip.distance_m is None else pytest.approx(trip.distance_m, **near))
    used = trip.phone and trip.phone.unlocked_s
    assert (told.phone and told.phone.unlocked_s) == (None if used is None else pytest.approx(used, **near))
    assert (told.manoeuvres is None) == (trip.manoeuvres is None)
    wanted = {(one.kind, one.at_us, one.acceleration_mps2) for one in trip.manoeuvres or ()}
    assert {(one.kind, one.at_us, one.acceleration_mps2) for one in told.manoeuvres or ()} == wanted
    own = {one.recorded_us for one in trip.path}
    kept = {one.recorded_us: one for one in told.path if one.recorded_us in own}
    for point in trip.path:
        assert kept[point.recorded_us] == msgspec.structs.replace(point, horizontal_error_m=None)


@quick
@given(trip=trips.filter(lambda trip: trip.path))
def test_a_trip_read_again_from_a_raw_track_is_the_same(says, trip):
    told = received(says, trip, "IncomingTrackReceived", "received_track", trips="received", height_unit="cm")
    assert (told.started_us, told.ended_us, told.path) == (trip.started_us, trip.ended_us, trip.path)
    assert told.manoeuvres == trip.manoeuvres
    assert told.scores == {}
    assert told.distance_m is told.phone is told.start_address is None


@quick
@given(
    happened_us=st.integers(0, 4_000_000_000_000_000),
    place=maybe(positions),
    speed=maybe(st.floats(0, 300)),
)
def test_a_crash_read_again_is_the_same_to_the_millisecond(says, happened_us, place, speed):
    if place is not None:
        place = msgspec.structs.replace(place, speed_kmh=speed)
    crash = Crash(header=HEADER, key="c", revision=1, happened_us=happened_us, position=place, max_acceleration_g=3.0)
    told = received(says, crash, "AccidentEventReceived", "accident")
    assert told.happened_us == happened_us // 1000 * 1000
    assert (told.max_acceleration_g, told.confirmed, told.probability, told.withdrawn) == (None, None, None, False)
    if place is None:
        assert told.position is None
    else:
        assert told.position.latitude_deg == place.latitude_deg
        assert told.position.speed_kmh == (None if speed is None else pytest.approx(speed, abs=1e-5))


@given(changes=st.fixed_dictionaries({}, optional={
    "battery.level_percent": st.floats(0, 100),
    "network.wifi": st.booleans(),
    "sensor.gps": st.booleans(),
    "setting.real_time_location": st.booleans(),
    "network.mobile_data": st.booleans(),
    "trips.not_uploaded": st.integers(0, 1000),
}))  # fmt: skip
def test_a_status_read_again_is_the_same(says, changes):
    status = DeviceStatus(header=HEADER, key="d", revision=1, changes=changes)
    (one,) = damoov.write(status, to=Addressing(driver_id=TOKEN), options=OPTIONS)
    (told,) = says(one.body)
    assert told.changes == changes
    assert told.revision == HEADER.received_us * 10


def test_a_withdrawal_and_a_deletion_are_read_again(says):
    crash = Crash(header=HEADER, key="c", revision=2, withdrawn=True)
    (told,) = says(announced(crash, "AccidentEventCompletePackageReceived"))
    assert (told.key, told.withdrawn) == (damoov.accident_id(2, "c"), True)
    (gone,) = says(announced(TripDeleted(header=HEADER, key="t", revision=2), "IncomingTrackRemoved"))
    assert (type(gone), gone.key) == (TripDeleted, damoov.track_token(2, "t"))


def test_a_manoeuvre_at_an_instant_of_the_path_is_that_point_and_others_have_points_of_their_own():
    path = tuple(
        TrackPoint(recorded_us=START + second * 1_000_000, latitude_deg=1.0, longitude_deg=2.0) for second in range(3)
    )
    place = Position(latitude_deg=1.5, longitude_deg=2.5)
    found = (
        TripManoeuvre(kind="braking", at_us=START + 1_000_000, acceleration_mps2=-3.5),
        TripManoeuvre(kind="turn", at_us=START + 1_500_000, position=place, acceleration_mps2=2.0),
        TripManoeuvre(kind="acceleration", at_us=START + 1_700_000),
    )
    trip = Trip(header=HEADER, key="t", revision=1, started_us=START, ended_us=START, path=path, manoeuvres=found)
    track = json.loads(dataset_of(trip, "processed_track", device_token=TOKEN))["Result"]["Track"]
    assert [one.get("AlertType") for one in track["Points"]] == [None, "deacc", "turn", None]
    assert [one["Number"] for one in track["Points"]] == [0, 1, 2, 3]
    assert (track["AccelerationCount"], track["DecelerationCount"]) == (1, 1)


def test_nothing_is_made_up(says):
    trip = Trip(header=HEADER, key="t", revision=1, started_us=START, ended_us=START + 60_000_000)
    track = json.loads(dataset_of(trip, "processed_track", device_token=TOKEN))["Result"]["Track"]
    assert track == {
        "StartDate": "2025-03-18T06:45:00+00:00",
        "EndDate": "2025-03-18T06:46:00+00:00",
        "Duration": 1.0,
        "TrackToken": damoov.track_token(2, "t"),
        "Points": [],
    }
    told = received(says, trip, "TrackEnrichmentFinished", "processed_track")
    assert (told.manoeuvres, told.phone, told.scores, told.path, told.distance_m) == (None, None, {}, (), None)


@pytest.mark.parametrize(
    "event",
    [
        Trip(header=HEADER, key="t", revision=1, started_us=START),
        Trip(header=HEADER, key="", revision=1, started_us=START, ended_us=START),
        Crash(header=HEADER, key="c", revision=1),
        DriverDeleted(header=HEADER, key="d", revision=1),
        Report(header=HEADER, readings={"odometer_km": 5.0}),
        AccessChanged(header=HEADER, of="vehicle", granted=True),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_it_has_no_word_for_is_not_said(event):
    assert damoov.write(event, to=Addressing(driver_id=TOKEN, vehicle_id=TOKEN), options=OPTIONS) == []
    if getattr(event, "key", "-"):
        assert all(dataset_of(event, kind, device_token=TOKEN) is None for kind in damoov.PATHS)


def test_every_announced_dataset_can_be_answered(frames, says):
    """A URL that is sent out is one that the fetch API has an answer for."""
    documents = [event for frame in frames.values() for event in says(frame, trips="both")]
    point = TrackPoint(recorded_us=START, latitude_deg=1.0, longitude_deg=2.0)
    documents += [
        Trip(header=HEADER, key="t", revision=1, started_us=START, ended_us=START, path=(point,)),
        TripDeleted(header=HEADER, key="t", revision=2),
        Crash(header=HEADER, key="c", revision=1, happened_us=START, confirmed=True),
        CrashReport(header=HEADER, key="c", revision=1, happened_us=START),
    ]
    answered = 0
    for event in documents:
        for one in damoov.write(event, to=Addressing(driver_id=TOKEN), options=OPTIONS):
            name = json.loads(one.body)["Event"]
            kind = damoov.DATASET_OF.get(name)
            if kind is not None and not (one.deletes and kind != "removed_track"):
                assert dataset_of(event, kind, device_token=TOKEN) is not None, name
                answered += 1
    assert answered >= 10
