"""``postroad translate``: what one protocol would send of another's request, and what is lost."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.cli.main import cli
from postroad.errors import PostroadError
from postroad.protocols import SOURCES, TARGETS, connected_cars_legacy
from postroad.protocols.base import position_and_slot
from postroad.protocols.connected_cars import SLOTS
from postroad.protocols.filling import FillingTarget

PROTOCOLS = Path(__file__).parents[1] / "protocols"
PUBLISHED = (PROTOCOLS / "connected_cars" / "published.jsonl").read_text()
LEGACY = (PROTOCOLS / "connected_cars_legacy" / "published_samples.json").read_text()
EVERY_SCOPE = json.dumps({"scopes": connected_cars_legacy.SCOPES})
DRIVETECH = [
    json.loads(path.read_text())["frame"] for path in sorted((PROTOCOLS / "samples" / "in" / "drivetech").glob("*"))
]
DRIVEQUANT = {
    path.stem: json.loads(path.read_text())["frame"]
    for path in sorted((PROTOCOLS / "samples" / "in" / "drivequant").glob("*"))
}


def translate(source: str, target: str, body: str | bytes, *options: str) -> Result:
    return CliRunner().invoke(cli, ["translate", "--from", source, "--to", target, "-", *options], input=body)


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def without_numbers(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in ("id", "vehicleId", "fleetId")}


def test_every_published_sample_goes_out_as_it_came_in_but_for_the_numbers():
    result = translate("connected_cars", "connected_cars", PUBLISHED, "--options", '{"relay_access": true}')
    assert (result.exit_code, result.stderr) == (0, "")
    sent = lines(result)
    given_events = [json.loads(line) for line in PUBLISHED.splitlines()]
    assert len(sent) == len(given_events)
    for number, (before, after) in enumerate(zip(given_events, sent, strict=True), start=1):
        second_type = {"sourceType", "lampType"} & set(after)  # of the key that the page has twice
        kept = {name: value for name, value in before.items() if name != "type" or not second_type}
        assert without_numbers(kept).items() <= without_numbers(after).items()
        assert position_and_slot(after["id"]) == (number, SLOTS[after["type"]])


def test_every_published_legacy_message_goes_out_with_every_scope():
    result = translate("connected_cars_legacy", "connected_cars_legacy", LEGACY, "--options", EVERY_SCOPE)
    assert (result.exit_code, result.stderr) == (0, "")
    ids = {"carId", "userId", "cars", "time"}
    before = [{k: v for k, v in one.items() if k not in ids} for one in json.loads(LEGACY)]
    assert [{k: v for k, v in one.items() if k not in ids} for one in lines(result)] == before


def test_numbers_are_given_in_order_of_appearance():
    body = [DRIVETECH[0] | {"plate": plate} for plate in ("AA11", "BB22", "aa-11")]
    result = translate("drivetech", "connected_cars", json.dumps(body))
    positions = [one for one in lines(result) if one["type"] == "gps_position"]
    assert [one["vehicleId"] for one in positions] == [1, 2, 1]
    assert [position_and_slot(one["id"])[0] for one in positions] == [1, 2, 3]


def test_users_and_cars_of_the_account_feed_share_their_numbers_with_the_car_feed():
    body = [
        {"type": "user_signup", "userId": "U", "cars": [{"carId": "b"}, {"carId": "a"}]},
        {"type": "ignition_on", "carId": "A", "time": "2026-07-02T14:03:09Z"},
        {"type": "car_remove", "userId": "u", "carId": "b"},
        {"type": "user_remove", "userId": "w"},
    ]
    target = "connected_cars_legacy"
    sent = lines(translate(target, target, json.dumps(body), "--options", EVERY_SCOPE))
    assert [one["carId"] for one in sent[0]["cars"]] == ["1", "2"]
    assert (sent[1]["carId"], sent[2]["carId"]) == ("2", "1")
    assert [one.get("userId") for one in sent] == ["1", None, "1", "2"]


def test_a_bad_item_keeps_its_position_and_is_the_exit_code():
    body = [DRIVETECH[0], {}, DRIVETECH[0]]
    result = translate("drivetech", "connected_cars", json.dumps(body))
    assert result.exit_code == 1
    assert {position_and_slot(one["id"])[0] for one in lines(result)} == {1, 3}
    assert "1 of 3 would be quarantined: item 2: plate: missing" in str(result.exception)


def test_bulk_prints_one_body_of_the_same_events():
    one_by_one = lines(translate("drivetech", "connected_cars", json.dumps(DRIVETECH)))
    (body,) = lines(translate("drivetech", "connected_cars", json.dumps(DRIVETECH), "--bulk"))
    assert body == one_by_one
    (empty,) = lines(translate("drivetech", "connected_cars", "[]", "--bulk"))
    assert empty == []


def test_pushes_of_nobody_are_told_of():
    result = translate("drivequant", "drivequant", json.dumps(list(DRIVEQUANT.values())))
    assert (result.exit_code, len(lines(result))) == (0, len(DRIVEQUANT) - 2)
    assert result.stderr.splitlines() == [
        "not said: device_status (1x): whom it is about is not said",
        "not said: trip (1x): whom it is about is not said",
    ]
    trip = lines(translate("drivequant", "drivequant", json.dumps(DRIVEQUANT["trip-with-everything"])))[0]
    assert trip["account"] == {"userId": "1", "vehicleId": "1"}


REPORT = {
    "plate": "AA11",
    "datetime": "2026-07-02T14:03:09Z",
    "latitude": -33.4,
    "longitude": -70.6,
    "speed": 40,
    "azimuth": 90,
    "state": "Ignition On Moving",
    "odometer": 1200.5,
}


@pytest.mark.parametrize(
    ("change", "options", "unsaid"),
    [
        ({"event": {"type": "SOS"}}, {}, "occurrence panic_button (1x): no event type is for it"),
        ({"event": {"type": "GPS"}, "gps_status": False}, {}, "position (1x): it is an older one, repeated"),
        ({"event": {"type": "GPS"}, "altitude": 5}, {}, "position altitude_m (1x): `gps_position` has no field for it"),
        (
            {"event": {"type": "GPS"}, "fuel_percentage": 5},
            {},
            "reading fuel_level_percent (1x): it needs the option claim",
        ),
        (
            {"event": {"type": "HARSH_BEHAVIOR", "status": 0, "magnitude": 0.5}},
            {},
            "harsh_manoeuvre (1x): it is too weak",
        ),
        (
            {"event": {"type": "HARSH_BEHAVIOR", "status": 0}},
            {},
            "harsh_manoeuvre (1x): its strength in g is not known",
        ),
        ({"event": {"type": "HARSH_BEHAVIOR", "status": 2, "magnitude": 5}}, {}, "harsh_manoeuvre (1x): to which side"),
    ],
)
def test_what_cannot_be_said_is_told_with_the_reason(change, options, unsaid):
    result = translate("drivetech", "connected_cars", json.dumps(REPORT | change), "--options", json.dumps(options))
    assert result.exit_code == 0
    assert unsaid in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({"event": {"type": "GPS"}, "fuel_percentage": 5}, {"claim_can": True}, "fuel_level_percent"),
        ({"event": {"type": "HARSH_BEHAVIOR", "status": 0, "magnitude": 5}}, {}, "harsh_manoeuvre"),
        ({"event": {"type": "GPS"}}, {}, "position"),
        ({"event": {"type": "IGN", "status": True}}, {}, "occurrence ignition"),
    ],
)
def test_what_is_said_is_not_told(change, options, said):
    result = translate("drivetech", "connected_cars", json.dumps(REPORT | change), "--options", json.dumps(options))
    assert f"not said: {said} " not in result.stderr
    assert f" {said} (" not in result.stderr


def test_a_missing_scope_is_the_reason():
    target = "connected_cars_legacy"
    body = '{"type": "ignition_on", "carId": "a", "time": "2026-07-02T14:03:09Z"}'
    result = translate(target, target, body)
    assert result.stdout == ""
    assert result.stderr == "not said: occurrence ignition (1x): it needs vehicle_ignition in the option scopes\n"


def test_a_track_is_announced_once_it_is_known_where_it_is_fetched():
    body = next(one for one in BODIES["damoov"] if '"Track":' in one)
    silent = translate("damoov", "damoov", body)
    assert silent.stdout == ""
    assert silent.stderr == "not said: trip (1x): it needs the option base_url\n"
    told = translate("damoov", "damoov", body, "--options", '{"base_url": "https://hub.example"}')
    assert [line["Event"] for line in lines(told)] == ["TrackEnrichmentFinished"]
    assert told.stderr == ""


def test_documents_go_from_each_of_the_two_protocols_that_have_them_to_the_other():
    base = '{"base_url": "https://hub.example"}'
    outward = [
        json.loads(line)["Event"]
        for body in BODIES["drivequant"]
        for line in translate("drivequant", "damoov", body, "--options", base).stdout.splitlines()
    ]
    assert {"TrackEnrichmentFinished", "IncomingTrackReceived", "AccidentEventReceived"} <= set(outward)
    back = "".join(translate("damoov", "drivequant", body).stdout for body in BODIES["damoov"])
    assert '"itinId"' in back
    assert '"TRIP_DELETION"' in back


def test_an_unknown_type_has_no_word_in_another_protocol_and_goes_on_whole_in_its_own():
    body = '{"type": "car_colour", "id": 1, "vehicleId": 9, "time": "2026-07-02T14:03:09Z", "value": "red"}'
    other = translate("connected_cars", "connected_cars_legacy", body)
    assert other.stderr == "not said: other (1x): the common language has no word for it\n"
    (same,) = lines(translate("connected_cars", "connected_cars", body))
    assert (same["type"], same["value"], same["vehicleId"]) == ("car_colour", "red", 1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("drivetech", "postroad", "[]"), "no protocol 'postroad' is written here; known: connected_cars"),
        (("drivetech", "drivetech", "[]", "--bulk"), "--bulk: drivetech has no bulks"),
        (("postroad", "connected_cars", "[]"), "no protocol 'postroad' is read here; known: drivetech"),
        (("drivetech", "drivequant", "[]", "--bulk"), "--bulk: drivequant has no bulks"),
        (("drivetech", "connected_cars", "[]", "--options", '{"claim_can": 1}'), "--options: Expected `bool`"),
        (("drivetech", "connected_cars", "[]", "--options", "{"), "--options: "),
        (("drivetech", "connected_cars", ""), "the input is empty"),
    ],
)
def test_mistakes_are_one_sentence(arguments, reason):
    result = translate(*arguments)
    assert result.exit_code == 1
    assert isinstance(result.exception, PostroadError)
    assert reason in str(result.exception)


UNFILLED = sorted(name for name, target in TARGETS.items() if not isinstance(target, FillingTarget))
BODIES = {
    "drivetech": [json.dumps(frame) for frame in DRIVETECH],
    "connected_cars": PUBLISHED.splitlines(),
    "connected_cars_legacy": [json.dumps(one) for one in json.loads(LEGACY)],
    "damoov": [
        json.dumps(json.loads(path.read_text())["frame"])
        for path in sorted((PROTOCOLS / "samples" / "in" / "damoov").glob("*"))
    ],
    "drivequant": [json.dumps(frame) for frame in DRIVEQUANT.values()],
}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), source=st.sampled_from(sorted(SOURCES)), target=st.sampled_from(UNFILLED))
def test_what_is_sent_does_not_depend_on_what_stands_beside_it(data, source, target):
    picked = data.draw(st.lists(st.sampled_from(BODIES[source]), min_size=1, max_size=5))
    together = translate(source, target, "[" + ",".join(picked) + "]")
    assert together.exit_code == 0
    alone = [translate(source, target, one) for one in picked]
    ids = re.compile(r'"(id|vehicleId|fleetId|carId|userId|UserId|driverId)":("[^"]*"|\d+)')
    assert ids.sub("", together.stdout) == "".join(ids.sub("", one.stdout) for one in alone)


def test_an_event_is_filled_from_the_lines_before_it_and_is_told_when_it_cannot_be():
    at = {"vehicleId": 9, "time": "2026-07-02T14:03:09Z"}
    ignition = {"type": "car_ignition", "id": 1, "value": True} | at
    place = {"type": "gps_position", "id": 2, "latitude": -36.8, "longitude": -73.0, "speed": 0, "direction": 90} | at
    odometer = {"type": "can_odometer_km", "id": 3, "value": 1200} | at
    alone = translate("connected_cars", "drivetech", json.dumps([ignition]))
    assert (alone.stdout, alone.exit_code) == ("", 0)
    assert "not said: IGN (1x): it is incomplete: nobody knows its latitude" in alone.stderr
    (sent,) = lines(translate("connected_cars", "drivetech", json.dumps([odometer, place, ignition])))
    assert (sent["event"], sent["plate"]) == ({"type": "IGN", "status": True}, "PLATE1")
    assert (sent["latitude"], sent["azimuth"], sent["odometer"]) == (-36.8, 90, 1200)


def test_a_drivetech_request_goes_out_with_the_same_facts():
    for frame in DRIVETECH:
        result = translate("drivetech", "drivetech", frame if isinstance(frame, str) else json.dumps(frame))
        assert (result.exit_code, result.stderr.count("incomplete")) == (0, 0)
        assert len(lines(result)) == 1
