"""Azure end to end, by a real hub: Damoov on Service Bus and Event Grid, Connected Cars' data streams on Event Hubs."""

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from fixtures.azure_hub import INSTANCE, Bus, Hubs, declared, of_connected_cars, of_damoov
from fixtures.bulks import event
from fixtures.cloud_azure import EventGridOut
from fixtures.damoov_platform import frame
from fixtures.folder_hub import FolderHub
from fixtures.until import until
from postroad.model.identifiers import DAMOOV_USER_ID

SECRET = "a-secret-of-16-or-more"


def heartbeat(number: int) -> dict[str, Any]:
    """As Damoov publishes it; no two are alike."""
    said = frame("damoov", "heartbeat")
    said["Timestamp"] = f"2025-06-10T04:{number:02d}:00.0000000Z"
    said["Details"]["NotUploadedTripsCount"] = number
    return said


def counts(told: list[tuple[Any, Any]]) -> list[int]:
    """Of heartbeats."""
    return [said["Details"]["NotUploadedTripsCount"] for _, said in told]


def in_the_hub_s_words(said: list[dict[str, Any]], hub: FolderHub) -> bool:
    """A heartbeat and a removed track, in any order, of the hub's own instance and driver."""
    [driver] = hub.registry.view().subjects.values()
    own = driver.issued[DAMOOV_USER_ID]
    assert own != frame("damoov", "heartbeat")["UserId"]
    by_event = {one["Event"]: one for one in said}
    beat, removed = by_event["HeartbeatReceived"], by_event["IncomingTrackRemoved"]
    return (
        {one["UserId"] for one in said} == {own}
        and beat["Details"]["InstanceId"] == INSTANCE
        and beat["Details"]["NotUploadedTripsCount"] == 7
        and removed["Details"]["Reason"] == frame("damoov", "track-removed")["Details"]["Reason"]
        and removed["Object"]["Url"].startswith("https://hub.example/")
    )


# --- Service Bus


async def between_queues(hub: FolderHub, bus: Bus) -> None:
    """From the vendor's queue to the customer's, which has sessions, and to a topic."""
    destinations = {
        "queue": ("service_bus", bus.entity(queue="customer", sessions=True)),
        "topic": ("service_bus", bus.entity(topic="news")),
    }
    providers = {"damoov": ("damoov", "service_bus", bus.entity(queue="vendor"))}
    hub.apply(*declared(providers, destinations, [of_damoov("queue"), of_damoov("topic")]))
    await hub.start()


async def test_what_damoov_puts_into_a_queue_a_customer_s_queue_and_topic_are_told(
    azure_hub: FolderHub, bus: Bus
) -> None:
    await bus.put(json.dumps(heartbeat(7)).encode())
    await bus.put(json.dumps(frame("damoov", "track-removed")).encode())
    await between_queues(azure_hub, bus)
    await until(lambda: len(bus.customer.arrived) == 2 and len(bus.copy.arrived) == 2)
    await until(lambda: bus.vendor.settled == ["complete", "complete"])
    [driver] = azure_hub.registry.view().subjects
    assert {session for session, _ in bus.told(bus.customer)} == {str(driver)}
    for queue in (bus.customer, bus.copy):
        assert in_the_hub_s_words([said for _, said in bus.told(queue)], azure_hub)


async def test_over_failures_and_a_restart_every_notification_arrives_in_its_driver_s_session(
    azure_hub: FolderHub, bus: Bus
) -> None:
    from servers.amqp import BUSY, TAKE_AND_CUT

    await between_queues(azure_hub, bus)
    for number in range(8):
        await bus.put(json.dumps(heartbeat(number)).encode())
    await until(lambda: len(bus.customer.arrived) >= 2)
    bus.server.faults.extend([BUSY, TAKE_AND_CUT, TAKE_AND_CUT])
    for number in range(8, 16):
        await bus.put(json.dumps(heartbeat(number)).encode())
    await azure_hub.hub.stop()
    bus.server.ask(bus.vendor.end_locks)
    for number in range(16, 20):
        await bus.put(json.dumps(heartbeat(number)).encode())
    await azure_hub.start()
    for queue in (bus.customer, bus.copy):
        await until(lambda queue=queue: set(counts(bus.told(queue))) == set(range(20)))
    await until(lambda: not bus.vendor.items)
    assert len({session for session, _ in bus.told(bus.customer)}) == 1


async def test_what_can_never_be_read_is_quarantined_and_moves_to_the_queue_s_dead_letters(
    azure_hub: FolderHub, bus: Bus
) -> None:
    await bus.put(b"no json")
    await bus.put(json.dumps(heartbeat(1)).encode())
    await between_queues(azure_hub, bus)
    await until(lambda: counts(bus.told(bus.customer)) == [1])
    await until(lambda: sorted(bus.vendor.settled) == ["complete", "dead-letter"])
    assert [item.body for item in bus.vendor.dead.items.values()] == [b"no json"]
    [kept] = await azure_hub.hub.parts.logs[0].quarantined(unresolved_only=True, limit=10)
    assert kept.provider_id == 1


# --- Event Grid


def as_event_grid_delivers(said: dict[str, Any], event_type: str, number: int) -> dict[str, Any]:
    return {
        "id": f"0000-{number}",
        "topic": "/subscriptions/0/resourceGroups/g/providers/Microsoft.EventGrid/topics/damoov",
        "subject": "damoov",
        "eventType": event_type,
        "eventTime": "2025-06-10T04:15:20.3310009Z",
        "data": said,
        "dataVersion": "1.0",
        "metadataVersion": "1",
    }


def as_a_cloud_event(said: dict[str, Any], event_type: str, number: int) -> dict[str, Any]:
    head = {"specversion": "1.0", "id": f"0000-{number}", "source": "/subscriptions/0", "type": event_type}
    return head | {"time": "2025-06-10T04:15:20.3310009Z", "data": said}


async def validated_by_event_grid(session: aiohttp.ClientSession, url: str) -> None:
    code = {"validationCode": "512d38b6", "validationUrl": "https://rp-westeurope.eventgrid.azure.net/validate?id=512d"}
    said = as_event_grid_delivers(code, "Microsoft.EventGrid.SubscriptionValidationEvent", 0)
    headers = {"aeg-event-type": "SubscriptionValidation"}
    async with session.post(url, json=[said], headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {"validationResponse": "512d38b6"})


async def allowed_by_cloud_events(session: aiohttp.ClientSession, url: str) -> None:
    headers = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
    async with session.options(url, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
        assert answer.headers["WebHook-Allowed-Rate"] == "*"


@pytest.mark.parametrize(
    ("schema", "handshake", "wrapped", "content_type"),
    [
        ("event_grid", validated_by_event_grid, as_event_grid_delivers, "application/json"),
        ("cloud_events", allowed_by_cloud_events, as_a_cloud_event, "application/cloudevents-batch+json"),
    ],
)
async def test_what_event_grid_delivers_of_damoov_s_is_published_to_a_customer_s_topic(
    azure_hub: FolderHub,
    grid: EventGridOut,
    schema: str,
    handshake: Any,
    wrapped: Callable[..., Any],
    content_type: str,
) -> None:
    from servers.event_grid import refusal

    grid.topic.schema = schema
    destinations = {"topic": ("event_grid", grid.config(schema=schema))}
    providers = {"damoov": ("damoov", "event_grid", {"secret": SECRET})}
    azure_hub.apply(*declared(providers, destinations, [of_damoov("topic")]))
    await azure_hub.start()
    grid.topic.faults.extend(refusal(status, "Busy", "later") for status in (429, 503))
    path = azure_hub.url("event_grid", "damoov")
    events = [wrapped(heartbeat(7), "HeartbeatReceived", 1)]
    events.append(wrapped(frame("damoov", "track-removed"), "IncomingTrackRemoved", 2))
    headers = {"aeg-event-type": "Notification", "Content-Type": content_type}
    async with aiohttp.ClientSession() as session:
        await handshake(session, f"{path}?code={SECRET}")
        for code, status in ((SECRET + "?", 401), (SECRET, 200), (SECRET, 200)):  # a stranger, and one that repeats
            data = json.dumps(events)
            async with session.post(f"{path}?code={code}", data=data, headers=headers) as answer:
                assert answer.status == status
    await until(lambda: len(grid.topic.received) == 2)
    assert in_the_hub_s_words([one["data"] for one in grid.topic.received], azure_hub)
    kinds = {one["eventType" if schema == "event_grid" else "type"] for one in grid.topic.received}
    assert kinds == {"HeartbeatReceived", "IncomingTrackRemoved"}


# --- Event Hubs


def odometers(told: list[tuple[str | None, list[dict[str, Any]]]]) -> list[tuple[str | None, int]]:
    """Key and value of each, without what tells the customer of his streams."""
    return [(key, one["value"]) for key, events in told for one in events if one["type"] == "car_odometer_km"]


async def between_event_hubs(hub: FolderHub, hubs: Hubs, *types: str) -> None:
    providers = {"streams": ("connected_cars", "event_hubs", hubs.entity("vendor"))}
    destinations = {"streams": ("event_hubs", hubs.entity("customer", partition_keys=True))}
    hub.apply(*declared(providers, destinations, [of_connected_cars("streams", *types)]))
    await hub.start()


async def test_connected_cars_data_streams_go_from_one_event_hub_to_another(azure_hub: FolderHub, hubs: Hubs) -> None:
    samples = ("published-gps-position", "published-car-ignition", "published-can-vin", "published-car-odometer-km")
    published = [frame("connected_cars", name) for name in samples]
    await hubs.put(published, key="cars")
    types = {one["type"] for one in published}
    await between_event_hubs(azure_hub, hubs, *types)

    def told() -> dict[str, Any]:
        """By type."""
        return {one["type"]: one for _, events in hubs.told() for one in events}

    await until(lambda: types <= told().keys())
    by_type = told()
    own = {"id", "vehicleId"}
    for one in published:
        told = by_type[one["type"]]
        assert {key: told[key] for key in told.keys() - own} == {key: one[key] for key in one.keys() - own}
    vehicles = {str(id_) for id_ in azure_hub.registry.view().subjects}
    assert {key for key, _ in hubs.told()} <= vehicles


async def test_over_failures_and_a_restart_each_vehicle_s_events_stay_in_order(
    azure_hub: FolderHub, hubs: Hubs
) -> None:
    from servers.amqp import BUSY, TAKE_AND_CUT

    async def put(numbers: range) -> None:
        for number in numbers:
            vehicle = 1 + number % 3
            await hubs.put([event(2 * number, vehicle), event(2 * number + 1, vehicle)], key=f"car-{vehicle}")

    await between_event_hubs(azure_hub, hubs, "car_odometer_km")
    await put(range(20))
    await until(lambda: len(hubs.told()) > 3)
    hubs.server.faults.extend([BUSY, BUSY, TAKE_AND_CUT])
    await put(range(20, 40))
    await azure_hub.hub.stop()
    await put(range(40, 50))
    await azure_hub.start()
    await until(lambda: {value for _, value in odometers(hubs.told())} == set(range(100)))
    by_key: dict[str | None, list[int]] = defaultdict(list)
    for key, value in dict.fromkeys(odometers(hubs.told())):
        by_key[key].append(value)
    assert len(by_key) == 3
    for of_one in by_key.values():
        assert of_one == sorted(of_one), "one after another, whatever was sent again"
