"""What is read, in whichever spelling, and what is refused: by the field that is to blame."""

import copy
import json

import msgspec
import pytest

from postroad.errors import WireError
from postroad.protocols import damoov
from postroad.protocols.damoov.read import decode, read

NOTIFICATIONS = [
    "track-removed",
    "track-received",
    "track-enriched",
    "accident-received",
    "accident-extra-received",
    "accident-passed-filters",
    "accident-filtered",
    "heartbeat",
]


def raw(frame) -> bytes:
    return json.dumps(frame).encode()


def small(value):
    """The same, with the first letter of every key in lower case, as the vendor's own programs write it."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: small(one) for key, one in value.items()}
    return [small(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("name", "event"), list(zip(NOTIFICATIONS, damoov.EVENTS, strict=True)))
def test_each_published_event_is_its_own_struct(frames, name, event):
    said = decode(raw(frames[name]))
    assert type(said.notification) is damoov.EVENTS[event]
    assert (said.event, said.kind) == (event, event)
    assert msgspec.json.decode(msgspec.json.encode(said.notification)) == frames[name]


def test_no_published_field_is_unknown(frames):
    for name in NOTIFICATIONS:
        said = decode(raw(frames[name]))
        assert damoov.undocumented(frames[name], type(said.notification)) == {}


def test_datasets_are_typed_to_the_last_field(frames):
    for name, kind in [
        ("processed-track", "processed_track"),
        ("received-track", "received_track"),
        ("accident", "accident"),
        ("accident-extra", "accident_extra"),
    ]:
        answer = frames[name]["Dataset"]
        inner = answer.get("Result", answer).get("Track", answer)
        dataset = damoov.decode_dataset(kind, answer)
        assert damoov.undocumented(inner, type(dataset)) == {}
        assert decode(raw(frames[name])).dataset == dataset


@pytest.mark.parametrize("name", ["processed-track", "received-track", "accident", "accident-extra", "heartbeat"])
def test_keys_are_read_in_any_case(frames, name):
    frame = copy.deepcopy(frames[name])
    if "Dataset" in frame:
        frame["Dataset"] = small(frame["Dataset"])
        frame["Notification"]["Details"] = small(frame["Notification"]["Details"])
    else:
        frame["Details"] = small(frame["Details"])
        frame["Object"] = small(frame["Object"])
    one, other = decode(raw(frame)), decode(raw(frames[name]))
    assert (one.notification, one.dataset) == (other.notification, other.dataset)


def test_of_two_spellings_of_a_key_the_documented_one_counts(frames):
    for doubled in ({"clientid": "b", "ClientId": "a"}, {"ClientId": "a", "clientid": "b"}):
        assert decode(raw(frames["track-received"] | doubled)).notification.client_id == "a"


def test_url_and_uri_stand_for_each_other(frames):
    track = copy.deepcopy(frames["track-received"])
    url = track["Object"].pop("Url")
    track["Object"]["Uri"] = url
    assert decode(raw(track)).notification.object.url == url
    beat = copy.deepcopy(frames["heartbeat"])
    beat["Object"]["Url"] = beat["Object"].pop("Uri")
    assert decode(raw(beat)).notification == decode(raw(frames["heartbeat"])).notification


@pytest.mark.parametrize("sender", ["Data Motion", "Damoov", "Somebody Else", None])
def test_any_sender_and_any_client_are_taken(frames, sender):
    said = decode(raw(frames["heartbeat"] | {"Sender": sender, "ClientId": "User 1234"}))
    assert (said.notification.sender, said.notification.client_id) == (sender, "User 1234")


@pytest.mark.parametrize("spelling", [str, str.upper, lambda token: token.replace("-", "")])
def test_a_token_is_the_same_in_any_spelling(frames, spelling):
    frame = copy.deepcopy(frames["track-enriched"])
    frame["UserId"] = spelling(frame["UserId"])
    frame["Object"]["Id"] = spelling(frame["Object"]["Id"])
    item, plain = read(raw(frame)), read(raw(frames["track-enriched"]))
    assert (item.identifier, item.dedup, item.wire.object_id) == (plain.identifier, plain.dedup, plain.wire.object_id)


def test_the_misspelt_event_is_the_one_that_is_meant(frames):
    assert read(raw(frames["track-enriched"] | {"Event": "TrackEnrichementFinished"})).wire.kind == (
        "TrackEnrichmentFinished"
    )


def test_an_unknown_event_and_unknown_fields_are_kept(frames):
    frame = copy.deepcopy(frames["other"]) | {"Version": 3}
    item = read(raw(frame))
    assert damoov.KINDS[item.kind] == "other"
    assert json.loads(item.wire.raw) == frame
    known = copy.deepcopy(frames["track-received"])
    known["Details"]["Vehicle"] = {"Vin": "x"}
    known["Colour"] = "red"
    said = decode(raw(known))
    assert json.loads(said.raw) == known
    assert damoov.undocumented(known, type(said.notification)) == {"Details.Vehicle": {"Vin": "x"}, "Colour": "red"}


def test_unknown_fields_of_points_have_their_place(frames):
    answer = copy.deepcopy(frames["processed-track"]["Dataset"])["Result"]["Track"]
    answer["Points"][2]["Tilt"] = 4
    assert damoov.undocumented(answer, damoov.RichTrack) == {"Points[2].Tilt": 4}


def test_a_repeat_has_the_key_of_its_first_and_a_newer_edition_another(frames):
    first = read(raw(frames["track-enriched"]))
    assert read(json.dumps(frames["track-enriched"], indent=3).encode()).dedup == first.dedup
    later = frames["track-enriched"] | {"Timestamp": "2025-03-18T07:23:01.4700813Z"}
    assert read(raw(later)).dedup != first.dedup
    assert read(raw(later)).wire.revision == first.wire.revision + 1
    assert len({read(raw(frame)).dedup for frame in frames.values()}) >= len(damoov.KINDS)


BROKEN = [
    ("track-received", ["UserId"], None, "missing", "UserId"),
    ("track-received", ["UserId"], 7, "invalid", "UserId"),
    ("track-received", ["UserId"], "", "invalid", "UserId"),
    ("track-received", ["UserId"], "a\nb", "invalid", "UserId"),
    ("track-received", ["Timestamp"], None, "missing", "Timestamp"),
    ("track-received", ["Timestamp"], "yesterday", "invalid", "Timestamp"),
    ("track-received", ["Object"], None, "missing", "Object"),
    ("track-received", ["Object", "Id"], None, "missing", "Object.Id"),
    ("track-received", ["Event"], None, "missing", "Event"),
    ("track-received", ["Event"], 4, "invalid", "Event"),
    ("track-received", ["Details"], [], "invalid", "Details"),
    ("heartbeat", ["Details", "GPSEnabled"], "yes", "invalid", "Details.GPSEnabled"),
    ("processed-track", ["Dataset"], None, "missing", "Dataset.Result.Track"),
    ("processed-track", ["Dataset"], {"Result": {"Code": 404}}, "missing", "Dataset.Result.Track"),
    ("processed-track", ["Dataset", "Result", "Track", "Distance"], "far", "invalid", "Dataset.Result.Track.Distance"),
    ("processed-track", ["Dataset", "Result", "Track", "Rating100"], 101, "invalid", "Dataset.Result.Track.Rating100"),
    (
        "processed-track",
        ["Dataset", "Result", "Track", "Points", 1, "Latitude"],
        91,
        "invalid",
        "Dataset.Result.Track.Points[1].Latitude",
    ),
    ("received-track-of-the-other-shape", ["Dataset"], {"success": False}, "missing", "Dataset.Track"),
    ("processed-track", ["Notification", "Event"], "Other", "invalid", "Notification.Event"),
    ("processed-track", ["Notification", "UserId"], None, "missing", "Notification.UserId"),
    ("track-withdrawn", ["Withdrawn"], 3, "invalid", "Withdrawn"),
]


@pytest.mark.parametrize(("name", "path", "value", "code", "field"), BROKEN)
def test_the_field_to_blame_is_named_and_no_value_is_told(frames, name, path, value, code, field):
    frame = copy.deepcopy(frames[name])
    *places, last = path
    inner = frame
    for place in places:
        inner = inner[place]
    inner[last] = value
    with pytest.raises(WireError) as caught:
        read(raw(frame))
    assert (caught.value.code, caught.value.field) == (code, field)
    assert str(caught.value) == f"{field}: {code}"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"Event": NaN}'])
def test_what_is_no_json_is_told_so(body):
    with pytest.raises(WireError, match="not_json"):
        read(body)
    with pytest.raises(WireError, match="not_json"):
        damoov.fetched(b"{}", body)
