"""Each documented answer of the entrance for notifications, over a real socket into a real hub."""

import base64
import gzip
import json

import pytest

from fixtures.damoov_hub import ADA, DamoovHub
from postroad.errors import StoreUnavailable
from postroad.log.interface import UNASSIGNED, Batch
from postroad.model.documents import DeviceStatus
from postroad.model.header import Header
from postroad.protocols import damoov


async def only(phones: DamoovHub) -> Batch:
    """The one batch of the provider's."""
    [batch] = [batch for batch in await phones.batches() if batch.protocol == "damoov"]
    return batch


def heartbeat(phones: DamoovHub, **details: object) -> bytes:
    return phones.platform.notification("HeartbeatReceived", ADA, ADA, **details)


@pytest.mark.parametrize("event", [*damoov.EVENTS, "Surprise"])
async def test_each_event_is_answered_200_and_stored_as_it_was_sent(phones: DamoovHub, event: str) -> None:
    phones.platform.trouble[""] = "down"
    raw = json.dumps(json.loads(phones.platform.notification(event, ADA, "x")), indent=1).encode()
    assert await phones.post(raw) == 200
    batch = await only(phones)
    assert list(batch.items()) == [raw]
    assert damoov.KINDS[batch.kinds[0]] == (event if event in damoov.EVENTS else "other")
    subject = phones.registry.view().subjects[batch.subjects[0]]
    assert subject.kind == "driver"


async def test_without_good_credentials_it_is_401_and_nothing_is_read(phones: DamoovHub) -> None:
    for wrong in ("", "Basic !!", "Bearer prt_wrong"):
        assert await phones.post(b"{", Authorization=wrong) == 401
    assert await phones.batches() == []


async def test_the_pair_of_a_token_is_taken_by_basic_authentication(phones: DamoovHub) -> None:
    pair = base64.b64encode(f"{phones.token_id}:{phones.token}".encode()).decode()
    assert await phones.post(heartbeat(phones), Authorization=f"Basic {pair}") == 200


async def test_what_is_no_json_is_400(phones: DamoovHub) -> None:
    assert await phones.post(b"{") == 400
    assert await phones.post(b"\xff") == 400
    assert await phones.batches() == []


WRAPPED = {
    "Notification": {
        "Event": "IncomingTrackReceived",
        "UserId": "u",
        "Object": {"Id": "t"},
        "Timestamp": "2025-03-18T07:23:01Z",
    },
    "Dataset": {"Track": {}},
}
UNREADABLE = {
    "no object": (b"[1]", "invalid"),
    "without a user": (b'{"Event": "Surprise", "Timestamp": "2025-03-18T07:23:01Z"}', "UserId: missing"),
    "a dataset": (json.dumps(WRAPPED).encode(), "Notification: invalid"),
}


@pytest.mark.parametrize(("body", "reason"), UNREADABLE.values(), ids=UNREADABLE)
async def test_json_that_is_no_notification_is_200_and_in_quarantine(
    phones: DamoovHub, body: bytes, reason: str
) -> None:
    assert await phones.post(body) == 200
    [listed] = await phones.hub.parts.logs[0].quarantined()
    assert listed.reason == reason
    assert (await only(phones)).subjects[0] == UNASSIGNED


async def test_a_compressed_notification_is_taken(phones: DamoovHub) -> None:
    raw = heartbeat(phones)
    assert await phones.post(gzip.compress(raw), **{"Content-Encoding": "gzip"}) == 200
    assert list((await only(phones)).items()) == [raw]


async def test_a_repeat_is_200_and_stored_once(phones: DamoovHub) -> None:
    raw = heartbeat(phones)
    assert [await phones.post(raw), await phones.post(raw)] == [200, 200]
    assert list((await only(phones)).items()) == [raw]


async def test_what_is_not_durable_is_503(phones: DamoovHub, monkeypatch: pytest.MonkeyPatch) -> None:
    log = phones.hub.parts.logs[0]
    monkeypatch.setattr(log, "submit", lambda _part, done: done(StoreUnavailable("disk_full", "no room")))
    removed = {"TracksRemoved": [{"Id": "t1"}]}
    assert await phones.post(heartbeat(phones)) == 503
    assert await phones.post(phones.platform.notification("TrackEnrichmentFinished", ADA, "t2", **removed)) == 503


async def test_a_heartbeat_is_a_device_status_without_a_fetch(phones: DamoovHub) -> None:
    assert await phones.post(heartbeat(phones, ChargeLevel=55, GPSEnabled=True)) == 200
    [batch] = [batch for batch in await phones.batches() if batch.protocol == "damoov"]
    header = Header(subject_id=1, provider_id=1, recorded_us=1, received_us=1)
    [event] = damoov.PROTOCOL.events(damoov.read(next(iter(batch.items()))), header, damoov.DamoovSettings())
    assert isinstance(event, DeviceStatus)
    assert event.changes == {"battery.level_percent": 55, "sensor.gps": True}
    assert not phones.platform.fetches
    assert not await phones.any_letter("waiting")
