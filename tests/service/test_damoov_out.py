"""Damoov notifications and the fetch API of a running hub: real HTTPS both ways, the simulated customer at the end."""

from itertools import islice
from typing import Any

import pytest

from fixtures.damoov_platform import EVENTS, DamoovPlatform, frame
from fixtures.site import soon
from postroad.model.identifiers import DAMOOV_USER_ID
from postroad.protocols import damoov
from postroad.simulate.drivetech_vehicle import Limits
from postroad.simulate.fleet import make_fleet
from postroad.simulate.traces import load_traces

TRIP = "trip-with-everything"


async def test_what_drivequant_pushes_arrives_as_notifications_and_is_fetched(platform: DamoovPlatform) -> None:
    trip, crash = frame("drivequant", TRIP), frame("drivequant", "crash-confirmed")
    await platform.push("trip", trip)
    await platform.push("crash", crash)
    await platform.push("diagnosis", frame("drivequant", "diagnosis-of-changes"))
    expected = [
        "AccidentEventFiltered",
        "AccidentEventReceived",
        "HeartbeatReceived",
        "IncomingTrackReceived",
        "TrackEnrichmentFinished",
    ]
    customer = platform.ours
    await platform.until(lambda: len(customer.notifications) == 5 and len(customer.fetched) == 4)
    assert sorted(customer.events()) == expected
    assert [one.status for one in customer.fetched] == [200] * 4
    user = platform.token(trip["userId"])
    of_trips = [one for one in customer.notifications if one["Event"] in expected[3:]]
    assert {one["UserId"] for one in of_trips} == {user}
    assert trip["userId"] not in str(customer.notifications) + str(customer.fetched)
    [track] = [body["Track"] for (kind, _), body in customer.datasets.items() if kind == "received_track"]
    assert track["DeviceToken"] == user
    assert track["Points"]
    [rich] = [body["Result"]["Track"] for (kind, _), body in customer.datasets.items() if kind == "processed_track"]
    assert rich["TrackToken"] == track["TrackToken"]
    assert rich["StartDate"]


async def test_a_trip_that_drivequant_deletes_is_removed_and_its_tracks_are_gone(platform: DamoovPlatform) -> None:
    trip = frame("drivequant", TRIP)
    await platform.push("trip", trip)
    await platform.until(lambda: len(platform.ours.fetched) == 2)
    token = platform.ours.fetched[0].object_id
    await platform.push("trip_deleted", frame("drivequant", "trip-deleted") | {"itinId": trip["itinId"]})
    await platform.until(lambda: "IncomingTrackRemoved" in platform.ours.events())
    user = platform.token(trip["userId"])
    await platform.until(lambda: len(platform.ours.fetched) == 3)
    assert platform.ours.fetched[-1][:3] == ("removed_track", token, 200)
    for kind in ("received_track", "processed_track"):
        assert (await platform.ours.get(platform.url(kind, token), user))[0] == 404
    status, body = await platform.ours.get(platform.url("removed_track", token), user)
    assert (status, body["Track"]["TrackToken"], body["Track"]["Points"]) == (200, token, [])
    assert {kind for kind, _ in platform.ours.datasets} == {"removed_track"}


async def test_trips_derived_of_a_vehicle_are_announced_and_fetched_with_the_vehicles_token(
    platform: DamoovPlatform,
) -> None:
    fleet = make_fleet(load_traces(), count=1, seed=3, start_us=1_700_000_000_000_000, limits=Limits(report_s=30))
    _, reports = next(iter(fleet))
    for one in islice(reports, 260):
        await platform.report(one.body(late=False))
    await platform.until(lambda: {"TrackEnrichmentFinished", "IncomingTrackReceived"} <= set(platform.ours.events()))
    await platform.until(lambda: len(platform.ours.fetched) == len(platform.ours.notifications))
    vehicles = [one for one in platform.site.registry.view().subjects.values() if one.kind == "vehicle"]
    assert {one["UserId"] for one in platform.ours.notifications} == {vehicles[0].issued[DAMOOV_USER_ID]}
    assert {one.status for one in platform.ours.fetched} == {200}
    kinds = {kind for kind, _ in platform.ours.datasets}
    assert {"received_track", "processed_track"} <= kinds


async def test_what_damoov_brought_is_sent_on_in_the_hubs_tokens_only(platform: DamoovPlatform) -> None:
    names = ("received-track", "processed-track", "accident", "accident-extra", "heartbeat")
    said = {name: frame("damoov", name) for name in names}
    await platform.notify(*said.values())
    await platform.until(lambda: len(platform.ours.datasets) == 4 and len(platform.ours.notifications) == 5)
    [extra] = [body for (kind, _), body in platform.ours.datasets.items() if kind == "accident_extra"]
    given = said["accident-extra"]["Dataset"]
    assert extra == given | {"Id": extra["Id"]}
    told = str(platform.ours.notifications) + str(platform.ours.datasets)
    for name, one in said.items():
        notification = one.get("Notification", one)
        for token in (notification["UserId"], notification["Object"]["Id"]):
            assert token.lower() not in told.lower(), name


@pytest.mark.parametrize("event", EVENTS)
async def test_each_event_has_a_sample_that_brings_it(platform: DamoovPlatform, event: str) -> None:
    dataset = damoov.DATASET_OF.get(event)
    bringing = {
        "IncomingTrackRemoved": frame("damoov", "track-removed"),
        "HeartbeatReceived": frame("damoov", "heartbeat"),
    }
    name = {"accident_extra": "accident-extra", "accident": "accident"}.get(
        str(dataset), str(dataset).replace("_", "-")
    )
    said = bringing.get(event) or frame("damoov", name)
    if event not in bringing:
        said["Notification"]["Event"] = event
        if event == "AccidentEventCompletePackageReceived":
            said["Notification"]["Details"] = {"AccidentPassedFilters": True}
    await platform.notify(said)
    await platform.until(lambda: len(platform.ours.notifications) == 1)
    assert platform.ours.events() == [event]
    if dataset is not None:
        await platform.until(lambda: len(platform.ours.fetched) == 1)
        assert (platform.ours.fetched[0].kind, platform.ours.fetched[0].status) == (dataset, 200)
    else:
        assert platform.ours.notifications[0]["Details"]["InstanceId"] == "0c52a1de-6d2f-4a8e-9a0f-0a7c3d1e5b66"


# Editions.


def edition(km: float, second: int, **details: Any) -> dict[str, Any]:
    said = frame("damoov", "processed-track")
    said["Notification"] |= {"Timestamp": f"2025-03-18T19:00:{second:02d}.0000000Z", "Details": details}
    said["Dataset"]["Result"]["Track"]["Distance"] = km
    return said


async def test_the_newest_edition_of_a_track_is_given_whatever_came_last(platform: DamoovPlatform) -> None:
    await platform.notify(edition(2.0, 2), edition(3.0, 3, ObjectReplaced=True))
    await platform.notify(edition(1.0, 1))
    await platform.until(lambda: bool(platform.ours.fetched))
    token = platform.ours.fetched[0].object_id
    user = platform.token(edition(1, 1)["Notification"]["UserId"])
    _, body = await platform.ours.get(platform.url("processed_track", token), user)
    assert body["Result"]["Track"]["Distance"] == 3.0
    assert platform.ours.datasets["processed_track", token]["Result"]["Track"]["Distance"] == 3.0


async def test_while_a_customer_is_away_only_the_newest_edition_waits_for_him(platform: DamoovPlatform) -> None:
    platform.ours.trouble = 503
    await platform.notify(edition(1.0, 1))
    await platform.until(platform.ours.arrived.is_set)
    await platform.notify(edition(2.0, 2, ObjectReplaced=True))
    store = platform.hub.parts.logs[0].delivery
    [ours] = [one.id for one in platform.site.registry.view().subscriptions.values() if one.name == "ours"]

    async def superseded() -> bool:
        return [one.reason for one in await store.skips(ours)] == ["superseded"]

    await soon(superseded)
    platform.ours.trouble = None
    await platform.until(lambda: bool(platform.ours.fetched))
    assert [one["Details"].get("ObjectReplaced") for one in platform.ours.notifications] == [True]


async def test_a_track_that_was_absorbed_by_another_is_no_more(platform: DamoovPlatform) -> None:
    merged = frame("damoov", "processed-track-after-a-merge")
    absorbed = merged["Notification"]["Details"]["TracksRemoved"][0]["Id"]
    alone = edition(1.0, 1)
    alone["Notification"]["Timestamp"] = "2025-03-18T01:00:00Z"
    alone["Notification"]["Object"]["Id"] = absorbed
    await platform.notify(alone)
    await platform.until(lambda: bool(platform.ours.datasets))
    [(_, token)] = platform.ours.datasets
    user = platform.token(alone["Notification"]["UserId"])
    await platform.notify(merged, {"Notification": merged["Notification"], "Withdrawn": absorbed})
    await platform.until(lambda: ("processed_track", token) not in platform.ours.datasets)
    assert (await platform.ours.get(platform.url("processed_track", token), user))[0] == 404
