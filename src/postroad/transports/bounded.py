"""A transport that sends nothing larger than its service takes: such a message fails at once, and says the limit."""

from postroad.transports.base import Failed, Message, Outcome, Transport


class BoundedTransport:
    """A ``Transport`` around another one."""

    def __init__(self, transport: Transport, max_message_bytes: int) -> None:
        """``max_message_bytes``: of a message's body."""
        self._transport = transport
        self._max_bytes = max_message_bytes

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        if len(message.body) > self._max_bytes:
            return Failed(
                reason="too_large",
                detail=f"{len(message.body)} bytes, and the destination takes {self._max_bytes} at most",
            )
        return await self._transport.send(message)

    def endpoint(self, wire_type: str) -> str:
        """See ``Transport``."""
        return self._transport.endpoint(wire_type)

    async def close(self) -> None:
        """See ``Transport``."""
        await self._transport.close()
