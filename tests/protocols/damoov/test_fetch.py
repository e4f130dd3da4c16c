"""What a notification asks its receiver to do."""

import copy
import json

import pytest

from postroad.protocols import damoov
from postroad.protocols.damoov.read import read


def raw(frame) -> bytes:
    return json.dumps(frame).encode()


ANNOUNCED = {
    "track-removed": ("removed_track", False),
    "track-received": ("received_track", True),
    "track-enriched": ("processed_track", True),
    "accident-received": ("accident", True),
    "accident-extra-received": ("accident_extra", True),
    "accident-passed-filters": ("accident", True),
    "accident-failed-filters": ("accident", False),
    "accident-filtered": ("accident", True),
}


@pytest.mark.parametrize(("name", "kind", "needed"), [(name, *want) for name, want in ANNOUNCED.items()])
def test_a_notification_names_its_dataset_and_whether_it_is_needed(frames, name, kind, needed):
    frame = frames[name]
    found = damoov.reference(read(raw(frame)))
    assert (found.kind, found.needed) == (kind, needed)
    assert (found.url, found.device_token) == (frame["Object"]["Url"], frame["UserId"])
    assert found.object_id == frame["Object"]["Id"]


def test_only_a_notification_that_has_a_url_names_a_dataset(frames):
    for name, frame in frames.items():
        found = damoov.reference(read(raw(frame)))
        assert (found is None) == (name not in {*ANNOUNCED, "track-enriched-after-a-merge"}), name
    without = copy.deepcopy(frames["track-received"])
    del without["Object"]["Url"]
    assert damoov.reference(read(raw(without))) is None


def test_the_newer_of_two_references_is_told_by_a_tenth_of_a_microsecond(frames):
    def revision(timestamp: str) -> int:
        return damoov.reference(read(raw(frames["track-enriched"] | {"Timestamp": timestamp}))).revision

    assert revision("2025-03-18T07:23:01.4700813Z") > revision("2025-03-18T07:23:01.4700812Z")
    assert revision("2025-03-18T09:23:01.4700812+02:00") == revision("2025-03-18T07:23:01.4700812Z")


def test_what_was_fetched_holds_both_as_they_were_sent(frames):
    told, answer = raw(frames["track-enriched"] | {"New": 1.50}), raw(frames["processed-track"]["Dataset"])
    body = damoov.fetched(told, answer)
    assert told in body
    assert answer in body
    item = read(body)
    assert damoov.KINDS[item.kind] == "processed_track"
    assert item.wire.revision == read(told).wire.revision
    assert item.dedup != read(told).dedup


def test_each_track_that_a_merge_removed_is_withdrawn_by_an_item_of_its_own(frames, says):
    frame = copy.deepcopy(frames["track-enriched-after-a-merge"])
    frame["Details"]["TracksRemoved"] += [
        {"Id": "AAAAAAAA-0000-4000-8000-000000000001"},
        {"Id": "aaaaaaaa000040008000000000000001", "Type": "RichTrack"},
        {"Id": frame["Object"]["Id"]},
    ]
    items = damoov.withdrawals(read(raw(frame)), raw(frame))
    (first,), (second,) = map(says, items)
    assert [first.key, second.key] == [
        "6a90e3f7-1b2c-4d58-8e04-c3f1a7b95d62",
        "aaaaaaaa-0000-4000-8000-000000000001",
    ]
    assert {first.revision, second.revision} == {read(raw(frame)).wire.revision}
    assert len({read(item).dedup for item in items}) == 2


@pytest.mark.parametrize("removed", [None, [], "absent"])
def test_a_first_version_withdraws_nothing(frames, removed):
    frame = copy.deepcopy(frames["track-enriched"])
    frame["Details"]["TracksRemoved"] = removed
    if removed == "absent":
        del frame["Details"]["TracksRemoved"]
    assert damoov.withdrawals(read(raw(frame)), raw(frame)) == ()


def test_no_other_item_withdraws_anything(frames):
    for name, frame in frames.items():
        if name != "track-enriched-after-a-merge":
            assert damoov.withdrawals(read(raw(frame)), raw(frame)) == (), name
