"""The storage option: a notification brings its dataset along, and tells where it will be."""

import json
import re

import msgspec
import pytest

from postroad.model.documents import Trip, TripDeleted
from postroad.model.events import Header
from postroad.protocols import damoov
from postroad.protocols.base import Addressing
from postroad.protocols.damoov.identity import track_token
from postroad.protocols.parcel import unpacked

TOKEN = "0f7b6c58-2d94-4a1b-8e36-95c0d1f4a27e"
USER = TOKEN.replace("-", "")
TO = Addressing(driver_id=TOKEN)
AT = "s3://bucket/hub"
OPTIONS = damoov.Options(stored_url=AT)
FETCHED = damoov.Options(base_url="https://hub.example")
HEADER = Header(subject_id=1, provider_id=2, recorded_us=0, received_us=1_700_000_000_000_000)
TRACK = track_token(2, "trip-1").replace("-", "")


def trip(**fields):
    times = {"started_us": 1_700_000_000_000_000, "ended_us": 1_700_000_600_000_000}
    return Trip(header=HEADER, key="trip-1", **{"revision": 7} | times | fields)


def write(event, options=OPTIONS):
    return damoov.write(event, to=TO, options=options)


def test_a_trip_is_told_with_its_dataset_and_the_url_where_that_will_be():
    [one] = write(trip())
    parcel = unpacked(one.body)
    key = f"{USER}/processed_track/{TRACK}.json"
    assert (parcel.copied.key, parcel.copied.edition) == (key, 7)
    assert parcel.copied.body == damoov.dataset_of(trip(), "processed_track", device_token=TOKEN)
    told = json.loads(parcel.body)
    assert told["Object"]["Url"] == f"{AT}/{key}"
    assert told["Object"]["Id"] == track_token(2, "trip-1")


def test_but_for_the_url_it_is_the_notification_of_the_other_option():
    [copied], [fetched] = write(trip()), write(trip(), FETCHED)

    def without_url(body):
        told = json.loads(body)
        told["Object"].pop("Url")
        return told

    assert without_url(unpacked(copied.body).body) == without_url(fetched.body)
    assert msgspec.structs.replace(copied, body=b"") == msgspec.structs.replace(fetched, body=b"")


def test_all_editions_have_one_key_and_the_same_edition_the_same_bytes():
    first, again, next_ = write(trip()), write(trip()), write(trip(revision=8, distance_m=5.0))
    assert first == again
    old, new = unpacked(first[0].body).copied, unpacked(next_[0].body).copied
    assert old.key == new.key
    assert (old.edition, new.edition) == (7, 8)
    assert old.body != new.body


def test_an_instance_has_a_folder_of_its_own():
    options = damoov.Options(stored_url=AT, instance_id="1D0F6C3A-84b2-4e57-9c61-7a3be95d2f08")
    [one] = write(trip(), options)
    assert unpacked(one.body).copied.key.startswith(f"1D0F6C3A84b24e579c617a3be95d2f08/{USER}/processed_track/")


@pytest.mark.parametrize("instance", ["../x", "a/b", "..", "a b", "ä"])
def test_an_instance_that_cannot_be_a_folder_is_refused(instance):
    with pytest.raises(msgspec.ValidationError, match="instance_id"):
        msgspec.convert({"stored_url": AT, "instance_id": instance}, damoov.Options)


def test_there_is_one_url_or_the_other():
    with pytest.raises(msgspec.ValidationError, match="either"):
        msgspec.convert({"stored_url": AT, "base_url": "https://hub.example"}, damoov.Options)


@pytest.mark.parametrize("url", ["/srv/damoov", "s3://bucket/", "s3://", "https://a.example/b?c", "a b://c"])
def test_a_stored_url_is_a_whole_url_without_a_last_slash(url):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"stored_url": url}, damoov.Options)


def test_a_deletion_is_told_with_what_little_is_known():
    [one] = write(TripDeleted(header=HEADER, key="trip-1", revision=9))
    assert one.deletes
    assert unpacked(one.body).copied.key == f"{USER}/removed_track/{TRACK}.json"


def test_every_dataset_that_came_in_by_this_protocol_is_copied_under_its_kind(frames, says):
    seen = set()
    for name, frame in frames.items():
        for event in says(frame):
            for one in write(event):
                parcel = unpacked(one.body)
                told = json.loads(parcel.body)
                kind = damoov.DATASET_OF.get(told["Event"])
                if parcel.copied is None:
                    assert kind is None or one.deletes, name
                    continue
                assert re.fullmatch(rf"{USER}/{kind}/[0-9a-f]{{32}}\.json", parcel.copied.key), name
                assert told["Object"].get("Url", told["Object"].get("Uri")) == f"{AT}/{parcel.copied.key}"
                assert parcel.copied.body == damoov.dataset_of(event, kind, device_token=TOKEN)
                seen.add(kind)
    assert seen == {*damoov.PATHS}


def test_both_options_tell_the_same_events(frames, says):
    for name, frame in frames.items():
        for event in says(frame):
            assert [one.slot for one in write(event)] == [one.slot for one in write(event, FETCHED)], name
