"""The wire structs: every member is typed, described, and survives; what is not known is kept."""

import json
from functools import cache
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from postroad.protocols import drivequant
from postroad.protocols.drivequant.said import encode_push

SETTINGS = drivequant.DriveQuantSettings()
FREE = {"metaData", "data", "sensors", "permissions", "settings", "events"}
"""Maps of whatever the vendor or an app puts in."""
IDENTIFIERS = {"itinId", "crashId", "userId", "driverId", "id"}


def bare(declared: inspect.Type) -> inspect.Type:
    while isinstance(declared, inspect.Metadata | inspect.UnionType):
        declared = declared.type if isinstance(declared, inspect.Metadata) else declared.types[0]
    return declared


def value(declared: inspect.Type, dice: Random) -> Any:
    """Anything that a member of that type may be."""
    match bare(declared):
        case inspect.StructType(cls=cls):
            return any_of(cls, dice)
        case inspect.ListType(item_type=item):
            return [value(item, dice) for _ in range(dice.randrange(3))]
        case inspect.DictType():
            return {word(dice): word(dice) for _ in range(dice.randrange(3))}
        case inspect.IntType():
            return dice.choice([0, 1, -1, dice.randint(-(2**53), 2**53)])
        case inspect.FloatType():
            return dice.choice([0.0, -0.5, 1e300, 5e-324, dice.uniform(-1e6, 1e6)])
        case inspect.BoolType():
            return dice.random() < 0.5
        case inspect.StrType():
            return word(dice)
    raise AssertionError(declared)


def word(dice: Random) -> str:
    return "".join(dice.choice('aZ09 "\\\n\u00e9\U0001f697') for _ in range(dice.randrange(6)))


def any_of(struct: type[msgspec.Struct], dice: Random) -> Any:
    """A struct with some of its members. (Not drawn one by one: there are hundreds, and that takes seconds.)"""
    chosen = {}
    for field in fields_of(struct).values():
        if field.encode_name in IDENTIFIERS and isinstance(bare(field.type), inspect.StrType):
            chosen[field.name] = f"{dice.randrange(1, 2**96):x}"
        elif field.name == "event":
            chosen[field.name] = dice.choice([None, "TRIP_DELETION"])
        elif dice.random() < 0.7:
            chosen[field.name] = value(field.type, dice)
    return struct(**chosen)


@cache
def fields_of(struct: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    return {field.encode_name: field for field in inspect.type_info(struct).fields}


def nested(field: inspect.Field) -> type[msgspec.Struct] | None:
    declared = bare(field.type)
    declared = bare(declared.item_type) if isinstance(declared, inspect.ListType) else declared
    return declared.cls if isinstance(declared, inspect.StructType) else None


def members(struct: type[msgspec.Struct], path: str = "") -> dict[str, inspect.Field]:
    """Path of every member, through all structs -> its field."""
    found = {}
    for name, field in fields_of(struct).items():
        found[path + name] = field
        if (inner := nested(field)) is not None:
            found |= members(inner, f"{path}{name}.")
    return found


def given_in(value: Any, path: str = "") -> set[str]:
    """Path of every member of a body."""
    if isinstance(value, list):
        return set().union(*(given_in(one, path) for one in value))
    if not isinstance(value, dict):
        return set()
    return {path + name for name in value}.union(*(given_in(one, f"{path}{name}.") for name, one in value.items()))


@pytest.mark.parametrize("service", drivequant.KINDS)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_is_written_is_read_again(service, seed):
    push = any_of(drivequant.PUSHES[service], Random(seed))
    item = drivequant.read(encode_push(push), SETTINGS, drivequant.KINDS.index(service))
    assert item.wire.push == push
    assert drivequant.read(drivequant.encode(item.wire), SETTINGS, item.kind) == item


@pytest.mark.parametrize("service", drivequant.KINDS)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nulls_and_fractions_of_nothing_change_nothing(service, seed):
    push = any_of(drivequant.PUSHES[service], Random(seed))

    def respelled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: one if name in FREE else respelled(one) for name, one in value.items()} | {"aNewMember": None}
        if isinstance(value, list):
            return [respelled(one) for one in value]
        return float(value) if type(value) is int and abs(value) < 2**53 else value

    plain = msgspec.json.decode(encode_push(push))
    respelt = respelled(plain)
    absent = dict.fromkeys(fields_of(type(push)).keys() - plain.keys())
    kind = drivequant.KINDS.index(service)
    assert drivequant.read(msgspec.json.encode(respelt | absent), SETTINGS, kind).wire.push == push


def test_samples_have_every_member_that_is_typed(frames, read):
    shown: dict[str, set[str]] = {}
    for frame in frames.values():
        shown.setdefault(drivequant.KINDS[read(frame).kind], set()).update(given_in(frame))
    for service, struct in drivequant.PUSHES.items():
        optional = {"userId", "driverId", "date"} if service in ("diagnosis", "driver_deleted") else set()
        verdict = {"crashStatus", "probability", "latitude", "longitude", "velocity", "userLocationUrl"}
        optional |= verdict if service in ("crash", "crash_report") else set()
        missing = members(struct).keys() - shown[service] - optional
        samples_of_stop = {one for one in missing if one.startswith("route.stoppingStateRoute.")}
        assert missing - samples_of_stop == set()


def test_every_member_is_described():
    for struct in drivequant.PUSHES.values():
        for component in msgspec.json.schema(struct)["$defs"].values():
            assert component["description"]
            for name, one in component["properties"].items():
                texts = [one, *one.get("anyOf", ())]
                assert any(text.get("description") for text in texts), (component["title"], name)


def test_a_member_of_another_type_costs_neither_the_message_nor_its_neighbours(read):
    item = read(
        {
            "itinId": "1",
            "account": "key",
            "status": {"ok": True},
            "comments": [{"errorCode": "x", "comment": "kept"}, 5],
            "safety": {"safetyScore": "good", "nbAdh": 1.0, "nbAccel": 1.5},
            "safetyEvents": {"time": 3},
            "route": {"latitude": [1, "x"], "longitude": [2.0, None]},
        }
    )
    push = item.wire.push
    assert (push.account, push.status, push.comments, push.safety_events) == (None, None, None, None)
    assert (push.safety.safety_score, push.safety.nb_adh, push.safety.nb_accel) == (None, 1, None)
    assert (push.route.latitude, push.route.longitude) == (None, [2.0, None])
    assert json.loads(drivequant.encode(item.wire))["safety"]["safetyScore"] == "good"


def test_members_that_nobody_knows_and_all_digits_are_kept(read):
    body = b'{ "itinId": "1", "aNew" : {"member":[1.50, 1E3, "\\u00e9"]},\n "itineraryStatistics": {"distance": 12.10}}'
    kept = drivequant.encode(read(body).wire)
    assert kept == b'{"itinId":"1","aNew":{"member":[1.50,1E3,"\\u00e9"]},"itineraryStatistics":{"distance":12.10}}'
