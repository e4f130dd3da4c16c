"""Connected Cars over Pub/Sub end to end: pulled from one subscription, sent on to a topic, by a real hub."""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fixtures.bulks import event
from fixtures.folder_hub import FolderHub
from fixtures.pubsub_site import IN, OUT, PUSHER, SUBSCRIPTION, declared
from fixtures.until import until, until_so
from postroad.api.process import ApiProcess
from postroad.settings import HubSettings, Settings
from servers.google_keys import Key, pushed


class Site(FolderHub):
    def __init__(self, folder: Path, server: Any, **declaration: str) -> None:
        super().__init__(folder)
        self.server = server
        self.key = Key()
        self._declared = declaration

    def declare(self, *, keyed: bool = False) -> None:
        self.apply(declared(self.server, keyed=keyed, **self._declared))

    def put(self, *numbers: int, vehicle: int = 1) -> None:
        body = json.dumps([event(number, vehicle) for number in numbers]).encode()
        self.server.put(IN, body, ordering_key=f"car-{vehicle}")

    def sent(self) -> list[tuple[str, list[int]]]:
        """What the customer has: ordering key, and the values of a message's events."""
        return [
            (message.ordering_key, [one["value"] for one in json.loads(message.data) if "value" in one])
            for message in self.server.topics[OUT]
        ]

    def values(self) -> list[int]:
        return [value for _, values in self.sent() for value in values]


@pytest.fixture
async def site(tmp_path: Path, pubsub_server: Any, ca_file: str) -> AsyncIterator[Site]:
    site = Site(tmp_path, pubsub_server, ca=ca_file)
    site.declare()
    await site.start()
    yield site
    await site.close()


async def test_what_is_pulled_from_one_topic_is_published_to_another(site: Site) -> None:
    site.put(1, 2, 3)
    await until(lambda: sorted(site.values()) == [1, 2, 3])
    await until(lambda: len(site.server.subscriptions[SUBSCRIPTION].acknowledged) == 1)


async def test_over_failures_and_a_restart_nothing_acknowledged_is_lost_and_subjects_stay_in_order(
    site: Site,
) -> None:
    from servers.pubsub import Code, Refused

    site.declare(keyed=True)
    for number in range(0, 40, 2):
        site.put(number, number + 1, vehicle=1 + number % 4)
    await until(lambda: len(site.values()) > 3)
    site.server.faults.next.extend([Refused(Code.UNAVAILABLE, "away"), Refused(Code.RESOURCE_EXHAUSTED, "slower")])
    site.server.faults.cut_after_publish = True
    for number in range(40, 80, 2):
        site.put(number, number + 1, vehicle=1 + number % 4)
    await site.hub.stop()
    for number in range(80, 100, 2):
        site.put(number, number + 1, vehicle=1 + number % 4)
    await site.start()
    await until(lambda: set(site.values()) == set(range(100)))
    await until(lambda: not site.server.subscriptions[SUBSCRIPTION].held)
    by_key: dict[str, list[int]] = defaultdict(list)
    for key, values in site.sent():
        by_key[key] += [value for value in values if value not in by_key[key]]
    assert len(by_key) >= 2
    for values in by_key.values():
        assert values == sorted(values), "one after another, whatever was sent again"


async def test_what_cannot_be_read_is_quarantined_and_does_not_come_again(site: Site) -> None:
    site.server.put(IN, b"no json")
    site.put(1)
    await until(lambda: not site.server.subscriptions[SUBSCRIPTION].held)
    [quarantined] = await site.hub.parts.logs[0].quarantined(unresolved_only=True, limit=10)
    assert quarantined.provider_id == 1
    await until(lambda: site.values() == [1])


async def test_a_subscription_that_is_not_there_is_an_alert_until_it_is(site: Site) -> None:
    held = site.server.subscriptions.pop(SUBSCRIPTION)
    site.server.cut()
    await until(lambda: [alert.kind for alert in site.registry.alerts()] == ["receiver_failing"])
    assert "404" in site.registry.alerts()[0].detail
    site.server.subscriptions[SUBSCRIPTION] = held
    site.put(1)
    await until(lambda: site.values() == [1])
    await until(lambda: site.registry.alerts() == [])


async def test_what_a_subscription_pushes_is_taken_in_for_its_token_only(
    tmp_path: Path, pubsub_server: Any, start_remote: Any, ca_file: str
) -> None:
    remote = await start_remote()
    reply = type(remote.answer(None))
    site = Site(tmp_path, pubsub_server, certs=f"{remote.url}/certs", ca=ca_file)
    remote.answer = lambda _request: reply(body=site.key.certificates)
    site.declare()
    await site.start()
    try:
        url, body = site.url("pubsub_push", "pushing"), pushed(json.dumps([event(7)]).encode())
        statuses = []
        async with aiohttp.ClientSession() as session:
            for token in (Key().token(aud="hub", email=PUSHER), site.key.token(aud="hub", email=PUSHER)):
                async with session.post(url, data=body, headers={"Authorization": f"Bearer {token}"}) as answer:
                    statuses.append(answer.status)
        assert statuses == [401, 204]
        await until(lambda: site.values() == [7])
    finally:
        await site.close()


async def test_the_role_api_receives_nothing(site: Site) -> None:
    def receivers() -> list[str]:
        return [name for task in asyncio.all_tasks() if (name := task.get_name()).startswith("receiver ")]

    assert receivers(), "the hub's"
    await site.hub.stop()
    async with running_api(site.folder) as api, aiohttp.ClientSession() as session:

        async def knows_what_is_declared() -> bool:
            async with session.get(f"http://127.0.0.1:{api.port}/healthz") as answer:
                return answer.status == 200

        await until_so(knows_what_is_declared)
        assert receivers() == []


@contextlib.asynccontextmanager
async def running_api(folder: Path) -> AsyncIterator[ApiProcess]:
    """What ``postroad serve --role api`` runs."""
    api = ApiProcess(folder, Settings(hub=HubSettings(port=0, stop_within_s=1.0)))
    await api.start()
    try:
        yield api
    finally:
        await api.stop()
