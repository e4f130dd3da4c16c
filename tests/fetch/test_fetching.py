"""What becomes of each dataset that is announced: over real sockets, into a real hub, from a platform with troubles."""

import asyncio
import json
from typing import Any

import pytest

from fixtures.damoov_hub import ADA, BOB, DamoovHub, accident, track, until_so
from fixtures.until import until
from postroad.alerts import over
from postroad.clock import DAY_US
from postroad.protocols import damoov
from postroad.simulate.damoov_platform import path_of


async def items(phones: DamoovHub, kind: str) -> list[dict[str, Any]]:
    """The stored items of a kind, and below ``subject`` and ``request_id`` what is known of each."""
    number = damoov.KINDS.index(kind)
    return [
        json.loads(raw) | {"subject": batch.subjects[index], "request_id": batch.request_id}
        for batch in await phones.batches()
        for index, raw in enumerate(batch.items())
        if batch.kinds[index] == number
    ]


EVENTS = {
    "IncomingTrackReceived": ("received_track", {"TrackToken": "t2"}),
    "TrackEnrichmentFinished": ("processed_track", track()),
    "AccidentEventReceived": ("accident", accident("a1")),
    "AccidentEventExtraReceived": ("accident_extra", {"Id": "a1", "Type": "AccidentExtra"}),
    "AccidentEventCompletePackageReceived": ("accident", accident("a2")),
    "AccidentEventFiltered": ("accident", accident("a3")),
}


@pytest.mark.parametrize("event", EVENTS)
async def test_what_each_event_announces_is_stored_with_its_cause(phones: DamoovHub, event: str) -> None:
    kind, dataset = EVENTS[event]
    raw = await phones.platform.happens(event, ADA, "b47c19d2-5e0a-4f83-a6d1-20c9e87f3b15", dataset)
    await phones.stored(event, kind)
    [announced], [stored] = await items(phones, event), await items(phones, kind)
    assert stored["Notification"] == json.loads(raw)
    assert stored["subject"] == announced["subject"] != 0
    position = next(batch.position for batch in await phones.batches() if batch.protocol == "damoov")
    assert stored["request_id"] == f"fetched for {position}"
    assert phones.platform.tokens_shown == [ADA]


async def test_heartbeats_removed_tracks_and_unknown_events_ask_for_nothing(phones: DamoovHub) -> None:
    await phones.platform.happens("HeartbeatReceived", ADA, ADA, ChargeLevel=55)
    await phones.platform.happens("Surprise", ADA, "x")
    await phones.platform.happens("IncomingTrackRemoved", ADA, "t1", {"TrackToken": "t1"})
    await phones.platform.happens("AccidentEventCompletePackageReceived", ADA, "a1", AccidentPassedFilters=False)
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "t2", track())
    await until(lambda: bool(phones.platform.fetches))
    await phones.stored(
        "HeartbeatReceived",
        "other",
        "IncomingTrackRemoved",
        "AccidentEventCompletePackageReceived",
        "TrackEnrichmentFinished",
        "processed_track",
    )
    assert list(phones.platform.fetches) == [(path_of("processed_track", "t2"), 200)]


async def test_removed_tracks_are_fetched_where_it_is_asked_for(phones_hub: DamoovHub) -> None:
    phones_hub.fetch = {"unneeded": True}
    await phones_hub.start()
    await phones_hub.platform.happens("IncomingTrackRemoved", ADA, "t1", {"TrackToken": "t1"})
    await phones_hub.stored("IncomingTrackRemoved", "removed_track")
    await phones_hub.stop()


async def test_compressed_answers_are_taken(phones: DamoovHub) -> None:
    phones.platform.compressed = True
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "t1", track(Unknown="Birch Road " * 20_000))
    await phones.stored("TrackEnrichmentFinished", "processed_track")


async def test_a_dataset_of_20_mib_is_stored_and_sent_on(phones: DamoovHub) -> None:
    large = {"unknown": "x" * (20 * 1024 * 1024)}
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "t1", track(**large))
    await phones.stored("TrackEnrichmentFinished", "processed_track")
    await until(lambda: len(phones.received) == 1)


async def test_a_dataset_that_comes_late_is_fetched_then(phones_hub: DamoovHub, clock: Any) -> None:
    phones_hub.clock = clock
    await phones_hub.start()
    await phones_hub.platform.happens("TrackEnrichmentFinished", ADA, "t1")
    letter = await phones_hub.waiting()
    assert (letter.reason, letter.status) == ("rejected", 404)
    phones_hub.platform.shelve("processed_track", "t1", ADA, track())
    clock.advance(6)
    await phones_hub.stored("TrackEnrichmentFinished", "processed_track")
    await phones_hub.stop()


async def passing(clock: Any, seconds: float, step_s: float) -> None:
    """Time passes, with room for sockets in between."""
    for _ in range(int(seconds / step_s)):
        clock.advance(step_s)
        for _ in range(4):
            await asyncio.sleep(0.001)


async def test_a_host_that_is_down_for_a_day_loses_nothing(phones_hub: DamoovHub, clock: Any) -> None:
    phones_hub.clock = clock
    await phones_hub.start()
    platform = phones_hub.platform
    platform.trouble[""] = "down"
    for number in range(3):
        for user in (ADA, BOB):
            await platform.happens("TrackEnrichmentFinished", user, f"{user[:4]}-{number}", track())
    await phones_hub.waiting()
    await passing(clock, 86_400, 120)
    assert (await phones_hub.letters())["dead"] == []
    tried = sum(platform.fetches.values())
    assert 20 <= tried <= 2 * 1440, "it is tried all day, and not in a tight loop"
    assert ("destination_failing", -1 - phones_hub.provider_id) in phones_hub.hub.parts.alerts.open
    del platform.trouble[""]
    async with asyncio.timeout(20):
        while (await phones_hub.kinds()).count("processed_track") < 6:
            await passing(clock, 1200, 120)
    fetched = [one["Notification"]["Object"]["Id"] for one in await items(phones_hub, "processed_track")]
    for user in (ADA, BOB):
        assert [one for one in fetched if one.startswith(user[:4])] == [f"{user[:4]}-{n}" for n in range(3)], "in order"
    assert "destination_failing" not in {kind for kind, _ in phones_hub.hub.parts.alerts.open}
    await phones_hub.stop()


async def test_a_missing_dataset_is_given_up_after_7_days_and_can_be_asked_for_again(
    phones_hub: DamoovHub, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(over, "DEAD_STANDS_US", 2 * DAY_US)  # half hours pass here before a letter is in the store
    phones_hub.clock = clock
    await phones_hub.start()
    platform = phones_hub.platform
    await platform.happens("TrackEnrichmentFinished", ADA, "t1")
    await phones_hub.waiting()
    await passing(clock, 6.9 * 86_400, 1800)
    assert (await phones_hub.letters())["dead"] == []
    await passing(clock, 86_400, 1800)
    letter = await phones_hub.given_up()
    assert (letter.reason, letter.status, letter.detail) == ("rejected", 404, "")
    await until(lambda: ("dead_letters", -1 - phones_hub.provider_id) in phones_hub.hub.parts.alerts.open)
    platform.shelve("processed_track", "t1", ADA, track())
    phones_hub.registry.add_task(
        "REDRIVE_FETCHES", filter_={"parts": [{"subscription_id": -1 - phones_hub.provider_id}]}
    )
    async with asyncio.timeout(15):
        while "processed_track" not in await phones_hub.kinds():
            await passing(clock, 1, 1)
    assert (await phones_hub.letters())["dead"] == []
    await phones_hub.stop()


async def test_a_wrong_token_holds_its_user_and_nobody_else(phones: DamoovHub) -> None:
    platform = phones.platform
    platform.shelve("processed_track", "t1", BOB, track())
    await platform.notify(platform.notification("TrackEnrichmentFinished", ADA, "t1"))
    await platform.happens("TrackEnrichmentFinished", BOB, "t2", track())
    await phones.stored("TrackEnrichmentFinished", "TrackEnrichmentFinished", "processed_track")
    letter = await phones.waiting()
    assert (letter.reason, letter.status) == ("credentials", 401)


REFUSED = {
    "another host": "https://evil.example/mobilesdk/stage/track/get_track/v1?trackToken=t1",
    "a private address": "https://10.0.0.7/track",
    "plain http": "http://{host}/track",
    "another port": "https://{name}:1/track",
    "credentials in it": "https://me:secret@{host}/track",
    "a host that begins like it": "https://{host}.evil.example/track",
    "no URL": "track",
    "no address at all": "https://[/",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
async def test_a_url_elsewhere_is_given_up_at_once_and_nobody_is_shown_the_token(phones: DamoovHub, url: str) -> None:
    host = phones.platform.base_url.partition("//")[2]
    url = url.format(host=host, name=host.partition(":")[0])
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "t1", track(), Url=url)
    letter = await phones.given_up()
    assert (letter.reason, letter.detail) == ("refused_address", "the URL's host is none of fetch.hosts")
    assert letter.attempts == 1
    assert phones.platform.tokens_shown == []


async def test_a_private_address_is_refused_although_its_host_is_allowed(phones_hub: DamoovHub) -> None:
    phones_hub.allowed = ()
    await phones_hub.start()
    await phones_hub.platform.happens("TrackEnrichmentFinished", ADA, "t1", track())
    letter = await phones_hub.given_up()
    assert letter.reason == "refused_address"
    assert "loopback" in letter.detail
    assert phones_hub.platform.tokens_shown == []
    await phones_hub.stop()


@pytest.mark.parametrize("trouble", ["large", "bomb"])
async def test_an_answer_of_40_mib_is_given_up_and_the_next_one_is_fetched(phones: DamoovHub, trouble: Any) -> None:
    phones.platform.trouble[path_of("processed_track", "t1")] = trouble
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "t1", track())
    letter = await phones.given_up()
    assert (letter.reason, letter.detail) == ("too_large", "the dataset is larger than 32 MiB")
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "t2", track())
    await phones.stored("TrackEnrichmentFinished", "TrackEnrichmentFinished", "processed_track")


@pytest.mark.parametrize(
    ("trouble", "reason", "status"),
    [
        ("redirect", "redirected", 302),
        ("no_json", "unexpected", None),
        ("cut_gzip", "broken", None),
        (500, "server_error", 500),
        (429, "throttled", 429),
        ("down", "broken", None),
    ],
)
async def test_trouble_is_tried_again(phones: DamoovHub, trouble: Any, reason: str, status: int | None) -> None:
    phones.platform.trouble[""] = trouble
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "t1", track())
    letter = await phones.waiting()
    assert (letter.reason, letter.status) == (reason, status)
    assert phones.platform.wandered == 0, "no redirect is followed"


async def test_a_slow_answer_is_given_up_in_time_and_tried_again(phones_hub: DamoovHub) -> None:
    phones_hub.fetch = {"timeout_s": 0.2}
    await phones_hub.start()
    phones_hub.platform.trouble[""] = "slow"
    await phones_hub.platform.happens("TrackEnrichmentFinished", ADA, "t1", track())
    assert (await phones_hub.waiting()).reason == "timeout"
    await phones_hub.stop()


async def test_an_answer_without_a_dataset_may_have_it_later(phones: DamoovHub) -> None:
    phones.platform.shelve("processed_track", "t1", ADA, {})
    phones.platform._shelves[path_of("processed_track", "t1")].body = b'{"Status": 404, "Result": null}'
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "t1")
    letter = await phones.waiting()
    assert (letter.reason, letter.detail) == ("unexpected", "the answer has no dataset")


async def test_a_dataset_that_cannot_be_read_is_in_quarantine(phones: DamoovHub) -> None:
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "t1", track(Distance="far"))
    await phones.stored("TrackEnrichmentFinished", "unreadable")
    [listed] = await phones.hub.parts.logs[0].quarantined()
    assert listed.reason == "Dataset.Result.Track.Distance: invalid"
    assert await phones.letters() == {"waiting": [], "dead": []}


async def test_a_repeated_notification_is_fetched_once(phones: DamoovHub) -> None:
    raw = await phones.platform.happens("TrackEnrichmentFinished", ADA, "t1", track())
    await phones.platform.notify(raw)
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "t2", track())
    await phones.stored(*["TrackEnrichmentFinished", "processed_track"] * 2)
    assert phones.platform.fetches[path_of("processed_track", "t1"), 200] == 1


async def until_superseded(phones: DamoovHub, orders: int) -> None:
    """Wait until exactly so many orders were settled because a newer one, or a withdrawal, came."""

    async def superseded() -> bool:
        skipped = await phones.hub.parts.logs[0].delivery.skipped()
        return skipped.get(-1 - phones.provider_id, {}).get("superseded", 0) == orders

    await until_so(superseded)


async def test_of_announcements_that_wait_the_newest_is_fetched_whichever_came_last(
    phones_hub: DamoovHub, clock: Any
) -> None:
    phones = phones_hub
    phones.clock = clock
    await phones.start()
    platform, now_us = phones.platform, clock.now_us()
    for age_us in (2_000_000, 0, 1_000_000):
        await platform.notify(platform.notification("TrackEnrichmentFinished", ADA, "t1", at_us=now_us - age_us))
    newest = json.loads(platform.notification("TrackEnrichmentFinished", ADA, "t1", at_us=now_us))["Timestamp"]
    await until_superseded(phones, 2)
    platform.shelve("processed_track", "t1", ADA, track())
    clock.advance(10)
    await phones.eventually(lambda kinds: "processed_track" in kinds)
    [stored] = await items(phones, "processed_track")
    assert stored["Notification"]["Timestamp"] == newest
    await phones.stop()


@pytest.mark.parametrize("how", ["removed", "merged"])
async def test_what_is_withdrawn_is_not_fetched_any_more(phones: DamoovHub, how: str) -> None:
    platform = phones.platform
    await platform.happens("TrackEnrichmentFinished", ADA, "t1")
    await phones.waiting()
    if how == "removed":
        await platform.happens("IncomingTrackRemoved", ADA, "t1")
        await platform.happens("TrackEnrichmentFinished", ADA, "t2", track())
    else:
        await platform.happens("TrackEnrichmentFinished", ADA, "t2", track(), TracksRemoved=[{"Id": "T1"}])
    await phones.eventually(lambda kinds: kinds.count("processed_track") == 1)
    await until_superseded(phones, 1)
    assert not await phones.any_letter("waiting")


async def test_an_accident_that_did_not_pass_the_filters_is_not_fetched_any_more(phones: DamoovHub) -> None:
    await phones.platform.happens("AccidentEventReceived", ADA, "a1")
    await phones.waiting()
    await phones.platform.happens("AccidentEventCompletePackageReceived", ADA, "a1", AccidentPassedFilters=False)
    await until_superseded(phones, 1)
    assert not await phones.any_letter("waiting")


async def test_a_restart_goes_on_where_it_was(phones_hub: DamoovHub, clock: Any) -> None:
    platform, phones_hub.clock = phones_hub.platform, clock
    await phones_hub.start()
    await platform.happens("TrackEnrichmentFinished", ADA, "t1", track())
    await phones_hub.stored("TrackEnrichmentFinished", "processed_track")
    platform.trouble[""] = 404
    await platform.happens("TrackEnrichmentFinished", ADA, "t2", track())
    await phones_hub.waiting()
    await phones_hub.stop()
    del platform.trouble[""]
    clock.advance(10)
    await phones_hub.start()
    await phones_hub.stored(*["TrackEnrichmentFinished", "processed_track"] * 2)
    assert platform.fetches[path_of("processed_track", "t1"), 200] == 1
    await phones_hub.stop()
