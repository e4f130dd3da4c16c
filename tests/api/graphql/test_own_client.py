"""The hub as its own customer: the client by which it manages streams at the vendor's manages them here, over TLS."""

import datetime as dt
import random
from collections.abc import AsyncIterator

import pytest

from fixtures.graphql_site import GraphQLSite
from fixtures.remote import LOOPBACK
from postroad.access.service_keys import SIGN_IN_PATH, issuer, key_id, new_key_pair
from postroad.clock import SystemClock
from postroad.egress.client import EgressClient
from postroad.simulate.certificates import SERVER_FILE, make_server_context
from postroad.upstream.connected_cars.client import ConnectedCarsClient, NewStream
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream, ServiceAccount
from postroad.upstream.connected_cars.problem import Problem

AUDIENCE = "https://hub.example" + SIGN_IN_PATH


@pytest.fixture
async def client(graphql_site: GraphQLSite) -> AsyncIterator[ConnectedCarsClient]:
    """Signed in as ``garage``, whose fleet F has 250 vehicles."""
    site, pair = graphql_site, new_key_pair()
    site.declare({f"PL{n:03}": "F" for n in range(250)} | {"OTHER": "G"})
    site.give("F")
    site.give("G", to="spy")
    account = site.store.create_service_account(
        "integration", "garage", audience=AUDIENCE, key_id=key_id(pair.public_key), public_key=pair.public_key
    )
    _, ca_file = make_server_context(site.folder, dt.datetime.now(dt.UTC))
    await site.start(tls_cert_file=SERVER_FILE)
    base = site.url.removesuffix("/graphql")
    config = ConnectedCarsUpstream(
        graphql_url=site.url,
        auth_url=base + SIGN_IN_PATH,
        namespace="market:default",
        service_account=ServiceAccount(
            issuer=issuer(account), audience=AUDIENCE, key_id=key_id(pair.public_key), private_key=pair.private_pem
        ),
        topic=site.topic(),
    )
    egress = EgressClient(allowed=LOOPBACK, clock=SystemClock(), ca_file=str(ca_file))
    client = ConnectedCarsClient(config, egress, clock=SystemClock(), random=random.random)
    yield client
    await client.close()
    await egress.close()


async def test_our_own_client_manages_streams_here(client: ConnectedCarsClient, graphql_site: GraphQLSite) -> None:
    site, topic = graphql_site, graphql_site.topic()
    vehicles = await client.consented_integration_vehicles()
    assert not isinstance(vehicles, Problem)
    assert len(vehicles) == 250, "all three pages"
    assert {vehicle.fleet_id for vehicle in vehicles} == {site.fleet("F")}
    topics = await client.integration_topics()
    assert not isinstance(topics, Problem)
    assert [(one.id, one.parameters) for one in topics] == [(topic, ("gps_position",))]

    wanted = [NewStream(vehicle_id=one.number, integration_topic_id=topic, reference_url="x") for one in vehicles]
    added = await client.add_vehicle_data_streams(wanted)
    assert not isinstance(added, Problem)
    assert await client.vehicle_data_streams(topic_ids=[topic]) == added
    changed = await client.update_vehicle_data_stream(added[0].id, "y")
    assert not isinstance(changed, Problem)
    assert (changed.id, changed.reference_url) == (added[0].id, "y")

    foreign = NewStream(vehicle_id=site.vehicle("OTHER"), integration_topic_id=topic)
    assert isinstance(await client.add_vehicle_data_streams([foreign]), Problem)
    assert isinstance(await client.delete_vehicle_data_streams([added[1].id, 999_999]), Problem)
    assert len(site.streaming()) == 250

    assert await client.delete_vehicle_data_streams([one.id for one in added[:200]]) is True
    assert await client.delete_all_vehicle_data_streams([one.vehicle_id for one in added]) is True
    assert site.streaming() == set()
