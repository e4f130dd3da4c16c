"""A relay before an AMQP server that writes every field of a frame, also those that are null at its end.

The standard has a sender leave them out (AMQP 1.0, part 1, section 1.4), and Proton does. The AMQP client within
azure-eventhub up to 5.15.1 takes a field that is not there for an error ("list index out of range"); azure-servicebus
mended its copy in 7.15.0.
"""

import asyncio
import contextlib
import ssl

_FIELDS = {0x10: 10, 0x11: 8, 0x12: 14, 0x13: 11, 0x14: 11, 0x15: 6, 0x16: 3, 0x17: 1, 0x18: 1}
"""By the descriptor of a performative (part 2, section 2.7): how many fields it has."""
_NULL = b"\x40"
_LIST0, _LIST8 = 0x45, 0xC0


class PaddingRelay:
    """Runs in the test's own event loop."""

    def __init__(self, target_port: int, context: ssl.SSLContext | None) -> None:
        self._target_port = target_port
        self._context = context
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        both = [
            asyncio.ensure_future(_copy(reader, inner_writer)),
            asyncio.ensure_future(_copy_padded(inner_reader, writer)),
        ]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for copying in both:
            copying.cancel()
        for each in (writer, inner_writer):
            each.close()
        for each in (writer, inner_writer):
            with contextlib.suppress(OSError):
                await each.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()


async def _copy_padded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            frame = await reader.readexactly(8)
            if frame[:4] != b"AMQP":  # else the protocol header
                frame += await reader.readexactly(int.from_bytes(frame[:4], "big") - 8)
                frame = padded(frame)
            writer.write(frame)
            await writer.drain()


def padded(frame: bytes) -> bytes:
    """``frame`` with the null fields that its performative could have at its end."""
    start = frame[4] * 4
    performative = frame[start : start + 4]
    if frame[5] != 0 or performative[:2] != b"\0S" or performative[2] not in _FIELDS:
        return frame  # SASL's, or an empty one
    at, wanted = start + 4, _FIELDS[performative[2]]
    if performative[3] == _LIST0:
        items, count, rest = b"", 0, frame[at:]
    elif performative[3] == _LIST8:
        end = at + 1 + frame[at]
        items, count, rest = frame[at + 2 : end], frame[at + 1], frame[end:]
    else:
        end = at + 4 + int.from_bytes(frame[at : at + 4], "big")
        count = int.from_bytes(frame[at + 4 : at + 8], "big")
        items, rest = frame[at + 8 : end], frame[end:]
    items += _NULL * max(0, wanted - count)
    body = b"\xd0" + (len(items) + 4).to_bytes(4, "big") + max(count, wanted).to_bytes(4, "big") + items + rest
    return (start + 3 + len(body)).to_bytes(4, "big") + frame[4 : start + 3] + body
