"""Trips and crashes that did not come in by this protocol: ids, sums, and a way back."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.model.documents import PhoneUse, Trip, TripDeleted, TripManoeuvre
from postroad.model.events import Header
from postroad.protocols import drivequant
from postroad.protocols.base import Addressing

START_US = 1_772_467_510_000_000
HEADER = Header(subject_id=7, provider_id=0, recorded_us=START_US + 60_000_000, received_us=START_US + 61_000_000)
TO = Addressing(driver_id="D", vehicle_id="V")

seconds = st.none() | st.floats(0, 100_000)


def push_of(event: Any) -> dict[str, Any]:
    (out,) = drivequant.write(event, to=TO, options=drivequant.Options())
    return json.loads(out.body)


def trip(**facts: Any) -> Trip:
    return Trip(**{"header": HEADER, "key": "derived:7:1", "revision": 1} | facts)


@given(driving=seconds, idling=seconds, length_s=st.none() | st.integers(0, 100_000))
def test_driving_and_idling_add_up_to_the_whole_and_to_a_hundred(driving, idling, length_s):
    ended_us = None if length_s is None else START_US + length_s * 1_000_000
    event = trip(started_us=START_US, ended_us=ended_us, driving_s=driving, idling_s=idling)
    figures = push_of(event).get("itineraryStatistics", {})
    if driving is not None:
        assert figures["drivingDuration"] == driving
    if idling is not None:
        assert figures["idlingDuration"] == idling
    if {"drivingDuration", "idlingDuration"} <= figures.keys():
        whole = figures["drivingDuration"] + figures["idlingDuration"]
        assert abs(figures["tripDuration"] - whole) < 1e-6
    if "drivingPercentage" in figures:
        assert abs(figures["drivingPercentage"] + figures["idlingPercentage"] - 100) < 1e-9
        assert 0 <= figures["drivingPercentage"] <= 100


def test_all_editions_of_a_trip_and_its_deletion_share_an_id_of_24_hex_digits():
    ids = {push_of(trip(revision=one, distance_m=float(one)))["itinId"] for one in (1, 2)}
    ids.add(push_of(TripDeleted(header=HEADER, key="derived:7:1", revision=3))["itinId"])
    (itin_id,) = ids
    assert len(bytes.fromhex(itin_id)) == 12
    assert itin_id == itin_id.lower()
    assert push_of(trip(key="derived:7:2"))["itinId"] != itin_id
    other = msgspec.structs.replace(HEADER, provider_id=3)
    assert push_of(trip(header=other))["itinId"] != itin_id


def test_a_deletion_of_a_trip_cancels_its_editions():
    (edition,) = drivequant.write(trip(revision=2), to=TO, options=drivequant.Options())
    deleted = TripDeleted(header=HEADER, key="derived:7:1", revision=2)
    (deletion,) = drivequant.write(deleted, to=TO, options=drivequant.Options())
    assert (deletion.document, deletion.revision, deletion.deletes) == (edition.document, 2, True)


manoeuvres = st.builds(
    TripManoeuvre,
    kind=st.sampled_from(["braking", "acceleration", "turn"]),
    at_us=st.integers(0, 3600).map(lambda second: START_US + second * 1_000_000),
    severity=st.sampled_from(["medium", "high"]),
)


@settings(max_examples=60, deadline=None)
@given(
    scores=st.dictionaries(st.sampled_from(["safety", "eco", "distraction", "speeding"]), st.integers(0, 100)),
    found=st.none() | st.lists(manoeuvres, max_size=6).map(tuple),
    phone=st.none() | st.builds(PhoneUse, unlocked_s=st.floats(0, 100), unlocks=st.integers(0, 9)),
    distance=st.none() | st.floats(0, 1e6),
)
def test_what_is_said_of_a_trip_is_understood_again(scores, found, phone, distance):
    said = trip(
        started_us=START_US,
        ended_us=START_US + 3600_000_000,
        scores=scores,
        manoeuvres=found,
        phone=phone,
        distance_m=distance,
        tags={"a": "b"},
    )
    raw = json.dumps(push_of(said)).encode()
    item = drivequant.read(raw, drivequant.DriveQuantSettings())
    assert (item.identifier, item.recorded_us) == ("D", said.ended_us)
    (understood,) = drivequant.events(item, HEADER, drivequant.DriveQuantSettings())
    for name in ("started_us", "ended_us", "scores", "manoeuvres", "distance_m", "tags"):
        assert getattr(understood, name) == getattr(said, name), name
    assert (understood.phone or PhoneUse()) == (phone or PhoneUse())
    counts = push_of(said).get("safety", {})
    if found is not None:
        assert sum(one for name, one in counts.items() if name.startswith("nb")) == len(found)


def test_a_type_that_is_not_agreed_is_not_sent_by_itself():
    for service in drivequant.KINDS:
        assert drivequant.PROTOCOL.agreed([service], drivequant.Options()) == {service}
