"""A message that waited goes as if it were written only now."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from postroad.protocols.base import Outgoing
from postroad.protocols.connected_cars_legacy import (
    PROTOCOL,
    SCOPES,
    SLOTS,
    Car,
    CarAdd,
    Options,
    UnknownMessage,
    UserSignup,
    decode_message,
    encode_message,
)
from postroad.protocols.connected_cars_legacy.messages import Documented
from postroad.protocols.scoped import ScopedTarget

SAMPLES = Path(__file__).parents[1] / "samples" / "in" / "connected_cars_legacy"
EVERYTHING = Options(scopes=frozenset(SCOPES))
some_scopes = st.frozensets(st.sampled_from(SCOPES))


def read(file: Path) -> Documented | None:
    frame = json.loads(file.read_text(encoding="utf-8"))["frame"]
    message = decode_message(frame.encode() if isinstance(frame, str) else json.dumps(frame).encode())
    return None if isinstance(message, UnknownMessage) else message


MESSAGES = [message for file in sorted(SAMPLES.glob("*.json")) if (message := read(file)) is not None]


def written(message: Documented, options: Options) -> Outgoing | None:
    body = encode_message(message, options)
    return None if body is None else Outgoing(SLOTS[str(message.__struct_config__.tag)], body)


def shared(message: Documented) -> Mapping[str, None]:
    return {car.car_id: None for car in getattr(message, "cars", ())}


def test_there_is_a_sample_of_each_type() -> None:
    assert {type(message) for message in MESSAGES} == set(get_args(Documented))
    assert isinstance(PROTOCOL, ScopedTarget)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__struct_config__.tag)
@given(requested=some_scopes, authorised=st.none() | some_scopes, spelling=st.sampled_from(["samples", "tables"]))
def test_what_waited_is_what_would_be_written_now(
    message: Documented, requested: Any, authorised: Any, spelling: Any
) -> None:
    before = written(message, replace(EVERYTHING, spelling=spelling))
    assert before is not None
    now = Options(scopes=requested, spelling=spelling)
    left = PROTOCOL.within(before, options=now, scopes=authorised, vehicles=lambda: shared(message))
    both = requested if authorised is None else requested & authorised
    assert (None if left == "scope_ended" else left) == written(message, replace(now, scopes=both))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__struct_config__.tag)
def test_what_lost_nothing_is_the_very_same(message: Documented) -> None:
    before = written(message, EVERYTHING)
    assert before is not None
    scopes = frozenset(SCOPES)
    assert PROTOCOL.within(before, options=EVERYTHING, scopes=scopes, vehicles=lambda: shared(message)) is before


@pytest.mark.parametrize("struct", [UserSignup, CarAdd])
@given(had=st.sets(st.sampled_from("abcd"), min_size=1), has=st.dictionaries(st.sampled_from("abcd"), some_scopes))
def test_cars_are_named_as_far_as_they_are_shared(struct: Any, had: set[str], has: dict[str, frozenset[str]]) -> None:
    cars = tuple(Car(car_id=name, make=f"make of {name}", license_plate=f"plate of {name}") for name in sorted(had))
    before = written(struct(user_id="u", cars=cars), EVERYTHING)
    assert before is not None
    left = PROTOCOL.within(before, options=EVERYTHING, scopes=None, vehicles=lambda: has)
    if struct is CarAdd and not had & has.keys():
        assert left == "access_ended"
        return
    assert isinstance(left, Outgoing)
    said = json.loads(left.body).get("cars", [])
    assert [car["carId"] for car in said] == sorted(had & has.keys())
    for car in said:
        scopes = has[car["carId"]]
        assert ("make" in car, "licensePlate" in car) == ("vehicle_make" in scopes, "vehicle_license_plate" in scopes)
