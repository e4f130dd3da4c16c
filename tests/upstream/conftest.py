from collections.abc import AsyncIterator
from typing import Any

import pytest

from fixtures.connected_cars_server import AUDIENCE, ISSUER, KEY_ID, NAMESPACE, TOPIC, ConnectedCarsServer
from fixtures.remote import LOOPBACK
from postroad.egress.client import EgressClient
from postroad.upstream.connected_cars.client import ConnectedCarsClient
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream, ServiceAccount


@pytest.fixture
def config(connected_cars: ConnectedCarsServer, account_pem: str) -> ConnectedCarsUpstream:
    return ConnectedCarsUpstream(
        graphql_url=connected_cars.graphql_url,
        auth_url=connected_cars.auth_url,
        namespace=NAMESPACE,
        service_account=ServiceAccount(issuer=ISSUER, audience=AUDIENCE, key_id=KEY_ID, private_key=account_pem),
        topic=TOPIC,
    )


class Waits:
    """The clock, but whoever sleeps wakes at once, that much later; what was slept is kept."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.slept: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.advance(seconds)


@pytest.fixture
def waits(clock: Any) -> Waits:
    return Waits(clock)


@pytest.fixture
async def trusted_egress(waits: Waits, ca_file: str) -> AsyncIterator[EgressClient]:
    egress = EgressClient(allowed=LOOPBACK, clock=waits, ca_file=ca_file)
    yield egress
    await egress.close()


@pytest.fixture
async def client(
    config: ConnectedCarsUpstream, trusted_egress: EgressClient, waits: Waits
) -> AsyncIterator[ConnectedCarsClient]:
    client = ConnectedCarsClient(config, trusted_egress, clock=waits, random=lambda: 1.0)
    yield client
    await client.close()
