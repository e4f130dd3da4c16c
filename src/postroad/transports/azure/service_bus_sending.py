"""Azure Service Bus by ``azure-servicebus``: needs the extra ``azure``."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from azure.servicebus import ServiceBusMessage, TransportType, exceptions
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

from postroad import __version__
from postroad.clock import Clock
from postroad.transports.azure.amqp import AmqpTransport
from postroad.transports.azure.calls import reason_of_condition, translated
from postroad.transports.azure.credential import Credential
from postroad.transports.azure.namespace import NamespaceConfig
from postroad.transports.azure.service_bus import ServiceBusConfig
from postroad.transports.azure.way import Way
from postroad.transports.base import Message, Reason

MAX_BATCH_BYTES = 1_048_576
"""A batch is never larger, also where a single message may be."""
MAX_ID_CHARS = 128

_REASONS: tuple[tuple[type[Exception], Reason], ...] = (
    (exceptions.MessageSizeExceededError, "too_large"),
    (exceptions.ServiceBusAuthenticationError, "credentials"),
    (exceptions.ServiceBusAuthorizationError, "credentials"),
    (exceptions.ServiceBusServerBusyError, "throttled"),
    (exceptions.ServiceBusQuotaExceededError, "throttled"),
    (exceptions.OperationTimeoutError, "timeout"),
    (exceptions.MessagingEntityNotFoundError, "unexpected"),
    (exceptions.MessagingEntityDisabledError, "unexpected"),
)


def open_sending(config: ServiceBusConfig, way: Way, clock: Clock) -> AmqpTransport:
    """The transport; connects to nothing yet."""
    max_bytes = min(config.max_message_bytes, MAX_BATCH_BYTES)
    return AmqpTransport(config, way, partial(_SenderLink.open, config, way), clock, max_bytes=max_bytes)


class _SenderLink:
    """See ``Link``."""

    def __init__(self, client: "Client", sender: ServiceBusSender) -> None:
        self._client = client
        self._sender = sender

    @classmethod
    async def open(cls, config: ServiceBusConfig, way: Way) -> "_SenderLink":
        """Connect, show a token, attach."""
        client = Client(config, way)
        try:
            with translated(reason_of):
                if config.topic is not None:
                    sender = client.sdk.get_topic_sender(config.entity)
                else:
                    sender = client.sdk.get_queue_sender(config.entity)
                await sender.create_message_batch()  # which attaches
        except BaseException:
            await client.close()
            raise
        return cls(client, sender)

    async def send(self, messages: Sequence[Message]) -> None:
        """See ``Link``."""
        with translated(reason_of):
            if len(messages) == 1:  # may be larger than a batch
                await self._sender.send_messages(_written(messages[0]))
                return
            batch = await self._sender.create_message_batch()
            for message in messages:
                batch.add_message(_written(message))
            await self._sender.send_messages(batch)

    async def close(self) -> None:
        """See ``Link``."""
        await self._client.close()


class Client:
    """The SDK's client of one namespace, and the credential that it needs."""

    def __init__(self, config: NamespaceConfig, way: Way) -> None:
        options: dict[str, Any] = {
            "retry_total": 0,
            "transport_type": TransportType.Amqp,
            "custom_endpoint_address": way.custom_endpoint,
            "ssl_context": way.context,
            "user_agent": f"postroad/{__version__}",
        }
        self._credential: Credential | None = None
        if config.key is not None:
            self.sdk = ServiceBusClient.from_connection_string(config.key.text, **options)
        else:
            assert config.identity is not None  # noqa: S101  # see NamespaceConfig
            self._credential = Credential(config.identity, way.egress, ca_file=config.ca_file)
            self.sdk = ServiceBusClient(config.host, self._credential, **options)

    async def close(self) -> None:
        """Say goodbye. Raises ``AmqpFailed``."""
        with translated(reason_of):
            try:
                await self.sdk.close()
            finally:
                if self._credential is not None:
                    await self._credential.close()


def reason_of(exc: BaseException) -> Reason | None:
    """What an exception of the SDK means for an attempt."""
    for kind, reason in _REASONS:
        if isinstance(exc, kind):
            return reason
    if isinstance(exc, exceptions.ServiceBusError):
        condition = getattr(exc, "_condition", None)  # not public, and the only place where it is told
        if condition and (known := reason_of_condition(str(condition))):
            return known
        if isinstance(exc, exceptions.ServiceBusConnectionError | exceptions.ServiceBusCommunicationError):
            return "broken"
    return None


def _written(message: Message) -> ServiceBusMessage:
    """What duplicate detection, sessions and filters look at beside the body."""
    return ServiceBusMessage(
        message.body,
        content_type=message.content_type,
        message_id=message.request_id[:MAX_ID_CHARS],
        session_id=message.key,
        subject=message.wire_type,
        application_properties=dict[Any, Any](message.headers),
    )
