"""Where services push to, in a real hub, over sockets: who is read at all, and how much, and how often."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from fixtures.bulks import STREAMS, Bulks, event
from postroad import service
from postroad.errors import ConfigError
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.service import Hub
from postroad.settings import DeliverySettings, HubSettings, LimitsSettings, LogSettings, Settings
from postroad.transports import PUSHES

SECRET = "a-secret-of-16-or-more"
CONFIGS: dict[str, dict[str, Any]] = {
    "event_grid": {"secret": {"env": "SECRET"}},
    "pubsub_push": {"audience": "hub", "service_account_email": "p@x.iam.gserviceaccount.com"},
    "sns": {"topic_arn": "arn:aws:sns:eu-west-1:123456789012:trips"},
}
PROVIDERS = [
    *(
        {"name": name, "protocol": "connected_cars", "receive": {"transport": name, "config": config}}
        for name, config in CONFIGS.items()
    ),
    {"name": "streams", "protocol": "connected_cars"},
]


def test_every_push_is_asked() -> None:
    assert CONFIGS.keys() == PUSHES.keys()


class Site(Bulks):
    """A hub with a provider for each transport that pushes, and one of which nothing is pushed."""

    TOKENS = ("streams", "event_grid")

    def declare(self, settings: str = "{}") -> None:  # noqa: ARG002 - of the base
        file = self.folder / "declared.yaml"
        file.write_text(json.dumps({"organizations": [{"name": "Andes", "providers": PROVIDERS}]}), encoding="utf-8")
        keys = KeyRing.load_or_create(self.folder / "postroad.key")
        environment = {"SECRET": SECRET}
        apply_file(self.registry, file, catalogue=service.catalogue(), keys=keys, environment=environment, prune=True)
        self.ids = {one.name: id_ for id_, one in self.registry.view().providers.items()}

    async def start_with(self, limits: LimitsSettings) -> None:
        settings = Settings(
            hub=HubSettings(port=0, stop_within_s=1.0),
            delivery=DeliverySettings(registry_poll_ms=20),
            log=LogSettings(reserve_bytes=0),
            limits=limits,
        )
        self.hub = Hub(self.folder, settings)
        await self.hub.start()

    @property
    def webhook(self) -> str:
        return f"/in/event_grid/{self.ids['event_grid']}?code={SECRET}"

    async def push(self, *numbers: int) -> tuple[int, str | None]:
        """A request of Event Grid's with an event for each number: the status, and when to come again."""
        pushed = [{"id": f"e-{number}", "eventType": "t", "data": [event(number)]} for number in numbers]
        async with self.session.post(self.url(self.webhook), data=json.dumps(pushed)) as answer:
            return answer.status, answer.headers.get("Retry-After")

    async def said(self, path: str, body: bytes = b"", *, length: int = 1_000_000) -> bytes:
        """What is answered to a request whose body does not come, or only in part."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.hub.port)
        try:
            head = f"POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Length: {length}\r\n\r\n"
            writer.write(head.encode() + body)
            async with asyncio.timeout(10):
                return await reader.readuntil(b"\r\n\r\n")
        finally:
            writer.close()


Start = Callable[..., Awaitable[Site]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a hub with these limits."""
    sites: list[Site] = []
    async with aiohttp.ClientSession() as session:

        async def start(**limits: Any) -> Site:
            site = Site(tmp_path, session)
            await site.start_with(LimitsSettings(**limits))
            sites.append(site)
            return site

        yield start
        for site in sites:
            await site.stop()


async def test_a_stranger_is_answered_alike_whatever_there_is_and_his_body_is_not_waited_for(start: Start) -> None:
    site = await start()
    others = ["999", "0", "-1", "x", "9" * 30, "9" * 5000, "%00", "%E0%A5%A7"]
    paths = [
        *(f"/in/{transport}/{id_}" for transport in PUSHES for id_ in (*site.ids.values(), *others)),
        f"/in/event_grid/{site.ids['event_grid']}?code={SECRET[:-1]}",
        f"/in/pubsub_push/{site.ids['event_grid']}?code={SECRET}",
    ]
    answers = await asyncio.gather(*map(site.said, paths))
    assert {path: answer for path, answer in zip(paths, answers, strict=True) if answer != answers[0]} == {}
    assert answers[0].startswith(b"HTTP/1.1 401 ")
    assert site.hub.parts.counts.unauthorized.values == {(): len(paths)}


async def test_a_body_is_read_no_further_than_the_service_sends(start: Start) -> None:
    site = await start()
    most = PUSHES["event_grid"].max_body_bytes
    assert (await site.said(site.webhook, b"x" * (most + 1), length=2 * most)).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_does_not_come_in_time_is_not_waited_for(start: Start) -> None:
    site = await start(body_within_s=0.2)
    assert (await site.said(site.webhook, b"[")).startswith(b"HTTP/1.1 408 ")
    assert await site.push(1) == (200, None)


async def test_a_provider_over_its_rate_has_its_messages_come_again_whatever_way_they_take(start: Start) -> None:
    site = await start(provider_requests_per_s=0.002, burst_s=1000)  # two requests, and then none for minutes
    assert await site.push(1, 2, 3) == (200, None), "a request with three events is one"
    assert (await site.post([event(4)], path=STREAMS, provider="event_grid"))[0] == 200
    status, again_s = await site.push(5)
    assert status == 503
    assert again_s is not None
    assert (await site.post([event(6)], path=STREAMS, provider="event_grid"))[0] == 503
    assert [json.loads(raw)["id"] for raw in await site.stored()] == [1, 2, 3, 4]
    assert (await site.said(f"/in/event_grid/{site.ids['event_grid']}")).startswith(b"HTTP/1.1 401 ")


async def test_a_stranger_spends_the_rate_of_his_address_only(start: Start) -> None:
    site = await start(address_requests_per_s=0.002, provider_requests_per_s=0.0005, burst_s=2000)
    strangers = f"/in/event_grid/{site.ids['event_grid']}"
    assert [(await site.said(strangers))[9:12] for _ in range(3)] == [b"401"] * 3
    assert await site.push(1) == (200, None), "the fourth of the address, the first of the provider"
    status, again_s = await site.push(2)
    assert (status, int(again_s or 0) > 60) == (503, True)
    assert (await site.said(strangers))[9:12] == b"503"


async def test_what_can_never_be_read_is_kept_in_quarantine_and_does_not_come_again(start: Start) -> None:
    site = await start()
    bodies = [b"\xff", b'[{"id":"\xff"}]', b'[{"id":"1","data":"\xff"}]', b"[" * 9999]
    for number, body in enumerate(bodies, 1):
        async with site.session.post(site.url(site.webhook), data=body) as answer:
            assert answer.status == 200
        assert len(await site.quarantined()) == number


async def test_what_cannot_be_opened_has_its_messages_come_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise ConfigError("the key is not the one that it was sealed with")

    monkeypatch.setitem(PUSHES, "event_grid", msgspec.structs.replace(PUSHES["event_grid"], open=refuse))
    site = await start()
    assert (await site.push(1))[0] == 503
    assert (await site.said(f"/in/event_grid/{site.ids['sns']}")).startswith(b"HTTP/1.1 401 ")
    await site.hub.parts.alerts.flush()
    assert [alert.detail for alert in site.registry.alerts()] == ["the key is not the one that it was sealed with"]
