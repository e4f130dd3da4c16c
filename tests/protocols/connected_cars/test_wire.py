"""The wire structs against the vendor's own samples, and reading a bulk back."""

import contextlib
import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.errors import WireError
from postroad.protocols import connected_cars
from postroad.protocols.connected_cars import VehicleEvent, decode_bulk

PUBLISHED = json.loads((Path(__file__).parent / "published.json").read_text())
"""The vendor's samples of the types that we send, their trailing commas mended."""


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda event: event["type"])
def test_a_published_sample_comes_back_with_its_fields_in_order(published):
    (event,) = decode_bulk(json.dumps([published]).encode())
    as_sent = published | {"vehicleId": int(published["vehicleId"])}
    assert list(json.loads(msgspec.json.encode(event)).items()) == list(as_sent.items())


def test_there_is_a_published_sample_of_every_type_that_is_sent():
    types = {struct.__struct_config__.tag for struct in get_args(VehicleEvent)}
    assert {sample["type"] for sample in PUBLISHED} == types <= set(connected_cars.SLOTS)


def test_there_are_46_vehicle_types_and_6_admin_types_and_room_for_more():
    assert len(connected_cars.VEHICLE_TYPES) == 46
    assert len(connected_cars.ADMIN_TYPES) == 6
    assert len(connected_cars.SLOTS) == 58


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"[", "not_json"),
        (b'[{"type":"car_ignition","x":' + b"[" * 100_000, "not_json"),
        (b'[{"type":"can_vin","time":"\xff"}]', "invalid"),
        (b"{}", "invalid"),
        (b'[{"type":"teleport"}]', "invalid"),
        (b'[{"type":"car_ignition","id":1,"value":null,"vehicleId":1,"time":"x"}]', "invalid"),
        (b'[{"type":"car_ignition","id":1,"value":true,"vehicleId":1,"time":"\xff"}]', "not_json"),
        (b'[{"type":"car_ignition","id":1,"value":true,"vehicleId":4294967296,"time":"x"}]', "invalid"),
    ],
)
def test_a_bulk_that_cannot_be_read_says_why(body, code):
    with pytest.raises(WireError) as caught:
        decode_bulk(body)
    assert caught.value.code == code


@given(st.binary(max_size=60))
def test_any_bytes_give_events_or_a_wire_error(noise):
    body = json.dumps(PUBLISHED).encode()
    for raw in (noise, body[: len(noise)] + noise + body[2 * len(noise) :]):
        with contextlib.suppress(WireError):
            assert all(isinstance(event, VehicleEvent) for event in decode_bulk(raw))
