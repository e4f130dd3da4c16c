"""The customer over real TLS: tokens, failures on request, and what it then has."""

import gzip
import ssl
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
import trustme

from postroad.simulate.customer import Customer, CustomerSettings

BASIC = {"Authorization": aiohttp.encode_basic_auth("hub", "s3cret")}
GRANT = {"grant_type": "client_credentials"}
EVENT = {
    "type": "gps_position",
    "id": 64,
    "vehicleId": 1,
    "time": "2023-11-14T22:13:20.000Z",
    "latitude": 39.7,
    "longitude": -104.9,
    "speed": 50,
    "direction": 90,
    "eph": None,
    "hdop": None,
}


@pytest.fixture
async def customer(clock) -> AsyncIterator[Customer]:
    customer = Customer(CustomerSettings(client_id="hub", client_secret="s3cret", token_lifetime_s=600), clock=clock)
    yield customer
    await customer.stop()


@pytest.fixture
async def client(customer: Customer) -> AsyncIterator[aiohttp.ClientSession]:
    authority = trustme.CA()
    server, mine = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(mine)
    url = await customer.start(server)
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(ssl=mine)) as session:
        yield session


async def token(client: aiohttp.ClientSession) -> str:
    async with client.post("/oauth/token", data=GRANT, headers=BASIC) as response:
        assert response.status == 200
        answer = await response.json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 600
    return answer["access_token"]


async def post(client: aiohttp.ClientSession, bearer: str, *events: dict, **options) -> int:
    options = {"data": msgspec.json.encode(events), **options}
    headers = {"Authorization": f"Bearer {bearer}", **options.pop("headers", {})}
    async with client.post("/events", headers=headers, **options) as response:
        return response.status


async def test_events_with_a_token_are_answered_200_and_recorded(customer: Customer, client, clock):
    bearer = await token(client)
    await clock.sleep(2.5)
    assert await post(client, bearer, EVENT, EVENT | {"id": 128, "time": "2023-11-14T22:13:21Z"}) == 200
    delivery = customer.record.first[1, "gps_position", 1_700_000_000_000]
    assert (delivery.event_id, delivery.delivered_us, delivery.place) == (64, clock.now_us(), (39.7, -104.9))
    assert (customer.record.events, customer.record.bulks) == (2, 1)


@pytest.mark.parametrize(
    ("headers", "form", "status"),
    [
        ({}, GRANT, 401),
        ({"Authorization": aiohttp.encode_basic_auth("hub", "wrong")}, GRANT, 401),
        ({"Authorization": "Basic hüb"}, GRANT, 401),
        (BASIC, {"grant_type": "password"}, 400),
        (BASIC, {}, 400),
    ],
)
async def test_no_token_without_the_right_credentials_and_grant(customer: Customer, client, headers, form, status):
    async with client.post("/oauth/token", data=form, headers=headers) as response:
        assert response.status == status
    assert customer.tokens_issued == 0


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer guess", "Basic aHViOnMzY3JldA=="])
async def test_events_without_a_valid_token_are_not_taken(customer: Customer, client, header):
    await token(client)
    headers = {} if header is None else {"Authorization": header}
    async with client.post("/events", json=[EVENT], headers=headers) as response:
        assert response.status == 401
    assert customer.record.bulks == 0
    assert customer.unauthorized == 1


async def test_a_token_ends_with_its_lifetime(client, clock):
    bearer = await token(client)
    await clock.sleep(599)
    assert await post(client, bearer, EVENT) == 200
    await clock.sleep(1)
    assert await post(client, bearer, EVENT) == 401


async def test_revoked_tokens_are_refused_and_a_new_one_works(customer: Customer, client):
    old = await token(client)
    customer.revoke_tokens()
    assert await post(client, old, EVENT) == 401
    assert await post(client, await token(client), EVENT) == 200


async def test_the_status_for_a_bad_token_is_a_setting(clock):
    settings = CustomerSettings(client_id="hub", client_secret="s3cret", unauthorized_status=403)
    customer = Customer(settings, clock=clock)
    url = await customer.start(None)
    async with aiohttp.ClientSession(url) as client:
        assert await post(client, "guess", EVENT) == 403
    await customer.stop()


async def test_while_unavailable_nothing_is_taken_and_afterwards_all_is_well(customer: Customer, client):
    bearer = await token(client)
    customer.trouble = "unavailable"
    assert await post(client, bearer, EVENT) == 503
    assert customer.record.bulks == 0
    assert customer.unavailable == 1
    customer.trouble = None
    assert await post(client, bearer, EVENT) == 200
    assert customer.record.redelivered == 0


async def test_when_the_answer_is_lost_the_events_were_taken_and_come_as_repeats(customer: Customer, client):
    bearer = await token(client)
    customer.trouble = "answer_lost"
    with pytest.raises(aiohttp.ClientError):
        await post(client, bearer, EVENT)
    customer.trouble = None
    assert await post(client, bearer, EVENT) == 200
    assert customer.record.redelivered == 1
    assert len(customer.record.first) == 1


async def test_a_malformed_event_is_counted_and_the_bulk_still_answered_200(customer: Customer, client):
    bearer = await token(client)
    assert await post(client, bearer, EVENT, EVENT | {"id": 65, "speed": "fast"}) == 200
    assert await post(client, bearer, data=b"{") == 200
    assert customer.record.events == 1
    assert customer.record.malformed == 2
    assert "speed" in customer.record.complaints[0]


async def test_a_gzipped_bulk_is_taken(customer: Customer, client):
    body = gzip.compress(msgspec.json.encode([EVENT]))
    assert await post(client, await token(client), data=body, headers={"Content-Encoding": "gzip"}) == 200
    assert customer.record.events == 1
