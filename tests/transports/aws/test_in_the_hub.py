"""Damoov over SNS end to end: a topic of hers fills our queue and pushes, and a real hub tells a customer's topic."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from fixtures.cloud import require
from fixtures.cloud_aws import Aws
from fixtures.damoov_platform import frame
from fixtures.folder_hub import FolderHub
from fixtures.remote import Remote, Reply, Request, StartRemote
from postroad.model.identifiers import DAMOOV_USER_ID
from servers.aws_front import SECRET_KEY

INSTANCE = "0c52a1de-6d2f-4a8e-9a0f-0a7c3d1e5b66"
USER = "1d0f6c3a-84b2-4e57-9c61-7a3be95d2f08"


def heartbeat(number: int) -> dict[str, Any]:
    said = frame("damoov", "heartbeat")
    said["Timestamp"] = f"2025-06-10T04:{number:02d}:00.0000000Z"
    said["Details"]["NotUploadedTripsCount"] = number
    return said


class Site(FolderHub):
    """A hub that receives from a queue, is pushed to by a topic, and publishes to a FIFO topic."""

    def __init__(self, folder: Path, aws: Aws) -> None:
        super().__init__(folder)
        self.aws = aws
        self._read: list[dict[str, Any]] = []

    async def declare(self) -> None:
        self.vendor, self.queue = await self.aws.topic(), await self.aws.queue()
        await self.aws.subscribe(self.vendor, self.queue)
        self.customer, self._arrived = await self.aws.topic(fifo=True), await self.aws.queue(fifo=True)
        await self.aws.subscribe(self.customer, self._arrived)
        access = self.aws.access(secret_key={"env": "SECRET_KEY"})
        receive = {"queue_url": self.queue, "sns_envelope": True, "visibility_timeout_s": 2, "wait_s": 1}
        push = {"topic_arn": self.vendor, "endpoint": self.aws.remote.url, "ca_file": self.aws.ca_file}
        subscription = {
            "name": "instance",
            "protocol": "damoov",
            "destination": "topic",
            "types": ["HeartbeatReceived"],
            "options": {"instance_id": INSTANCE},
            "drivers": "all",
            "delivery": {"retry": {"first_waits_s": [], "then_s": 0.05, "cap_s": 0.05}},
        }
        insurer = {
            "name": "insurer",
            "destinations": [{"name": "topic", "transport": "sns", "config": access | {"topic_arn": self.customer}}],
            "subscriptions": [subscription],
        }
        providers = [
            {"name": "queued", "protocol": "damoov", "receive": {"transport": "sqs", "config": access | receive}},
            {"name": "pushed", "protocol": "damoov", "receive": {"transport": "sns", "config": push}},
        ]
        said = {"organizations": [{"name": "Andes", "providers": providers, "integrations": [insurer]}]}
        self.apply(yaml.safe_dump(said), {"SECRET_KEY": SECRET_KEY})

    async def publish(self, said: dict[str, Any]) -> None:
        await self.aws.sns("Publish", TopicArn=self.vendor, Message=json.dumps(said))

    async def arrived(self) -> list[dict[str, Any]]:
        """The notifications that the customer has, each with its message group."""
        for one in await self.aws.read(self._arrived):
            told = json.loads(json.loads(one["Body"])["Message"])
            self._read.append(told | {"group": one["Attributes"]["MessageGroupId"]})
        return self._read

    async def until_arrived(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(30):
            while len(await self.arrived()) < count:  # noqa: ASYNC110 - no service tells of it
                await asyncio.sleep(0.02)
        return self._read


@pytest.fixture
async def site(tmp_path: Path, aws: Aws) -> AsyncIterator[Site]:
    require("aiobotocore")
    site = Site(tmp_path, aws)
    await site.declare()
    await site.start()
    yield site
    await site.close()


async def test_what_damoov_tells_a_topic_a_customer_s_topic_is_told_in_the_hub_s_words(site: Site) -> None:
    await site.publish(heartbeat(7))
    [told] = await site.until_arrived(1)
    assert (told["Event"], told["Details"]["InstanceId"]) == ("HeartbeatReceived", INSTANCE)
    assert told["Details"]["NotUploadedTripsCount"] == 7
    [driver] = site.registry.view().subjects.values()
    assert told["UserId"] == driver.issued[DAMOOV_USER_ID] != USER
    assert told["group"] == str(driver.id)


async def test_over_failures_and_a_restart_every_notification_arrives_in_its_driver_s_group(site: Site) -> None:
    for number in range(8):
        await site.publish(heartbeat(number))
    await site.until_arrived(2)
    site.aws.front.faults.extend([(500, "InternalFailure"), (400, "Throttling")])
    site.aws.front.cut_after_send = True
    for number in range(8, 16):
        await site.publish(heartbeat(number))
    await site.hub.stop()
    for number in range(16, 20):
        await site.publish(heartbeat(number))
    await site.start()
    told = await site.until_arrived(20)
    assert {one["Details"]["NotUploadedTripsCount"] for one in told} == set(range(20))
    assert len({one["group"] for one in told}) == 1


async def test_a_topic_that_pushes_is_confirmed_and_taken_in_and_a_stranger_is_not(
    site: Site, start_remote: StartRemote
) -> None:
    """By way of a relay: LocalStack pushes by HTTP and the hub's number is in the path."""
    statuses: asyncio.Queue[int] = asyncio.Queue()
    url = site.url("sns", "pushed")
    relay: Remote = await start_remote(None)

    async with aiohttp.ClientSession() as session, asyncio.timeout(30):

        async def pass_on(request: Request) -> Reply:
            headers = {name: value for name, value in request.headers.items() if name.startswith("x-amz-sns-")}
            async with session.post(url, data=request.body, headers=headers) as answer:
                statuses.put_nowait(answer.status)
                return Reply(answer.status, b"")

        relay.answer = pass_on
        await site.aws.sqs("PurgeQueue", QueueUrl=site.queue)
        endpoint = f"http://127.0.0.1:{relay.port}/"
        await site.aws.sns("Subscribe", TopicArn=site.vendor, Protocol="http", Endpoint=endpoint)
        assert await statuses.get() == 204
        await site.publish(heartbeat(3))
        assert await statuses.get() == 204
        named = {"x-amz-sns-topic-arn": site.vendor}
        async with session.post(url, data=b'{"Type":"Notification"}', headers=named) as answer:
            assert answer.status == 401
    told = await site.until_arrived(1)
    assert {one["Details"]["NotUploadedTripsCount"] for one in told} == {3}


async def test_what_can_never_be_read_is_quarantined_and_leaves_the_queue(site: Site) -> None:
    await site.aws.sns("Publish", TopicArn=site.vendor, Message="no json")
    await site.publish(heartbeat(1))
    await site.until_arrived(1)
    async with asyncio.timeout(30):
        while not (kept := await site.hub.parts.logs[0].quarantined(unresolved_only=True, limit=10)):  # noqa: ASYNC110 - nor a log
            await asyncio.sleep(0.02)
    assert [one.provider_id for one in kept] == [site.provider("queued").id]
