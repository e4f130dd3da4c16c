"""What came in by this protocol goes on with every fact but the sender's tokens."""

import copy
import json

import pytest

from postroad.protocols import damoov
from postroad.protocols.base import Addressing

TOKEN = "0f7b6c58-2d94-4a1b-8e36-95c0d1f4a27e"
BASE = "https://hub.example"
TO = Addressing(driver_id=TOKEN)
OPTIONS = damoov.Options(base_url=BASE)
SENDERS = (
    "1d0f6c3a-84b2-4e57-9c61-7a3be95d2f08",
    "b47c19d2-5e0a-4f83-a6d1-20c9e87f3b15",
    "6a90e3f7-1b2c-4d58-8e04-c3f1a7b95d62",
    "f2c86b04-39d7-4a1e-b590-8d7e14a6c3f9",
    "93e7d5a1-c04b-4862-bf3d-516a2e8c70d4",
)
"""Every token of the samples: user, tracks, accident, instance."""


def sent(events, options=OPTIONS):
    return [one for event in events for one in damoov.write(event, to=TO, options=options)]


def without_tokens(frame):
    """A notification without what the hub says in its own tokens."""
    rest = {key: value for key, value in frame.items() if key not in ("UserId", "Object", "Details")}
    about = {key: value for key, value in frame["Object"].items() if key not in ("Id", "Url", "Uri")}
    details = {key: value for key, value in frame["Details"].items() if key not in ("InstanceId", "TracksRemoved")}
    return rest, about, details


def test_nothing_that_is_sent_on_has_a_token_of_the_sender(frames, says):
    for name, frame in frames.items():
        for settings in ({}, {"trips": "both"}):
            events = says(frame, **settings)
            told = "".join(one.body.decode() for one in sent(events)).lower()
            told += "".join(
                (damoov.dataset_of(event, kind, device_token=TOKEN) or b"").decode().lower()
                for event in events
                for kind in damoov.PATHS
            )
            for token in SENDERS:
                assert token not in told, name
                assert token.replace("-", "") not in told, name
            assert "telematicssdk" not in told, name


def test_every_other_fact_of_a_notification_goes_on(frames, says):
    relayed = 0
    for name, frame in frames.items():
        told = frame.get("Notification", frame) | {"New": {"a": [1, None]}}
        whole = frame | {"Notification": told} if "Notification" in frame else told
        for one in sent(says(whole)):
            assert without_tokens(json.loads(one.body)) == without_tokens(told), name
            assert one.slot == damoov.SLOTS.get(told["Event"], damoov.SLOTS["other"])
            relayed += 1
    assert relayed >= len(damoov.SLOTS)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("processed-track", "processed_track"),
        ("received-track", "received_track"),
        ("received-track-of-the-other-shape", "received_track"),
        ("accident", "accident"),
        ("accident-in-a-result", "accident"),
        ("accident-extra", "accident_extra"),
    ],
)
def test_every_other_fact_of_a_dataset_goes_on(frames, says, name, kind):
    def known(value):
        if isinstance(value, dict):
            own = ("TrackToken", "DeviceToken", "S3Location", "Id")
            return {key: known(one) for key, one in value.items() if key not in own}
        return [known(one) for one in value] if isinstance(value, list) else value

    frame = copy.deepcopy(frames[name])
    frame["Dataset"]["New"] = {"b": 1.5}
    (event,) = says(frame, trips="both")
    body = json.loads(damoov.dataset_of(event, kind, device_token=TOKEN))
    assert known(body) == known(frame["Dataset"])
    assert all(damoov.dataset_of(event, other, device_token=TOKEN) is None for other in damoov.PATHS if other != kind)


def test_a_dataset_says_the_tokens_that_its_notification_has(frames, says):
    (event,) = says(frames["received-track"])
    (one,) = sent([event])
    told, track = json.loads(one.body), json.loads(damoov.dataset_of(event, "received_track", device_token=TOKEN))
    assert track["Track"]["TrackToken"] == told["Object"]["Id"] == damoov.track_token(2, event.original.said.object_id)
    assert track["Track"]["DeviceToken"] == told["UserId"] == TOKEN
    assert told["Object"]["Url"] == BASE + damoov.PATHS["received_track"].format(id=told["Object"]["Id"])


def test_tracks_that_a_merge_removed_are_named_by_the_tokens_they_were_sent_under(frames, says):
    (older,) = sent(says({"Notification": frames["track-enriched"], "Dataset": frames["processed-track"]["Dataset"]}))
    merged = frames["processed-track-after-a-merge"]
    (one,) = sent(says(merged))
    details = json.loads(one.body)["Details"]
    absorbed = damoov.track_token(2, "6a90e3f7-1b2c-4d58-8e04-c3f1a7b95d62")
    assert details == {"ObjectReplaced": True, "TracksRemoved": [{"Id": absorbed, "Type": "RichTrack"}]}
    assert json.loads(one.body)["Object"]["Id"] == json.loads(older.body)["Object"]["Id"]
    assert (one.document, one.revision > older.revision) == (older.document, True)


def test_an_absorbed_track_is_withdrawn_by_what_absorbed_it(frames, says):
    (one,) = sent(says(frames["track-withdrawn"]))
    told = json.loads(one.body)
    assert told["Object"]["Id"] == damoov.track_token(2, "b47c19d2-5e0a-4f83-a6d1-20c9e87f3b15")
    absorbed = damoov.track_token(2, "6a90e3f7-1b2c-4d58-8e04-c3f1a7b95d62")
    assert told["Details"]["TracksRemoved"] == [{"Id": absorbed, "Type": "RichTrack"}]
    assert one.document == b"track/2/6a90e3f7-1b2c-4d58-8e04-c3f1a7b95d62"
    assert one.deletes


def test_keys_in_other_letters_do_not_let_a_token_through(frames, says):
    frame = copy.deepcopy(frames["processed-track"])
    frame["Notification"]["userid"] = SENDERS[0]
    frame["Notification"]["Object"]["URI"] = "https://mobilesdk.telematicssdk.com/" + SENDERS[1]
    frame["Dataset"]["Result"]["Track"]["devicetoken"] = SENDERS[0]
    (event,) = says(frame)
    (one,) = sent([event])
    body = one.body + damoov.dataset_of(event, "processed_track", device_token=TOKEN)
    assert not any(token.encode() in body for token in SENDERS)


def test_an_instance_is_the_subscriptions(frames, says):
    def instance(options):
        (one,) = sent(says(frames["heartbeat"]), options)
        return json.loads(one.body)["Details"].get("InstanceId")

    assert instance(damoov.Options()) is None
    assert instance(damoov.Options(instance_id="instance-7")) == "instance-7"


def test_without_a_base_url_only_what_needs_no_fetch_goes_on(frames, says):
    told = {json.loads(one.body)["Event"] for frame in frames.values() for one in sent(says(frame), damoov.Options())}
    assert told == {"HeartbeatReceived", "VehicleDataReceived"}


def test_nothing_is_said_of_a_user_without_a_token(frames, says):
    for frame in frames.values():
        for event in says(frame):
            assert damoov.write(event, to=Addressing(), options=OPTIONS) == []
