"""Pulling: messages are acknowledged once they are durable. Until then, however long that takes, they are leased.

Of one ordering key they are taken in one after another: while one cannot be kept, those behind it wait with it.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

from google.api_core import exceptions
from google.pubsub_v1 import (
    AcknowledgeRequest,
    ModifyAckDeadlineRequest,
    PullRequest,
    ReceivedMessage,
    SubscriberAsyncClient,
)
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from postroad.transports.asking import keep_asking, taken
from postroad.transports.pubsub.access import failed, open_channel
from postroad.transports.pubsub.config import PubSubPullConfig
from postroad.transports.receiving import Received, ReceiverMeans, Take

LEASE_S: Final = 60
RENEWED_AFTER_S: Final = 5.0
"""The shortest deadline that a subscription can have is 10 s."""
WAITS_S: Final = 90.0
"""How long the service may let a pull wait for a message."""
TAKEN_AT_ONCE: Final = 64


class PubSubPull:
    """A ``Receiver`` of one subscription."""

    def __init__(self, config: PubSubPullConfig, means: ReceiverMeans) -> None:
        """Connects to nothing yet."""
        self._config = config
        self._means = means
        self._at_once = asyncio.Semaphore(TAKEN_AT_ONCE)

    async def run(self, take: Take) -> None:
        """See ``Receiver``."""
        channel = await open_channel(self._config, "Subscriber")
        client = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=channel))
        try:
            await keep_asking(partial(self._round, client, take), self._means)
        finally:
            await client.transport.close()  # type: ignore[no-untyped-call]  # the SDK's

    async def _round(self, client: SubscriberAsyncClient, take: Take) -> str | None:
        """Pull once, and keep it all: what is wrong with the service, or ``None``."""
        try:
            received = await self._pull(client)
            self._means.tell(None)
            ack_ids = [one.ack_id for one in received]
            async with self._leased(client, ack_ids):
                await self._take_all(received, take)
            await self._acknowledge(client, ack_ids)
        except Exception as exc:  # noqa: BLE001 - the SDK's errors have no common base; what is not acknowledged comes again
            wrong = failed(exc, 0.0)
            return f"{wrong.reason}{'' if wrong.status is None else f' {wrong.status}'}: {wrong.detail}"
        return None

    async def _pull(self, client: SubscriberAsyncClient) -> Sequence[ReceivedMessage]:
        request = PullRequest(subscription=self._config.subscription, max_messages=self._config.max_messages)
        try:
            response = await client.pull(request, retry=None, timeout=WAITS_S)
        except exceptions.DeadlineExceeded:
            return ()  # there was nothing
        return tuple(response.received_messages)

    async def _take_all(self, received: Sequence[ReceivedMessage], take: Take) -> None:
        lines: dict[str, list[ReceivedMessage]] = defaultdict(list)
        for number, one in enumerate(received):
            lines[one.message.ordering_key or f"\0{number}"].append(one)
        await asyncio.gather(*(self._take_line(line, take) for line in lines.values()))

    async def _take_line(self, line: Sequence[ReceivedMessage], take: Take) -> None:
        for one in line:
            received = Received(body=one.message.data, request_id=one.message.message_id)
            async with self._at_once:
                await taken(take, received, self._means)

    async def _acknowledge(self, client: SubscriberAsyncClient, ack_ids: Sequence[str]) -> None:
        if ack_ids:
            request = AcknowledgeRequest(subscription=self._config.subscription, ack_ids=ack_ids)
            await client.acknowledge(request, retry=None, timeout=self._config.timeout_s)

    async def _deadline(self, client: SubscriberAsyncClient, ack_ids: Sequence[str], seconds: int) -> None:
        request = ModifyAckDeadlineRequest(
            subscription=self._config.subscription, ack_ids=ack_ids, ack_deadline_seconds=seconds
        )
        await client.modify_ack_deadline(request, retry=None, timeout=self._config.timeout_s)

    @contextlib.asynccontextmanager
    async def _leased(self, client: SubscriberAsyncClient, ack_ids: Sequence[str]) -> AsyncIterator[None]:
        """Renew the lease of these as long as the block lasts."""

        async def renew() -> None:
            await self._means.clock.sleep(RENEWED_AFTER_S)
            while True:
                with contextlib.suppress(exceptions.GoogleAPICallError):  # they come again, and are known then
                    await self._deadline(client, ack_ids, LEASE_S)
                await self._means.clock.sleep(LEASE_S / 2)

        renewing = asyncio.create_task(renew()) if ack_ids else None
        try:
            yield
        finally:
            if renewing is not None:
                renewing.cancel()
                await asyncio.gather(renewing, return_exceptions=True)
