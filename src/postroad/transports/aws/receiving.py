"""Receiving: messages are deleted once they are durable. Until then, however long that takes, they stay hidden.

Of one message group they are taken in one after another: while one cannot be kept, those behind it wait with it.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, Final

from postroad.errors import ConfigError
from postroad.transports.answers import MAX_DETAIL_CHARS, mask
from postroad.transports.asking import keep_asking, taken
from postroad.transports.aws.access import Client
from postroad.transports.aws.answers import failed
from postroad.transports.aws.config import SqsReceiveConfig
from postroad.transports.aws.envelope import unwrapped
from postroad.transports.receiving import Received, ReceiverMeans, Take

MAX_MESSAGES: Final = 10
LANES: Final = 4
"""Requests for messages that wait at once: each brings ten at most."""

_Message = dict[str, Any]


class _Unsettled(Exception):
    """The service did not take note of what became of some messages. They come again."""


class SqsReceiver:
    """A ``Receiver`` of one queue."""

    def __init__(self, config: SqsReceiveConfig, means: ReceiverMeans) -> None:
        """Connects to nothing yet."""
        self._config = config
        self._means = means
        self._client = Client("sqs", config, waits_s=config.wait_s)

    async def run(self, take: Take) -> None:
        """See ``Receiver``."""
        lanes = [asyncio.create_task(keep_asking(partial(self._round, take), self._means)) for _ in range(LANES)]
        try:
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
            await self._client.close()

    async def _round(self, take: Take) -> str | None:
        """Receive once, and keep it all: what is wrong with the service, or ``None``."""
        try:
            received = await self._receive()
            self._means.tell(None)
            async with self._hidden(received):
                await self._take_all(received, take)
            await self._delete(received)
        except ConfigError:
            raise
        except _Unsettled as exc:
            return str(exc)
        except Exception as exc:  # noqa: BLE001 - the SDK's errors have no common base; what is not deleted comes again
            wrong = failed(exc, 0.0)
            status = "" if wrong.status is None else f" {wrong.status}"
            return mask(f"{wrong.reason}{status}: {wrong.detail}", tuple(self._config.secrets()), MAX_DETAIL_CHARS)
        return None

    async def _receive(self) -> Sequence[_Message]:
        client = await self._client.get()
        answer = await client.receive_message(
            QueueUrl=self._config.queue_url,
            MaxNumberOfMessages=MAX_MESSAGES,
            WaitTimeSeconds=self._config.wait_s,
            VisibilityTimeout=self._config.visibility_timeout_s,
            MessageSystemAttributeNames=["MessageGroupId"],
        )
        messages: Sequence[_Message] = answer.get("Messages", ())
        return messages

    async def _take_all(self, received: Sequence[_Message], take: Take) -> None:
        lines: dict[str, list[_Message]] = defaultdict(list)
        for one in received:
            lines[self._line(one)].append(one)
        await asyncio.gather(*(self._take_line(line, take) for line in lines.values()))

    def _line(self, message: _Message) -> str:
        """What must be taken in one after another; a group of a queue without order only shares it out fairly."""
        group = message.get("Attributes", {}).get("MessageGroupId", "")
        return f"group {group}" if self._config.fifo else f"message {message['MessageId']}"

    async def _take_line(self, line: Sequence[_Message], take: Take) -> None:
        for one in line:
            await taken(take, self._received(one), self._means)

    def _received(self, message: _Message) -> Received:
        body = message["Body"].encode()
        if self._config.sns_envelope:
            body = unwrapped(body)
        return Received(body=body, request_id=message["MessageId"])

    async def _delete(self, messages: Sequence[_Message]) -> None:
        """Raises what the SDK raises, and ``_Unsettled``."""
        if messages:
            client = await self._client.get()
            answer = await client.delete_message_batch(QueueUrl=self._config.queue_url, Entries=_entries(messages))
            _check(answer)

    async def _hide(self, messages: Sequence[_Message], seconds: int) -> None:
        """From now on for so long. Raises what the SDK raises, and ``_Unsettled``."""
        if messages:
            client = await self._client.get()
            entries = [entry | {"VisibilityTimeout": seconds} for entry in _entries(messages)]
            answer = await client.change_message_visibility_batch(QueueUrl=self._config.queue_url, Entries=entries)
            _check(answer)

    @contextlib.asynccontextmanager
    async def _hidden(self, messages: Sequence[_Message]) -> AsyncIterator[None]:
        """Keep these hidden as long as the block lasts."""
        timeout_s = self._config.visibility_timeout_s

        async def renew() -> None:
            while True:
                await self._means.clock.sleep(timeout_s / 2)
                with contextlib.suppress(Exception):  # whatever it is: they come again, and are known then
                    await self._hide(messages, timeout_s)

        renewing = asyncio.create_task(renew()) if messages else None
        try:
            yield
        finally:
            if renewing is not None:
                renewing.cancel()
                await asyncio.gather(renewing, return_exceptions=True)


def _entries(messages: Sequence[_Message]) -> list[dict[str, Any]]:
    return [{"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]} for number, one in enumerate(messages)]


def _check(answer: dict[str, Any]) -> None:
    if refused := answer.get("Failed", ()):
        raise _Unsettled(f"server_error: the queue did not settle {len(refused)} messages")
