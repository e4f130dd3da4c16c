"""What a customer was sent is withdrawn when the platform takes it back: real hub, real sockets, both sides."""

from typing import Any

from fixtures.damoov_hub import ADA, DamoovHub, accident, track
from fixtures.until import until


def told(phones: DamoovHub, itin_id: str) -> list[str]:
    """What the customer was told of a trip: its distance in metres or km as sent, or its deletion."""
    return [one.get("event", "TRIP") for one in phones.received if one.get("itinId") == itin_id]


async def test_a_merge_withdraws_what_it_absorbed(phones: DamoovHub) -> None:
    platform = phones.platform
    for track_id in ("t1", "t2"):
        await platform.happens("TrackEnrichmentFinished", ADA, track_id, track())
    await until(lambda: len(phones.received) == 2)
    first, second = (one["itinId"] for one in phones.received)
    removed = [{"Id": "t1", "Type": "RichTrack"}, {"Id": "T2", "Type": "RichTrack"}]
    await platform.happens("TrackEnrichmentFinished", ADA, "t3", track(Distance=55.0), TracksRemoved=removed)
    await until(lambda: len(phones.received) == 5)
    assert told(phones, first) == told(phones, second) == ["TRIP", "TRIP_DELETION"]
    assert len({one["itinId"] for one in phones.received}) == 3


async def test_a_withdrawal_waits_for_no_dataset(phones: DamoovHub) -> None:
    platform = phones.platform
    await platform.happens("TrackEnrichmentFinished", ADA, "t1", track())
    await until(lambda: len(phones.received) == 1)
    platform.trouble[""] = "down"
    await platform.happens("TrackEnrichmentFinished", ADA, "t3", track(), TracksRemoved=[{"Id": "t1"}])
    await until(lambda: len(phones.received) == 2)
    assert told(phones, phones.received[0]["itinId"]) == ["TRIP", "TRIP_DELETION"]


async def test_a_track_that_was_replaced_is_the_same_trip_with_what_is_new(phones: DamoovHub) -> None:
    platform = phones.platform
    await platform.happens("TrackEnrichmentFinished", ADA, "t1", track())
    await until(lambda: len(phones.received) == 1)
    await platform.happens("TrackEnrichmentFinished", ADA, "T1", track(Distance=30.25), ObjectReplaced=True)
    await until(lambda: len(phones.received) == 2)
    before, after = phones.received
    assert before["itinId"] == after["itinId"]
    assert [one["itineraryStatistics"]["distance"] for one in (before, after)] == [27500.0, 30250.0]


async def test_a_removed_track_is_withdrawn(phones: DamoovHub) -> None:
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "t1", track())
    await until(lambda: len(phones.received) == 1)
    await phones.platform.happens("IncomingTrackRemoved", ADA, "t1", Reason="Insufficient Track length")
    await until(lambda: len(phones.received) == 2)
    assert told(phones, phones.received[0]["itinId"]) == ["TRIP", "TRIP_DELETION"]


async def test_an_early_alert_is_cancelled_by_the_filters_verdict(phones: DamoovHub) -> None:
    platform = phones.platform
    await platform.happens("AccidentEventReceived", ADA, "a1", accident("a1"))
    await until(lambda: len(phones.received) == 1)
    await platform.happens("AccidentEventCompletePackageReceived", ADA, "a1", AccidentPassedFilters=False)
    await phones.stored("AccidentEventReceived", "accident", "AccidentEventCompletePackageReceived")
    await platform.happens("TrackEnrichmentFinished", ADA, "t9", track())
    await until(lambda: "itinId" in phones.received[-1])
    withdrawn: list[dict[str, Any]] = phones.received[1:-1]
    assert [one["crashId"] for one in withdrawn] == [phones.received[0]["crashId"]] * len(withdrawn)


async def test_a_notification_that_is_sent_again_withdraws_once(phones: DamoovHub) -> None:
    raw = await phones.platform.happens("TrackEnrichmentFinished", ADA, "t3", track(), TracksRemoved=[{"Id": "t1"}])
    await phones.platform.notify(raw)
    await phones.stored("track_withdrawn", "TrackEnrichmentFinished", "processed_track")


async def test_a_notification_with_hundreds_of_withdrawals_is_taken(phones: DamoovHub) -> None:
    removed = [{"Id": f"t{number}"} for number in range(300)]
    await phones.platform.happens("TrackEnrichmentFinished", ADA, "new", track(), TracksRemoved=removed)
    await phones.eventually(lambda kinds: "processed_track" in kinds)
    assert (await phones.kinds()).count("track_withdrawn") == 300
