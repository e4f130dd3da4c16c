"""Azure Event Hubs by ``azure-eventhub``: needs the extra ``azure``."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from azure.eventhub import EventData, TransportType, exceptions
from azure.eventhub.aio import EventHubProducerClient

from postroad import __version__
from postroad.clock import Clock
from postroad.transports.azure.amqp import AmqpTransport
from postroad.transports.azure.calls import reason_of_condition, translated
from postroad.transports.azure.credential import Credential
from postroad.transports.azure.event_hubs import EventHubsConfig
from postroad.transports.azure.way import Way
from postroad.transports.base import Message, Reason

_REASONS: tuple[tuple[type[Exception], Reason], ...] = (
    (exceptions.AuthenticationError, "credentials"),
    (exceptions.OperationTimeoutError, "timeout"),
)


def open_sending(config: EventHubsConfig, way: Way, clock: Clock) -> AmqpTransport:
    """The transport; connects to nothing yet."""
    open_link = partial(_ProducerLink.open, config, way)
    return AmqpTransport(config, way, open_link, clock, max_bytes=config.max_message_bytes, tries_again=True)


class _ProducerLink:
    """See ``Link``."""

    def __init__(self, producer: EventHubProducerClient, credential: Credential | None) -> None:
        self._producer = producer
        self._credential = credential

    @classmethod
    async def open(cls, config: EventHubsConfig, way: Way) -> "_ProducerLink":
        """Connect, show a token, attach."""
        credential: Credential | None = None
        if config.key is not None:
            producer = EventHubProducerClient.from_connection_string(
                config.key.text, eventhub_name=config.entity, **options_of(way)
            )
        else:
            assert config.identity is not None  # noqa: S101  # see NamespaceConfig
            credential = Credential(config.identity, way.egress, ca_file=config.ca_file)
            producer = EventHubProducerClient(config.host, config.entity, credential, **options_of(way))
        link = cls(producer, credential)
        try:
            with translated(reason_of):
                await producer.create_batch()  # which attaches
        except BaseException:
            await link.close()
            raise
        return link

    async def send(self, messages: Sequence[Message]) -> None:
        """See ``Link``. A batch that fails the SDK sends once more, over a link opened anew, before it says so."""
        with translated(reason_of):
            batch = await self._producer.create_batch(partition_key=messages[0].key)
            for message in messages:
                batch.add(_written(message))
            await self._producer.send_batch(batch)

    async def close(self) -> None:
        """See ``Link``."""
        with translated(reason_of):
            try:
                await self._producer.close()
            finally:
                if self._credential is not None:
                    await self._credential.close()


def options_of(way: Way) -> dict[str, Any]:
    """Of every client of the SDK: our way, and no retries."""
    return {
        "retry_total": 0,
        "retry_backoff_factor": 0.0,
        "transport_type": TransportType.Amqp,
        "custom_endpoint_address": way.custom_endpoint,
        "ssl_context": way.context,
        "user_agent": f"postroad/{__version__}",
    }


def reason_of(exc: BaseException) -> Reason | None:
    """What an exception of the SDK means for an attempt."""
    for kind, reason in _REASONS:
        if isinstance(exc, kind):
            return reason
    if isinstance(exc, exceptions.EventHubError):
        if exc.error and (known := reason_of_condition(exc.error)):
            return known
        if isinstance(exc, exceptions.ConnectionLostError | exceptions.ConnectError):
            return "broken"
    if (condition := getattr(exc, "condition", None)) is not None:  # of the AMQP client within the SDK
        text = getattr(condition, "value", condition)
        return reason_of_condition(text.decode() if isinstance(text, bytes) else str(text))
    if isinstance(exc, ValueError):  # of a batch that is full
        return "too_large"
    return None


def _written(message: Message) -> EventData:
    event = EventData(message.body)
    event.content_type = message.content_type
    event.message_id = message.request_id
    typed = {} if message.wire_type is None else {"type": message.wire_type}
    event.properties = dict[Any, Any](message.headers) | typed
    return event
