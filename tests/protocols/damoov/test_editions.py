"""Supersession: of one document the newest counts, and what is withdrawn must not go out any more."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.model.documents import Crash, CrashReport, DeviceStatus, TrackPoint, Trip, TripDeleted
from postroad.model.header import Header
from postroad.model.said import Position
from postroad.protocols import damoov
from postroad.protocols.base import Addressing

TO = Addressing(vehicle_id="0f7b6c58-2d94-4a1b-8e36-95c0d1f4a27e")
OPTIONS = damoov.Options(base_url="https://hub.example")
HEADER = Header(subject_id=1, provider_id=2, recorded_us=3, received_us=1_750_000_000_000_000)
TRIP = Trip(header=HEADER, key="k", revision=5, started_us=10, ended_us=20)


def written(event):
    return damoov.write(event, to=TO, options=OPTIONS)


def ids(outgoing) -> set[str]:
    return {json.loads(one.body)["Object"]["Id"] for one in outgoing}


@given(key=st.text(min_size=1), provider=st.integers(1, 1000), revisions=st.lists(st.integers(0, 2**62), min_size=2))
def test_all_editions_of_a_trip_and_its_deletion_are_one_document(key, provider, revisions):
    header = msgspec.structs.replace(HEADER, provider_id=provider)
    editions = [msgspec.structs.replace(TRIP, header=header, key=key, revision=one) for one in revisions]
    outgoing = [one for trip in editions for one in written(trip)]
    deleted = written(TripDeleted(header=header, key=key, revision=revisions[0]))
    assert len({one.document for one in outgoing + deleted}) == 1
    assert [one.revision for one in outgoing] == revisions
    assert len(ids(outgoing + deleted)) == 1
    assert [one.deletes for one in deleted] == [True]
    assert not any(one.deletes for one in outgoing)


def test_a_trip_and_the_raw_track_made_of_it_are_one_document_of_one_revision():
    point = TrackPoint(recorded_us=10, latitude_deg=1.0, longitude_deg=2.0)
    raw, rich = written(msgspec.structs.replace(TRIP, path=(point,)))
    assert (raw.document, raw.revision) == (rich.document, rich.revision)


@pytest.mark.parametrize("other", [{"key": "l"}, {"header": msgspec.structs.replace(HEADER, provider_id=3)}])
def test_another_trip_is_another_document_under_another_token(other):
    (one,), (two,) = written(TRIP), written(msgspec.structs.replace(TRIP, **other))
    assert one.document != two.document
    assert len(ids([one, two])) == 2


def test_a_trip_and_a_crash_of_one_key_are_two():
    crash = Crash(header=HEADER, key="k", revision=5, happened_us=10)
    assert not {one.document for one in written(TRIP)} & {one.document for one in written(crash)}
    assert ids(written(TRIP)) != ids(written(crash))


def test_a_crash_its_report_and_its_withdrawal_are_one_document():
    place = Position(latitude_deg=1.0, longitude_deg=2.0)
    crash = written(Crash(header=HEADER, key="c", revision=1, happened_us=10, position=place, confirmed=True))
    report = written(CrashReport(header=HEADER, key="c", revision=2, happened_us=10))
    withdrawn = written(Crash(header=HEADER, key="c", revision=3, withdrawn=True))
    assert len(crash) == 2
    assert len({one.document for one in crash + report + withdrawn}) == len(ids(crash + report + withdrawn)) == 1
    assert [one.deletes for one in crash + report + withdrawn] == [False, False, False, True]


def test_a_rejected_accident_stops_its_early_alert(frames, says):
    def sent(name):
        return [one for event in says(frames[name]) for one in written(event)]

    (early,), (off,) = sent("accident"), sent("accident-failed-filters")
    assert json.loads(early.body)["Event"] == "AccidentEventReceived"
    assert json.loads(off.body)["Details"]["AccidentPassedFilters"] is False
    assert early.document == off.document
    assert (early.deletes, off.deletes) == (False, True)
    assert off.revision > early.revision
    assert ids([early]) == ids([off])


def test_a_removed_track_stops_what_was_sent_of_it(frames, says):
    enriched = frames["processed-track"]["Notification"]
    removed = frames["track-removed"] | {"Object": frames["track-removed"]["Object"] | {"Id": enriched["Object"]["Id"]}}
    (trip,), (gone,) = says(frames["processed-track"]), says(removed)
    (one,), (other,) = written(trip), written(gone)
    assert (other.document, other.deletes) == (one.document, True)
    assert ids([one]) == ids([other])


def test_a_raw_track_is_not_made_needless_by_the_processed_one_of_its_token(frames, says):
    for settings in ({}, {"trips": "both"}):
        (raw,), (rich,) = says(frames["received-track"], **settings), says(frames["processed-track"], **settings)
        (one,), (other,) = written(raw), written(rich)
        assert one.document != other.document
        assert one.document


def test_a_newer_heartbeat_makes_an_older_one_needless_and_it_goes_by_when_it_was_received(frames, says):
    later = json.loads(json.dumps(frames["heartbeat"]))
    later["Details"]["TimeReceived"] = "2025-06-10T04:15:14.0908071Z"
    (one,), (other,) = (written(says(frame)[0]) for frame in (frames["heartbeat"], later))
    assert one.document == other.document
    assert other.revision == one.revision + 1


def test_a_status_that_says_only_what_changed_replaces_no_other():
    (one,) = written(DeviceStatus(header=HEADER, key="d", revision=1, changes={"sensor.gps": True}))
    assert one.document == b""
