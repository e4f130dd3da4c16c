"""The simulated platform: each service's retries, both ways of authentication, and the token renewed on 401."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from fixtures.remote import Remote, Reply, Request, StartRemote
from postroad.simulate.drivequant_platform import Basic, DriveQuantPlatform, OAuth

CLIENT = Basic("client", "s3cret")
DAY_S = 86_400.0


class Customer:
    """A customer's endpoints and token endpoint."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.tokens = 0
        self.good: set[str] = set()
        self.refusing: dict[str, int] = {}
        remote.answer = self.answer

    def answer(self, request: Request) -> Reply:
        if request.path.startswith("/oauth/token"):
            self.tokens += 1
            self.good = {f"Bearer token{self.tokens}"}
            return Reply(body=b'{"access_token":"token%d","expires_in":1}' % self.tokens)
        authorization = request.headers["authorization"]
        if authorization not in (self.good, CLIENT.header) and authorization not in self.good:
            return Reply(401)
        service = request.path.rpartition("/")[2]
        return Reply(self.refusing.get(service, 200))


@pytest.fixture
async def customer(start_remote: StartRemote) -> Customer:
    return Customer(await start_remote(None))


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def platform(customer: Customer, session: aiohttp.ClientSession, clock: Any, auth: Any = CLIENT) -> DriveQuantPlatform:
    base = customer.remote.url.replace("https", "http")
    return DriveQuantPlatform(f"{base}/dq", auth, session=session, clock=clock)


def oauth(customer: Customer, **options: Any) -> OAuth:
    token_url = customer.remote.url.replace("https", "http") + "/oauth/token"
    return OAuth(token_url=token_url, client=CLIENT, **options)


async def test_a_push_is_a_post_of_json_with_the_credentials(
    customer: Customer, session: aiohttp.ClientSession, clock: Any
) -> None:
    push = await platform(customer, session, clock).push("trip", {"itinId": "t1"})
    assert (push.taken, push.statuses) == (True, [200])
    [request] = customer.remote.requests
    assert (request.method, request.path, request.body) == ("POST", "/dq/trip", b'{"itinId":"t1"}')
    assert base64.b64decode(request.headers["authorization"].partition(" ")[2]) == b"client:s3cret"
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("service", "waits"),
    [
        ("trip", [DAY_S] * 29),
        ("trip_deleted", [DAY_S] * 29),
        ("diagnosis", [DAY_S] * 29),
        ("crash_report", [DAY_S] * 29),
        ("crash", [60.0] * 30 + [DAY_S] * 29),
    ],
)
async def test_what_is_never_taken_is_given_up_by_its_services_schedule(
    customer: Customer, session: aiohttp.ClientSession, clock: Any, service: str, waits: list[float]
) -> None:
    customer.refusing[service] = 500
    sender = platform(customer, session, clock)
    push = await sender.push(service, {"crashId": "c"})
    assert (push.taken, sender.given_up) == (False, [push])
    assert clock.slept == waits


async def test_a_deleted_driver_is_pushed_until_it_is_taken(
    customer: Customer, session: aiohttp.ClientSession, clock: Any
) -> None:
    customer.refusing["driver_deleted"] = 503
    pushing = asyncio.create_task(platform(customer, session, clock).push("driver_deleted", {"userId": "ada"}))
    async with asyncio.timeout(10):
        while len(clock.slept) < 40:
            customer.remote.arrived.clear()
            await customer.remote.arrived.wait()
    del customer.refusing["driver_deleted"]
    push = await pushing
    assert push.taken
    assert set(clock.slept) == {DAY_S}


async def test_a_token_is_had_once_and_renewed_when_a_push_is_401(
    customer: Customer, session: aiohttp.ClientSession, clock: Any
) -> None:
    sender = platform(customer, session, clock, oauth(customer, params={"scope": "push"}, form={"grant_type": "x"}))
    for _ in range(2):
        assert (await sender.push("trip", b"{}")).statuses == [200]
    assert (sender.tokens_had, clock.slept) == (1, []), "what the answer said of the token's end is not looked at"
    customer.good = set()
    assert (await sender.push("trip", b"{}")).statuses == [401, 200]
    assert sender.tokens_had == 2
    assert customer.remote.requests[0].path == "/oauth/token?scope=push"
    assert customer.remote.requests[0].body == b"grant_type=x"


async def test_by_option_the_push_that_was_401_waits_for_its_next_turn(
    customer: Customer, session: aiohttp.ClientSession, clock: Any
) -> None:
    sender = platform(customer, session, clock, oauth(customer, at_once=False))
    await sender.push("trip", b"{}")
    customer.good = set()
    assert (await sender.push("trip", b"{}")).statuses == [401, 200]
    assert clock.slept == [DAY_S]


async def test_403_does_not_renew_unless_it_is_agreed(
    customer: Customer, session: aiohttp.ClientSession, clock: Any
) -> None:
    customer.refusing["trip"] = 403
    for agreed, tokens in ((frozenset((401,)), 1), (frozenset((401, 403)), 2)):
        sender = platform(customer, session, clock, oauth(customer, renew_on=agreed))
        await sender.attempt(sender.begin("trip", b"{}"))
        assert sender.tokens_had == tokens


async def test_an_endpoint_that_is_gone_is_a_failure_like_any_other(
    customer: Customer, session: aiohttp.ClientSession, clock: Any
) -> None:
    await customer.remote.close()
    sender = platform(customer, session, clock, oauth(customer))
    push = sender.begin("trip", b"{}")
    assert not await sender.attempt(push)
    assert isinstance(push.statuses[0], str)
