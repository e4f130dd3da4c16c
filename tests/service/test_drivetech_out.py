"""Drivetech to Drivetech where everything meets: a running hub, real HTTPS, a simulated platform, the command line."""

import asyncio
import datetime as dt
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from click.testing import CliRunner

from fixtures.drivetech import sample
from fixtures.site import Site, soon
from postroad import layout, service
from postroad.cli.main import cli
from postroad.clock import SystemClock, from_us
from postroad.model.events import Header
from postroad.protocols.base import Item
from postroad.protocols.connected_cars import VEHICLE
from postroad.protocols.drivetech import KINDS, PROTOCOL, DrivetechSettings
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.settings import FILE_NAME
from postroad.simulate.certificates import make_server_context
from postroad.simulate.drivetech_platform import EVENTS_PATH, Platform

FRAMES = Path(__file__).parent.parent / "protocols" / "samples" / "in" / "drivetech"
TOKEN = "of-the-platform"


class Relay:
    """A hub that takes in what vehicles of two protocols say, and injects it into the platform."""

    def __init__(self, site: Site, session: aiohttp.ClientSession) -> None:
        self.site = site
        self.session = session
        self.platform = Platform(TOKEN, clock=SystemClock())

    async def start(self) -> None:
        folder = self.site.folder / "platform"
        folder.mkdir()
        context, ca_file = await asyncio.to_thread(make_server_context, folder, dt.datetime.now(dt.UTC))
        base = await self.platform.start(context)
        self._config = {
            "url": base + EVENTS_PATH,
            "ca_file": str(ca_file),
            "auth": {"type": "bearer", "token": {"env": "TOKEN"}},
        }
        self.declare()
        (self.site.folder / FILE_NAME).touch()
        await self.site.hub.start()

    def declare(self, vehicles: Sequence[dict[str, Any]] = ()) -> None:
        retry = {"first_waits_s": [], "then_s": 0.05, "cap_s": 0.05}
        organization = {
            "name": "Andes",
            "providers": [{"name": "gps", "protocol": "drivetech"}, {"name": "cars", "protocol": "connected_cars"}],
            "vehicles": list(vehicles),
            "integrations": [
                {
                    "name": "drivetech",
                    "destinations": [{"name": "platform", "transport": "https", "config": self._config}],
                    "subscriptions": [
                        {
                            "name": "injector",
                            "protocol": "drivetech",
                            "destination": "platform",
                            "types": list(KINDS),
                            "vehicles": "all",
                            "delivery": {"retry": retry},
                        }
                    ],
                }
            ],
        }
        file = self.site.folder / "injector.yaml"
        file.write_text(yaml.safe_dump({"organizations": [organization]}), encoding="utf-8")
        keys = KeyRing.load_or_create(self.site.folder / layout.KEY_FILE)
        apply_file(
            self.site.registry,
            file,
            catalogue=service.catalogue(),
            keys=keys,
            environment={"TOKEN": TOKEN},
            prune=True,
        )

    async def inject(self, frame: dict[str, Any]) -> int:
        headers = {"Authorization": f"Bearer {self.site.token}"}
        async with self.session.post(self.site.url, json=frame, headers=headers) as response:
            return response.status

    async def taken(self, count: int) -> list[Item]:
        await soon(lambda: len(self.platform.taken) >= count)
        return self.platform.items

    async def postroad(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        command = [*arguments, "--json", "--data", str(self.site.folder)]
        result = await asyncio.to_thread(CliRunner().invoke, cli, command)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
async def relay(site: Site, session: aiohttp.ClientSession) -> AsyncIterator[Relay]:
    relay = Relay(site, session)
    try:
        await relay.start()
        yield relay
    finally:
        await relay.platform.stop()


class Cars:
    """Car 77 of another provider: each event says one thing, and the provider knows no plate."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._url = f"http://127.0.0.1:{relay.site.hub.port}/in/connected_cars"
        _, token = relay.site.registry.issue_token("cars", "test")
        self._headers = {"Authorization": f"Bearer {token}"}

    async def say(self, event: dict[str, Any]) -> None:
        async def taken_in() -> bool:  # once the hub has seen the token
            said = [event | {"vehicleId": 77}]
            async with self._relay.session.post(self._url, json=said, headers=self._headers) as response:
                return response.status == 200

        await soon(taken_in)

    async def dead(self, count: int) -> list[Any]:
        """The dead letters, once there are so many."""
        found: list[Any] = []

        async def all_there() -> bool:
            found[:] = await self._relay.postroad("deadletters", "list")
            return len(found) == count

        await soon(all_there)
        return found


def facts(item: Item) -> Any:
    """All that an event says in the common language, its time in the protocol's milliseconds."""
    header = Header(subject_id=1, provider_id=1, recorded_us=item.recorded_us, received_us=item.recorded_us)
    [event] = PROTOCOL.events(item, header, DrivetechSettings())
    return item.identifier, item.kind, item.recorded_us // 1000, event.position, event.readings, event.occurrences


async def test_every_event_type_and_field_arrives_with_the_same_facts(relay: Relay) -> None:
    frames = [json.loads(file.read_text())["frame"] for file in sorted(FRAMES.glob("*.json"))]
    plain = [frame for frame in frames if isinstance(frame, dict)]
    sent: dict[bytes, Item] = {}
    for number, frame in enumerate(plain):
        raw = json.dumps(frame | {"datetime": from_us(1_700_000_000_000_000 + number * 1_000_000).isoformat()})
        item = PROTOCOL.read(raw.encode(), DrivetechSettings())
        assert await relay.inject(json.loads(raw)) == 200
        sent[item.dedup] = item
    found = {item.dedup: item for item in await relay.taken(len(sent))}
    assert found.keys() == sent.keys()
    assert {KINDS[item.kind] for item in found.values()} == set(KINDS)
    for key, item in sent.items():
        before, after = facts(item), facts(found[key])
        known = before[4]["motion_state"] in ("towed", "parked", "standing", "idling", "moving")
        if not known:  # only the five documented words are sent on
            before[4]["motion_state"] = after[4]["motion_state"]
        assert after == before
        assert found[key].late, "these are old"
    assert relay.platform.malformed == []


async def test_in_an_outage_and_without_a_token_each_vehicles_events_wait_in_order_and_none_is_lost(
    relay: Relay,
) -> None:
    relay.platform.steer = lambda _item: 503 if len(relay.platform.taken) == 3 and relay.platform.refused < 4 else None
    for number in range(30):
        at = from_us(SystemClock().now_us()).isoformat()
        frame = sample(plate=f"AA{number % 3}", datetime=at, odometer=number)
        assert await relay.inject(frame) == 200
    items = await relay.taken(30)
    by_plate = defaultdict(list)
    for item in items:
        by_plate[item.identifier].append(item.wire.odometer)
    assert relay.platform.refused == 4
    assert {plate: numbers == sorted(numbers) for plate, numbers in by_plate.items()} == dict.fromkeys(by_plate, True)
    assert not any(item.late for item in items)


async def test_an_incomplete_event_is_delivered_by_a_redrive_once_a_late_report_has_told_what_it_lacked(
    relay: Relay,
) -> None:
    now_us = SystemClock().now_us()

    def at(ago_s: int) -> str:
        return from_us(now_us - ago_s * 1_000_000).isoformat()

    def known() -> None:
        named = {"plate": "KXRT41", VEHICLE: "77"}
        relay.site.registry.create_vehicle(1, named, shard=0, issue=service.catalogue().issues)

    await asyncio.to_thread(known)
    cars = Cars(relay)
    where = {"type": "gps_position", "latitude": -36.8, "longitude": -73.0, "speed": 50, "direction": 90}
    await cars.say({**where, "id": 1, "time": at(130)})
    await cars.say({"type": "car_ignition", "id": 2, "value": True, "time": at(120)})
    [position, ignition] = await cars.dead(2)
    assert [(one["type"], one["reason"], one["detail"]) for one in (position, ignition)] == [
        ("GPS", "incomplete", "ign_input"),
        ("IGN", "incomplete", "odometer"),
    ]
    story = await relay.postroad("explain", str(ignition["id"]))
    assert [(route["state"], route["letters"][0]["detail"]) for route in story["routes"]] == [("dead", "odometer")]

    await cars.say({"type": "car_odometer_km", "id": 3, "value": 1184.5, "time": at(125)})
    redrive = ("deadletters", "redrive", "--reason", "incomplete", "--wait")
    assert (await relay.postroad(*redrive))["status"] == "COMPLETED"
    await relay.taken(1)
    [item] = relay.platform.items
    said = item.wire
    assert (KINDS[item.kind], said.plate, said.odometer, said.ign_input) == ("IGN", "KXRT41", 1184.5, True)
    assert (said.latitude, said.speed) == (-36.8, 50)
    assert said.buff, "it is two minutes old"
    assert [one["id"] for one in await relay.postroad("deadletters", "list")] == [position["id"]]

    async def told() -> bool:
        story = await relay.postroad("explain", str(ignition["id"]))
        return [route["state"] for route in story["routes"]] == ["delivered"]

    await soon(told)
    assert relay.platform.malformed == []


async def test_a_vehicle_that_its_provider_knows_by_a_number_goes_out_with_the_declared_plate(relay: Relay) -> None:
    now_us = SystemClock().now_us()
    ago = [from_us(now_us - seconds * 1_000_000).isoformat() for seconds in (4, 3, 2)]
    cars = Cars(relay)
    await cars.say({"type": "car_odometer_km", "id": 1, "value": 1184.5, "time": ago[0]})
    where = {"type": "gps_position", "latitude": -36.8, "longitude": -73.0, "speed": 50, "direction": 90}
    await cars.say({**where, "id": 2, "time": ago[1]})
    await cars.say({"type": "car_ignition", "id": 3, "value": True, "time": ago[2]})
    letters = await cars.dead(2)
    assert {(one["reason"], one["detail"]) for one in letters} == {("incomplete", "plate")}

    await asyncio.to_thread(relay.declare, [{"plate": "KXRT41", "identifiers": {VEHICLE: 77}}])
    await relay.site.hub.parts.following.refresh()
    now = from_us(SystemClock().now_us()).isoformat()
    await cars.say({"type": "car_ignition", "id": 4, "value": False, "time": now})
    [item] = await relay.taken(1)
    assert (KINDS[item.kind], item.wire.plate, item.wire.odometer) == ("IGN", "KXRT41", 1184.5)
    assert item.wire.ign_input is False
    redrive = ("deadletters", "redrive", "--reason", "incomplete", "--wait")
    assert (await relay.postroad(*redrive))["status"] == "COMPLETED"
    items = await relay.taken(2)
    assert {one.wire.plate for one in items} == {"KXRT41"}
    assert relay.platform.malformed == []


async def test_trying_the_destination_out_says_that_nothing_was_sent_and_what_that_leaves_open(relay: Relay) -> None:
    async def printed(*arguments: str) -> str:
        command = [*arguments, "--data", str(relay.site.folder)]
        result = await asyncio.to_thread(CliRunner().invoke, cli, command)
        return " ".join(result.output.split())

    allowed = '[egress]\nallow_cidrs = ["127.0.0.1/32"]\n'
    (relay.site.folder / FILE_NAME).write_text(allowed, encoding="utf-8")
    told = await printed("subscriptions", "test", "injector")
    assert "Nothing was sent: drivetech has no message without an event." in told
    assert "credentials shows with the first event" in told
    assert "FAIL" not in told
    assert (relay.platform.unauthorized, relay.platform.taken) == (0, {})
    assert "ok destination platform tls: " in await printed("doctor")
    await relay.platform.stop()
    told = await printed("subscriptions", "test", "injector")
    assert "FAIL" in told
    assert "Nothing was sent" not in told


async def test_an_event_that_lacks_what_nobody_knows_is_listed_explained_and_counted(relay: Relay) -> None:
    cars = Cars(relay)
    at = from_us(SystemClock().now_us()).isoformat()
    await cars.say({"type": "car_ignition", "id": 1, "value": True, "time": at})
    [letter] = await cars.dead(1)
    assert (letter["type"], letter["reason"], letter["detail"]) == ("IGN", "incomplete", "plate")
    assert letter["attempts"] == 0
    story = await relay.postroad("explain", str(letter["id"]))
    [route] = story["routes"]
    assert (route["state"], route["letters"][0]["reason"], route["letters"][0]["detail"]) == (
        "dead",
        "incomplete",
        "plate",
    )
    command = ["explain", str(letter["id"]), "--data", str(relay.site.folder)]
    told = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert "is dead without an attempt: nobody knows its plate" in told.output.replace("\n", " ")
    counted = relay.site.hub.parts.counts.events_incomplete.values
    assert [(key[1], number) for key, number in counted.items()] == [("plate", 1)]
    assert relay.platform.taken == {}
