"""Sending: each bulk is a message, and up to ten that wait go in one request, each with a result of its own."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from postroad.clock import Clock
from postroad.transports.aws.access import Client
from postroad.transports.aws.answers import entry_failed, failed
from postroad.transports.aws.config import MAX_REQUEST_BYTES, SnsConfig, SqsConfig
from postroad.transports.base import Delivered, Failed, Message, Outcome
from postroad.transports.gathering import Gathered
from postroad.transports.headers import SIGNED, lost_signature

MAX_MESSAGES: Final = 10
CALLS: Final = 8
"""Requests on their way at once."""
MAX_ATTRIBUTES: Final = 10
"""A queue gets no message of a topic that has more, where delivery is raw."""
MAX_ATTRIBUTE_BYTES: Final = 1024
_DATA_TYPE: Final = "String"
NOBODY: Final = "postroad"
"""The group of a message without a key, which a FIFO topic or queue does not take."""

Entry = dict[str, Any]


class Target(Protocol):
    """What a topic and a queue do not have in common."""

    async def send(self, client: Any, entries: Sequence[Entry]) -> Mapping[str, Any]:
        """One request: what it is answered. Raises what the SDK raises."""

    def body(self, text: str) -> Entry:
        """The field of an entry that holds a message's body."""


class Topic:
    """A topic of SNS."""

    def __init__(self, config: SnsConfig) -> None:
        self._arn = config.topic_arn

    async def send(self, client: Any, entries: Sequence[Entry]) -> Mapping[str, Any]:
        """See ``Target``."""
        answer: Mapping[str, Any] = await client.publish_batch(TopicArn=self._arn, PublishBatchRequestEntries=entries)
        return answer

    def body(self, text: str) -> Entry:
        """See ``Target``."""
        return {"Message": text}


class Queue:
    """A queue of SQS."""

    def __init__(self, config: SqsConfig) -> None:
        self._url = config.queue_url

    async def send(self, client: Any, entries: Sequence[Entry]) -> Mapping[str, Any]:
        """See ``Target``."""
        answer: Mapping[str, Any] = await client.send_message_batch(QueueUrl=self._url, Entries=entries)
        return answer

    def body(self, text: str) -> Entry:
        """See ``Target``."""
        return {"MessageBody": text}


class AwsSender:
    """A ``Transport`` to one topic or queue."""

    def __init__(self, config: SnsConfig | SqsConfig, clock: Clock) -> None:
        """Connects to nothing yet."""
        self._config = config
        self._clock = clock
        self._target: Target = Topic(config) if isinstance(config, SnsConfig) else Queue(config)
        self._client = Client("sns" if isinstance(config, SnsConfig) else "sqs", config)
        self._gathered = Gathered(
            self._call, max_items=MAX_MESSAGES, max_bytes=MAX_REQUEST_BYTES, size=self._size, calls=CALLS
        )

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        if message.copy is not None:
            return Failed(reason="rejected", detail="its data is to be copied first, and here is no storage")
        try:
            message.body.decode()
        except UnicodeDecodeError:
            return Failed(reason="rejected", detail="its body is no text, and nothing else is taken")
        if why := lost_signature(message.headers, max_bytes=MAX_ATTRIBUTE_BYTES):
            return Failed(reason="refused_address", detail=why)
        return await self._gathered.send(message)

    def endpoint(self, wire_type: str) -> str:  # noqa: ARG002 - a topic or queue takes any type
        """See ``Transport``."""
        return ""

    async def close(self) -> None:
        """See ``Transport``."""
        await self._gathered.close()
        await self._client.close()

    async def _call(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """One request; where it is refused as a whole, each message is tried alone: one of them may be why."""
        started_s = self._clock.monotonic_s()
        try:
            entries = [self._entry(number, message) for number, message in enumerate(messages)]
            answer = await self._target.send(await self._client.get(), entries)
        except Exception as exc:  # noqa: BLE001 - the SDK's errors have no common base; what is none of them is told too
            outcome = failed(exc, self._clock.monotonic_s() - started_s)
            if outcome.status in (400, 413) and len(messages) > 1:
                return [(await self._call([message]))[0] for message in messages]
            return [outcome] * len(messages)
        elapsed_s = self._clock.monotonic_s() - started_s
        said: dict[str, Outcome] = {
            entry["Id"]: Delivered(status=None, elapsed_s=elapsed_s) for entry in answer.get("Successful", ())
        }
        said |= {entry["Id"]: entry_failed(entry, elapsed_s) for entry in answer.get("Failed", ())}
        silent = Failed(reason="unexpected", detail="the answer does not say what became of it", elapsed_s=elapsed_s)
        return [said.get(str(number), silent) for number in range(len(messages))]

    def _entry(self, number: int, message: Message) -> Entry:
        attributes = {
            name: {"DataType": _DATA_TYPE, "StringValue": value} for name, value in self._attributes(message).items()
        }
        entry = {"Id": str(number), "MessageAttributes": attributes} | self._target.body(message.body.decode())
        if self._config.fifo:
            # What is sent again while it may have arrived is known by its id, for five minutes.
            entry |= {"MessageGroupId": message.key or NOBODY, "MessageDeduplicationId": message.request_id}
        return entry

    def _attributes(self, message: Message) -> dict[str, str]:
        """By name. What is empty, too long or one too many is left out; signatures come before what is not ours."""
        headers = {name.lower(): value for name, value in message.headers.items()}
        given = {
            "content-type": message.content_type,
            "x-request-id": message.request_id,
            **{name: headers[name] for name in SIGNED if name in headers},
            **self._config.attributes,
            **headers,
        }
        fitting = [(name, value) for name, value in given.items() if 0 < len(value.encode()) <= MAX_ATTRIBUTE_BYTES]
        return dict(fitting[:MAX_ATTRIBUTES])

    def _size(self, message: Message) -> int:
        """As the services count: body, and of each attribute its name, type and value. And ids, to be safe."""
        attributes = self._attributes(message)
        named = sum(len(name) + len(_DATA_TYPE) + len(value.encode()) for name, value in attributes.items())
        return len(message.body) + named + len(message.key or NOBODY) + len(message.request_id)
