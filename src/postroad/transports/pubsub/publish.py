"""Publishing: each bulk is a message, and messages that wait go to the service together."""

import asyncio
from collections.abc import Sequence
from typing import Final

from google.pubsub_v1 import PublisherAsyncClient, PublishRequest, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport

from postroad.clock import Clock
from postroad.transports.base import Delivered, Failed, Message, Outcome
from postroad.transports.gathering import Gathered
from postroad.transports.headers import lost_signature
from postroad.transports.pubsub.access import failed, open_channel
from postroad.transports.pubsub.config import PubSubConfig

MAX_MESSAGES: Final = 1000
MAX_REQUEST_BYTES: Final = 10_000_000
CALLS: Final = 4
"""Requests on their way at once."""
_FRAMING_BYTES: Final = 64
"""At most, of a message and of each attribute within a request."""
MAX_ATTRIBUTE_BYTES: Final = 1024


class PubSubPublisher:
    """A ``Transport`` to one topic."""

    def __init__(self, config: PubSubConfig, clock: Clock) -> None:
        """Connects to nothing yet."""
        self._config = config
        self._clock = clock
        self._client: PublisherAsyncClient | None = None
        self._opening = asyncio.Lock()
        self._gathered = Gathered(
            self._publish, max_items=MAX_MESSAGES, max_bytes=MAX_REQUEST_BYTES, size=self._size, calls=CALLS
        )

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        if message.copy is not None:
            return Failed(reason="rejected", detail="its data is to be copied first, and Pub/Sub has no storage")
        if why := lost_signature(message.headers, max_bytes=MAX_ATTRIBUTE_BYTES):
            return Failed(reason="refused_address", detail=why)
        return await self._gathered.send(message)

    def endpoint(self, wire_type: str) -> str:  # noqa: ARG002 - a topic takes any type
        """See ``Transport``."""
        return ""

    async def close(self) -> None:
        """See ``Transport``."""
        await self._gathered.close()
        if self._client is not None:
            await self._client.transport.close()  # type: ignore[no-untyped-call]  # the SDK's

    async def _publish(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """One request; what is refused for one message of many is found by sending each alone."""
        started_s = self._clock.monotonic_s()
        try:
            client = await self._opened()
            request = PublishRequest(topic=self._config.topic, messages=[self._wire(message) for message in messages])
            response = await client.publish(request, retry=None, timeout=self._config.timeout_s)
        except Exception as exc:  # noqa: BLE001 - the SDK's errors have no common base; what is none of them is told too
            outcome = failed(exc, self._clock.monotonic_s() - started_s)
            if outcome.status == 400 and len(messages) > 1:
                return [(await self._publish([message]))[0] for message in messages]
            return [outcome] * len(messages)
        elapsed_s = self._clock.monotonic_s() - started_s
        confirmed = len(response.message_ids)
        return [
            Delivered(status=None, elapsed_s=elapsed_s)
            if number < confirmed
            else Failed(reason="unexpected", detail="the answer confirms fewer messages than were sent")
            for number in range(len(messages))
        ]

    async def _opened(self) -> PublisherAsyncClient:
        async with self._opening:
            if self._client is None:
                channel = await open_channel(self._config, "Publisher")
                self._client = PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel))
            return self._client

    def _wire(self, message: Message) -> PubsubMessage:
        return PubsubMessage(data=message.body, attributes=self._attributes(message), ordering_key=message.key or "")

    def _attributes(self, message: Message) -> dict[str, str]:
        given = {
            **self._config.attributes,
            **{name.lower(): value for name, value in message.headers.items()},
            "content-type": message.content_type,
            "x-request-id": message.request_id,
        }
        return {name: value for name, value in given.items() if len(value.encode()) <= MAX_ATTRIBUTE_BYTES}

    def _size(self, message: Message) -> int:
        attributes = self._attributes(message)
        named = sum(len(name.encode()) + len(value.encode()) + _FRAMING_BYTES for name, value in attributes.items())
        return len(message.body) + len(message.key or "") + named + _FRAMING_BYTES
