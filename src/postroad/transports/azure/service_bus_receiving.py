"""Azure Service Bus, in, by ``azure-servicebus``: needs the extra ``azure``.

Peek-lock: a message is locked for us while it is taken in, completed once the log has it, and moved to the entity's own
dead-letter queue if it can never be read (it is in quarantine as well). What cannot be taken in now stays locked, its
lock renewed, and is tried again: giving it back would count as a delivery, of which an entity has few.

Messages of an entity, or of a session, are taken in one after the other, in their order.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final, TypeVar

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusReceivedMessage
from azure.servicebus.aio import AutoLockRenewer
from azure.servicebus.aio import ServiceBusReceiver as SdkReceiver
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import (
    MessageLockLostError,
    OperationTimeoutError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from postroad.transports.asking import taken
from postroad.transports.azure.calls import CLOSE_S, AmqpFailed, bounded, translated
from postroad.transports.azure.reconnecting import IsWell, keep_receiving
from postroad.transports.azure.service_bus_receive import ServiceBusReceiveConfig
from postroad.transports.azure.service_bus_sending import Client, reason_of
from postroad.transports.azure.way import Way
from postroad.transports.receiving import Received, ReceiverMeans, Take, Verdict

AT_ONCE: Final = 20
"""Messages that are locked for us at the same time, for each entity or session."""
WAIT_S: Final = 20.0
"""How long one question for messages waits for the first."""
SESSION_IDLE_S: Final = 2.0
"""How long a session that has no more messages is kept, before the next one is taken up."""
_T = TypeVar("_T")
HOLD_S: Final = 3_600.0
"""How long a lock is renewed for a message that cannot be taken in."""


class ServiceBusReceiver:
    """See ``Receiver``."""

    def __init__(self, config: ServiceBusReceiveConfig, means: ReceiverMeans) -> None:
        """Raises ``ConfigError``."""
        self._config = config
        self._means = means
        self._way = Way(config, means.egress)

    async def run(self, take: Take) -> None:
        """See ``Receiver``."""
        await keep_receiving(
            self._way,
            partial(Client, self._config, self._way),
            partial(self._receive, take),
            self._means,
            self._config.secrets(),
        )

    async def _receive(self, take: Take, client: Client, is_well: IsWell) -> None:
        """Read until the connection fails. Raises ``AmqpFailed``, or a group of them."""
        if not self._config.sessions:
            await self._read(client, take, is_well)
            return
        async with asyncio.TaskGroup() as readers:
            for _ in range(self._config.sessions_at_once):
                readers.create_task(self._read_sessions(client, take, is_well))

    async def _read_sessions(self, client: Client, take: Take, is_well: IsWell) -> None:
        """One session after the other, each until it has no more messages."""
        while True:
            if not await self._read(client, take, is_well):
                await self._means.clock.sleep(SESSION_IDLE_S)

    async def _read(self, client: Client, take: Take, is_well: IsWell) -> bool:
        """Read an entity for ever, or one session while it has messages; false if there is no session to be had."""
        wait_s = SESSION_IDLE_S if self._config.sessions else WAIT_S
        async with AsyncExitStack() as stack:
            renewer = AutoLockRenewer(max_lock_renewal_duration=HOLD_S)
            stack.push_async_callback(renewer.close)
            receiver = self._receiver(client, renewer)
            stack.push_async_callback(_close, receiver)
            if not await _asked(_attached(receiver, self._config.sessions)):
                is_well()
                return False
            while True:
                messages = await _asked(receiver.receive_messages(AT_ONCE, max_wait_time=wait_s))
                is_well()
                kept = await self._take_all(receiver, messages, take, renewer)
                if self._config.sessions and not (messages and kept):
                    return True

    def _receiver(self, client: Client, renewer: AutoLockRenewer) -> SdkReceiver:
        """Of the entity, or of the next session that nobody reads; not connected yet."""
        config = self._config
        options: dict[str, Any] = {}
        if config.sessions:
            options = {
                "session_id": NEXT_AVAILABLE_SESSION,
                "max_wait_time": SESSION_IDLE_S,
                "auto_lock_renewer": renewer,
            }
        if config.topic is not None:
            return client.sdk.get_subscription_receiver(config.entity, str(config.subscription), **options)
        return client.sdk.get_queue_receiver(config.entity, **options)

    async def _take_all(
        self,
        receiver: SdkReceiver,
        messages: Sequence[ServiceBusReceivedMessage],
        take: Take,
        renewer: AutoLockRenewer,
    ) -> bool:
        """Take these in, in their order; false if a lock was lost: the message comes again, and is a known repeat."""
        kept = True
        for number, message in enumerate(messages):

            def hold(waiting: Sequence[ServiceBusReceivedMessage] = messages[number:]) -> None:
                if not self._config.sessions:
                    for each in waiting:
                        renewer.register(receiver, each)

            received = Received(body=body_of(message), request_id=str(message.message_id or ""))
            verdict = await taken(take, received, self._means, hold)
            kept = await _asked(_settled(receiver, message, verdict)) and kept
        return kept


async def _asked(call: Coroutine[Any, Any, _T]) -> _T:
    """What the SDK says. Raises ``AmqpFailed``."""
    with translated(reason_of):
        return await bounded(call, None)


async def _attached(receiver: SdkReceiver, to_a_session: bool) -> bool:
    """False if there is no session that nobody reads."""
    try:
        await receiver.__aenter__()
    except (OperationTimeoutError, SessionCannotBeLockedError):
        if not to_a_session:
            raise
        return False
    return True


async def _settled(receiver: SdkReceiver, message: ServiceBusReceivedMessage, verdict: Verdict) -> bool:
    """False if the lock was lost meanwhile."""
    try:
        if verdict == "stored":
            await receiver.complete_message(message)
        else:
            await receiver.dead_letter_message(message, reason="unreadable", error_description="kept in quarantine")
    except (MessageLockLostError, SessionLockLostError):
        return False
    return True


async def _close(receiver: SdkReceiver) -> None:
    with suppress(AmqpFailed, TimeoutError), translated(reason_of):
        await bounded(receiver.close(), CLOSE_S)


def body_of(message: ServiceBusReceivedMessage) -> bytes:
    """The body's bytes: what data sections hold, or a value that is text or bytes, as some senders write it."""
    body: Any = message.body
    if message.body_type is AmqpMessageBodyType.DATA:
        return b"".join(body)
    if message.body_type is AmqpMessageBodyType.VALUE:
        return body if isinstance(body, bytes) else str(body).encode()
    return b""  # a sequence: nothing that anybody could read
