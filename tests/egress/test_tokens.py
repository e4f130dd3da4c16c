import asyncio
import base64
import gc
from typing import Any

import msgspec
import pytest
from msgspec import structs

from postroad.egress.client import Answer
from postroad.egress.failures import EgressFailed
from postroad.egress.tokens import Grant, TokenFailed, TokenSource, read_answer
from postroad.errors import EgressRefused

GRANT = Grant(token_url="https://login.example/token", client_id="abc", client_secret="s3cret-4711")


def answer(body: Any, status: int = 200) -> Answer:
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answer(status=status, headers={}, body=encoded, elapsed_s=0.0)


class Endpoint:
    """Stands in for the network only: what it is sent and what it says are whole."""

    def __init__(self) -> None:
        self.asked = 0
        self.authorization = ""
        self.lifetime: Any = 3600
        self.error: Exception | None = None

    async def post(self, _url: str, _body: bytes, headers: Any) -> Answer:
        self.asked += 1
        self.authorization = headers["Authorization"]
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return answer({"access_token": f"token-{self.asked}", "expires_in": self.lifetime})


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def source(endpoint: Endpoint, clock: Any) -> TokenSource:
    return TokenSource(GRANT, endpoint.post, clock)


@pytest.mark.parametrize(
    ("expires_in", "used_s"),
    [
        (3600, 3540),  # a minute before
        ("3600", 3540),
        (3600.0, 3540),
        (100, 90),  # a tenth before
        (None, 270),  # not said: five minutes
        ("soon", 270),
        ("NaN", 270),
        ([], 270),
    ],
)
async def test_a_token_is_kept_until_its_end_less_a_margin(
    source: TokenSource, endpoint: Endpoint, clock: Any, expires_in: Any, used_s: float
) -> None:
    endpoint.lifetime = expires_in
    assert await source.get() == "token-1"
    clock.advance(used_s - 1)
    assert await source.get() == "token-1"
    clock.advance(1)
    assert await source.get() == "token-2"


@pytest.mark.parametrize("expires_in", [0, -5])
async def test_a_token_without_a_lifetime_is_used_once(
    source: TokenSource, endpoint: Endpoint, expires_in: int
) -> None:
    endpoint.lifetime = expires_in
    assert [await source.get(), await source.get()] == ["token-1", "token-2"]


@pytest.mark.parametrize(("plain", "sent"), [(False, "a%3Ab+c:s%2B3%2Fcr%C3%A9t%3D"), (True, "a:b c:s+3/crét=")])
async def test_id_and_secret_are_form_encoded_or_as_they_are(
    endpoint: Endpoint, clock: Any, plain: bool, sent: str
) -> None:
    grant = structs.replace(GRANT, client_id="a:b c", client_secret="s+3/crét=", plain=plain)
    await TokenSource(grant, endpoint.post, clock).get()
    scheme, _, credentials = endpoint.authorization.partition(" ")
    assert (scheme, base64.b64decode(credentials).decode()) == ("Basic", sent)


async def test_many_waiters_make_one_request(source: TokenSource, endpoint: Endpoint) -> None:
    assert set(await asyncio.gather(*(source.get() for _ in range(50)))) == {"token-1"}
    assert endpoint.asked == 1


async def test_only_the_current_token_can_be_invalidated(source: TokenSource) -> None:
    await source.get()
    source.invalidate("token-0")
    assert await source.get() == "token-1"
    source.invalidate("token-1")
    assert await source.get() == "token-2"
    source.invalidate("token-1")
    assert await source.get() == "token-2"


async def test_a_failure_answers_for_a_short_while(source: TokenSource, endpoint: Endpoint, clock: Any) -> None:
    endpoint.error = EgressFailed("timeout", "no complete answer in time")
    for _ in range(3):
        with pytest.raises(TokenFailed, match="cannot be used: timeout"):
            await source.get()
    assert endpoint.asked == 1
    clock.advance(5)
    endpoint.error = None
    assert await source.get() == "token-2"


async def test_a_refused_token_url_is_a_refusal(source: TokenSource, endpoint: Endpoint) -> None:
    endpoint.error = EgressRefused("address", "10.0.0.1 is a private address")
    with pytest.raises(EgressRefused):
        await source.get()


async def test_a_failure_nobody_waits_for_any_more_is_no_noise(
    source: TokenSource, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.error = EgressRefused("address", "10.0.0.1 is a private address")
    waiter = asyncio.create_task(source.get())
    await asyncio.sleep(0)
    waiter.cancel()
    renewal = source._renewal
    await asyncio.wait([waiter, renewal])
    del renewal
    gc.collect()  # asyncio complains of an exception that nobody fetched when its task goes
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        (b"", 500, "answered 500"),
        ({"error": "invalid_client"}, 401, "answered 401 invalid_client"),
        ({"error": "s3cret-4711"}, 400, "answered 400$"),
        ({"error": ["invalid_client"]}, 400, "answered 400$"),
        (b"[" * 60_000, 400, "answered 400$"),
        (b"<html>", 302, "answered 302$"),
        (b"<html>", 200, "no access_token"),
        (b"\xff", 200, "no access_token"),
        ({}, 200, "no access_token"),
        ({"access_token": 5}, 200, "no access_token"),
        ({"access_token": ""}, 200, "cannot be sent"),
        ({"access_token": "a\r\nX: y"}, 200, "cannot be sent"),
        ({"access_token": "a", "token_type": "mac"}, 200, "not of type Bearer"),
    ],
)
def test_an_answer_without_a_usable_token_says_why_and_nothing_else(body: Any, status: int, complaint: str) -> None:
    with pytest.raises(TokenFailed, match=complaint) as failed:
        read_answer(answer(body, status))
    assert "s3cret" not in str(failed.value)


def test_reprs_hold_no_secret(source: TokenSource) -> None:
    assert "s3cret" not in repr(GRANT) + repr(source) + str([GRANT])
