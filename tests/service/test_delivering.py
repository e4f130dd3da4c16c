"""Contracts, gates, alerts and signatures where everything meets: a running hub, real HTTPS, the real registry."""

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
import yaml
from click.testing import CliRunner
from standardwebhooks import Webhook, WebhookVerificationError

from fixtures.remote import Remote, Reply, Request
from fixtures.site import Site, soon
from postroad import layout, service
from postroad.cli.main import cli
from postroad.log.delivery import LetterFilter
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.settings import FILE_NAME

RETRY = {"first_waits_s": [], "then_s": 0.05, "cap_s": 0.05}
IN_ORDER = {"order": "subject", "max_items": 1, "retry": RETRY}
FIRST = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SECOND = "whsec_" + base64.b64encode(bytes(range(50, 82))).decode()


class Customer:
    """What a destination is sent, and how it answers: by status, until told otherwise."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.status = 200
        self.of_vehicle: dict[int, int] = {}
        self.delivered: list[tuple[int, int]] = []
        """(vehicle, event) of what it has confirmed, in order."""
        self.refused: Counter[int] = Counter()
        """Requests that it did not take, by vehicle."""
        remote.answer = self.answer

    def answer(self, request: Request) -> Reply:
        said = [(event["vehicleId"], event["id"]) for event in json.loads(request.body)]
        status = self.of_vehicle.get(said[0][0], self.status)
        if status == 200:
            self.delivered += said
        else:
            self.refused[said[0][0]] += 1
        return Reply(status)

    def events_of(self, vehicle: int) -> list[int]:
        return [event for whose, event in self.delivered if whose == vehicle]


class Declared:
    """A site whose subscriptions are as a test wants them, all to one destination without credentials."""

    def __init__(self, site: Site, session: aiohttp.ClientSession, remote: Remote, ca_file: str) -> None:
        self.site = site
        self._session = session
        self._config = {"url": f"{remote.url}/events", "ca_file": ca_file}
        self._second = 0

    def declare(self, *subscriptions: dict[str, Any], limits: dict[str, Any] | None = None, **secrets: str) -> None:
        """``secrets`` are what references in the file find."""
        common = {
            "protocol": "connected_cars",
            "destination": "webhook",
            "types": ["gps_position"],
            "vehicles": "all",
            "options": {"admin_events": False},
        }
        destination = {"name": "webhook", "transport": "https", "config": self._config, "limits": limits or {}}
        organization = {
            "name": "Andes",
            "providers": [{"name": "gps", "protocol": "drivetech"}],
            "integrations": [
                {
                    "name": "insurer",
                    "destinations": [destination],
                    "subscriptions": [common | subscription for subscription in subscriptions],
                }
            ],
        }
        file = self.site.folder / "declared.yaml"
        file.write_text(yaml.safe_dump({"organizations": [organization]}), encoding="utf-8")
        keys = KeyRing.load_or_create(self.site.folder / layout.KEY_FILE)
        apply_file(self.site.registry, file, catalogue=service.catalogue(), keys=keys, environment=secrets, prune=True)

    async def start(self, *subscriptions: dict[str, Any], **options: Any) -> None:
        self.declare(*subscriptions, **options)
        (self.site.folder / FILE_NAME).touch()  # for commands
        await self.site.hub.start()

    async def say(self, *plates: str) -> None:
        """One event of each, in this order, each later than all before."""
        for plate in plates:
            self._second += 1
            at = f"2026-07-02T14:{self._second // 60:02}:{self._second % 60:02}Z"
            assert await self.site.post(self._session, plate=plate, datetime=at) == 200

    async def command(self, *arguments: str) -> Any:
        """What a command says that is run on the folder beside the hub."""

        def run() -> Any:
            done = CliRunner().invoke(cli, [*arguments, "--json", "--data", str(self.site.folder)])
            assert done.exit_code == 0, done.output
            return json.loads(done.stdout)

        return await asyncio.to_thread(run)

    def alerts(self) -> set[str]:
        """The kinds that the registry says are open."""
        return {alert.kind for alert in self.site.registry.alerts()}

    def alerted(self, *kinds: str) -> Awaitable[None]:
        return soon(lambda: self.alerts() == set(kinds))

    @property
    def state(self) -> str:
        [subscription] = self.site.registry.view().subscriptions.values()
        return subscription.state


@pytest.fixture
def declared(site: Site, session: aiohttp.ClientSession, remote: Remote, ca_file: str) -> Declared:
    return Declared(site, session, remote, ca_file)


@pytest.fixture
def customer(remote: Remote) -> Customer:
    return Customer(remote)


async def test_in_order_of_subjects_a_vehicle_that_fails_waits_alone_and_then_comes_in_order(
    declared: Declared, customer: Customer
) -> None:
    await declared.start({"name": "telemetry", "delivery": IN_ORDER})
    await declared.say("AAAA11", "BBBB22")
    await soon(lambda: len(customer.delivered) == 2)
    failing, other = (vehicle for vehicle, _ in sorted(customer.delivered, key=lambda pair: pair[1]))
    customer.of_vehicle[failing] = 409
    await declared.say("AAAA11", "AAAA11", "BBBB22", "AAAA11", "BBBB22")
    await soon(lambda: len(customer.events_of(other)) == 3 and customer.refused[failing] >= 2)
    assert len(customer.events_of(failing)) == 1
    letters = declared.site.hub.parts.logs[0].delivery
    await soon(declared.site.settled(8))  # the cursor does not wait for what is parked
    assert len(await letters.parked(1)) == 3
    del customer.of_vehicle[failing]
    await soon(lambda: len(customer.events_of(failing)) == 4)
    assert customer.events_of(failing) == sorted(customer.events_of(failing))
    assert len(customer.delivered) == 7


async def test_in_order_of_subjects_an_event_that_is_refused_is_a_dead_letter_and_the_next_one_goes(
    declared: Declared, customer: Customer
) -> None:
    await declared.start({"name": "telemetry", "delivery": IN_ORDER})
    customer.status = 422
    await declared.say("AAAA11")
    await declared.alerted("dead_letters")
    customer.status = 200
    await declared.say("AAAA11")
    await soon(lambda: len(customer.delivered) == 1)
    await soon(declared.site.settled(4))
    [dead] = await declared.site.hub.parts.logs[0].delivery.dead(LetterFilter())
    assert (dead.letter.position, dead.letter.status, dead.letter.attempts) == (2, 422, 1)


@pytest.mark.parametrize("order", ["bulk", "subject", "none"])
async def test_a_destination_that_is_gone_pauses_the_subscription_until_a_person_resumes_it(
    declared: Declared, customer: Customer, order: str
) -> None:
    await declared.start({"name": "telemetry", "delivery": {"order": order, "disable": True, "retry": RETRY}})
    customer.status = 410
    await declared.say("AAAA11")
    await soon(lambda: declared.state == "paused")
    await declared.alerted("destination_gone")
    [listed] = await declared.command("subscriptions", "list")
    assert listed["paused_reason"] == "rejected (status 410)"
    await soon(lambda: not declared.site.hub.parts.manager._running)
    sent = len(customer.remote.requests)
    customer.status = 200
    await declared.say("AAAA11")
    assert len(customer.remote.requests) == sent
    await declared.command("subscriptions", "resume", "telemetry")
    await soon(lambda: len(customer.delivered) == 2)
    assert len({event for _, event in customer.delivered}) == 2
    await declared.alerted()
    assert declared.state == "active"


@pytest.mark.parametrize("order", ["bulk", "subject"])
async def test_refused_credentials_are_an_alert_until_they_are_taken(
    declared: Declared, customer: Customer, order: str
) -> None:
    await declared.start({"name": "telemetry", "delivery": {"order": order, "retry": RETRY}})
    customer.status = 401
    await declared.say("AAAA11")
    await soon(lambda: "credentials_refused" in declared.alerts())
    assert declared.state == "active"
    customer.status = 200
    await soon(lambda: len(customer.delivered) == 1)
    await declared.alerted()


class Verifier:
    """Counts what verifies by which secrets, by a verifier that is not ours."""

    def __init__(self, remote: Remote, **secrets: str) -> None:
        self.secrets = secrets
        self.verified: list[set[str]] = []
        remote.answer = self.answer

    def answer(self, request: Request) -> Reply:
        found = set()
        for name, secret in self.secrets.items():
            try:
                Webhook(secret).verify(request.body, request.headers)
            except WebhookVerificationError:
                continue
            found.add(name)
        self.verified.append(found)
        return Reply()


@pytest.mark.parametrize("order", ["bulk", "subject"])
async def test_a_new_secret_is_signed_with_within_a_second_beside_the_old_one_until_the_overlap_is_over(
    declared: Declared, remote: Remote, order: str
) -> None:
    await declared.start({"name": "telemetry", "delivery": {"order": order}})
    old = (await declared.command("subscriptions", "rotate-secret", "telemetry"))["secret"]
    verifier = Verifier(remote, old=old)
    await declared.say("AAAA11")
    await soon(lambda: bool(verifier.verified))
    rotated_s = time.monotonic()
    new = (await declared.command("subscriptions", "rotate-secret", "telemetry", "--overlap", "2s"))["secret"]
    verifier.secrets["new"] = new
    while {"old", "new"} not in verifier.verified:
        assert time.monotonic() - rotated_s < 1.0, verifier.verified
        await declared.say("AAAA11")
        await asyncio.sleep(0.02)
    assert time.monotonic() - rotated_s < 2.0
    while verifier.verified[-1] != {"new"}:
        assert time.monotonic() - rotated_s < 5.0, verifier.verified
        await declared.say("AAAA11")
        await asyncio.sleep(0.05)
    assert all(verifier.verified), "one was signed with no secret that the customer knows"


async def test_secrets_that_a_file_declares_sign_and_a_change_of_the_file_is_followed(
    declared: Declared, remote: Remote
) -> None:
    verifier = Verifier(remote, first=FIRST, second=SECOND)

    def signed_with(*names: str) -> dict[str, Any]:
        return {"name": "telemetry", "signing": {"secrets": [{"env": name} for name in names]}}

    secrets = {"FIRST": FIRST, "SECOND": SECOND}
    await declared.start(signed_with("FIRST"), **secrets)
    await declared.say("AAAA11")
    await soon(lambda: verifier.verified == [{"first"}])
    await asyncio.to_thread(declared.declare, signed_with("SECOND", "FIRST"), **secrets)

    async def newest(wanted: set[str]) -> bool:
        await declared.say("AAAA11")
        return verifier.verified[-1] == wanted

    await soon(lambda: newest({"first", "second"}))
    await asyncio.to_thread(declared.declare, signed_with("SECOND"), **secrets)
    await soon(lambda: newest({"second"}))
    assert all(verifier.verified)


async def test_subscriptions_to_one_destination_share_its_gate(declared: Declared, remote: Remote) -> None:
    at_once, most, said = 0, 0, Counter[str]()

    async def slowly(request: Request) -> Reply:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.005)
        at_once -= 1
        said.update(event["type"] for event in json.loads(request.body))
        return Reply()

    remote.answer = slowly
    await declared.start(
        {"name": "places", "delivery": IN_ORDER},
        {"name": "places alone", "delivery": {"order": "none", "max_items": 1}},
        {"name": "bulks", "types": ["car_odometer_km"], "delivery": {"max_items": 2}},
        limits={"concurrency": 1},
    )
    for _ in range(4):
        await declared.say("AAAA11", "BBBB22", "CCCC33")
    await soon(lambda: said == {"gps_position": 24, "car_odometer_km": 12})
    assert most == 1


async def test_no_more_requests_begin_in_a_second_than_the_destination_allows(
    declared: Declared, remote: Remote
) -> None:
    began_s: list[float] = []

    def noted(_request: Request) -> Reply:
        began_s.append(time.monotonic())
        return Reply()

    remote.answer = noted
    await declared.start({"name": "telemetry", "delivery": IN_ORDER}, limits={"requests_per_s": 20})
    await declared.say(*[f"AAAA{number}" for number in range(10, 32)])
    await soon(lambda: len(began_s) == 22)
    assert began_s[-1] - began_s[1] > 20 / 20 - 0.2, "the first one had to connect"
