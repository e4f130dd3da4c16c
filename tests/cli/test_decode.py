"""``postroad decode``: every sample is read and written again, and whatever comes is lines or the reason."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.cli.main import cli
from postroad.cli.reading import Reading, source
from postroad.errors import PostroadError, WireError
from postroad.protocols import FORMATS, SOURCES, connected_cars_legacy
from postroad.protocols.base import Item

SAMPLES = Path(__file__).parents[1] / "protocols" / "samples" / "in"
PROTOCOLS = sorted(SOURCES)


def sent(frame: Any) -> str:
    """A sample's frame as its provider would send it."""
    return frame if isinstance(frame, str) else json.dumps(frame)


def samples(protocol: str) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted((SAMPLES / protocol).glob("*.json"))}


ALL = [
    pytest.param(protocol, sample, id=f"{protocol}-{name}")
    for protocol in PROTOCOLS
    for name, sample in samples(protocol).items()
]


def decode(protocol: str, body: str | bytes, *options: str) -> Result:
    return CliRunner().invoke(cli, ["decode", protocol, "-", *options], input=body)


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(("protocol", "sample"), ALL)
def test_every_sample_is_read_and_says_what_is_expected_of_it(protocol, sample):
    result = decode(protocol, sent(sample["frame"]), "--settings", json.dumps(sample.get("settings", {})))
    assert result.exit_code == 0, result.output
    (line,) = lines(result)
    expected = sample["expect"]
    assert line["kind"] == expected["kind"]
    for event in line["events"]:
        if event["type"] == "report":
            assert event["readings"].items() >= expected.get("readings", {}).items()


@pytest.mark.parametrize(("protocol", "sample"), ALL)
def test_what_is_printed_as_wire_says_the_same_when_it_is_read_again(protocol, sample):
    way_in = ["--settings", json.dumps(sample.get("settings", {}))]
    (first,) = lines(decode(protocol, sent(sample["frame"]), *way_in))
    (second,) = lines(decode(protocol, json.dumps(first["wire"]), *way_in))
    assert second == first


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_field_of_a_sample_is_lost_in_wire(protocol):
    other_keys = {
        key
        for struct in connected_cars_legacy.STRUCTS.values()
        for field in connected_cars_legacy.facts(struct)
        for key in field.other_keys
    }
    for sample in samples(protocol).values():
        frame = sample["frame"]
        if isinstance(frame, dict):
            (line,) = lines(decode(protocol, json.dumps(frame), "--settings", json.dumps(sample.get("settings", {}))))
            lost = {name for name, value in frame.items() if value is not None} - set(line["wire"])
            assert lost <= (other_keys if protocol == "connected_cars_legacy" else {"eph", "hdop"}), sample


def test_unknown_fields_are_kept_also_inside_an_event():
    (sample,) = [one for name, one in samples("drivetech").items() if name == "smallest"]
    frame = sample["frame"] | {"colour": "red", "event": {"type": "GPS", "zone": [1, {"a": None}]}}
    (line,) = lines(decode("drivetech", json.dumps(frame)))
    assert line["wire"]["colour"] == "red"
    assert line["wire"]["event"] == {"type": "GPS", "zone": [1, {"a": None}]}


GOOD = '{"type":"car_ignition","id":%d,"vehicleId":7301,"time":"2024-03-05T06:41:12Z","value":true}'


@pytest.mark.parametrize(
    "body",
    [
        f"[{GOOD % 1},{GOOD % 2}]",
        f" [\n{GOOD % 1}\n,\r\n{GOOD % 2}]\n",
        f"{GOOD % 1}\n{GOOD % 2}\n",
        f"{GOOD % 1}\r\n\r\n{GOOD % 2}",
        f"[{GOOD % 1}]\n{GOOD % 2}",
        f"[{GOOD % 1}]\n[]\n[{GOOD % 2}]\n",
    ],
)
def test_an_array_an_object_and_json_lines_are_bodies(body):
    result = decode("connected_cars", body)
    assert [line["wire"]["id"] for line in lines(result)] == [1, 2]
    assert result.exit_code == 0


def test_one_bad_item_never_costs_the_others_and_is_the_exit_code():
    body = f'[{GOOD % 1},{{"type":"car_ignition","id":2}},7,{GOOD % 4}]'
    result = decode("connected_cars", body)
    assert result.exit_code == 1
    assert [line.get("error") for line in lines(result)] == [None, "missing", "not_json", None]
    assert lines(result)[1] == {"error": "missing", "field": "value"}
    assert str(result.exception).startswith("2 of 4 would be quarantined: item 2: ")
    assert "item 3: not_json" in str(result.exception)


def test_a_damaged_line_costs_only_itself():
    result = decode("connected_cars", f"{GOOD % 1}\n{GOOD[:-1] % 2}\n{GOOD % 3}\n")
    assert [line.get("error") for line in lines(result)] == [None, "not_json", None]
    assert result.exit_code == 1


def test_an_empty_bulk_is_nothing_to_complain_of():
    result = decode("connected_cars_legacy", "[]")
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize(
    ("protocol", "body", "reason"),
    [
        ("drivetech", "", "the input is empty"),
        ("connected_cars", " \n\t", "the input is empty"),
        ("connected_cars", '[{"a": 1},\n {"b" 2}]', "not JSON: line 2, column 7"),
        ("connected_cars_legacy", b'[{"a": "\xff"}]', "not JSON: line 1, byte 9: not UTF-8"),
        ("drivetech", '{"plate": NaN}', "not JSON"),
        ("connected_cars", "[" * 20_000, "not JSON: nested too deeply"),
        ("postroad", "[]", "known: drivetech, connected_cars, connected_cars_legacy, drivequant"),
    ],
)
def test_what_is_no_body_is_refused_as_a_whole_with_the_place(protocol, body, reason):
    result = decode(protocol, body)
    assert result.exit_code == 1
    assert isinstance(result.exception, PostroadError)
    assert reason in str(result.exception)
    assert result.stdout == ""


def test_settings_change_how_it_is_read_and_wrong_ones_name_the_field():
    frame = samples("drivetech")["smallest"]["frame"] | {"buff": None}
    assert decode("drivetech", json.dumps(frame)).exit_code == 0
    strict = decode("drivetech", json.dumps(frame), "--settings", '{"profile": "strict"}')
    assert lines(strict) == [{"error": "missing", "field": "buff"}]
    wrong = decode("drivetech", json.dumps(frame), "--settings", '{"profil": "strict"}')
    assert wrong.exit_code == 1
    assert str(wrong.exception).startswith("--settings: ")
    assert "profil" in str(wrong.exception)


def test_what_was_sent_late_is_late_in_its_events_too():
    (line,) = lines(decode("drivetech", json.dumps(samples("drivetech")["ignition-off-late"]["frame"])))
    assert (line["late"], line["events"][0]["header"]["late"]) == (True, True)


def test_a_message_without_a_time_is_as_of_when_it_was_received():
    body = '[{"type":"user_remove","userId":"u-1"}]'
    (line,) = lines(decode("connected_cars_legacy", body, "--received", "2026-07-02T14:03:11+02:00"))
    assert line["recorded"] is None
    assert line["events"][0]["header"] == {
        "recorded_us": 1_782_993_791_000_000,
        "received_us": 1_782_993_791_000_000,
        "late": False,
    }


@pytest.mark.parametrize("instant", ["yesterday", "2026-07-02", "2026-07-02T14:03:11", "1969-12-31T23:59:59Z"])
def test_an_instant_that_is_none_is_a_mistake_of_usage(instant):
    assert decode("drivetech", "[]", "--received", instant).exit_code == 2


def test_every_protocol_that_is_read_has_a_format_and_both_say_the_same_types():
    for protocol in SOURCES.values():
        assert set(FORMATS[protocol.name].types) <= set(protocol.kinds)


BODIES = {name: [sent(sample["frame"]) for sample in samples(name).values()] for name in PROTOCOLS}


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A body of samples with bytes cut out, changed or put in."""
    protocol = draw(st.sampled_from(PROTOCOLS))
    frames = draw(st.lists(st.sampled_from(BODIES[protocol]), min_size=1, max_size=4))
    body = bytearray((draw(st.sampled_from(["[%s]", "%s"])) % draw(st.sampled_from([",", "\n"])).join(frames)).encode())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(
            st.binary(max_size=3)
            | st.sampled_from([b"null", b'"', b"1e999", b"\\ud800", b"[", b"{", b"}", b"-", b"\n"])
        )
    return protocol, bytes(body)


def facts(protocol: str, body: bytes) -> list[Reading]:
    try:
        return source(protocol, "{}").read(body)
    except PostroadError:
        return []


@settings(max_examples=300, deadline=None)
@given(given_body=damaged() | st.tuples(st.sampled_from(PROTOCOLS), st.binary(max_size=40)))
def test_whatever_comes_is_lines_or_the_reason(given_body):
    protocol, body = given_body
    result = decode(protocol, body)
    assert result.exit_code in (0, 1)
    if result.exit_code:
        assert isinstance(result.exception, PostroadError), repr(result.exception)
    readings = facts(protocol, body)
    assert len(lines(result)) == len(readings)
    refused = [one for one in readings if isinstance(one.outcome, WireError)]
    assert [line for line in lines(result) if "error" in line] == [
        {"error": one.outcome.code, "field": one.outcome.field} for one in refused
    ]
    assert result.exit_code == (1 if refused or (not readings and not re.fullmatch(rb"\s*(\[\s*\]\s*)+", body)) else 0)


@settings(max_examples=200, deadline=None)
@given(given_body=damaged())
def test_what_a_damaged_item_still_says_is_written_and_read_again(given_body):
    protocol, body = given_body
    way_in = source(protocol, "{}")
    for reading in facts(protocol, body):
        if isinstance(item := reading.outcome, Item):
            again = way_in.protocol.read(FORMATS[protocol].restate(item, reading.raw), way_in.settings)
            assert msgspec.structs.replace(again, wire=None) == msgspec.structs.replace(item, wire=None)
            assert way_in.events(again, 0) == way_in.events(item, 0)
