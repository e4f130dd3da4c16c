"""What goes out: the same facts as came in, and nothing that the protocol or the scopes do not allow."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.model.accounts import reissue
from postroad.model.events import Event, HarshManoeuvre, Header, Ignition, Report, TroubleCode
from postroad.protocols import connected_cars_legacy as legacy
from postroad.protocols.base import Addressing
from postroad.protocols.connected_cars_legacy import Options

ALL = Options(frozenset(legacy.SCOPES))
NONE = legacy.LegacySettings()
HEADER = Header(subject_id=1, provider_id=1, recorded_us=1_709_621_071_250_999, received_us=1_709_621_072_000_000)


def events_of(raw: bytes) -> tuple[Event, ...]:
    item = legacy.read(raw, NONE)
    header = Header(subject_id=1, provider_id=1, recorded_us=item.recorded_us, received_us=1_709_621_072_000_000)
    return legacy.PROTOCOL.events(item, header, NONE)


def issued(message: msgspec.Struct) -> msgspec.Struct:
    """The message in the identifiers of the hub: each one that was given, in small letters, after a mark."""
    given_ids = [name for name in ("car_id", "user_id") if hasattr(message, name)]
    changed = {name: f"hub-{getattr(message, name).lower()}"[:64] for name in given_ids}
    if hasattr(message, "cars"):
        changed["cars"] = tuple(map(issued, message.cars))
    if hasattr(message, "year") and message.year is not None:
        changed["year"] = str(message.year)
    return msgspec.structs.replace(message, **changed)


class Issued(dict):
    """Gives out an identifier for each one that it is asked for."""

    def __contains__(self, identifier: object) -> bool:
        return True

    def __missing__(self, identifier: str) -> str:
        return f"hub-{identifier}"[:64]

    def get(self, identifier: str, default: object = None) -> object:  # noqa: ARG002 - always there
        return self[identifier]


def below_the_floor(message: msgspec.Struct) -> bool:
    return isinstance(message, legacy.Profiling) and message.g_force < legacy.HARSH_FLOOR_G


def says_nothing(message: msgspec.Struct) -> bool:
    return isinstance(message, legacy.CarAdd) and not message.cars


@pytest.mark.parametrize("struct", legacy.STRUCTS.values(), ids=legacy.STRUCTS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_comes_in_goes_out_with_every_fact_in_the_identifiers_of_the_hub(messages, struct, data):
    message = data.draw(messages(struct).filter(lambda one: not below_the_floor(one) and not says_nothing(one)))
    (event,) = events_of(legacy.encode_message(message, ALL))
    expected = issued(message)
    if isinstance(event, Report):
        (outgoing,) = legacy.write(event, car_id=expected.car_id, options=ALL)
    else:
        assert legacy.write(event, car_id="", options=ALL) == []
        (outgoing,) = legacy.write(reissue(event, expected.user_id, Issued()), car_id="", options=ALL)
    assert outgoing.slot == legacy.SLOTS[struct.__struct_config__.tag]
    back = legacy.decode_message(outgoing.body)
    if hasattr(back, "cars"):
        cars = tuple(car if car.year is None else msgspec.structs.replace(car, year=str(car.year)) for car in back.cars)
        back = msgspec.structs.replace(back, cars=cars)
    assert back == expected


def write(options: Options = ALL, **said) -> list[dict]:
    outgoing = legacy.write(Report(header=HEADER, **said), car_id="c", options=options)
    return [json.loads(one.body) for one in outgoing]


@pytest.mark.parametrize(
    ("kind", "in_g", "sent"),
    [
        ("braking", 0.1999999, []),
        ("braking", 0.2, [(0.2, "brake")]),
        ("acceleration", 1.25, [(1.25, "acceleration")]),
        ("braking", None, []),
        ("turn", 0.9, []),
        ("turn_left", 0.9, [(0.9, "turn_left")]),
        ("turn_right", 0.9, [(0.9, "turn_right")]),
    ],
)
def test_harsh_driving_is_sent_from_a_fifth_of_g_on_if_its_side_and_unit_are_known(kind, in_g, sent):
    said = write(occurrences=(HarshManoeuvre(kind, 9.0, in_g),))
    assert [(message["g_force"], message["direction"]) for message in said] == sent


def test_the_odometer_is_said_once_by_the_message_for_where_it_was_read():
    assert [one["type"] for one in write(readings={"odometer_km": 5.0})] == ["odometer"]
    assert [one["type"] for one in write(readings={"odometer_km": 5.0}, from_can=True)] == ["can_odometer"]


@pytest.mark.parametrize(("change", "enabled"), [("added", [True]), ("removed", [False]), ("changed", []), (None, [])])
def test_a_trouble_code_is_sent_when_it_comes_or_goes(change, enabled):
    assert [
        one["enabled"] for one in write(occurrences=(TroubleCode("TLB147918", change=change, vendor="VAG"),))
    ] == enabled


def test_of_two_occurrences_of_one_type_the_first_is_said_and_both_ignition_types_may_be():
    turned = (Ignition(False), Ignition(True), Ignition(False, 5))
    assert [one["type"] for one in write(occurrences=turned)] == ["ignition_on", "ignition_off"]


def test_an_ignition_level_is_no_ignition_message():
    assert write(readings={"ignition": True}) == []


def test_a_time_keeps_its_microseconds_and_a_whole_second_has_no_fraction():
    (said,) = write(occurrences=(Ignition(True),))
    assert said["time"] == "2024-03-05T06:44:31.250999Z"
    header = msgspec.structs.replace(HEADER, recorded_us=1_709_621_071_000_000)
    (outgoing,) = legacy.write(Report(header=header, occurrences=(Ignition(True),)), car_id="c", options=ALL)
    assert json.loads(outgoing.body)["time"] == "2024-03-05T06:44:31Z"


def test_an_id_issued_as_a_number_is_sent_as_text():
    report = Report(header=HEADER, occurrences=(Ignition(True),))
    (outgoing,) = legacy.PROTOCOL.write(report, to=Addressing(vehicle_id=7301), position=1, options=ALL)
    assert json.loads(outgoing.body)["carId"] == "7301"


@pytest.mark.parametrize("wrong", [{"scopes": ["vehicle_soul"]}, {"spelling": "prose"}, {"scope": []}])
def test_options_that_are_not_known_are_refused(wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Options)


def test_scopes_can_be_declared_as_a_list_in_any_order():
    one, other = (msgspec.convert({"scopes": order}, Options) for order in (legacy.SCOPES, legacy.SCOPES[::-1]))
    assert one == other
    assert hash(one) == hash(other)


def test_the_contract_is_the_vendors():
    contract = legacy.CONTRACT
    assert contract.success == (200, 200)
    assert contract.item_ceiling == 10_000
    assert contract.order == "bulk"
    assert [contract.retry.wait_s(n) for n in (1, 2, 3, 4, 5, 6)] == [20, 20, 20, 120, 240, 480]
