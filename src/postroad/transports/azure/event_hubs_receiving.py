"""Azure Event Hubs, in, by ``azure-eventhub``: needs the extra ``azure``.

Each partition is read from where the registry's checkpoint says, one event after the other. A checkpoint is saved once
the log has what lies before it, so that a reader that was killed reads the last few events again, and never misses one.
The SDK's own sharing of partitions between readers is not used: the hub reads all of them.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, cast

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.eventhub.amqp import AmqpMessageBodyType

from postroad.transports.asking import taken
from postroad.transports.azure.calls import bounded, translated
from postroad.transports.azure.credential import Credential
from postroad.transports.azure.event_hubs_receive import EventHubsReceiveConfig
from postroad.transports.azure.event_hubs_sending import options_of, reason_of
from postroad.transports.azure.reconnecting import IsWell, keep_receiving
from postroad.transports.azure.way import Way
from postroad.transports.receiving import Received, ReceiverMeans, Take

MAX_BATCH: Final = 100
"""Events between two checkpoints, at most."""
PREFETCH: Final = 300
_POSITIONS: Final = {"beginning": "-1", "now": "@latest"}


class EventHubsReceiver:
    """See ``Receiver``."""

    def __init__(self, config: EventHubsReceiveConfig, means: ReceiverMeans) -> None:
        """Raises ``ConfigError``."""
        self._config = config
        self._means = means
        self._way = Way(config, means.egress)
        self._source = f"{config.host}/{config.entity}/{config.consumer_group}"

    async def run(self, take: Take) -> None:
        """See ``Receiver``."""
        await keep_receiving(
            self._way,
            partial(_Client, self._config, self._way),
            partial(self._receive, take),
            self._means,
            self._config.secrets(),
        )

    async def _receive(self, take: Take, client: "_Client", is_well: IsWell) -> None:
        """Read all partitions until one fails. Raises ``AmqpFailed``, or a group of it and ``StoreUnavailable``."""
        partitions = await client.partitions()
        is_well()
        async with asyncio.TaskGroup() as readers:
            for partition in partitions:
                readers.create_task(_Partition(self._means, self._source, partition, take).read(client, self._start))

    @property
    def _start(self) -> str:
        return _POSITIONS[self._config.start]


class _Telling(EventHubConsumerClient):
    """Says when a link cannot be opened, of which the SDK (5.15.1) says nothing and tries again at once, for ever."""

    refused: Callable[[Exception], None]

    def _create_consumer(self, *args: Any, **options: Any) -> Any:
        """See the SDK."""
        consumer: Any = super()._create_consumer(*args, **options)
        attach = consumer._open  # noqa: SLF001  # there is no public way to see it

        async def attach_or_tell() -> None:
            try:
                await attach()
            except Exception as exc:
                self.refused(exc)
                raise

        consumer._open = attach_or_tell  # noqa: SLF001
        return consumer


class _Client:
    """The SDK's client of one consumer group, and the credential that it needs."""

    def __init__(self, config: EventHubsReceiveConfig, way: Way) -> None:
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """The first failure of any partition: they share a connection."""
        self._credential: Credential | None = None
        if config.key is not None:
            sdk = _Telling.from_connection_string(
                config.key.text, config.consumer_group, eventhub_name=config.entity, **options_of(way)
            )
        else:
            assert config.identity is not None  # noqa: S101  # see NamespaceConfig
            self._credential = Credential(config.identity, way.egress, ca_file=config.ca_file)
            sdk = _Telling(config.host, config.entity, config.consumer_group, self._credential, **options_of(way))
        self._sdk = cast("_Telling", sdk)
        self._sdk.refused = self._fail

    def _fail(self, error: Exception) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    async def partitions(self) -> list[str]:
        """The ids of all. Raises ``AmqpFailed``."""
        with translated(reason_of):
            return list(await bounded(self._sdk.get_partition_ids(), None))

    async def read(self, partition: str, after: str, take: Callable[[Sequence[EventData]], Any]) -> None:
        """Hand over what comes, until it fails. Raises ``AmqpFailed``, and what ``take`` raises."""
        failed = self._failed

        async def on_events(_partition: PartitionContext, events: list[EventData]) -> None:
            if events:
                await take(events)

        async def on_error(_partition: PartitionContext | None, error: Exception) -> None:
            self._fail(error)

        receiving = asyncio.ensure_future(
            self._sdk.receive_batch(
                on_events,
                partition_id=partition,
                starting_position=after,
                max_batch_size=MAX_BATCH,
                prefetch=PREFETCH,
                on_error=on_error,
            )
        )
        try:
            with translated(reason_of):
                await asyncio.wait({receiving, failed}, return_when=asyncio.FIRST_COMPLETED)
                await (failed if failed.done() else receiving)
        finally:
            receiving.cancel()
            await asyncio.wait({receiving})

    async def close(self) -> None:
        """Say goodbye. Raises ``AmqpFailed``."""
        if self._failed.done():
            self._failed.exception()  # looked at: somebody else may have failed first
        with translated(reason_of):
            try:
                await self._sdk.close()
            finally:
                if self._credential is not None:
                    await self._credential.close()


class _Partition:
    """One partition, and how far it was read."""

    def __init__(self, means: ReceiverMeans, source: str, partition: str, take: Take) -> None:
        self._means = means
        self._source = source
        self._partition = partition
        self._take = take

    async def read(self, client: _Client, start: str) -> None:
        """From the checkpoint on, or from ``start``. Raises ``AmqpFailed`` or ``StoreUnavailable``."""
        mark = await self._means.checkpoints.load(self._source, self._partition)
        await client.read(self._partition, start if mark is None else mark, self._take_all)

    async def _take_all(self, events: Sequence[EventData]) -> None:
        for event in events:
            received = Received(body=body_of(event), request_id=str(event.message_id or ""))
            await taken(self._take, received, self._means)
        if (offset := events[-1].offset) is not None:
            await self._means.checkpoints.save(self._source, self._partition, offset)


def body_of(event: EventData) -> bytes:
    """The body's bytes: what data sections hold, or a value that is text or bytes."""
    body: Any = event.body
    if event.body_type is AmqpMessageBodyType.DATA:
        return b"".join(body)
    if event.body_type is AmqpMessageBodyType.VALUE:
        return body if isinstance(body, bytes) else str(body).encode()
    return b""  # a sequence: nothing that anybody could read
