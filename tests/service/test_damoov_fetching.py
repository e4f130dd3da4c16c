"""Who may fetch what: the fetch API of a running hub, asked with good and bad tokens, by the right and the wrong."""

import gzip
import json
import logging
import uuid
from typing import Any

import pytest

from fixtures.damoov_platform import DamoovPlatform, frame
from postroad import layout
from postroad.api import damoov as api
from postroad.datasets import shelf
from postroad.errors import StoreUnavailable
from postroad.protocols import damoov
from postroad.service import datasets as service_of_datasets

TRIP = frame("drivequant", "trip-with-everything")
DRIVER = TRIP["userId"]
OTHER = json.loads(json.dumps(TRIP).replace(DRIVER, "another")) | {"itinId": "of-another"}
KINDS = list(damoov.PATHS)


def track_of(platform: DamoovPlatform, said: dict[str, Any]) -> str:
    [provider] = [one for one in platform.site.registry.view().providers.values() if one.name == "phones"]
    return damoov.track_token(provider.id, said["itinId"])


async def status(platform: DamoovPlatform, kind: Any, object_id: str, token: str | None) -> int:
    return (await platform.ours.get(platform.url(kind, object_id), token))[0]


async def told(platform: DamoovPlatform, *trips: dict[str, Any]) -> None:
    """Our customer has fetched these trips."""
    for trip in trips:
        await platform.push("trip", trip)
    await platform.until(lambda: len(platform.ours.fetched) == 2 * len(trips))


@pytest.mark.parametrize("kind", KINDS)
async def test_without_a_good_token_nothing_is_told_apart(platform: DamoovPlatform, kind: Any) -> None:
    await told(platform, TRIP)
    track, good = track_of(platform, TRIP), platform.token(DRIVER)
    for token in (None, "", "x", "\xe9", str(uuid.uuid4()), good[:-1], good + "0", DRIVER):
        answers = [await platform.ours.get(platform.url(kind, one), token) for one in (track, str(uuid.uuid4()), "x")]
        assert [status for status, _ in answers] == [401] * 3, token
        assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_anothers_and_what_does_not_exist_are_answered_alike(platform: DamoovPlatform, kind: Any) -> None:
    await told(platform, TRIP, OTHER)
    url, good = platform.url, platform.token(DRIVER)
    anothers = await platform.ours.get(url(kind, track_of(platform, OTHER)), good)
    for unknown in (str(uuid.uuid4()), "x", "0" * 32, "%00", "é", "a" * 500):
        assert await platform.ours.get(url(kind, unknown), good) == anothers
    assert anothers[0] == 404
    assert set(anothers[1]) == {"Status", "Title", "Result", "Errors"}
    own = await status(platform, kind, track_of(platform, TRIP), good)
    assert own == (200 if kind in ("received_track", "processed_track") else 404)


async def test_tokens_ids_and_the_querys_name_are_read_in_any_spelling(platform: DamoovPlatform) -> None:
    await told(platform, TRIP)
    track, good = track_of(platform, TRIP), platform.token(DRIVER)
    for token in (good, good.upper(), good.replace("-", "")):
        assert await status(platform, "processed_track", track, token) == 200
    path = f"{platform.base}/mobilesdk/stage/track/get_track/v1"
    for name in ("trackToken", "TrackToken", "TRACKTOKEN", "tracktoken"):
        assert (await platform.ours.get(f"{path}?other=1&{name}={track.upper()}", good))[0] == 200
    assert (await platform.ours.get(f"{path}?token={track}", good))[0] == 404
    assert (await platform.ours.get(path, good))[0] == 404


async def test_two_integrations_cannot_read_each_others(platform: DamoovPlatform) -> None:
    await platform.redeclare(
        ours={"drivers": {"ids": [DRIVER]}, "vehicles": "none"}, theirs={"drivers": {"ids": ["another"]}}
    )
    await platform.push("trip", TRIP)
    await platform.push("trip", OTHER)
    await platform.until(lambda: len(platform.ours.fetched) == 2)
    await platform.until(lambda: len(platform.theirs.fetched) == 2, platform.theirs)
    assert {one.status for one in platform.ours.fetched + platform.theirs.fetched} == {200}
    [mine] = {one["UserId"] for one in platform.ours.notifications}
    [yours] = {one["UserId"] for one in platform.theirs.notifications}
    assert await status(platform, "processed_track", track_of(platform, OTHER), mine) == 404
    assert await status(platform, "processed_track", track_of(platform, TRIP), yours) == 404
    assert await status(platform, "processed_track", track_of(platform, TRIP), mine) == 200


async def test_only_datasets_whose_events_an_instance_has_are_given(platform: DamoovPlatform) -> None:
    await told(platform, TRIP)
    track, good = track_of(platform, TRIP), platform.token(DRIVER)
    await platform.redeclare(ours={"types": ["TrackEnrichmentFinished"]})
    assert await status(platform, "processed_track", track, good) == 200
    assert await status(platform, "received_track", track, good) == 404
    await platform.redeclare(base_url=None)
    assert await status(platform, "processed_track", track, good) == 404


async def test_what_came_before_a_stream_and_after_it_ended_is_not_given(platform: DamoovPlatform) -> None:
    await platform.redeclare(ours={"drivers": "none"})
    await platform.push("trip", TRIP)
    await platform.redeclare()
    later = TRIP | {"itinId": "later"}
    await told(platform, later)
    good = platform.token(DRIVER)
    assert await status(platform, "processed_track", track_of(platform, TRIP), good) == 404
    assert await status(platform, "processed_track", track_of(platform, later), good) == 200
    await platform.redeclare(ours={"drivers": "none"})
    assert await status(platform, "processed_track", track_of(platform, later), good) == 404


async def test_of_a_driver_who_is_to_be_forgotten_nothing_is_given(platform: DamoovPlatform) -> None:
    await told(platform, TRIP)
    track, good = track_of(platform, TRIP), platform.token(DRIVER)
    await platform.push("driver_deleted", frame("drivequant", "driver-deleted-by-id") | {"userId": DRIVER})
    assert await status(platform, "processed_track", track, good) == 404


@pytest.mark.parametrize("index", ["kept", "lost", "spoilt"])
async def test_after_a_restart_the_same_is_given_with_the_index_and_without(
    platform: DamoovPlatform, index: str
) -> None:
    await told(platform, TRIP)
    corrected = {"itineraryStatistics": {"distance": 4321}}
    await platform.push("trip", TRIP | corrected)
    await platform.hub.stop()
    file = layout.datasets_path(platform.site.folder, 0)
    assert file.exists()
    if index == "lost":
        file.unlink()
    elif index == "spoilt":
        file.write_bytes(b"not a database" * 1000)
    await platform.start_hub()
    good = platform.token(DRIVER)
    status, body = await platform.ours.get(platform.url("processed_track", track_of(platform, TRIP)), good)
    assert status == 200
    assert body["Result"]["Track"]["Distance"] == 4.321


async def test_what_retention_has_taken_is_gone(platform: DamoovPlatform) -> None:
    await told(platform, TRIP)
    log, good = platform.hub.parts.logs[0], platform.token(DRIVER)
    end = log.next_position
    await log.retain(received_before_us=2**62, settled=end, max_bytes=0, given_up=end)
    assert log.first_position >= end
    assert await status(platform, "processed_track", track_of(platform, TRIP), good) == 404
    follower = platform.hub.parts.datasets[0]
    await follower.save()
    assert follower.index.forget_below(2**62) == 0, "nothing was left to forget"


async def test_while_the_index_has_not_all_that_was_routed_it_is_503_and_never_404(
    platform: DamoovPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise StoreUnavailable("io", "not now")

    await told(platform, TRIP)
    index = platform.hub.parts.datasets[0].index
    monkeypatch.setattr(shelf, "REACH_WITHIN_S", 0.05)
    with monkeypatch.context() as broken:
        broken.setattr(index, "note", refuse)
        await platform.push("trip", TRIP | {"itinId": "newer"})
        await platform.until(lambda: len(platform.ours.notifications) == 4)
        headers = {"DeviceToken": platform.token(DRIVER)}
        for one in (TRIP, TRIP | {"itinId": "newer"}):
            url = platform.url("processed_track", track_of(platform, one))
            async with platform.session.get(url, headers=headers) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "5")
    monkeypatch.undo()
    assert await status(platform, "processed_track", track_of(platform, TRIP), headers["DeviceToken"]) == 200


async def test_answers_are_packed_for_those_who_take_it(platform: DamoovPlatform) -> None:
    await told(platform, TRIP)
    url, good = platform.url("received_track", track_of(platform, TRIP)), platform.token(DRIVER)

    async def get(accept: str) -> tuple[str | None, bytes]:
        headers = {"DeviceToken": good, "Accept-Encoding": accept}
        async with platform.session.get(url, headers=headers, auto_decompress=False) as response:
            assert response.headers["Cache-Control"] == "no-store"
            return response.headers.get("Content-Encoding"), await response.read()

    coding, packed = await get("br, gzip;q=0.5")
    plain = (None, gzip.decompress(packed))
    assert coding == "gzip"
    assert json.loads(plain[1])["Track"]["DeviceToken"] == good
    for accept in ("identity", "gzip;q=0", ""):
        assert await get(accept) == plain


async def test_an_answer_that_is_too_long_is_not_given(
    platform: DamoovPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(platform, TRIP)
    track, good = track_of(platform, TRIP), platform.token(DRIVER)
    monkeypatch.setattr(api, "MAX_ANSWER_BYTES", 100)
    assert await status(platform, "processed_track", track, good) == 404


async def test_who_asks_too_often_is_told_to_wait(platform: DamoovPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    await platform.hub.stop()
    monkeypatch.setattr(service_of_datasets, "FETCHES_PER_S", 0.3)  # three at once, by the burst of ten seconds
    await platform.start_hub()
    await told(platform, TRIP)
    track, good = track_of(platform, TRIP), platform.token(DRIVER)
    assert await status(platform, "processed_track", track, good) == 200
    headers = {"DeviceToken": good}
    async with platform.session.get(platform.url("processed_track", track), headers=headers) as response:
        assert response.status == 429
        assert 1 <= int(response.headers["Retry-After"]) <= 4
    await platform.push("trip", OTHER)
    await platform.until(lambda: len(platform.ours.fetched) == 4)
    assert platform.ours.fetched[-1].status == 200, "another user has a limit of his own"


async def test_another_method_is_answered_405(platform: DamoovPlatform) -> None:
    for kind in KINDS:
        async with platform.session.post(platform.url(kind, str(uuid.uuid4()))) as response:
            assert response.status == 405


async def test_no_token_is_written_to_the_log(platform: DamoovPlatform, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await told(platform, TRIP)
    good = platform.token(DRIVER)
    for kind in KINDS:
        await status(platform, kind, track_of(platform, TRIP), good)
        await status(platform, kind, track_of(platform, TRIP), "a-bad-token")
    hub_only = [one.getMessage() for one in caplog.records if one.name.startswith("postroad")]
    assert not [line for line in hub_only if good in line or "a-bad-token" in line]


async def test_while_the_registry_does_not_answer_nothing_is_given_and_nothing_is_told_apart(
    platform: DamoovPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(platform, TRIP)
    track, good = track_of(platform, TRIP), platform.token(DRIVER)
    confirmed = platform.site.hub.parts.following.confirmed
    within_s, confirmed.within_s = confirmed.within_s, -1.0
    for token, object_id in ((good, track), (good, str(uuid.uuid4())), (str(uuid.uuid4()), track)):
        assert await status(platform, "processed_track", object_id, token) == 503
    confirmed.within_s = within_s
    assert await status(platform, "processed_track", track, good) == 200

    built = shelf.Shelf._built

    def slowly(*arguments: Any) -> bytes | None:
        confirmed.within_s = -1.0
        return built(*arguments)

    monkeypatch.setattr(shelf.Shelf, "_built", slowly)
    assert await status(platform, "processed_track", track, good) == 503
