"""Validation: what is refused, in which order, with which words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.errors import WireError
from postroad.protocols import drivetech
from postroad.protocols.drivetech import Ign, answers
from postroad.protocols.drivetech.careful import read_carefully

LENIENT = drivetech.DrivetechSettings()
STRICT = drivetech.DrivetechSettings(profile="strict")
REQUIRED = [
    "plate",
    "buff",
    "datetime",
    "latitude",
    "longitude",
    "speed",
    "azimuth",
    "state",
    "event",
    "ign_input",
    "odometer",
]
"""In the order of the vendor's table."""
WITH_A_DEFAULT = {"buff", "ign_input"}
OUT_OF_RANGE = {
    "latitude": (-90.1, 91),
    "longitude": (-180.1, 181),
    "speed": (-0.1, 300.5),
    "azimuth": (-1, 360.5),
    "odometer": (-1,),
    "hourmeter": (-1,),
    "battery": (-1, 100.5),
    "power_supply": (-1, 61),
    "temperature1": (-101, 201),
    "temperature2": (-101, 201),
    "temperature3": (-101, 201),
    "fuel_percentage": (-1, 101),
    "mcc": (0, 1000),
    "mnc": (-1, 1000),
    "lac": (-1, 65536),
    "cid": (-1, 2**28),
}


def refused(raw: bytes, settings: drivetech.DrivetechSettings = LENIENT) -> str:
    with pytest.raises(WireError) as caught:
        drivetech.read(raw, settings)
    body = json.loads(answers.refusal(caught.value))
    assert body["status"] is False
    return body["description"]


@pytest.mark.parametrize("absent", [..., None])
@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_field_that_is_absent_or_null_is_named(frame, name, absent):
    assert refused(frame(**{name: absent}), STRICT) == f"Parameter {name} is required"
    if name not in WITH_A_DEFAULT:
        assert refused(frame(**{name: absent})) == f"Parameter {name} is required"


@pytest.mark.parametrize("absent", [..., None])
def test_leniently_the_documented_defaults_count(frame, absent):
    item = drivetech.read(frame(buff=absent, ign_input=absent), LENIENT)
    assert (item.wire.buff, item.wire.ign_input, item.late) == (False, False, False)


@given(missing=st.sets(st.sampled_from(REQUIRED), min_size=1))
def test_the_first_missing_field_of_the_table_is_the_one_named(missing):
    fields = dict.fromkeys(reversed(REQUIRED), 0)
    body = json.dumps({name: value for name, value in fields.items() if name not in missing})
    first = next(name for name in REQUIRED if name in missing)
    assert refused(body.encode(), STRICT) == f"Parameter {first} is required"


@pytest.mark.parametrize("name", ["plate", "datetime", "state"])
def test_an_empty_text_counts_as_missing(frame, name):
    assert refused(frame(**{name: ""})) == f"Parameter {name} is required"


def test_what_is_missing_is_named_before_what_is_wrong(frame):
    assert refused(frame(plate=5, odometer=...)) == "Parameter odometer is required"
    assert refused(frame(plate=5, event={"type": "IGN"})) == "Parameter event.status is required"
    assert refused(frame(odometer=..., event={})) == "Parameter odometer is required"


def test_of_several_wrong_fields_the_first_of_the_table_is_named(frame):
    assert refused(frame(speed=-1, latitude=100, odometer="x")) == "Parameter latitude is invalid"
    assert refused(frame(datetime="1969-12-31T23:59:59Z", speed=-1)) == "Parameter datetime is invalid"
    assert refused(frame(event={"type": "NEW"}, odometer=-1)) == "Parameter event.type is invalid"


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in OUT_OF_RANGE.items() for value in values]
)
def test_a_number_out_of_range_is_invalid(frame, name, value):
    assert refused(frame(**{name: value})) == f"Parameter {name} is invalid"


@pytest.mark.parametrize("name", [*OUT_OF_RANGE, "altitude"])
def test_a_number_of_another_type_is_invalid(frame, name):
    for wrong in (True, [], {}, "twelve", "NaN", "1e999"):
        assert refused(frame(**{name: wrong})) == f"Parameter {name} is invalid"


@pytest.mark.parametrize("name", ["buff", "ign_input", "doors", "gps_status"])
def test_a_boolean_of_another_type_is_invalid(frame, name):
    for wrong in (2, 0.0, "yes", []):
        assert refused(frame(**{name: wrong})) == f"Parameter {name} is invalid"


@pytest.mark.parametrize("name", ["plate", "state", "datetime"])
def test_a_text_of_another_type_is_invalid(frame, name):
    for wrong in (1, True, [], {}, "x" * 65):
        assert refused(frame(**{name: wrong})) == f"Parameter {name} is invalid"


@pytest.mark.parametrize("plate", [" -. ", "\u0000", "\t", "ß" * 64])
def test_a_plate_that_cannot_be_stored_is_invalid(frame, plate):
    assert refused(frame(plate=plate)) == "Parameter plate is invalid"


def test_any_other_plate_is_taken_and_normalised(frame):
    assert drivetech.read(frame(plate="bb-cd.12 x"), STRICT).identifier == "BBCD12X"


@pytest.mark.parametrize(
    ("event", "description"),
    [
        ("GPS", "event is invalid"),
        ([], "event is invalid"),
        ({}, "event.type is required"),
        ({"type": None}, "event.type is required"),
        ({"type": ""}, "event.type is required"),
        ({"type": 5}, "event.type is invalid"),
        ({"type": "gps"}, "event.type is invalid"),
        ({"type": "TELEPORT"}, "event.type is invalid"),
        ({"type": "DRIVER_ID"}, "event.driver_id is required"),
        ({"type": "DRIVER_ID", "driver_id": ""}, "event.driver_id is required"),
        ({"type": "DRIVER_ID", "driver_id": 5}, "event.driver_id is invalid"),
        ({"type": "IGN", "status": True, "duration": -1}, "event.duration is invalid"),
        ({"type": "IGN", "status": True, "duration": 1.5}, "event.duration is invalid"),
        ({"type": "HARSH_BEHAVIOR", "magnitude": 4.2}, "event.status is required"),
        ({"type": "HARSH_BEHAVIOR", "status": 3}, "event.status is invalid"),
        ({"type": "HARSH_BEHAVIOR", "status": 0, "magnitude": "4,2"}, "event.magnitude is invalid"),
    ],
)
def test_an_event_that_is_wrong_is_named_from_inside(frame, event, description):
    assert refused(frame(event=event)) == f"Parameter {description}"


@pytest.mark.parametrize("name", ["IGN", "IDLING", "OVER_SPEED", "DOOR", "GPS_SIGNAL"])
def test_a_boolean_status_is_never_made_of_anything_else(frame, name):
    assert refused(frame(event={"type": name})) == "Parameter event.status is required"
    for wrong in (0, 1, "true", "1"):
        assert refused(frame(event={"type": name, "status": wrong})) == "Parameter event.status is invalid"


def test_a_numeric_status_is_never_made_of_anything_else(frame):
    for wrong in (True, False, "0", 1.0):
        event = {"type": "HARSH_BEHAVIOR", "status": wrong}
        assert refused(frame(event=event)) == "Parameter event.status is invalid"


def test_duration_and_magnitude_may_be_left_out(frame):
    for event in ({"type": "IGN", "status": True}, {"type": "IDLING", "status": True, "duration": None}):
        assert drivetech.read(frame(event=event), STRICT).wire.event.duration is None
    assert drivetech.read(frame(event={"type": "HARSH_BEHAVIOR", "status": 0}), STRICT).wire.event.magnitude is None


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"buff": "true"}, "buff", True),
        ({"ign_input": 1}, "ign_input", True),
        ({"doors": 0}, "doors", False),
        ({"gps_status": "false"}, "gps_status", False),
        ({"speed": "12.5"}, "speed", 12.5),
        ({"mcc": "730"}, "mcc", 730),
        ({"event": {"type": "IGN", "status": True, "duration": "7"}}, "event", Ign(status=True, duration=7)),
    ],
)
def test_leniently_numbers_and_booleans_may_be_text_and_booleans_0_or_1(frame, changes, field, value):
    read = getattr(drivetech.read(frame(**changes), LENIENT).wire, field)
    assert (read, type(read)) == (value, type(value))
    name = "event.duration" if field == "event" else field
    assert refused(frame(**changes), STRICT) == f"Parameter {name} is invalid"


def test_leniently_ranges_still_hold(frame):
    assert refused(frame(speed="301")) == "Parameter speed is invalid"


@pytest.mark.parametrize("settings", [LENIENT, STRICT])
def test_unknown_fields_and_states_are_tolerated(frame, settings):
    item = drivetech.read(frame(state="Sensor Rest", firmware={"v": [1]}, event={"type": "SOS", "by": 2}), settings)
    assert item.wire.state == "Sensor Rest"


def test_of_a_key_given_twice_the_last_counts_on_either_path(frame):
    twice = frame()[:-1] + b', "speed": 7}'
    assert drivetech.read(twice, STRICT).wire.speed == read_carefully(twice, strict=True).speed == 7
    types = frame().replace(b'{"type":"GPS"}', b'{"type":"GPS","type":"SOS"}')
    assert drivetech.KINDS[drivetech.read(types, STRICT).kind] == "SOS"


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[]", b'"x"', b"{", b"\xff", b'{"x": "\xff"}', b'{"x": NaN}', b'{"x": Infinity}', b"[{}]", b"{}{}"],
)
def test_what_is_no_json_object_says_so(raw):
    assert refused(raw) == "Invalid JSON body"


def test_bytes_that_are_no_utf_8_are_refused_even_in_fields_we_do_not_know(frame):
    assert refused(frame()[:-1] + b', "note": "\xff"}') == "Invalid JSON body"


def test_a_surrogate_without_its_half_is_no_text(frame):
    assert refused(frame().replace(b"KXRT41", b"\\ud800")) == "Invalid JSON body"


@pytest.mark.parametrize("settings", [LENIENT, STRICT])
@pytest.mark.parametrize("event", [{"type": "GPS"}, {"type": "IGN", "status": False, "duration": 3}])
def test_the_careful_path_reads_what_the_fast_one_reads(frame, settings, event):
    raw = frame(event=event, altitude=3, mcc=730, doors=True)
    careful = read_carefully(raw, strict=settings.profile == "strict")
    assert careful == drivetech.read(raw, settings).wire
    assert type(careful.altitude) is float
