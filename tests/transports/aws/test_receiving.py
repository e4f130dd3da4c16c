"""What the receiver of SQS alone does: SNS's envelope, standard queues, a dead-letter queue, renewed hiding."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from fixtures.cloud import HastyClock, require
from fixtures.cloud_aws import Aws
from fixtures.until import until_so
from postroad.egress.client import EgressClient
from postroad.transports import RECEIVERS
from postroad.transports.receiving import Received, ReceiverMeans, Take

Start = Callable[..., asyncio.Task[None]]


class Log:
    """Takes messages in."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[Received] = asyncio.Queue()
        self.later: set[bytes] = set()

    async def take(self, received: Received) -> Any:
        self.taken.put_nowait(received)
        return "later" if received.body in self.later else "stored"

    async def next(self) -> bytes:
        return (await asyncio.wait_for(self.taken.get(), 30)).body


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def start(aws: Aws, egress: EgressClient) -> AsyncIterator[Start]:
    require("aiobotocore")
    tasks: list[asyncio.Task[None]] = []

    def start(queue: str, take: Take, clock: Any = None, **fields: Any) -> asyncio.Task[None]:
        config = aws.access(**{"queue_url": queue, "visibility_timeout_s": 2, "wait_s": 1} | fields)
        means = ReceiverMeans(
            clock=clock or HastyClock(),
            random=lambda: 0.0,
            egress=egress,
            checkpoints=None,  # type: ignore[arg-type]  # the queue knows
            tell=lambda _wrong: None,
        )
        spec = RECEIVERS["sqs"]
        tasks.append(asyncio.create_task(spec.open(msgspec.convert(config, spec.config_type), means).run(take)))
        return tasks[-1]

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def put(aws: Aws, queue: str, body: str) -> None:
    await aws.sqs("SendMessage", QueueUrl=queue, MessageBody=body)


async def until_empty(aws: Aws, queue: str) -> None:
    await until_so(lambda: aws.is_settled(queue))


async def test_a_message_of_a_topic_is_taken_out_of_its_envelope(aws: Aws, start: Start, log: Log) -> None:
    topic, queue = await aws.topic(), await aws.queue()
    await aws.subscribe(topic, queue)
    await aws.sns("Publish", TopicArn=topic, Message='[{"id":"\u00e9"}]', Subject="a trip")
    start(queue, log.take, sns_envelope=True)
    assert await log.next() == '[{"id":"\u00e9"}]'.encode()
    await until_empty(aws, queue)


@pytest.mark.parametrize("body", ["[1]", '{"Type":"Notification"}', '{"Type":"Other","Message":"x"}', "nonsense"])
async def test_what_has_no_envelope_stays_whole(aws: Aws, start: Start, log: Log, body: str) -> None:
    queue = await aws.queue()
    await put(aws, queue, body)
    start(queue, log.take, sns_envelope=True)
    assert await log.next() == body.encode()


async def test_one_that_cannot_be_kept_holds_up_no_other_of_a_standard_queue(aws: Aws, start: Start, log: Log) -> None:
    queue = await aws.queue()
    log.later = {b"[0]"}
    for number in range(5):
        await put(aws, queue, f"[{number}]")
    start(queue, log.take)
    seen: set[bytes] = set()
    while len(seen) < 5:
        seen.add(await log.next())
    assert [await log.next() for _ in range(3)] == [b"[0]"] * 3
    log.later = set()
    await until_empty(aws, queue)


async def test_an_outage_of_the_log_costs_none_of_the_times_that_a_queue_delivers(
    aws: Aws, start: Start, log: Log
) -> None:
    """Or messages that nothing is wrong with would be dead letters of the queue by its end."""
    dead = await aws.queue()
    arn = (await aws.sqs("GetQueueAttributes", QueueUrl=dead, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
    policy = msgspec.json.encode({"deadLetterTargetArn": arn, "maxReceiveCount": 1}).decode()
    queue = await aws.queue(RedrivePolicy=policy)
    log.later = {b"[0]"}
    await put(aws, queue, "[0]")
    start(queue, log.take)
    assert [await log.next() for _ in range(8)] == [b"[0]"] * 8
    log.later = set()
    await until_empty(aws, queue)
    assert await aws.read(dead) == []


async def test_what_is_taken_in_for_longer_than_it_is_hidden_does_not_come_again_meanwhile(
    aws: Aws, start: Start
) -> None:
    queue = await aws.queue()
    await put(aws, queue, "[1]")
    began, taken = asyncio.Event(), []
    go_on = asyncio.Event()

    async def take(received: Received) -> Any:
        taken.append(received.body)
        began.set()
        await go_on.wait()
        return "stored"

    start(queue, take, visibility_timeout_s=1)
    await asyncio.wait_for(began.wait(), 30)
    await asyncio.sleep(1.6)  # LocalStack's own time: more than the timeout, and than it lets others wait
    go_on.set()
    await until_empty(aws, queue)
    assert taken == [b"[1]"]
