"""A hub as the customer of a hub: it signs in, lists, adds streams and follows admin events, as with the vendor."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.hub_pair import HubPair, started
from fixtures.prepared_hub import PreparedHub
from postroad.clock import SystemClock, from_us
from postroad.simulate.certificates import SERVER_FILE

ENTRANCE = "/provider/event/new/"
STREAMS_PATH = "/in/connected_cars"
TOPIC = 1
"""The only subscription of A."""
VEHICLES = {"AA1111": "North", "BB2222": "North", "CC3333": "South"}

_SAMPLE = Path(__file__).parent.parent / "protocols" / "samples" / "in" / "drivetech" / "all-fields.json"
_FRAME = json.loads(_SAMPLE.read_text(encoding="utf-8"))["frame"]


class Pair(HubPair):
    """``a`` has vehicles and plays Connected Cars, ``b`` is its customer. Their organizations are different ones."""

    def _prepare(self) -> None:
        self._declare_b = {"name": "cc", "protocol": "connected_cars"}
        self.b.prepare(self._of_b(), settings=f'ca_file = "{self._ca_file}"\n')
        environment = {
            "TOKEN": self.b.issue_token("cc"),
            "POSTROAD_HUB_TLS_CERT_FILE": str(self._folder / SERVER_FILE),
        }
        self.a = PreparedHub(self._folder / "a", environment=environment)
        self.a.url = self.a.url.replace("http:", "https:")
        self.a.prepare(self._of_a())
        self._headers = {"Authorization": f"Bearer {self.a.issue_token('gps')}"}
        self._tls = ssl.create_default_context(cafile=self._ca_file)
        made = self.a.postroad("service-account", "create", "--integration", "hub-b", "--url", self.a.url, "--json")
        self._account = json.loads(made)
        self._sign_up()

    def _of_a(self) -> str:
        auth = {"type": "basic", "username": "hub-a", "password": {"env": "TOKEN"}}
        config = {"url": self.b_url + STREAMS_PATH, "ca_file": str(self._ca_file), "auth": auth}
        subscription = {
            "name": "topic",
            "protocol": "connected_cars",
            "destination": "hub-b",
            "types": ["gps_position"],
            "vehicles": "chosen",
            "delivery": {"retry": {"first_waits_s": [], "then_s": 0.2, "cap_s": 0.2}},
        }
        integration = {
            "name": "hub-b",
            "destinations": [{"name": "hub-b", "transport": "https", "config": config}],
            "subscriptions": [subscription],
        }
        owner = {
            "name": "Andes",
            "providers": [{"name": "gps", "protocol": "drivetech"}],
            "fleets": [{"name": "North"}, {"name": "South"}],
            "vehicles": [{"plate": plate, "fleet": fleet} for plate, fleet in VEHICLES.items()],
        }
        return yaml.safe_dump({"organizations": [owner, {"name": "Insurer", "integrations": [integration]}]})

    def _of_b(self, **upstream: Any) -> str:
        provider = self._declare_b | ({"upstream": upstream} if upstream else {})
        return yaml.safe_dump({"organizations": [{"name": "Insurer", "providers": [provider]}]})

    def _sign_up(self) -> None:
        """Tell B how A's control plane is reached."""
        key = self._folder / "account.pem"
        key.write_text(self._account["private_key"], encoding="utf-8")
        declared = self._of_b(
            graphql_url=self.a.url + "/graphql",
            auth_url=self._account["aud"],
            namespace="andes:default",
            service_account={
                "issuer": self._account["iss"],
                "audience": self._account["aud"],
                "key_id": self._account["kid"],
                "private_key": {"file": str(key)},
            },
            topic=TOPIC,
            reference_url="https://insurer.example/{vehicleId}",
        )
        file = self._folder / "b.yaml"
        file.write_text(declared, encoding="utf-8")
        self.b.postroad("apply", str(file))

    async def drive(self, plate: str, speed_kmh: int) -> None:
        """A vehicle of A reports, now."""
        frame = _FRAME | {"plate": plate, "speed": speed_kmh, "datetime": from_us(SystemClock().now_us()).isoformat()}
        await self.tell(ENTRANCE, json=frame, headers=self._headers, ssl=self._tls)

    async def grants(self, *arguments: str) -> None:
        """Give or take back a grant, at A."""
        await asyncio.to_thread(self.a.postroad, "grants", *arguments)

    def streaming(self) -> dict[int, str | None]:
        """Number of each vehicle that A streams -> the reference that B gave it."""
        view = self.view("a")
        return {
            int(view.subjects[stream.subject_id].issued["connected_cars.vehicle_id"]): stream.reference_url
            for stream in view.streams.values()
            if stream.subscription_id == TOPIC and not stream.ended and stream.from_position is not None
        }

    def number(self, plate: str) -> int:
        """By which A speaks of a vehicle."""
        subjects = self.view("a").subjects.values()
        [found] = [int(one.issued["connected_cars.vehicle_id"]) for one in subjects if one.plate == plate]
        return found

    def told(self) -> list[dict[str, Any]]:
        """All that stands in B's log, in order."""
        return [json.loads(raw) for _, _, raw in self.items("b")]

    def settled(self) -> bool:
        """Whether A has dealt with everything in its log."""
        with self.shard("a") as shard:
            cursor = shard.cursors().get(TOPIC)
            return cursor is not None and cursor.position == shard.heads().next_position


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with started(Pair(tmp_path)) as pair:
        yield pair


async def test_a_grant_is_told_then_streams_are_added_and_a_revocation_ends_them(pair: Pair) -> None:
    mine = {plate: pair.number(plate) for plate in VEHICLES}
    await pair.drive("AA1111", 30)  # before anybody has access
    await pair.grants("give", "hub-b", "--fleet", "North")
    references = {
        mine[plate]: f"https://insurer.example/{mine[plate]}" for plate, fleet in VEHICLES.items() if fleet == "North"
    }
    await pair.until(lambda: pair.streaming() == references)
    await pair.drive("AA1111", 40)
    await pair.drive("CC3333", 50)  # its fleet has granted nothing
    await pair.grants("give", "hub-b", "--vehicle", "CC3333")
    await pair.until(lambda: mine["CC3333"] in pair.streaming())
    await pair.drive("CC3333", 60)
    await pair.grants("revoke", "hub-b", "--fleet", "North")
    await pair.until(lambda: pair.told()[-1]["type"] == "access_removed_from_fleet")
    assert pair.streaming().keys() == {mine["CC3333"]}
    await pair.drive("BB2222", 70)
    await pair.until(pair.settled)
    said = [(one["type"], one.get("vehicleId") or one.get("fleetId"), one.get("speed")) for one in pair.told()]
    [north] = {number for type_, number, _ in said if type_ == "access_granted_to_fleet"}
    assert said == [
        ("access_granted_to_fleet", north, None),
        ("gps_position", mine["AA1111"], 40),
        ("access_granted_to_vehicle", mine["CC3333"], None),
        ("gps_position", mine["CC3333"], 60),
        ("access_removed_from_fleet", north, None),
    ]
