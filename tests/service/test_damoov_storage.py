"""Damoov's storage option of a running hub: real HTTP in, copies to a folder and to S3, notifications over HTTPS."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from fixtures.drivequant import trip, trip_deleted
from fixtures.remote import Remote, Reply, Request
from fixtures.s3 import SECRET
from fixtures.site import Site, soon
from postroad import layout, service
from postroad.clock import SystemClock
from postroad.egress.tokens import basic
from postroad.log.delivery import LetterFilter
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing

SOON = {"retry": {"first_waits_s": [], "then_s": 0.05, "cap_s": 0.05, "jitter": 0.0}}
TYPES = ["TrackEnrichmentFinished", "IncomingTrackRemoved"]


class Platform:
    """The hub as Damoov is to its customer, who has a storage and a webhook."""

    def __init__(self, site: Site, webhook: Remote, session: aiohttp.ClientSession, ca_file: str) -> None:
        self.site = site
        self.webhook = webhook
        self._session = session
        self._ca_file = ca_file

    async def start(self, storage: dict[str, Any], at: str, **subscription: Any) -> None:
        config = {"url": f"{self.webhook.url}/n", "ca_file": self._ca_file, "storage": storage}
        told = {
            "name": "told",
            "protocol": "damoov",
            "destination": "webhook",
            "drivers": "all",
            "types": TYPES,
            "options": {"stored_url": at},
            "delivery": SOON,
        }
        integration = {
            "name": "insurer",
            "destinations": [{"name": "webhook", "transport": "https", "config": config}],
            "subscriptions": [told | subscription],
        }
        providers = [{"name": "phones", "protocol": "drivequant"}]
        said = {"organizations": [{"name": "Andes", "providers": providers, "integrations": [integration]}]}
        file = self.site.folder / "declared.yaml"
        file.write_text(yaml.safe_dump(said), encoding="utf-8")
        keys = KeyRing.load_or_create(self.site.folder / layout.KEY_FILE)
        apply_file(
            self.site.registry, file, catalogue=service.catalogue(), keys=keys, environment={"KEY": SECRET}, prune=True
        )
        self._headers = {"Authorization": basic(*self.site.registry.issue_token("phones", "test"))}
        await self.site.hub.start()

    async def say(self, service_name: str, said: bytes) -> None:
        url = f"http://127.0.0.1:{self.site.hub.port}/in/drivequant/{service_name}"
        async with self._session.post(url, data=said, headers=self._headers) as response:
            assert response.status == 200, await response.text()

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.webhook.requests]

    async def until_told(self, count: int) -> None:
        await soon(lambda: len(self.webhook.requests) >= count)

    def alerts(self) -> set[str]:
        return {alert.kind for alert in self.site.registry.alerts(open_only=True)}


@pytest.fixture
def platform(site: Site, remote: Remote, session: aiohttp.ClientSession, ca_file: str) -> Platform:
    return Platform(site, remote, session, ca_file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "storage"
    made.mkdir()
    return made


def declared(s3: Any, **fields: Any) -> dict[str, Any]:
    """As it stands in a file."""
    config: dict[str, Any] = s3.config(secret_access_key={"env": "KEY"}, **fields)
    return config


def body_at(folder: Path, url: str) -> dict[str, Any]:
    """What a receiver finds by a notification's URL."""
    found = json.loads((folder / url.removeprefix("file:///srv/copies/")).read_bytes())
    assert isinstance(found, dict)
    return found


async def test_the_copy_is_there_when_the_notification_comes_and_is_the_newest_edition(
    platform: Platform, folder: Path
) -> None:
    found: list[float] = []

    def answer(request: Request) -> Reply:
        url = json.loads(request.body)["Object"]["Url"]
        found.append(body_at(folder, url)["Result"]["Track"]["Distance"])
        return Reply()

    platform.webhook.answer = answer
    await platform.start({"type": "folder", "path": str(folder)}, "file:///srv/copies")
    await platform.say("trip", trip(distance=12_000.0))
    await platform.until_told(1)
    await platform.say("trip", trip(distance=15_000.0))
    await platform.until_told(2)
    assert found == [12.0, 15.0]
    first, second = platform.told
    assert first["Object"] == second["Object"], "one trip is one object"
    user = first["UserId"].replace("-", "")
    assert first["Object"]["Url"].startswith(f"file:///srv/copies/{user}/processed_track/")


async def test_a_deletion_comes_with_its_own_copy_and_leaves_the_customer_s_alone(
    platform: Platform, folder: Path
) -> None:
    await platform.start({"type": "folder", "path": str(folder)}, "file:///srv/copies")
    await platform.say("trip", trip())
    await platform.until_told(1)
    await platform.say("trip_deleted", trip_deleted())
    await platform.until_told(2)
    told = platform.told
    assert [one["Event"] for one in told] == ["TrackEnrichmentFinished", "IncomingTrackRemoved"]
    assert body_at(folder, told[1]["Object"]["Url"])["Track"]["TrackToken"] == told[0]["Object"]["Id"]
    assert body_at(folder, told[0]["Object"]["Url"])["Result"]["Track"]["Distance"] == 12.0


async def test_while_the_bucket_is_away_nobody_is_told_the_circuit_opens_and_later_all_arrive(
    platform: Platform, s3: Any
) -> None:
    s3.trouble = lambda _request: Reply(503, b"<Error><Code>SlowDown</Code></Error>")
    await platform.start(declared(s3, prefix="hub"), "s3://copies/hub")
    for number in range(5):
        await platform.say("trip", trip(f"trip-{number}"))
    gates = platform.site.hub.parts.manager.gates
    [destination_id] = platform.site.registry.view().destinations
    await soon(lambda: bool(gates(destination_id)) and gates(destination_id)[""].state != "closed")
    await soon(lambda: "destination_failing" in platform.alerts())
    assert platform.webhook.requests == []
    s3.trouble = lambda _request: None
    await platform.until_told(5)
    keys = {one["Object"]["Url"].removeprefix("s3://copies/") for one in platform.told}
    assert keys == s3.objects.keys()
    assert len(keys) == 5
    await soon(lambda: not platform.alerts())


async def test_a_bucket_that_refuses_our_key_raises_the_alert_about_credentials(platform: Platform, s3: Any) -> None:
    s3.secret = "another"
    await platform.start(declared(s3), "s3://copies")
    await platform.say("trip", trip())
    await soon(lambda: "credentials_refused" in platform.alerts())
    assert platform.webhook.requests == []
    s3.secret = SECRET
    await platform.until_told(1)


async def test_what_the_storage_will_never_take_is_a_dead_letter_and_goes_whole_when_redriven(
    platform: Platform, s3: Any
) -> None:
    s3.trouble = lambda request: (
        Reply(400, b"<Error><Code>EntityTooLarge</Code></Error>") if request.method == "PUT" else None
    )
    await platform.start(declared(s3), "s3://copies", delivery={"retry": {"max_attempts": 1}})
    await platform.say("trip", trip())
    store = platform.site.hub.parts.logs[0].delivery

    async def dead() -> bool:
        return bool(await store.dead(LetterFilter()))

    await soon(dead)
    [letter] = await store.dead(LetterFilter())
    assert (letter.letter.reason, letter.letter.detail) == (
        "too_large",
        "storage, bucket copies: answered 400 EntityTooLarge",
    )
    assert platform.webhook.requests == []
    s3.trouble = lambda _request: None
    platform.site.hub.parts.manager.revived(0, await store.revive([letter], [SystemClock().now_us()]))
    await platform.until_told(1)
    [told] = platform.told
    assert s3.objects.keys() == {told["Object"]["Url"].removeprefix("s3://copies/")}


async def test_a_notification_that_fails_is_sent_again_without_another_copy(platform: Platform, s3: Any) -> None:
    answers = [500, 500, 200]
    platform.webhook.answer = lambda _request: Reply(answers.pop(0))
    await platform.start(declared(s3), "s3://copies")
    await platform.say("trip", trip())
    await platform.until_told(3)
    assert len({request.body for request in platform.webhook.requests}) == 1
    assert len(s3.puts()) == 1
