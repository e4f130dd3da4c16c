"""DriveQuant taken in and sent on by a running hub: real HTTP in, real HTTPS out to the simulated customer."""

import asyncio
import re
from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
import yaml
from click.testing import CliRunner

from fixtures.drivequant import (
    BY_TOKEN,
    ENVIRONMENT,
    ServeCustomer,
    Served,
    body,
    crash,
    declaration,
    trip,
    trip_deleted,
)
from fixtures.site import Site, soon
from postroad import layout, service
from postroad.cli.main import cli
from postroad.clock import SystemClock
from postroad.egress.tokens import basic
from postroad.log.delivery import LetterFilter
from postroad.protocols.drivequant import KINDS
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.settings import FILE_NAME
from postroad.simulate.drivequant_customer import TOKEN_PATH


class Platform:
    """The hub as DriveQuant is to its customer."""

    def __init__(self, site: Site, served: Served, session: aiohttp.ClientSession, ca_file: str) -> None:
        self.site = site
        self.served = served
        self.customer = served.customer
        self._session = session
        self._ca_file = ca_file

    def declare(self, *subscriptions: dict[str, Any]) -> None:
        auth = {**BY_TOKEN, "token_url": self.served.base + TOKEN_PATH}
        said = declaration(*subscriptions, base=self.served.base, ca_file=self._ca_file, auth=auth)
        file = self.site.folder / "declared.yaml"
        file.write_text(yaml.safe_dump(said), encoding="utf-8")
        keys = KeyRing.load_or_create(self.site.folder / layout.KEY_FILE)
        known = service.catalogue()
        apply_file(self.site.registry, file, catalogue=known, keys=keys, environment=ENVIRONMENT, prune=True)

    async def start(self, *subscriptions: dict[str, Any]) -> None:
        self.declare(*subscriptions)
        self._headers = {"Authorization": basic(*self.site.registry.issue_token("phones", "test"))}
        await self.site.hub.start()

    async def say(self, service_name: str, said: bytes) -> None:
        url = f"http://127.0.0.1:{self.site.hub.port}/in/drivequant/{service_name}"
        async with self._session.post(url, data=said, headers=self._headers) as response:
            assert response.status == 200, await response.text()

    def parked(self, count: int) -> Awaitable[None]:
        """Wait until so many events of the only subscription are parked."""

        async def parked() -> bool:
            [subscription_id] = self.site.registry.view().subscriptions
            return len(await self.site.hub.parts.logs[0].delivery.parked(subscription_id)) == count

        return soon(parked)


@pytest.fixture
async def platform(site: Site, serve_customer: ServeCustomer, session: aiohttp.ClientSession, ca_file: str) -> Platform:
    return Platform(site, await serve_customer(), session, ca_file)


async def test_each_service_goes_to_its_url_by_one_token(platform: Platform) -> None:
    await platform.start({"name": "all"})
    now_us = SystemClock().now_us()
    for name in KINDS[:-1]:
        await platform.say(name, body(name, now_us))
    await platform.served.until(lambda: len(platform.customer.pushes) == len(KINDS) - 1)
    assert sorted(push.service for push in platform.customer.pushes) == sorted(KINDS[:-1])
    assert platform.customer.tokens_issued == 1
    platform.customer.revoke_tokens()
    await platform.say("crash", crash(now_us, "another"))
    await platform.served.until(lambda: len(platform.customer.bodies("crash")) == 2)
    assert (platform.customer.tokens_issued, platform.customer.unauthorized["crash"]) == (2, 1)


async def test_trying_the_destination_out_reaches_each_url_and_gets_a_token(platform: Platform) -> None:
    await platform.start({"name": "all"})
    folder = platform.site.folder
    (folder / FILE_NAME).write_text('[egress]\nallow_cidrs = ["127.0.0.1/32"]\n', encoding="utf-8")
    command = ["subscriptions", "test", "all", "--data", str(folder)]
    result = await asyncio.to_thread(CliRunner().invoke, cli, command)
    told = " ".join(result.output.split())
    assert all(f"tls of {name} " in told for name in KINDS)
    assert "token obtained" in told
    assert "Nothing was sent: drivequant has no message without an event." in told
    assert (platform.customer.tokens_issued, platform.customer.pushes) == (1, [])
    doctor = await asyncio.to_thread(CliRunner().invoke, cli, ["doctor", "--data", str(folder)])
    assert "destination pushes each of 6 URLs reached; token: obtained" in " ".join(doctor.output.split())


async def test_a_trip_corrected_while_its_first_push_was_parked_arrives_once_and_corrected(platform: Platform) -> None:
    await platform.start({"name": "all"})
    platform.customer.trouble["trip"] = 500
    await platform.say("trip", trip(distance=100.0))
    await platform.parked(1)
    platform.customer.trouble.clear()
    await platform.say("trip", trip(distance=200.0))
    await platform.served.until(lambda: bool(platform.customer.pushes))
    await platform.parked(0)
    [taken] = platform.customer.bodies("trip")
    assert taken["itineraryStatistics"]["distance"] == 200.0
    assert platform.customer.attempts["trip"] == 2


async def test_a_trip_deleted_while_it_was_parked_arrives_as_the_deletion_only(platform: Platform) -> None:
    await platform.start({"name": "all"})
    platform.customer.trouble["trip"] = "down"
    await platform.say("trip", trip())
    await platform.parked(1)
    platform.customer.trouble.clear()
    await platform.say("trip_deleted", trip_deleted())
    await platform.served.until(lambda: bool(platform.customer.pushes))
    await platform.parked(0)
    assert [push.service for push in platform.customer.pushes] == ["trip_deleted"]


async def test_a_deleted_driver_is_told_until_it_is_taken_and_nothing_else_of_him(platform: Platform) -> None:
    retry = {"then_s": 0.1, "cap_s": 0.1}
    await platform.start({"name": "all", "delivery": {"retry": retry}})
    platform.customer.trouble |= {"trip": 409, "driver_deleted": 403}
    await platform.say("trip", trip())
    await platform.parked(1)
    await platform.say("driver_deleted", body("driver_deleted", SystemClock().now_us()))
    await platform.served.until(lambda: platform.customer.attempts["driver_deleted"] > 2)
    platform.customer.trouble.clear()
    await platform.served.until(lambda: bool(platform.customer.pushes))
    await platform.parked(0)
    assert [push.service for push in platform.customer.pushes] == ["driver_deleted"]


async def test_while_trips_cannot_be_pushed_a_crash_can(platform: Platform, session: aiohttp.ClientSession) -> None:
    await platform.start({"name": "all", "delivery": {"window": 5}})
    platform.customer.trouble["trip"] = "down"
    for number in range(120):
        await platform.say("trip", trip(f"trip-{number}"))
    gates = platform.site.hub.parts.manager.gates
    await soon(
        lambda: any(
            one["trip"].state == "open" for one in map(gates, platform.site.registry.view().destinations) if one
        )
    )
    await platform.say("crash", crash(SystemClock().now_us()))
    await platform.served.until(lambda: bool(platform.customer.bodies("crash")))
    async with session.get(f"http://127.0.0.1:{platform.site.hub.port}/metrics") as response:
        told = await response.text()
    circuits = dict(re.findall(r'postroad_destination_circuit{.*endpoint="(\w+)".*} (\d)', told))
    assert {name: state for name, state in circuits.items() if state != "0"} == {"trip": "2"}
    assert circuits.keys() == {*KINDS}
    assert platform.customer.bodies("trip") == []
    assert platform.customer.attempts["trip"] < 120


async def test_a_service_is_activated_by_a_subscription_of_its_own_and_what_came_before_stays_out(
    platform: Platform,
) -> None:
    await platform.start({"name": "crashes", "types": ["crash"]})
    now_us = SystemClock().now_us()
    await platform.say("trip", trip("before"))
    await platform.say("crash", crash(now_us, "first"))
    await platform.served.until(lambda: len(platform.customer.pushes) == 1)
    await asyncio.to_thread(
        platform.declare, {"name": "crashes", "types": ["crash"]}, {"name": "trips", "types": ["trip"]}
    )
    await platform.site.hub.parts.following.refresh()
    await platform.say("trip", trip("after"))
    await platform.say("crash", crash(now_us, "second"))
    await platform.served.until(lambda: len(platform.customer.pushes) == 3)
    assert [one["itinId"] for one in platform.customer.bodies("trip")] == ["after"]
    assert [one["crashId"] for one in platform.customer.bodies("crash")] == ["first", "second"]


async def test_trips_that_were_given_up_are_pushed_again_when_the_customer_asks(
    platform: Platform, session: aiohttp.ClientSession
) -> None:
    await platform.start({"name": "all", "delivery": {"retry": {"max_attempts": 1}}})
    _, key = platform.site.registry.issue_integration_token("insurer", "")
    await platform.site.hub.parts.following.refresh()
    platform.customer.trouble |= {"trip": 409, "diagnosis": 500}
    await platform.say("trip", trip())
    await platform.say("diagnosis", body("diagnosis", SystemClock().now_us()))
    store = platform.site.hub.parts.logs[0].delivery

    async def both_are_dead() -> bool:
        return len(await store.dead(LetterFilter())) == 2

    await soon(both_are_dead)
    platform.customer.trouble.clear()
    url = f"http://127.0.0.1:{platform.site.hub.port}/v1/enterprise/push/trips/failed/retry"
    async with session.post(url, headers={"x-dq-enterprise-api-key": key}) as response:
        assert (await response.json())["nbItems"] == 1
    await platform.served.until(lambda: bool(platform.customer.pushes))
    assert [push.service for push in platform.customer.pushes] == ["trip"]
    [left] = await store.dead(LetterFilter())
    assert KINDS[left.letter.slot] == "diagnosis"
