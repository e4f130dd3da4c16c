"""All 25 pairs of protocols through one running hub: what must arrive of each source at each target, or why none can.

Real entrances, real HTTPS to a customer of each protocol, read there by the protocol's own reader. The drive that the
three protocols of vehicles report is cut into a trip by the hub, which is what the two protocols of trips are told.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from fixtures.crossroads import CAR, Crossroads
from postroad.clock import SystemClock, from_us
from postroad.model.facts import FACTS
from postroad.protocols import FACTS as TABLES
from postroad.protocols import SOURCES, TARGETS


def facts(*names: str, **below: str) -> frozenset[str]:
    """Facts by name; ``below``: a prefix and what stands behind it."""
    return frozenset(names) | {f"{prefix}.{name}" for prefix, text in below.items() for name in text.split()}


PLACE = facts("report.recorded_us", position="latitude_deg longitude_deg speed_kmh heading_deg")
IGNITION = facts("ignition", "ignition.on")
HARSH = facts("harsh_manoeuvre", harsh_manoeuvre="kind magnitude_g")
RECORD = PLACE | facts(reading="ignition motion_state odometer_km")
DERIVED = facts("trip", trip="started_us ended_us distance_m")
DERIVED_PUSH = DERIVED | facts(trip="driving_s idling_s mean_speed_kmh")
DERIVED_TRACK = DERIVED | facts("trip.path", **{"trip.path": "recorded_us latitude_deg longitude_deg speed_kmh"})
TRIP = facts(
    "trip",
    "trip.manoeuvres",
    trip="started_us ended_us start_address end_address distance_m",
    **{"trip.scores": "safety eco distraction speeding", "trip.manoeuvres": "kind at_us"},
)
CRASH = facts("crash", "crash.happened_us", **{"crash.position": "latitude_deg longitude_deg speed_kmh"})
STATUS = facts("device_status", "device_status.changes.sensor")

NO_RECORD = "a phone's trips, crashes and states are no records of a vehicle"
NO_EVENT = "a phone's trips, crashes and states are no events of a vehicle"
NO_MESSAGE = "a phone's trips, crashes and states are no messages of a car"
NO_OTHER_USERS = "users are their provider's own: of accounts the hub tells its own only, and in the account feed only"

Cell = frozenset[str] | str
PAIRS: Mapping[str, Mapping[str, Cell]] = {
    "drivetech": {
        "drivetech": RECORD
        | IGNITION
        | HARSH
        | facts("door.opened", "driver_identified.identifier", "idling.begins", "overspeed.begins", "panic_button")
        | facts("position.altitude_m", "position.fix", reading="fuel_level_percent temperature_1_celsius mobile_mcc"),
        "connected_cars": PLACE | IGNITION | HARSH | facts("idling.begins", "reading.odometer_km"),
        "connected_cars_legacy": PLACE | IGNITION | HARSH | facts(reading="odometer_km fuel_level_percent"),
        "drivequant": DERIVED_PUSH,
        "damoov": DERIVED_TRACK,
    },
    "connected_cars": {
        "drivetech": RECORD | IGNITION | HARSH | facts("idling.begins"),
        "connected_cars": PLACE
        | IGNITION
        | HARSH
        | facts("idling.begins", "harsh_manoeuvre.severity", "trouble_code.code", "trouble_code.ecu")
        | facts(reading="odometer_km fuel_level_percent next_service_km"),
        "connected_cars_legacy": PLACE
        | IGNITION
        | HARSH
        | facts("report.from_can", reading="odometer_km fuel_level_percent"),
        "drivequant": DERIVED_PUSH,
        "damoov": DERIVED_TRACK,
    },
    "connected_cars_legacy": {
        "drivetech": RECORD | IGNITION | HARSH,
        "connected_cars": PLACE | IGNITION | HARSH | facts(reading="odometer_km fuel_level_percent"),
        "connected_cars_legacy": PLACE
        | IGNITION
        | HARSH
        | facts("refuelled.added_l", trouble_code="code vendor meanings", reading="odometer_km fuel_level_percent"),
        "drivequant": DERIVED_PUSH,
        "damoov": DERIVED_TRACK,
    },
    "drivequant": {
        "drivetech": NO_RECORD,
        "connected_cars": NO_EVENT,
        "connected_cars_legacy": NO_MESSAGE,
        "drivequant": TRIP
        | CRASH
        | STATUS
        | facts("crash.confirmed", "crash.probability", "crash_report.happened_us", "trip.fuel_l", "trip.tags")
        | facts("trip_deleted", "device_status.changes.permission", trip="driving_s idling_s mean_speed_kmh"),
        "damoov": TRIP | CRASH | STATUS | facts("trip_deleted", "trip.phone.unlocked_s"),
    },
    "damoov": {
        "drivetech": NO_RECORD,
        "connected_cars": NO_EVENT,
        "connected_cars_legacy": NO_MESSAGE,
        "drivequant": TRIP | CRASH | STATUS | facts("trip_deleted", "trip.phone.unlocked_s"),
        "damoov": TRIP
        | CRASH
        | STATUS
        | facts("trip_deleted", "crash.withdrawn", "crash.max_acceleration_g", "device_status.changes.battery"),
    },
}
"""Source -> target -> the facts that must arrive, or why none can."""

ACCOUNT_FEED: Mapping[str, str] = dict.fromkeys(PAIRS, NO_OTHER_USERS)
"""The other feed of the older protocol: users who signed up at its provider, and what they share with it."""

OF_THE_HUB: Mapping[str, frozenset[str]] = {
    "connected_cars": facts("access_changed.vehicle", "access_changed.recorded_us"),
    "connected_cars_legacy": facts(
        "user_signed_up", "user_signed_up.vehicles", "vehicles_shared", "vehicles_shared.vehicles"
    ),
}
"""What customers are told of the hub's own access, whoever speaks."""


def test_every_pair_has_its_cell() -> None:
    assert {source: list(row) for source, row in PAIRS.items()} == {one: list(PAIRS) for one in PAIRS}
    assert PAIRS.keys() == SOURCES.keys() == TARGETS.keys()
    for row in PAIRS.values():
        for target, cell in row.items():
            if isinstance(cell, frozenset):
                assert cell <= FACTS.keys()
                assert all(TABLES[target].way(fact) for fact in cell), "the table of translation has it too"


async def test_all_25_pairs_arrive_as_the_table_says(crossroads: Crossroads) -> None:
    wrong: dict[str, list[str]] = {}
    for source, row in [*PAIRS.items(), ("account feed", ACCOUNT_FEED)]:
        crossroads.forget()
        await SPEAKERS[source](crossroads)
        expected = {target: cell for target, cell in row.items() if isinstance(cell, frozenset)}
        await crossroads.until(expected)
        for target, cell in row.items():
            arrived = crossroads.arrived(target).keys() - OF_THE_HUB.get(target, set())
            if isinstance(cell, str):
                surplus, missing = arrived, frozenset[str]()
            else:
                ways = TABLES[target]
                surplus = {one for one in arrived if not (way := ways.way(one)) or not way.read}
                missing = cell - arrived
            if surplus or missing:
                wrong[f"{source} -> {target}"] = [
                    *(f"- {one}" for one in sorted(missing)),
                    *(f"+ {one}" for one in surplus),
                ]
    assert wrong == {}, await crossroads.dead()


# What each source says: a drive of five minutes, and what its protocol has besides.


def drive() -> Iterator[tuple[int, float, float]]:
    """Instant in microseconds, latitude and distance in km, every ten seconds at 60 km/h, until a minute ago."""
    start_us = SystemClock().now_us() - 360_000_000
    for number in range(31):
        yield start_us + number * 10_000_000, -33.4 + number * 0.0015, 100.0 + number / 6


async def say_drivetech(crossroads: Crossroads) -> None:
    *_, (end_us, _, _) = route = list(drive())
    events = {
        1: {"type": "OVER_SPEED", "status": True},
        2: {"type": "DOOR", "status": True},
        3: {"type": "DRIVER_ID", "driver_id": "0042"},
        4: {"type": "HARSH_BEHAVIOR", "status": 0, "magnitude": 4.2},
        5: {"type": "IDLING", "status": True},
        6: {"type": "SOS"},
    }
    for number, (at_us, latitude, km) in enumerate(route):
        first, last = number == 0, at_us == end_us
        switched = {"type": "IGN", "status": first} if first or last else None
        said = {
            "plate": "DT0001",
            "datetime": from_us(at_us).isoformat(),
            "latitude": latitude,
            "longitude": -70.6,
            "altitude": 550.5,
            "speed": 0 if last else 60,
            "azimuth": 0,
            "state": "Ignition Off Rest" if last else "Ignition On Moving",
            "event": switched or events.get(number, {"type": "GPS"}),
            "ign_input": not last,
            "gps_status": True,
            "odometer": km,
            "fuel_percentage": 55,
            "temperature1": 4.5,
            "mcc": 730,
        }
        await crossroads.post("drivetech", "/provider/event/new/", said)


DTC: Mapping[str, Any] = {
    "code": "00430e",
    "diff": "add",
    "status": "68",
    "ecu": "engine",
    "sourceType": "vag",
    "rxId": "7E8",
    "txId": "7E0",
    "transport": "ISOTP",
    "application": "UDS",
    "serviceAndDid": "19028C",
    "sessionType": "01",
}


async def say_connected_cars(crossroads: Crossroads) -> None:
    said: list[dict[str, Any]] = []

    def add(at_us: int, kind: str, **fields: Any) -> None:
        time = from_us(at_us).isoformat().replace("+00:00", "Z")
        said.append({"type": kind, "id": len(said) + 1, "vehicleId": 77, "time": time, **fields})

    route = list(drive())
    for number, (at_us, latitude, km) in enumerate(route):
        last = number == len(route) - 1
        add(at_us, "gps_position", latitude=latitude, longitude=-70.6, speed=0 if last else 60, direction=0)
        add(at_us, "car_odometer_km", value=km)
        if number == 0 or last:
            add(at_us, "car_ignition", value=not last)
        if number == 3:
            add(at_us, "car_profiling", gForce=0.42, direction="brake_high")
            add(at_us, "calc_vehicle_idle", value=True)
            add(at_us, "can_fuel_level_percent", value=55)
            add(at_us, "can_next_service_km", value=1200)
            add(at_us, "can_dtc", **DTC)
    await crossroads.post("connected_cars", "/in/connected_cars", said)


async def say_legacy(crossroads: Crossroads) -> None:
    said: list[dict[str, Any]] = []

    def add(at_us: int, kind: str, **fields: Any) -> None:
        said.append({"type": kind, "carId": CAR, "time": from_us(at_us).isoformat(), **fields})

    route = list(drive())
    for number, (at_us, latitude, km) in enumerate(route):
        last = number == len(route) - 1
        add(at_us, "position", lat=latitude, lon=-70.6, speed=0 if last else 60, direction=0)
        add(at_us, "odometer", odometer=km)
        if number == 0 or last:
            add(at_us, "ignition_off" if last else "ignition_on")
        if number == 3:
            add(at_us, "profiling", g_force=0.42, direction="brake")
            add(at_us, "fuel_level_percent", fuel_level_percent=55)
            add(at_us, "dtc", vendor="VAG", code="TLB1", enabled=True, description={"english": "Misfire"})
            add(at_us, "refuel", liters_before=10, liters_after=40, liters_added=30)
    await crossroads.post("connected_cars_legacy", "/in/connected_cars_legacy/car", said)


async def say_accounts(crossroads: Crossroads) -> None:
    users = [{"type": "user_signup", "userId": "ada", "firstName": "Ada", "cars": [{"carId": CAR, "make": "VW"}]}]
    await crossroads.post("connected_cars_legacy", "/in/connected_cars_legacy/account", users)


def _date(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


async def say_drivequant(crossroads: Crossroads) -> None:
    ended = from_us(SystemClock().now_us() - 60_000_000)
    started, happened = ended - dt.timedelta(seconds=600), _date(ended)
    verdict = {"crashStatus": "CONFIRMED", "probability": 88, "latitude": 45.75, "longitude": 4.85, "velocity": 31.0}
    trip = {
        "itinId": "trip-1",
        "userId": "noor",
        "endDate": _date(ended),
        "itineraryData": {"startDate": _date(started), "departureAddress": "Quai 1", "arrivalAddress": "Rue 2"},
        "itineraryStatistics": {
            "tripDuration": 600,
            "drivingDuration": 500,
            "idlingDuration": 100,
            "distance": 5000.5,
            "speedMean": 30.0,
        },
        "ecoDriving": {"score": 6.5},
        "safety": {"safetyScore": 7.25},
        "safetyEvents": [
            {"time": 30.0, "type": 3, "level": 2, "value": -3.1, "latitude": 45.75, "longitude": 4.85, "velocity": 31.0}
        ],
        "driverDistraction": {"score": 5.5, "durationUnlock": 12.5},
        "speedingStatistics": {"score": 8.0},
        "fuelEstimation": {"fuelVolume": 0.5},
        "metaData": {"tour": "12"},
    }
    crash = {"crashId": "crash-1", "userId": "noor"}
    diagnosis = {
        "userInfo": {"userId": "noor"},
        "lastUpdate": happened,
        "sensors": {"gps": True},
        "permissions": {"location": "VALID"},
    }
    for service_name, said in (
        ("trip", trip),
        ("crash", {**crash, "parameters": {"localTripId": "x", "date": happened}, "result": verdict}),
        ("crash_report", {**crash, "itinId": "trip-1", "date": happened, "crash": verdict}),
        ("diagnosis", diagnosis),
        ("trip", {**trip, "itinId": "trip-2"}),
        ("trip_deleted", {"itinId": "trip-2", "event": "TRIP_DELETION", "date": happened}),
    ):
        await crossroads.post("drivequant", f"/in/drivequant/{service_name}", said)


ADA = "1d0f6c3a-84b2-4e57-9c61-7a3be95d2f08"
TRACKS = ("b47c19d2-5e0a-4f83-a6d1-20c9e87f3b15", "0c7d1f52-61a4-4a0e-8b7f-55d2c1b0a9e3")
ACCIDENTS = ("f2c86b04-39d7-4a1e-b590-8d7e14a6c3f9", "93e7d5a1-c04b-4862-bf3d-516a2e8c70d4")


async def say_damoov(crossroads: Crossroads) -> None:
    ended_us = SystemClock().now_us() - 60_000_000
    point = {"Latitude": 52.21, "Longitude": 20.98, "Speed": 18.0, "Course": 181.5, "Height": 10450}
    track = {
        "StartDate": from_us(ended_us - 600_000_000).isoformat(),
        "EndDate": from_us(ended_us).isoformat(),
        "Distance": 5.0005,
        "AddressStart": "Birch Road 3",
        "AddressEnd": "Quay 17",
        "Rating100": 84,
        "RatingSpeeding100": 71,
        "RatingPhoneDistraction100": 92.5,
        "EcoScore": 79,
        "PhoneUsage": 0.75,
        "Points": [
            {"Number": 1, "PointDate": from_us(ended_us - 590_000_000).isoformat(), **point},
            {
                "Number": 2,
                "PointDate": from_us(ended_us - 300_000_000).isoformat(),
                "AlertType": "deacc",
                "AlertValue": -3.1,
                **point,
            },
        ],
    }
    accident = {
        "Type": "Accident",
        "TimeStart": ended_us // 1000,
        "SpeedStart": 12.5,
        "PointStart": {"Latitude": 52.09, "Longitude": 20.9},
        "RangeDirect": {"Min": -39.2266, "Max": 6.1},
    }
    happens = crossroads.phones.happens
    await happens("TrackEnrichmentFinished", ADA, TRACKS[0], track)
    await happens("AccidentEventReceived", ADA, ACCIDENTS[0], {"Id": ACCIDENTS[0], **accident})
    await happens("HeartbeatReceived", ADA, ADA, ChargeLevel=41.5, GPSEnabled=True)
    await happens("AccidentEventCompletePackageReceived", ADA, ACCIDENTS[1], AccidentPassedFilters=False)
    await happens("IncomingTrackRemoved", ADA, TRACKS[1], Reason="Insufficient Track length")


SPEAKERS: Mapping[str, Callable[[Crossroads], Awaitable[None]]] = {
    "drivetech": say_drivetech,
    "connected_cars": say_connected_cars,
    "connected_cars_legacy": say_legacy,
    "drivequant": say_drivequant,
    "damoov": say_damoov,
    "account feed": say_accounts,
}
