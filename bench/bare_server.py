"""The yardstick for intake: a server that does nothing but parse.

The same event loop, HTTP parser and typed decode as the hub's, and the same answer. No token, no look-up of vehicles or
repeats, no order to keep, nothing stored: what is left is what a Python server cannot do without.

With ``--blind`` it does not even parse: it answers whatever comes. That shows how much the generator can send.
"""

import asyncio
import sys
from typing import Any

import httptools
import msgspec
import uvloop

from postroad.ingest.http.answers import Answer
from postroad.protocols.drivetech.answers import SAVED
from postroad.protocols.drivetech.wire import Injection
from worker import obey

_SAVED = Answer(200, SAVED).wire
_REFUSED = Answer(400, b"").wire
_decode = msgspec.json.Decoder(Injection).decode


class Bare(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Forget the last request."""
        self.body = b""

    def on_body(self, body: bytes) -> None:
        """Keep the body."""
        self.body = self.body + body if self.body else body

    def on_message_complete(self) -> None:
        """Decode and answer."""
        try:
            _decode(self.body)
        except msgspec.MsgspecError:
            self.transport.write(_REFUSED)
        else:
            self.transport.write(_SAVED)


class Blind(asyncio.Protocol):
    """One connection of a client that waits for each answer: so all that arrives at once is one request."""

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport

    def data_received(self, _data: bytes) -> None:
        """Answer."""
        self.transport.write(_SAVED)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(
        Blind if "--blind" in sys.argv else Bare, "127.0.0.1", 0, backlog=1024
    )

    async def port() -> dict[str, Any]:
        return {"port": server.sockets[0].getsockname()[1]}

    await obey({"port": port})


if __name__ == "__main__":
    uvloop.run(main())
