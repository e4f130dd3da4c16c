"""Trips from reports, end to end: trackers inject over HTTP, a DriveQuant customer is pushed a trip for each drive."""

import asyncio
from typing import Any

import aiohttp
import pytest
import yaml

from fixtures.drivequant import BY_TOKEN, ENVIRONMENT, ServeCustomer, Served, urls_of
from fixtures.site import Site, soon
from postroad import layout, service
from postroad.clock import SystemClock, from_us
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.simulate.drivequant_customer import TOKEN_PATH

METRES_A_DEGREE = 111_195.0
KMH = 60.0
AGO_S = 3 * 3600
"""So long ago the first drive began."""


class Road:
    """Vehicles that report by Drivetech, and the customer of their trips."""

    def __init__(self, site: Site, served: Served, session: aiohttp.ClientSession) -> None:
        self.site = site
        self.served = served
        self.customer = served.customer
        self._session = session
        self._start_us = SystemClock().now_us() - AGO_S * 1_000_000

    async def start(self, ca_file: str) -> None:
        auth = {**BY_TOKEN, "token_url": self.served.base + TOKEN_PATH}
        config = {"urls": urls_of(self.served.base), "ca_file": ca_file, "auth": auth}
        subscription = {
            "name": "trips",
            "protocol": "drivequant",
            "destination": "pushes",
            "types": ["trip", "trip_deleted"],
            "vehicles": "all",
            "options": {"sparse_route": True},
        }
        integration = {
            "name": "insurer",
            "destinations": [{"name": "pushes", "transport": "https", "config": config}],
            "subscriptions": [subscription],
        }
        organization = {
            "name": "Andes",
            "providers": [{"name": "gps", "protocol": "drivetech"}],
            "integrations": [integration],
        }
        file = self.site.folder / "trips.yaml"
        file.write_text(yaml.safe_dump({"organizations": [organization]}), encoding="utf-8")
        keys = KeyRing.load_or_create(self.site.folder / layout.KEY_FILE)
        known = service.catalogue()
        apply_file(self.site.registry, file, catalogue=known, keys=keys, environment=ENVIRONMENT, prune=True)
        await self.site.hub.start()

    async def report(self, plate: str, second: int, km: float, event: dict[str, Any], **changes: Any) -> None:
        """``km``: north of where all drives begin, and on the odometer."""
        moving = event["type"] == "GPS"
        said = {
            "plate": plate,
            "datetime": from_us(self._start_us + second * 1_000_000).isoformat(),
            "latitude": 10 + km * 1000 / METRES_A_DEGREE,
            "longitude": 20.0,
            "speed": KMH if moving else 0.0,
            "azimuth": 0,
            "odometer": round(1000 + km, 3),
            "ign_input": moving or event.get("status", False),
            "event": event,
        }
        assert await self.site.post(self._session, **said | changes) == 200

    async def drive(
        self, plate: str, begins_s: int, *, minutes: int = 10, from_km: float = 0.0, without: int | None = None
    ) -> None:
        """From ignition on to ignition off, a report a minute; ``without`` the one of that minute."""
        await self.report(plate, begins_s, from_km, {"type": "IGN", "status": True})
        for minute in range(1, minutes):
            if minute != without:
                await self.report(plate, begins_s + minute * 60, from_km + minute * KMH / 60, {"type": "GPS"})
        await self.report(
            plate, begins_s + minutes * 60, from_km + minutes * KMH / 60, {"type": "IGN", "status": False}
        )

    async def trips(self, count: int) -> list[dict[str, Any]]:
        await self.served.until(lambda: len(self.customer.bodies("trip")) >= count)
        return self.customer.bodies("trip")

    async def parked(self, count: int) -> None:
        [subscription_id] = [s.id for s in self.site.registry.view().subscriptions.values() if s.name == "trips"]

        async def parked() -> bool:
            return len(await self.site.hub.parts.logs[0].delivery.parked(subscription_id)) == count

        await soon(parked)


@pytest.fixture
async def road(site: Site, serve_customer: ServeCustomer, session: aiohttp.ClientSession, ca_file: str) -> Road:
    road = Road(site, await serve_customer(), session)
    await road.start(ca_file)
    return road


def metres(push: dict[str, Any]) -> float:
    return float(push["itineraryStatistics"]["distance"])


async def test_each_drive_is_pushed_as_one_trip_of_its_vehicle(road: Road) -> None:
    await asyncio.gather(*[road.drive(plate, 0) for plate in ("AA1", "AA2")])
    await road.drive("AA1", 1800, minutes=5, from_km=10.0)
    pushed = await road.trips(3)
    assert len({push["itinId"] for push in pushed}) == 3
    assert len({push["account"]["vehicleId"] for push in pushed}) == 2
    assert sorted(metres(push) for push in pushed) == pytest.approx([5000.0, 10000.0, 10000.0], rel=0.01)
    await road.parked(0)
    assert road.customer.attempts["trip"] == 3
    assert road.customer.attempts["trip_deleted"] == 0


async def test_a_late_report_corrects_a_trip_that_was_delivered_by_a_push_of_the_same_id(road: Road) -> None:
    await road.drive("AA1", 0, without=5)
    [first] = await road.trips(1)
    await road.report("AA1", 300, 5.0, {"type": "GPS"}, buff=True, speed=88.0)
    first, corrected = await road.trips(2)
    assert corrected["itinId"] == first["itinId"]
    assert len(corrected["route"]["latitude"]) == len(first["route"]["latitude"]) + 1


async def test_a_trip_corrected_while_it_was_parked_arrives_once_and_corrected(road: Road) -> None:
    road.customer.trouble["trip"] = 500
    await road.drive("AA1", 0, without=5)
    await road.parked(1)
    road.customer.trouble.clear()
    await road.report("AA1", 300, 5.0, {"type": "GPS"}, buff=True)
    [taken] = await road.trips(1)
    await road.parked(0)
    assert len(taken["route"]["latitude"]) == 11
    assert len(road.customer.bodies("trip")) == 1
    assert road.customer.attempts["trip"] == 2


async def test_a_trip_that_late_reports_join_to_another_is_deleted_at_the_customer(road: Road) -> None:
    for minute in range(31):
        if not 5 < minute < 25:
            event = {"type": "IGN", "status": minute == 0} if minute in (0, 30) else {"type": "GPS"}
            await road.report("AA1", minute * 60, minute * KMH / 60 if minute < 6 else 5 + (minute - 24), event)
    await road.trips(2)
    for minute in range(6, 25):
        await road.report("AA1", minute * 60, 5 + (minute - 5) * 0.05, {"type": "GPS"}, buff=True)
    await road.served.until(lambda: bool(road.customer.bodies("trip_deleted")))
    [gone] = {push["itinId"] for push in road.customer.bodies("trip_deleted")}
    assert gone in {push["itinId"] for push in road.customer.bodies("trip")}
