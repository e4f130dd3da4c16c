"""What a Pub/Sub subscription pushes: whose token is taken, and what each message is answered."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from postroad.egress.client import EgressClient
from postroad.transports import PUSHES
from postroad.transports.receiving import Push, PushRequest, Received, ReceiverMeans, Verdict
from servers.google_keys import Key, pushed

AUDIENCE, EMAIL = "https://hub.example/in/pubsub_push/1", "push@proj-1.iam.gserviceaccount.com"
GOOD = {"aud": AUDIENCE, "email": EMAIL}
KEY, OTHER = Key(), Key()


class Site:
    """A push, and where its certificates are."""

    def __init__(self, push: Push, remote: Any, clock: Any, told: list[str | None]) -> None:
        self.push = push
        self.remote = remote
        self.clock = clock
        self.told = told
        self.taken: list[Received] = []
        self.verdict: Verdict = "stored"

    async def take(self, received: Received) -> Verdict:
        self.taken.append(received)
        return self.verdict

    def token(self, key: Key = KEY, **claims: Any) -> str:
        return key.token(now_s=self.clock.now_us() // 1_000_000, **(GOOD | claims))

    async def send(self, body: bytes = pushed(b"[1]"), *, token: str | None = None) -> int:
        headers = {"authorization": f"Bearer {self.token() if token is None else token}"}
        request = PushRequest(method="POST", headers=headers, query={}, body=body)
        return (await self.push.refuses(request) or await self.push.answer(request, self.take)).status


@pytest.fixture
async def site(start_remote: Any, egress: EgressClient, ca_file: str, clock: Any) -> AsyncIterator[Site]:
    remote = await start_remote()
    reply = type(remote.answer(None))
    remote.answer = lambda _request: reply(body=KEY.certificates)
    config = {
        "audience": AUDIENCE,
        "service_account_email": EMAIL,
        "certs_url": f"{remote.url}/certs",
        "ca_file": ca_file,
    }
    told: list[str | None] = []
    means = ReceiverMeans(
        clock=clock,
        random=lambda: 0.0,
        egress=egress,
        checkpoints=None,  # type: ignore[arg-type]  # a push keeps none
        tell=told.append,
    )
    spec = PUSHES["pubsub_push"]
    push = spec.open(msgspec.convert(config, spec.config_type), means)
    yield Site(push, remote, clock, told)
    await push.close()


async def test_a_message_is_taken_in_as_it_is_and_acknowledged(site: Site) -> None:
    assert await site.send(pushed(b'[{"id":1}]', message_id="4711")) == 204
    assert site.taken == [Received(body=b'[{"id":1}]', request_id="4711")]


@pytest.mark.parametrize(("verdict", "status"), [("stored", 204), ("unreadable", 204), ("later", 503)])
async def test_only_what_is_kept_is_acknowledged(site: Site, verdict: Verdict, status: int) -> None:
    site.verdict = verdict
    assert await site.send() == status


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://somebody.example"},
        {"aud": None},
        {"email": "somebody@proj-1.iam.gserviceaccount.com"},
        {"email": None},
        {"email_verified": False},
        {"email_verified": None},
        {"iss": "https://issuer.example"},
        {"exp": 1},
        {"exp": None},
    ],
    ids=str,
)
async def test_a_token_that_says_something_else_is_refused(site: Site, claims: dict[str, Any]) -> None:
    assert await site.send(token=site.token(**claims)) == 401
    assert site.taken == []


async def test_a_token_of_another_key_is_refused(site: Site) -> None:
    assert await site.send(token=site.token(OTHER)) == 401
    assert site.taken == []


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "x" * 10_000])
async def test_what_is_no_token_is_refused(site: Site, token: str) -> None:
    assert await site.send(token=token) == 401


async def test_an_unsigned_token_is_refused(site: Site) -> None:
    _, claims, _ = site.token().split(".")
    for algorithm in ("none", "HS256"):
        head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": "k1"}).encode()).decode().rstrip("=")
        assert await site.send(token=f"{head}.{claims}.") == 401
    assert site.taken == []


async def test_a_token_that_is_over_is_refused(site: Site) -> None:
    token = site.token()
    site.clock.advance(3600 + 59)
    assert await site.send(token=token) == 204, "clocks may differ a little"
    site.clock.advance(2)
    assert await site.send(token=token) == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"message": {"data": "%%%"}}',
        b'{"message": {"data": 1}}',
        b'{"message": {"data": "\xff"}}',
        b'{"message": ' + b"[" * 9999,
        b"\xff",
    ],
    ids=range(8),
)
async def test_what_is_no_message_is_answered_400_and_taken_from_nobody(site: Site, body: bytes) -> None:
    assert await site.send(body) == 400
    assert site.taken == []


async def test_certificates_are_fetched_once_an_hour(site: Site) -> None:
    for _ in range(3):
        assert await site.send() == 204
    assert len(site.remote.requests) == 1
    site.clock.advance(3601)
    assert await site.send() == 204
    assert len(site.remote.requests) == 2


async def test_a_stranger_has_certificates_fetched_once_a_minute_at_most(site: Site) -> None:
    for _ in range(5):
        assert await site.send(token=site.token(key_id="made-up")) == 401
    assert len(site.remote.requests) == 1
    site.clock.advance(61)
    for _ in range(5):
        assert await site.send(token=site.token(key_id="made-up")) == 401
    assert len(site.remote.requests) == 2


async def test_without_certificates_a_message_comes_again_and_a_person_is_told(site: Site) -> None:
    good = site.remote.answer
    site.remote.answer = lambda request: type(good(request))(503)
    assert await site.send() == 503
    assert site.told
    assert "certificates" in str(site.told[-1])
    site.remote.answer = good
    assert await site.send() == 204
    assert site.told[-1] is None
