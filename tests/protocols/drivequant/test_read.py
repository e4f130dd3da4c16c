"""From bodies to items: which service, who, when, what is a repeat."""

import json

import pytest

from postroad.errors import WireError
from postroad.protocols import drivequant
from postroad.protocols.base import UNTIMED_US

TRIP = {"itinId": "69a5", "userId": "noor", "endDate": "2026-03-02T16:05:30.500+0000"}


def test_without_a_word_of_the_entrance_every_sample_is_judged_rightly(frames, read):
    for name, frame in frames.items():
        service = drivequant.KINDS[read(frame).kind]
        assert name.startswith(service.replace("_", "-")), name
        assert read(frame, service) == read(frame)


def test_the_word_of_the_entrance_goes_before_what_the_body_looks_like(read):
    assert drivequant.KINDS[read({"itinId": "1", "event": "TRIP_DELETION"}, "trip").kind] == "trip"
    assert isinstance(read({"crashId": "1"}, "diagnosis").wire.push, drivequant.DiagnosisPush)


@pytest.mark.parametrize(
    ("body", "service"),
    [
        ({"crashId": "1"}, "crash"),
        ({"crashId": "1", "parameters": {}, "itinId": "2"}, "crash"),
        ({"crashId": "1", "itinId": "2"}, "crash_report"),
        ({"crashId": "1", "previousTrip": {}}, "crash_report"),
        ({"itinId": "1", "event": "TRIP_DELETION"}, "trip_deleted"),
        ({"itinId": "1", "event": None}, "trip"),
        ({"id": "1", "event": "x"}, "driver_deleted"),
        ({"userId": "1"}, "diagnosis"),
        ({}, "diagnosis"),
    ],
)
def test_the_members_tell_the_service(read, body, service):
    assert drivequant.KINDS[read(body).kind] == service


@pytest.mark.parametrize(
    ("service", "body", "error"),
    [
        ("trip", {}, ("missing", "itinId")),
        ("trip", {"itinId": None}, ("missing", "itinId")),
        ("trip", {"itinId": ""}, ("missing", "itinId")),
        ("trip", {"itinId": {}}, ("invalid", "itinId")),
        ("trip_deleted", {"date": "now"}, ("missing", "itinId")),
        ("trip_deleted", {"itinId": "1", "event": "TRIP_UPDATE"}, ("invalid", "event")),
        ("crash", {"userId": "noor"}, ("missing", "crashId")),
        ("crash", {"crashId": "1", "driverId": "d" * 65}, ("invalid", "driverId")),
        ("trip", TRIP | {"account": {"userId": "a\n"}}, ("invalid", "account.userId")),
        ("trip", [], ("not_json", None)),
        ("driver_deleted", b"{", ("not_json", None)),
    ],
)
def test_only_what_nothing_can_be_done_without_is_demanded(read, service, body, error):
    with pytest.raises(WireError) as refused:
        read(body, service)
    assert (refused.value.code, refused.value.field) == error


@pytest.mark.parametrize("service", ["diagnosis", "crash_report", "driver_deleted"])
def test_services_whose_bodies_are_not_published_take_anything(read, service):
    item = read({}, service)
    assert (item.identifier, item.recorded_us, drivequant.document_key(item)) == ("", UNTIMED_US, "")


@pytest.mark.parametrize(
    ("service", "body", "driver"),
    [
        ("trip", {"itinId": "1", "account": {"userId": "a"}, "userId": "b"}, "a"),
        ("trip", {"itinId": "1", "account": {"userId": ""}, "userId": "b"}, "b"),
        ("diagnosis", {"userInfo": {"userId": "a"}, "userId": "b"}, "a"),
        ("diagnosis", {"userId": "b"}, "b"),
        ("crash", {"crashId": "1", "userId": "a", "driverId": "b"}, "a"),
        ("crash", {"crashId": "1", "driverId": "b"}, "b"),
        ("crash_report", {"driverId": "b"}, "b"),
        ("driver_deleted", {"userId": "a", "driverId": "b", "id": "c"}, "a"),
        ("driver_deleted", {"driverId": "b", "id": "c"}, "b"),
        ("driver_deleted", {"id": 17}, "17"),
        ("trip_deleted", {"itinId": "1", "userId": "a"}, ""),
    ],
)
def test_the_customers_own_id_of_the_driver_goes_before_the_vendors(read, service, body, driver):
    item = read(body, service)
    assert (item.namespace, item.identifier) == ("drivequant.user_id", driver)


@pytest.mark.parametrize(
    "date",
    ["2026-03-02T16:05:30.500+0000", "2026-03-02T17:05:30.500+01:00", "2026-03-02T16:05:30.5Z"],
)
def test_dates_of_all_spellings_are_read(read, date):
    assert read(TRIP | {"endDate": date}).recorded_us == 1772467530500000
    assert read({"itinId": "1", "itineraryData": {"endDate": date}}).recorded_us == 1772467530500000
    assert read({"lastUpdate": date}).recorded_us == 1772467530500000


@pytest.mark.parametrize("date", [None, "", "soon", 17, "2026-03-02T16:05:30.500", "1969-12-31T23:59:59.999+0000"])
def test_what_is_no_instant_leaves_the_item_untimed(read, date):
    assert read(TRIP | {"endDate": date}).recorded_us == UNTIMED_US


def test_a_repeat_of_a_trip_is_known_however_it_is_spaced_and_a_correction_is_none(read):
    again = json.dumps(TRIP, indent=3).encode()
    corrected = TRIP | {"itineraryStatistics": {"distance": 3}}
    assert read(TRIP).dedup == read(again).dedup != b""
    assert read(corrected).dedup != read(TRIP).dedup
    assert drivequant.document_key(read(corrected)) == drivequant.document_key(read(TRIP)) == "69a5"


def test_crashes_and_reports_are_repeats_only_word_for_word_and_share_their_key(read):
    crash, report = {"crashId": "c"}, {"crashId": "c", "itinId": "69a5"}
    assert read(crash).dedup == read(crash).dedup
    assert read(crash | {"probability": 3}).dedup != read(crash).dedup
    assert read(report).dedup != read(report | {"date": "x"}).dedup
    assert drivequant.document_key(read(crash)) == drivequant.document_key(read(report)) == "c"


def test_a_deletion_is_a_repeat_whenever_it_is_said_again(read):
    deleted = {"itinId": "69a5", "event": "TRIP_DELETION", "date": "2026-03-03T08:00:00.000+0000"}
    assert read(deleted).dedup == read(deleted | {"date": None}).dedup != read(TRIP).dedup
    assert drivequant.document_key(read(deleted)) == drivequant.document_key(read(TRIP))
    gone = {"userId": "noor", "event": "DRIVER_DELETION"}
    assert read(gone).dedup == read(gone | {"date": "2026-03-03T08:00:00.000+0000"}).dedup != b""


def test_one_body_at_two_services_is_no_repeat(read):
    assert len({read({"itinId": "1", "crashId": "1"}, one).dedup for one in ("trip", "crash", "crash_report")}) == 3


@pytest.mark.parametrize("body", [{}, {"userInfo": {"userId": "noor"}}, {"status": "ERROR"}])
def test_no_diagnosis_is_ever_taken_for_a_repeat(read, body):
    assert read(body, "diagnosis").dedup == b""
