"""Azure's services, each with transports that are open to it."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from fixtures.cloud_azure import AZURE, StartAzure
from postroad.egress.client import EgressClient
from postroad.transports import TRANSPORTS
from postroad.transports.base import Message, Outcome, Transport

MESSAGE = Message(body=b'[{"id":1}]', content_type="application/json", request_id="bulk-17")


class Site:
    """A service, and our side of it."""

    def __init__(self, server: Any, egress: EgressClient, clock: Any) -> None:
        self.server = server
        self.egress = egress
        self.clock = clock
        self.opened: list[Transport] = []
        self.spec = TRANSPORTS[server.transport]

    def config(self, **fields: Any) -> Any:
        return msgspec.convert(self.server.config(**fields), self.spec.config_type)

    def open(self, **fields: Any) -> Transport:
        transport = self.spec.open(self.config(**fields), self.egress, self.clock)
        self.opened.append(transport)
        return transport

    async def send(self, body: bytes = MESSAGE.body, **fields: Any) -> Outcome:
        """One attempt over a transport that is kept."""
        if not self.opened:
            self.open()
        return await self.opened[0].send(msgspec.structs.replace(MESSAGE, body=body, **fields))

    async def close(self) -> None:
        for transport in self.opened:
            await transport.close()


@pytest.fixture(params=AZURE)
async def site(
    request: pytest.FixtureRequest, start_azure: StartAzure, egress: EgressClient, clock: Any
) -> AsyncIterator[Site]:
    site = Site(await start_azure(request.param), egress, clock)
    yield site
    await site.close()
