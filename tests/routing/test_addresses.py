"""Whom an event speaks of, to receivers of each protocol: issued identifiers, the VIN, what was authorised."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import structs

from fixtures.pipeline import report, subscription, view
from postroad.access.streams import StreamIndex
from postroad.log.interface import Batch
from postroad.protocols import READABLE, TARGETS, connected_cars, connected_cars_legacy, postroad
from postroad.protocols.connected_cars_legacy.fields import SCOPES
from postroad.registry.records import Stream, Subject
from postroad.routing.translation import BatchTranslation, Decoder, selection_of

VEHICLE, FLEET, ACCOUNT, OTHER_FLEET = 1, 21, 31, 22
CAR, USER = "7b0dbb5a-9d0c-4b5c-9ad4-0d8ff4bcb0f6", "0d5c1e3a-2f77-4a0e-8a39-5d37a10d86fd"
SUBJECTS = {
    VEHICLE: Subject(
        id=VEHICLE,
        organization_id=1,
        kind="vehicle",
        shard=0,
        issued={"connected_cars.vehicle_id": 1001, "connected_cars_legacy.car_id": CAR},
        plate="KXRT41",
        vin="ZAR94000007021883",
        fleet_id=FLEET,
    ),
    FLEET: Subject(id=FLEET, organization_id=1, kind="fleet", shard=0, issued={"connected_cars.fleet_id": 501}),
    OTHER_FLEET: Subject(id=OTHER_FLEET, organization_id=1, kind="fleet", shard=0),
    ACCOUNT: Subject(
        id=ACCOUNT, organization_id=1, kind="account", shard=0, issued={"connected_cars_legacy.user_id": USER}
    ),
}
ACCOUNT_TYPES = ("user_signup", "user_remove", "car_add", "car_remove")
STREAMS = subscription(1)
FEED = subscription(
    2, protocol="connected_cars_legacy", types=ACCOUNT_TYPES, options={"feed": "account", "scopes": list(SCOPES)}
)
CARS = subscription(
    3,
    protocol="connected_cars_legacy",
    types=("position", "ignition_on", "car_add"),
    options={"feed": "car", "scopes": ["vehicle_position", "vehicle_ignition"]},
)
USED = structs.replace(view(STREAMS, FEED, CARS), subjects=SUBJECTS)


def batch(subject_id: int, raw: bytes, protocol: str = "postroad") -> Batch:
    kind = READABLE[protocol].read(raw, READABLE[protocol].settings_type()).kind
    return Batch(
        provider_id=0 if protocol == "postroad" else 1,
        protocol=protocol,
        revision=1,
        received_us=1,
        subjects=[subject_id],
        kinds=bytes([kind]),
        flags=b"\0",
        lengths=[len(raw)],
        body=raw,
        position=40,
        stored_us=2,
    )


def sent(
    subject_id: int, word: Any, to: Any, scopes: frozenset[str] | None = None, *, protocol: str = "drivetech"
) -> list[dict[str, Any]]:
    protocol = protocol if isinstance(word, bytes) else "postroad"
    raw = word if isinstance(word, bytes) else postroad.encode(word)
    decoder = Decoder(READABLE)
    decoder.use(USED)
    translation = BatchTranslation(batch(subject_id, raw, protocol), decoder, TARGETS, USED)
    if not translation.meant_for(0, to.id):
        return []
    selection = selection_of(to, TARGETS[to.protocol])
    return [json.loads(one.body) for one in translation.selected(0, selection, scopes)]


def word(type_: type[Any], subject_id: int, subscription_id: int = 1, **said: Any) -> Any:
    return type_(at_us=1_653_000_000_000_000, subject_id=subject_id, subscription_id=subscription_id, **said)


@pytest.mark.parametrize(
    ("said", "about", "expected"),
    [
        (word(postroad.AccessGrantedToVehicle, VEHICLE), VEHICLE, [("access_granted_to_vehicle", 1001, None)]),
        (
            word(postroad.AccessRemovedFromVehicle, VEHICLE, left_fleet_id=FLEET),
            VEHICLE,
            [("access_removed_from_vehicle", 1001, None), ("vehicle_removed_from_fleet", 1001, 501)],
        ),
        (word(postroad.AccessGrantedToFleet, FLEET), FLEET, [("access_granted_to_fleet", None, 501)]),
        (word(postroad.AccessRemovedFromFleet, FLEET), FLEET, [("access_removed_from_fleet", None, 501)]),
        (word(postroad.VehicleAddedToFleet, VEHICLE, fleet_id=FLEET), VEHICLE, [("vehicle_added_to_fleet", 1001, 501)]),
        (word(postroad.VehicleAddedToFleet, VEHICLE, fleet_id=OTHER_FLEET), VEHICLE, []),  # it has no number
        (
            word(postroad.VehicleRemovedFromFleet, VEHICLE, fleet_id=FLEET),
            VEHICLE,
            [("vehicle_removed_from_fleet", 1001, 501)],
        ),
    ],
    ids=str,
)
def test_a_hub_reads_what_a_hub_says_of_access(said: Any, about: int, expected: list[Any]) -> None:
    """To whoever receives: every admin type, by default, in issued numbers, with ids by position."""
    events = sent(about, said, STREAMS)
    assert [(e["type"], e.get("vehicleId"), e.get("fleetId")) for e in events] == expected
    assert all(e["id"] >> 6 == 40 for e in events)
    read = connected_cars.read_bulk(json.dumps(events).encode(), connected_cars.ConnectedCarsSettings())
    assert [element.outcome.wire.type for element in read] == [name for name, _, _ in expected]


def test_without_admin_events_none_is_sent_and_the_data_is() -> None:
    without = structs.replace(STREAMS, options={"admin_events": False})
    assert sent(VEHICLE, word(postroad.AccessGrantedToVehicle, VEHICLE), without) == []
    assert [e["type"] for e in sent(VEHICLE, report(), without)] == ["gps_position"]


@pytest.mark.parametrize(
    ("said", "goes_out"),
    [
        ('"type": "access_granted_to_vehicle"', True),
        ('"type": "access_removed_from_vehicle"', False),
        ('"type": "vehicle_added_to_fleet", "fleetId": 118', False),
        ('"type": "vehicle_removed_from_fleet", "fleetId": 118', False),
    ],
)
def test_what_the_hub_tells_in_its_own_words_it_does_not_tell_in_a_providers_too(said: str, goes_out: bool) -> None:
    relays = structs.replace(STREAMS, options={"relay_access": True})
    raw = f'{{{said}, "id": 1, "vehicleId": 7, "time": "2024-03-05T06:41:12Z"}}'.encode()
    assert bool(sent(VEHICLE, raw, relays, protocol="connected_cars")) == goes_out


def test_what_is_told_to_one_subscription_is_told_to_no_other() -> None:
    assert sent(VEHICLE, word(postroad.AccessGrantedToVehicle, VEHICLE, subscription_id=9), STREAMS) == []


def test_the_vin_goes_where_the_protocol_can_say_it() -> None:
    newer = structs.replace(STREAMS, options={"profile": "2026-03"})
    assert [e["vin"] for e in sent(VEHICLE, report(), newer)] == ["ZAR94000007021883"]


def test_account_messages_go_out_in_issued_identifiers_and_a_hub_reads_them() -> None:
    messages = [
        *sent(ACCOUNT, word(postroad.UserSignedUp, ACCOUNT, 2, vehicle_ids=(VEHICLE,)), FEED),
        *sent(ACCOUNT, word(postroad.VehiclesShared, ACCOUNT, 2, vehicle_ids=(VEHICLE,)), FEED),
        *sent(ACCOUNT, word(postroad.VehicleUnshared, ACCOUNT, 2, vehicle_id=VEHICLE), FEED),
        *sent(ACCOUNT, word(postroad.UserRemoved, ACCOUNT, 2), FEED),
    ]
    assert [m["type"] for m in messages] == ["user_signup", "car_add", "car_remove", "user_remove"]
    assert {m["userId"] for m in messages} == {USER}
    car = {"carId": CAR, "vin": "ZAR94000007021883", "licensePlate": "KXRT41"}
    assert messages[0]["cars"] == messages[1]["cars"] == [car]
    assert messages[2]["carId"] == CAR
    _, read = connected_cars_legacy.read_bulk(json.dumps(messages).encode(), connected_cars_legacy.LegacySettings())
    assert [item.identifier for item in read] == [USER] * 4


def test_a_field_goes_out_only_if_it_was_requested_and_authorised() -> None:
    signup = word(postroad.UserSignedUp, ACCOUNT, 2, vehicle_ids=(VEHICLE,))
    [message] = sent(ACCOUNT, signup, FEED, frozenset({"vehicle_make"}))
    assert message["cars"] == [{"carId": CAR, "vin": "ZAR94000007021883"}]
    moving = report(event={"type": "IGN", "status": True})
    assert [m["type"] for m in sent(VEHICLE, moving, CARS)] == ["ignition_on", "position"]
    assert [m["type"] for m in sent(VEHICLE, moving, CARS, frozenset({"vehicle_position"}))] == ["position"]
    assert sent(VEHICLE, moving, CARS, frozenset()) == []


def test_a_feed_gets_no_message_of_the_other() -> None:
    target = TARGETS["connected_cars_legacy"]
    types = dict(target.slots)
    both = structs.replace(CARS, types=tuple(types))
    account = structs.replace(both, options={"feed": "account"})
    cars, accounts = selection_of(both, target).slots, selection_of(account, target).slots
    assert accounts == {types[name] for name in ACCOUNT_TYPES}
    assert not cars & accounts
    assert cars | accounts == set(types.values())


def test_authorised_scopes_are_those_of_the_open_stream() -> None:
    def stream(id_: int, **changes: Any) -> Stream:
        return Stream(id=id_, subscription_id=1, subject_id=id_, shard=0, from_position=1, **changes)

    index = StreamIndex(
        {1: stream(1, scopes=frozenset({"a"})), 2: stream(2), 3: stream(3, ended=True, scopes=frozenset())}
    )
    assert [index.scopes(1, subject) for subject in (1, 2, 3)] == [frozenset({"a"}), None, None]


def test_every_option_can_be_declared() -> None:
    for name, target in TARGETS.items():
        assert msgspec.convert({}, target.options_type) == target.options_type(), name
