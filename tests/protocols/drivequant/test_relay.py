"""What came in by this protocol and goes out by it: every fact stays, and nobody is named but by what was issued."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.model.events import Header
from postroad.protocols import drivequant
from postroad.protocols.base import Addressing
from postroad.protocols.drivequant.relay import MAX_DEPTH, Names, relay

TO = Addressing(driver_id="issued-driver", vehicle_id="issued-vehicle")
SECRET = "do-not-pass-on"


def sent(event: Any, to: Addressing = TO) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in drivequant.write(event, to=to, options=drivequant.Options())]


def named(value: Any, driver: str = "issued-driver", vehicle: str | None = "issued-vehicle") -> Any:
    """The body as it should go out."""
    if isinstance(value, list):
        return [named(one) for one in value]
    if not isinstance(value, dict):
        return value
    renamed = {
        name: driver if name in ("userId", "driverId") else vehicle if name == "vehicleId" else named(one)
        for name, one in value.items()
        if name != "customerId"
    }
    if isinstance(value.get("account"), dict):
        renamed["account"].pop("account", None)
    if "metaData" in value:
        renamed["metaData"] = value["metaData"]
    return renamed


def test_every_sample_goes_out_as_it_came_in_but_for_the_names(frames, say):
    for name, frame in frames.items():
        expected = named(frame)
        if name == "driver-deleted-by-id":
            expected["id"] = "issued-driver"
        assert sent(say(frame)) == [expected], name


def test_the_sender_can_be_read_nowhere_in_what_goes_out(frames, say):
    for frame in frames.values():
        frame = {name: one for name, one in frame.items() if name != "metaData"}
        text = json.dumps(sent(say(frame)))
        for word in ("noor.hale", "van-9", "5b3e0c", "5b3e0d", "k-4711-never-to-be-seen", "1042"):
            assert word not in text


@pytest.mark.parametrize(
    "body",
    [
        {"account": SECRET},
        {"account": [SECRET]},
        {"account": {"account": SECRET, "userId": "u"}},
        {"account": {"account": {"account": SECRET}, "key": SECRET, "more": {"vehicleId": SECRET}}},
        {"deeper": {"account": {"account": SECRET, "vehicleId": SECRET}}},
        {"deeper": [{"list": [{"account": {"account": SECRET}}]}]},
        {"sdkApiKey": SECRET, "x": {"adminApiKey": SECRET, "access_token": SECRET, "clientSecret": SECRET}},
        {"customerId": SECRET, "parameters": {"customerId": SECRET}},
        {"password": {"is": SECRET}},
    ],
)
@pytest.mark.parametrize("service", drivequant.KINDS)
def test_secrets_never_go_out(say, service, body):
    ids = {"itinId": "1", "crashId": "1", "userId": "u"}
    (out,) = drivequant.write(say(ids | body, service), to=TO, options=drivequant.Options())
    assert SECRET.encode() not in out.body


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["account", "userId", "driverId", "vehicleId", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(body=st.dictionaries(st.sampled_from(["account", "userId", "x", "y"]), json_values, max_size=4))
def test_no_name_of_the_senders_is_left_wherever_it_stands(body):
    raw = json.dumps(body | {"itinId": "1"}).encode()
    out = json.loads(relay(raw, Names("D", "V")))

    def look(value: Any) -> None:
        if isinstance(value, list):
            for one in value:
                look(one)
        elif isinstance(value, dict):
            assert set(value.get("account", {})) <= {"userId", "driverId", "vehicleId"}
            for name, one in value.items():
                if name in ("userId", "driverId", "vehicleId"):
                    assert one == ("V" if name == "vehicleId" else "D")
                else:
                    look(one)

    look(out)


def test_what_nobody_has_looked_into_is_left_out(say):
    deep: Any = {"account": {"account": SECRET}, "userId": SECRET, "whatever": {"it": SECRET}}
    for _ in range(MAX_DEPTH + 3):
        deep = {"in": deep}
    (out,) = sent(say({"itinId": "1", "userId": "u", "deep": deep, "beside": {"kept": 1}}))
    assert SECRET not in json.dumps(out)
    assert out["beside"] == {"kept": 1}


def test_digits_and_order_stay_as_they_were(say):
    body = b'{"itinId":"1","userId":"u","x":{"y":1.50,"z":[1E2]},"firstname":"N\\u00f6"}'
    (out,) = drivequant.write(say(body), to=TO, options=drivequant.Options())
    assert out.body == body.replace(b'"u"', b'"issued-driver"')


def test_a_vehicle_that_the_receiver_may_not_know_is_null(say):
    (out,) = sent(say({"itinId": "1", "account": {"userId": "u", "vehicleId": "v"}}), Addressing(driver_id="D"))
    assert out["account"] == {"userId": "D", "vehicleId": None}


@pytest.mark.parametrize("service", [one for one in drivequant.KINDS if one != "trip_deleted"])
def test_nothing_is_told_of_a_driver_without_an_issued_id(say, service):
    assert sent(say({"itinId": "1", "crashId": "1", "userId": "u"}, service), Addressing()) == []


def test_a_deleted_trip_names_nobody_and_goes_out_to_all_that_may_have_had_it(frames, say):
    assert sent(say(frames["trip-deleted"]), Addressing()) == [frames["trip-deleted"]]


# Editions of documents: what makes what needless


def outgoing(say, body, service, **how):
    (out,) = drivequant.write(say(body, service, **how), to=TO, options=drivequant.Options())
    return out


def test_a_corrected_trip_is_a_newer_edition_of_the_same_document(say):
    trip = {"itinId": "1", "userId": "u"}
    first, second = outgoing(say, trip, "trip", received_us=10), outgoing(say, trip, "trip", received_us=11)
    assert first.document == second.document != b""
    assert first.revision < second.revision
    assert (first.deletes, second.deletes) == (False, False)


def test_a_deletion_is_newer_than_every_edition_of_its_trip_whichever_comes_first(say):
    late = outgoing(say, {"itinId": "1", "userId": "u"}, "trip", received_us=2**60)
    deleted = outgoing(say, {"itinId": "1", "event": "TRIP_DELETION"}, "trip_deleted", received_us=10)
    assert deleted.document == late.document
    assert deleted.deletes
    assert late.revision < deleted.revision < 2**63 - 1


def test_documents_of_other_providers_trips_and_services_are_others(say):
    trip = {"itinId": "1", "crashId": "1", "userId": "u"}
    documents = [
        outgoing(say, trip, "trip").document,
        outgoing(say, trip, "trip", provider_id=3).document,
        outgoing(say, trip | {"itinId": "2"}, "trip").document,
        outgoing(say, trip, "crash").document,
        outgoing(say, trip, "crash_report").document,
    ]
    assert len(set(documents)) == len(documents)


def test_a_diagnosis_makes_no_other_one_needless(say):
    assert outgoing(say, {"userId": "u"}, "diagnosis").document == b""


def test_only_a_crash_has_a_time_from_which_its_first_half_hour_counts(frames, say):
    assert outgoing(say, frames["crash-confirmed"], "crash").recorded_us == 1772467527750000
    assert outgoing(say, frames["trip-with-everything"], "trip").recorded_us is None


def test_a_crash_and_its_report_are_one_accident(frames, say):
    crash, report = say(frames["crash-confirmed"]), say(frames["crash-report"])
    assert crash.key == report.key
    assert report.trip_key == say(frames["trip-with-everything"]).key == say(frames["trip-deleted"]).key


def test_what_has_no_time_is_as_of_when_it_was_received(read):
    item = read({})
    header = Header(subject_id=1, provider_id=2, recorded_us=item.recorded_us, received_us=77)
    (event,) = drivequant.events(item, header, drivequant.DriveQuantSettings())
    assert event.header.recorded_us == 77
