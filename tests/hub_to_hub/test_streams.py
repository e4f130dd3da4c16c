"""Data streams from hub to hub: all that was said arrives, by the first hub's own numbers."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from fixtures.two_hubs import STREAMS, STREAMS_PATH, Stored, TwoHubs, subject_of
from postroad.protocols.base import outgoing_id
from postroad.protocols.connected_cars import ADMIN_TYPES, FLEET, NEWER_TYPES, OTHER, SLOTS, VEHICLE, VEHICLE_TYPES

ISSUED_VEHICLE = "connected_cars.vehicle_id"
NUMBERS = ("id", "vehicleId", "fleetId")
"""What the hub says in numbers of its own."""
MISSPELLED = "can_oil_degration_percent"
"""Goes out by its newer name in the profile of 2026."""
OF_FLEETS = {
    "published-access-granted-to-fleet",
    "published-access-removed-from-fleet",
    "published-vehicle-added-to-fleet",
    "published-vehicle-removed-from-fleet",
    "unknown-type-of-a-fleet",
}
"""Are about a fleet of the provider's: what follows for a vehicle the hub says itself, with an id of its own."""
WITHDRAWS = "published-access-removed-from-vehicle"
"""Ends the vehicle's stream: what is still on its way then is not sent."""


def bulk(samples: Sequence[Any]) -> bytes:
    return f"[{','.join(sample.raw for sample in samples)}]".encode()


def numbered(samples: Mapping[str, Any]) -> list[Any]:
    """Ids are the sender's: no two of the samples may have the same, or one would be a resend of the other."""
    return [sample.but("id", number) for number, sample in enumerate(samples.values(), 1)]


def sent_as(sample: Any) -> dict[str, Any]:
    """What is to arrive of a sample, but for the numbers: every fact that it states."""
    said = {key: value for key, value in sample.pairs if value is not None and key not in NUMBERS}
    said = {key: dict(value) if isinstance(value, list) else value for key, value in said.items()}
    if sample.kind != OTHER:
        said["type"] = sample.kind if sample.kind != MISSPELLED else "can_oil_degradation_percent"
        formats = {value for key, value in sample.pairs if key == "type"} - {sample.kind}
        said |= (
            dict.fromkeys(["sourceType"], *formats) if formats else {}
        )  # of a trouble code, under the key of the event's own type
    if len(said["time"]) == len("2022-01-01"):
        said["time"] += "T00:00:00.000Z"
    if "eph" in said and "hdop" in said:
        del said["eph"], said["hdop"]  # they contradict each other
    return said


def arrived(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if value is not None and key not in NUMBERS}


def id_of(at_a: Stored, kind: str) -> int:
    return outgoing_id(at_a.position, SLOTS[kind if kind != MISSPELLED else "can_oil_degradation_percent"])


async def test_every_fact_of_every_type_arrives_in_order_by_numbers_of_the_first_hub(
    hubs: TwoHubs, streams_samples: Mapping[str, Any]
) -> None:
    kinds = {sample.kind for sample in streams_samples.values()}
    assert kinds == {*VEHICLE_TYPES, *ADMIN_TYPES, *NEWER_TYPES, OTHER}, "there is a sample of each type"
    said = numbered({name: sample for name, sample in streams_samples.items() if name != WITHDRAWS})
    assert await hubs.post(STREAMS_PATH, bulk(said)) == 200
    await hubs.quiet()
    at_a, at_b = hubs.stored("a", STREAMS), hubs.stored("b", STREAMS)
    assert [stored.raw for stored in at_a] == [sample.raw.encode() for sample in said]
    assert not any(stored.unreadable for stored in at_b)

    view = hubs.view("a")
    expected, by_id = defaultdict(list), {stored.json["id"]: stored.json for stored in at_b}
    for stored, sample in zip(at_a, said, strict=True):
        if sample.name in OF_FLEETS:
            assert id_of(stored, sample.kind) not in by_id
            continue
        vehicle = subject_of(view, VEHICLE, int(stored.json["vehicleId"])).issued[ISSUED_VEHICLE]
        expected[vehicle].append((id_of(stored, sample.kind), sent_as(sample)))
    found = defaultdict(list)
    mine = {id_ for events in expected.values() for id_, _ in events}
    for event in (stored.json for stored in at_b):
        if event["id"] in mine:
            found[event["vehicleId"]].append((event["id"], arrived(event)))
    assert found == expected
    assert not expected.keys() & {1337, 7301, 228745}, "no number of the provider's goes on"


async def test_a_withdrawal_upstream_ends_the_stream_with_a_farewell_and_nothing_follows(
    hubs: TwoHubs, streams_samples: Mapping[str, Any]
) -> None:
    reading = streams_samples["published-can-odometer-km"]
    assert await hubs.post(STREAMS_PATH, bulk([reading])) == 200
    await hubs.quiet()
    assert await hubs.post(STREAMS_PATH, bulk([streams_samples[WITHDRAWS]])) == 200
    await hubs.until(lambda: len(hubs.stored("b", STREAMS)) == 3)
    assert await hubs.post(STREAMS_PATH, bulk([reading.but("id", 99)])) == 200
    await hubs.quiet()
    vehicle = subject_of(hubs.view("a"), VEHICLE, 1337).issued[ISSUED_VEHICLE]
    events = [stored.json for stored in hubs.stored("b", STREAMS)]
    told = ["access_granted_to_vehicle", "can_odometer_km", "access_removed_from_vehicle"]
    assert [event["type"] for event in events] == told, "each once, also with relay_access"
    assert {event["vehicleId"] for event in events} == {vehicle}


async def test_a_vehicle_s_fleet_at_the_provider_crosses_by_a_number_of_the_first_hub(
    hubs: TwoHubs, streams_samples: Mapping[str, Any]
) -> None:
    inspection = streams_samples["newer-car-roadworthy-inspection-date"]
    vehicle = json.loads(inspection.raw)["vehicleId"]
    joined = streams_samples["published-vehicle-added-to-fleet"].but("vehicleId", vehicle)
    left = streams_samples["published-vehicle-removed-from-fleet"].but("vehicleId", vehicle)
    for number, sample in enumerate(
        [
            inspection,
            joined.but("fleetId", 118),
            inspection,
            left.but("fleetId", 118),
            joined.but("fleetId", 119),
            inspection,
        ]
    ):
        assert await hubs.post(STREAMS_PATH, bulk([sample.but("id", number)])) == 200
        await hubs.until(lambda so_far=number: len(hubs.stored("b", STREAMS)) == so_far + 2)  # with the grant
    await hubs.quiet()

    view = hubs.view("a")
    first, second = (subject_of(view, FLEET, fleet).issued["connected_cars.fleet_id"] for fleet in (118, 119))
    events = [stored.json for stored in hubs.stored("b", STREAMS)]
    assert [(event["type"], event.get("fleetId")) for event in events] == [
        ("access_granted_to_vehicle", None),
        ("car_roadworthy_inspection_date", None),
        ("vehicle_added_to_fleet", first),
        ("car_roadworthy_inspection_date", first),
        ("vehicle_removed_from_fleet", first),
        ("vehicle_added_to_fleet", second),
        ("car_roadworthy_inspection_date", second),
    ]
    of_b = hubs.view("b")
    known = subject_of(of_b, VEHICLE, events[0]["vehicleId"])
    assert known.fleet_id == subject_of(of_b, FLEET, second).id, "the second hub knows the fleet by that number"
