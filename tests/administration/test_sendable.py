"""What a customer may still see of a letter: by the access and scopes of this moment, not of when it was written."""

import json
from typing import Any

import pytest
from msgspec import structs

from fixtures.pipeline import subscription, view
from postroad.access.streams import StreamIndex
from postroad.administration.dead_letters import Dead
from postroad.administration.sendable import has_access, sendable
from postroad.log.delivery import DeadLetter, Letter
from postroad.protocols.connected_cars_legacy import SLOTS
from postroad.registry.records import RegistryView, Stream, Subject

CAR, ACCOUNT = 1, 9
ISSUED = {"connected_cars_legacy.car_id": "car-1"}
SCOPES = ["vehicle_position", "vehicle_license_plate", "user_name"]
POSITION = b'{"type":"position","carId":"a","lat":1.0,"lon":2.0}'
SIGNUP = {
    "type": "user_signup",
    "userId": "u",
    "firstName": "Anna",
    "cars": [{"carId": "car-1", "licensePlate": "AA1111"}],
}


def site(*streams: Stream, feed: str = "car", protocol: str = "connected_cars_legacy") -> RegistryView:
    options: dict[str, Any] = {"scopes": SCOPES, "feed": feed} if protocol == "connected_cars_legacy" else {}
    known = subscription(1, protocol=protocol, types=tuple(SLOTS), options=options)
    subjects = {
        CAR: Subject(id=CAR, organization_id=1, kind="vehicle", shard=0, issued=ISSUED),
        ACCOUNT: Subject(id=ACCOUNT, organization_id=1, kind="account", shard=0),
    }
    before = view(known, subjects=subjects)
    return structs.replace(before, streams={stream.id: stream for stream in streams})


def stream(subject_id: int = CAR, id_: int = 1, **changes: Any) -> Stream:
    values = {"id": id_, "subscription_id": 1, "subject_id": subject_id, "shard": 0, "from_position": 1}
    return Stream(**values | changes)


def letter(known: RegistryView, type_: str, *, subject_id: int = CAR, position: int = 5) -> Dead:
    values = {"received_us": 1, "stored_us": 1, "dead_us": 2, "size": 1}
    kept = Letter(position=position, slot=SLOTS.get(type_, 0), subject_id=subject_id, **values)
    return Dead(shard=0, subscription=known.subscriptions[1], type=type_, vehicle=None, dead=DeadLetter(1, kept))


def left(known: RegistryView, one: Dead, body: bytes) -> bytes | None:
    return sendable(one, body, streams=StreamIndex(known.streams, known.told), view=known)


def test_while_a_stream_is_open_all_that_is_authorised_is_left() -> None:
    known = site(stream())
    assert left(known, letter(known, "position"), POSITION) == POSITION


@pytest.mark.parametrize(
    "gone",
    [
        (),
        (stream(ended=True, until_position=9),),
        (stream(from_position=6),),
        (stream(from_position=None),),
        (stream(subject_id=ACCOUNT),),
    ],
    ids=["no stream", "ended", "began later", "not begun", "of another"],
)
def test_without_an_open_stream_of_it_nothing_is_left(gone: tuple[Stream, ...]) -> None:
    known = site(*gone)
    one = letter(known, "position")
    assert not has_access(one, StreamIndex(known.streams, known.told))
    assert left(known, one, POSITION) is None


def test_a_scope_that_was_taken_back_leaves_nothing_of_what_needs_it() -> None:
    known = site(stream(scopes=frozenset({"vehicle_license_plate"})))
    assert left(known, letter(known, "position"), POSITION) is None


def test_of_a_message_that_names_cars_those_are_left_that_are_shared_now() -> None:
    account = stream(ACCOUNT, 2)
    body = json.dumps(SIGNUP).encode()
    for cars, plates in (((stream(),), ["AA1111"]), ((stream(ended=True, until_position=9),), [])):
        known = site(account, *cars, feed="account")
        shown = left(known, letter(known, "user_signup", subject_id=ACCOUNT), body)
        assert shown is not None
        assert [car.get("licensePlate") for car in json.loads(shown).get("cars", [])] == plates


def test_a_protocol_that_this_version_does_not_know_leaves_nothing() -> None:
    known = site(stream(), protocol="of another day")
    assert left(known, letter(known, "position"), POSITION) is None
