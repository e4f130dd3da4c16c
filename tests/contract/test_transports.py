"""Each transport's promises, over real sockets. A member brings a harness that puts its remote side into each state."""

import asyncio
import base64
import gzip
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import trustme

from postroad.delivery.signing import Secret, SigningTransport, signer_of
from postroad.egress.client import EgressClient
from postroad.errors import ConfigError
from postroad.transports import TRANSPORTS
from postroad.transports.base import Delivered, Failed, Message, Outcome, Transport

PASSWORD = "pa ss/word-0815"
SECRET_FIELDS = ("password", "client_secret", "token")
BEARER = "given-b3arer-t0ken"
CLIENT_SECRET = "client secret+4711"
TOKEN = "token-%d-a/b+c=="
MESSAGE = Message(body=b'[{"id":1}]', content_type="application/json", request_id="bulk-17")


class HttpsHarness:
    """The HTTPS member: a remote that takes the bulks, and a token endpoint that counts its tokens."""

    name = "https"

    def __init__(self, egress: EgressClient, clock: Any, start_remote: Any, ca_file: str) -> None:
        self.egress = egress
        self.clock = clock
        self.start_remote = start_remote
        self.ca_file = ca_file
        self.opened: list[Transport] = []

    async def start(self, reply_type: Any) -> None:
        self.reply = reply_type
        self.remote = await self.start_remote()
        self.tokens = await self.start_remote()
        self.tokens.answer = self.give_token

    def give_token(self, _request: Any) -> Any:
        token = TOKEN % len(self.tokens.requests)
        return self.reply(body=msgspec.json.encode({"access_token": token, "token_type": "bearer", "expires_in": 3600}))

    def oauth(self, **fields: Any) -> dict[str, Any]:
        return {
            "type": "oauth2_client_credentials",
            "token_url": f"{self.tokens.url}/token",
            "client_id": "abc",
            "client_secret": CLIENT_SECRET,
            **fields,
        }

    def open(self, egress: EgressClient | None = None, **fields: Any) -> Transport:
        spec = TRANSPORTS[self.name]
        config = {"url": f"{self.remote.url}/events", "ca_file": self.ca_file, **fields}
        transport = spec.open(msgspec.convert(config, spec.config_type), egress or self.egress, self.clock)
        self.opened.append(transport)
        return transport

    async def send(self, message: Message = MESSAGE, **fields: Any) -> Outcome:
        """One attempt over a transport of its own."""
        return await self.open(**fields).send(message)

    def answers(self, status: int, body: bytes = b"", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.remote.answer = lambda _request: self.reply(status, body, named)

    def accepts_only_token(self, number: int, refusal: int) -> None:
        good = f"Bearer {TOKEN % number}"
        self.remote.answer = lambda request: self.reply(
            200 if request.headers["authorization"] == good else refusal, request.headers["authorization"].encode()
        )

    async def close(self) -> None:
        for transport in self.opened:
            await transport.close()


class SignedHarness(HttpsHarness):
    """The HTTPS member in its signing wrapper, which has to keep every promise as well."""

    def open(self, egress: EgressClient | None = None, **fields: Any) -> Transport:
        signer = signer_of([Secret(value="whsec_" + base64.b64encode(bytes(32)).decode())])
        return SigningTransport(super().open(egress, **fields), signer, self.clock)


MEMBERS = {"https": HttpsHarness, "https, signed": SignedHarness}


@pytest.fixture(params=sorted(MEMBERS))
async def harness(
    request: pytest.FixtureRequest, egress: EgressClient, clock: Any, start_remote: Any, ca_file: str
) -> AsyncIterator[HttpsHarness]:
    member = MEMBERS[request.param](egress, clock, start_remote, ca_file)
    reply_type = type((await start_remote()).answer(None))
    await member.start(reply_type)
    yield member
    await member.close()


def test_every_transport_is_a_member() -> None:
    of_clouds = {name for name, spec in TRANSPORTS.items() if spec.extra is not None}  # test_cloud_transports.py
    assert {member.name for member in MEMBERS.values()} == TRANSPORTS.keys() - of_clouds


async def test_delivered_means_the_remote_side_confirmed_the_very_bytes(harness: HttpsHarness) -> None:
    outcome = await harness.send(headers={"X-Tenant": "blue"})

    assert isinstance(outcome, Delivered)
    assert outcome.status == 200
    (request,) = harness.remote.requests
    assert (request.method, request.path, request.body) == ("POST", "/events", MESSAGE.body)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-request-id"] == "bulk-17"
    assert request.headers["x-tenant"] == "blue"
    assert re.fullmatch(r"postroad/\d+\.\d+\.\d+\S*", request.headers["user-agent"])
    assert "authorization" not in request.headers


async def test_a_body_of_several_megabytes_arrives_whole(harness: HttpsHarness) -> None:
    body = b"0123456789abcdef" * 200_000
    outcome = await harness.send(msgspec.structs.replace(MESSAGE, body=body))
    assert isinstance(outcome, Delivered)
    assert harness.remote.requests[0].body == body


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "rejected"), (401, "credentials"), (404, "rejected"), (413, "too_large"), (500, "server_error")],
)
async def test_a_refusal_says_why_and_what_the_remote_side_said(
    harness: HttpsHarness, status: int, reason: str
) -> None:
    harness.answers(status, b'{"message":\n "no such\tthing"}')
    outcome = await harness.send()
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == (reason, status)
    assert outcome.detail == '{"message": "no such thing"}'


async def test_throttled_carries_the_wait_that_was_asked_for(harness: HttpsHarness) -> None:
    harness.answers(429, Retry_After="120")
    outcome = await harness.send()
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.retry_after_s) == ("throttled", 120.0)


async def test_an_http_date_in_retry_after_is_counted_from_the_clock(harness: HttpsHarness) -> None:
    then = datetime.fromtimestamp(harness.clock.now_us() / 1e6, UTC) + timedelta(seconds=90)
    harness.answers(503, Retry_After=f"{then:%a, %d %b %Y %H:%M:%S} GMT")
    outcome = await harness.send()
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.retry_after_s) == ("server_error", 90.0)


async def test_a_redirect_is_not_followed(harness: HttpsHarness) -> None:
    target = await harness.start_remote()
    harness.answers(307, Location=target.url)
    outcome = await harness.send()
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("redirected", 307)
    assert target.connections == 0


# --- credentials


async def test_basic_credentials_are_sent(harness: HttpsHarness) -> None:
    outcome = await harness.send(auth={"type": "basic", "username": "käthe", "password": PASSWORD})
    assert isinstance(outcome, Delivered)
    assert harness.remote.requests[0].headers["authorization"] == "Basic a8OkdGhlOnBhIHNzL3dvcmQtMDgxNQ=="


async def test_a_bearer_token_is_sent_as_it_is_and_not_renewed(harness: HttpsHarness) -> None:
    harness.answers(401, b"")
    assert isinstance(await harness.send(auth={"type": "bearer", "token": BEARER}), Failed)
    (request,) = harness.remote.requests
    assert request.headers["authorization"] == f"Bearer {BEARER}"


async def test_the_token_request_is_as_rfc_6749_says(harness: HttpsHarness) -> None:
    auth = harness.oauth(scope="push events", headers={"X-Tenant": "blue"}, params={"audience": "https://a/b"})
    assert isinstance(await harness.send(auth=auth), Delivered)

    (request,) = harness.tokens.requests
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    # base64 of "abc:client+secret%2B4711": both parts form-urlencoded first
    assert request.headers["authorization"] == "Basic YWJjOmNsaWVudCtzZWNyZXQlMkI0NzEx"
    assert request.headers["x-tenant"] == "blue"
    assert request.body == b"grant_type=client_credentials&audience=https%3A%2F%2Fa%2Fb&scope=push+events"
    assert harness.remote.requests[0].headers["authorization"] == f"Bearer {TOKEN % 1}"


@pytest.mark.parametrize(
    ("renew_on", "status", "renewed"),
    [
        ((401,), 401, True),
        ((401,), 403, False),
        ((403,), 403, True),
        ((403,), 401, False),
        ((401, 403), 401, True),
        ((401, 403), 403, True),
        ((), 401, False),
        ((), 403, False),
    ],
)
async def test_a_refused_token_is_renewed_once_on_the_statuses_agreed(
    harness: HttpsHarness, renew_on: tuple[int, ...], status: int, renewed: bool
) -> None:
    harness.accepts_only_token(2, status)
    outcome = await harness.send(auth=harness.oauth(renew_on=renew_on))
    if renewed:
        assert isinstance(outcome, Delivered)
        assert len(harness.tokens.requests) == 2
    else:
        assert isinstance(outcome, Failed)
        assert (outcome.reason, outcome.status) == ("credentials", status)
        assert len(harness.tokens.requests) == 1


async def test_a_token_refused_twice_is_not_renewed_again_within_the_attempt(harness: HttpsHarness) -> None:
    harness.answers(401)
    outcome = await harness.send(auth=harness.oauth())
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("credentials", 401)
    assert (len(harness.remote.requests), len(harness.tokens.requests)) == (2, 2)


async def test_a_token_is_used_until_shortly_before_its_end(harness: HttpsHarness) -> None:
    transport = harness.open(auth=harness.oauth())
    await transport.send(MESSAGE)
    harness.clock.advance(3539)
    await transport.send(MESSAGE)
    assert len(harness.tokens.requests) == 1
    harness.clock.advance(1)
    assert isinstance(await transport.send(MESSAGE), Delivered)
    assert len(harness.tokens.requests) == 2


async def test_fifty_senders_wait_for_one_token(harness: HttpsHarness) -> None:
    transport = harness.open(auth=harness.oauth())
    outcomes = await asyncio.gather(*(transport.send(MESSAGE) for _ in range(50)))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert (len(harness.tokens.requests), len(harness.remote.requests)) == (1, 50)


async def test_fifty_senders_renew_a_refused_token_once(harness: HttpsHarness) -> None:
    transport = harness.open(auth=harness.oauth())
    await transport.send(MESSAGE)
    harness.accepts_only_token(2, 401)
    outcomes = await asyncio.gather(*(transport.send(MESSAGE) for _ in range(50)))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert len(harness.tokens.requests) == 2


async def test_a_token_endpoint_that_is_down_is_asked_once_in_a_while(harness: HttpsHarness) -> None:
    harness.tokens.answer = lambda _request: harness.reply(503)
    transport = harness.open(auth=harness.oauth())
    for _ in range(5):
        outcome = await transport.send(MESSAGE)
        assert isinstance(outcome, Failed)
        assert (outcome.reason, outcome.detail) == ("credentials", "the token endpoint answered 503")
    assert (len(harness.tokens.requests), len(harness.remote.requests)) == (1, 0)

    harness.tokens.answer = harness.give_token
    harness.clock.advance(5)
    assert isinstance(await transport.send(MESSAGE), Delivered)


async def test_a_token_endpoint_that_cannot_be_reached_fails_the_credentials(harness: HttpsHarness) -> None:
    await harness.tokens.close()
    outcome = await harness.send(auth=harness.oauth())
    assert isinstance(outcome, Failed)
    assert outcome.reason == "credentials"
    assert not harness.remote.requests


# --- who is there


@pytest.fixture
def certified(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    def make(*names: str, ca: trustme.CA = authority, **fields: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(*names, **fields).configure_cert(context)
        return context

    return make


async def test_an_unknown_authority_is_not_talked_to(harness: HttpsHarness, certified: Any) -> None:
    harness.remote = await harness.start_remote(certified("127.0.0.1", ca=trustme.CA()))
    await expect_tls_failure(harness, "unable to get local issuer certificate")


async def test_without_the_ca_file_a_private_authority_is_unknown(harness: HttpsHarness) -> None:
    await expect_tls_failure(harness, "local issuer certificate", ca_file=None)


async def test_a_certificate_for_another_name_is_not_talked_to(harness: HttpsHarness, certified: Any) -> None:
    harness.remote = await harness.start_remote(certified("other.example"))
    await expect_tls_failure(harness, "IP address mismatch")


async def test_an_expired_certificate_is_not_talked_to(harness: HttpsHarness, certified: Any) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    harness.remote = await harness.start_remote(certified("127.0.0.1", not_after=yesterday))
    await expect_tls_failure(harness, "certificate has expired")


async def test_tls_1_1_is_not_spoken(harness: HttpsHarness, certified: Any) -> None:
    context = certified("127.0.0.1")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")

    def greet(listener: socket.socket) -> bool:
        """True if a client agreed to TLS 1.1. (asyncio's server hangs up without saying why it does not like us.)"""
        connection, _ = listener.accept()
        with connection:
            try:
                context.wrap_socket(connection, server_side=True).close()
            except ssl.SSLError:
                return False
        return True

    with socket.create_server(("127.0.0.1", 0)) as listener:
        agreed = asyncio.create_task(asyncio.to_thread(greet, listener))
        outcome = await harness.send(url=f"https://127.0.0.1:{listener.getsockname()[1]}/")
        assert not await agreed
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.detail) == ("tls", "TLS failed: tlsv1 alert protocol version")


async def test_a_connection_that_ends_during_the_handshake_is_a_tls_failure(harness: HttpsHarness) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.transport.abort(), "127.0.0.1", 0)
    async with server:
        outcome = await harness.send(url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert isinstance(outcome, Failed)
    assert outcome.reason == "tls"


async def test_a_server_that_speaks_no_tls_is_not_talked_to(harness: HttpsHarness) -> None:
    async def bad_request(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(bad_request, "127.0.0.1", 0)
    async with server:
        outcome = await harness.send(url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert isinstance(outcome, Failed)
    assert outcome.reason == "tls"


async def expect_tls_failure(harness: HttpsHarness, detail: str, **fields: Any) -> None:
    outcome = await harness.send(**fields)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "tls"
    assert detail in outcome.detail
    assert not harness.remote.requests


# --- where we may go


async def test_plain_http_is_refused(harness: HttpsHarness) -> None:
    plain = await harness.start_remote(None)
    await expect_refusal(harness, plain, "only https is allowed", url=f"http://127.0.0.1:{plain.port}/")


async def test_a_private_address_is_refused_unless_a_network_allows_it(harness: HttpsHarness) -> None:
    assert isinstance(await harness.send(), Delivered)  # 127.0.0.1/32 is allowed in these tests
    async with closing(EgressClient(clock=harness.clock)) as strict:
        await expect_refusal(harness, await harness.start_remote(), "127.0.0.1 is a loopback address", egress=strict)


async def test_an_address_past_the_form_check_is_stopped_at_the_socket(
    harness: HttpsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postroad.egress.guard.is_address", lambda _host: False)
    target = await harness.start_remote(host="127.0.0.2")
    await expect_refusal(harness, target, "127.0.0.2 is a loopback address", url=target.url)


async def test_a_name_for_a_private_address_is_refused(harness: HttpsHarness) -> None:
    target = await harness.start_remote(host="127.0.0.2")
    async with resolving(harness, ["127.0.0.2"]) as client:
        url = f"https://customer.example:{target.port}/"
        await expect_refusal(harness, target, "customer.example: 127.0.0.2 is a loopback", url=url, egress=client)


async def test_one_private_address_among_others_refuses_the_name(harness: HttpsHarness) -> None:
    url = f"https://customer.example:{harness.remote.port}/"
    async with resolving(harness, ["127.0.0.1", "10.0.0.1"]) as client:
        await expect_refusal(harness, harness.remote, "10.0.0.1 is a private", url=url, egress=client)


async def test_a_name_that_moves_to_a_private_address_is_not_followed(
    harness: HttpsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postroad.egress.client.NAME_S", 0)
    target = await harness.start_remote(host="127.0.0.2", port=harness.remote.port)
    async with resolving(harness, ["127.0.0.1"], ["127.0.0.2"]) as client:
        transport = harness.open(egress=client, url=f"https://customer.example:{harness.remote.port}/")
        assert isinstance(await transport.send(MESSAGE), Delivered)
        await harness.remote.hang_up()
        outcome = await transport.send(MESSAGE)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "refused_address"
    assert target.connections == 0


async def test_a_connection_goes_to_the_address_that_was_checked(harness: HttpsHarness) -> None:
    target = await harness.start_remote(host="127.0.0.2", port=harness.remote.port)
    async with resolving(harness, ["127.0.0.1"], ["127.0.0.2"]) as client:
        outcome = await harness.send(egress=client, url=f"https://customer.example:{harness.remote.port}/")
    assert isinstance(outcome, Delivered)
    assert (len(harness.remote.requests), target.connections) == (1, 0)


async def test_a_name_that_does_not_resolve_says_so(harness: HttpsHarness) -> None:
    async with resolving(harness, []) as client:
        outcome = await harness.send(egress=client, url="https://customer.example/")
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.detail) == ("dns", "customer.example has no address")


class closing:  # noqa: N801  # reads as contextlib's, for something that is awaited
    def __init__(self, client: EgressClient) -> None:
        self.client = client

    async def __aenter__(self) -> EgressClient:
        return self.client

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()


def resolving(harness: HttpsHarness, *answers: list[str]) -> closing:
    """A client whose resolver gives these answers, one after the other; the last for ever."""
    left = list(answers)

    async def lookup(_host: str, _port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return closing(EgressClient(allowed=harness.egress.allowed, lookup=lookup, clock=harness.clock))


async def expect_refusal(harness: HttpsHarness, target: Any, detail: str, **fields: Any) -> None:
    before = target.connections
    outcome = await harness.send(**fields)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "refused_address"
    assert detail in outcome.detail
    assert target.connections == before


# --- connections that misbehave


async def test_a_port_where_nobody_listens_is_a_failure_to_connect(harness: HttpsHarness) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = await harness.send(url=f"https://127.0.0.1:{port}/")
    assert isinstance(outcome, Failed)
    assert outcome.reason == "connect"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"])
async def test_an_answer_cut_off_is_broken(harness: HttpsHarness, said: bytes) -> None:
    async def cut(_request: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    harness.remote.raw = cut
    outcome = await harness.send()
    assert isinstance(outcome, Failed)
    assert outcome.reason == "broken"
    assert len(harness.remote.requests) == 1


async def test_an_answer_that_is_not_http_is_broken(harness: HttpsHarness) -> None:
    async def babble(_request: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x01 what? \r\n\r\n")
        await writer.drain()

    harness.remote.raw = babble
    outcome = await harness.send()
    assert isinstance(outcome, Failed)
    assert outcome.reason == "broken"


async def test_a_remote_side_that_never_answers_times_out(harness: HttpsHarness) -> None:
    harness.remote.raw = forever
    outcome = await harness.send(timeout_s=0.2)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "timeout"


async def test_an_answer_that_never_ends_is_cut(harness: HttpsHarness) -> None:
    async def endless(_request: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    harness.remote.raw = endless
    outcome = await harness.send()
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.detail) == ("server_error", "x" * 200)


async def test_a_compressed_bomb_stays_compressed(harness: HttpsHarness) -> None:
    bomb = gzip.compress(bytes(20_000_000))
    harness.answers(500, bomb, Content_Encoding="gzip")
    outcome = await harness.send()
    assert isinstance(outcome, Failed)
    assert outcome.detail == f"({len(bomb)} bytes, compressed)"


async def forever(_request: Any, _writer: asyncio.StreamWriter) -> None:
    await asyncio.get_running_loop().create_future()


# --- connections that are kept


async def test_a_connection_serves_many_sends(harness: HttpsHarness) -> None:
    transport = harness.open()
    for _ in range(5):
        assert isinstance(await transport.send(MESSAGE), Delivered)
    assert (len(harness.remote.requests), harness.remote.connections) == (5, 1)


async def test_an_answer_not_read_to_its_end_costs_its_connection(harness: HttpsHarness) -> None:
    harness.answers(200, bytes(1_000_000))
    transport = harness.open()
    for _ in range(2):
        assert isinstance(await transport.send(MESSAGE), Delivered)
    assert harness.remote.connections == 2


async def test_a_kept_connection_that_was_closed_at_the_other_end_is_no_failure(harness: HttpsHarness) -> None:
    transport = harness.open()
    assert isinstance(await transport.send(MESSAGE), Delivered)

    async def hang_up(_request: Any, _writer: asyncio.StreamWriter) -> None:
        harness.remote.raw = None

    harness.remote.raw = hang_up  # the request crosses the server's goodbye
    assert isinstance(await transport.send(MESSAGE), Delivered)
    assert harness.remote.connections == 2


async def test_a_cancelled_send_stays_cancelled_and_leaves_no_connection(harness: HttpsHarness) -> None:
    closed = asyncio.Event()

    async def until_gone(_request: Any, writer: asyncio.StreamWriter) -> None:
        try:
            await writer.wait_closed()
        finally:
            closed.set()

    harness.remote.raw = until_gone
    sending = asyncio.create_task(harness.send())
    await harness.remote.arrived.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await closed.wait()


async def test_one_cancelled_sender_does_not_take_the_token_from_the_others(harness: HttpsHarness) -> None:
    go = asyncio.Event()

    async def slow(request: Any) -> Any:
        await go.wait()
        return harness.give_token(request)

    harness.tokens.answer = slow
    transport = harness.open(auth=harness.oauth())
    first, second = (asyncio.create_task(transport.send(MESSAGE)) for _ in range(2))
    await harness.tokens.arrived.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go.set()
    assert isinstance(await second, Delivered)
    assert len(harness.tokens.requests) == 1


async def test_closing_ends_a_token_request_that_is_under_way(harness: HttpsHarness) -> None:
    harness.tokens.raw = forever
    transport = harness.open(auth=harness.oauth())
    sending = asyncio.create_task(transport.send(MESSAGE))
    await harness.tokens.arrived.wait()
    await transport.close()
    outcome = await sending
    assert isinstance(outcome, Failed)
    assert outcome.reason == "credentials"


# --- endpoints


async def test_one_url_takes_every_type_as_one_endpoint(harness: HttpsHarness) -> None:
    assert {harness.open().endpoint(wire_type) for wire_type in ("trip", "crash", "anything")} == {""}


async def test_with_several_urls_each_type_goes_to_its_own_by_the_same_credentials(harness: HttpsHarness) -> None:
    base = harness.remote.url
    urls = {"trip": f"{base}/t", "trip_deleted": f"{base}/t", "crash": f"{base}/c"}
    transport = harness.open(url=None, urls=urls, auth=harness.oauth(query={"tenant": "b&1"}))
    assert [transport.endpoint(one) for one in urls] == ["trip,trip_deleted", "trip,trip_deleted", "crash"]
    for wire_type in urls:
        message = msgspec.structs.replace(MESSAGE, wire_type=wire_type)
        assert isinstance(await transport.send(message), Delivered)
    assert [request.path for request in harness.remote.requests] == ["/t", "/t", "/c"]
    assert [request.path for request in harness.tokens.requests] == ["/token?tenant=b%261"]


async def test_a_type_without_a_url_has_no_endpoint_and_goes_nowhere(harness: HttpsHarness) -> None:
    transport = harness.open(url=None, urls={"trip": f"{harness.remote.url}/t"})
    with pytest.raises(ConfigError, match="no URL for crash"):
        transport.endpoint("crash")
    for wire_type in ("crash", None):
        outcome = await transport.send(msgspec.structs.replace(MESSAGE, wire_type=wire_type))
        assert isinstance(outcome, Failed)
        assert outcome.reason == "refused_address"
    assert harness.remote.requests == []


async def test_a_secret_in_the_query_of_any_url_is_hidden(harness: HttpsHarness) -> None:
    urls = {"trip": f"{harness.remote.url}/t?key=first-key-0815", "crash": f"{harness.remote.url}/c?key=other-key-4711"}
    harness.answers(400, b"key=first-key-0815 key=other-key-4711")
    transport = harness.open(url=None, urls=urls)
    outcome = await transport.send(msgspec.structs.replace(MESSAGE, wire_type="trip"))
    assert isinstance(outcome, Failed)
    assert outcome.detail == "[hidden] [hidden]"


# --- secrets


async def test_no_secret_leaves_by_outcome_log_or_repr(harness: HttpsHarness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    header, query = "header-key-5150", "code=url+key%2F42"
    harness.remote.answer = lambda request: harness.reply(
        401,
        f"{[auth.get(name) for name in SECRET_FIELDS]} {request.headers} {request.path}".encode(),
    )
    said = []
    for auth in (
        {"type": "basic", "username": "kate", "password": PASSWORD},
        {"type": "bearer", "token": BEARER},
        harness.oauth(),
        harness.oauth(params={"assertion": header}),
    ):
        fields = {
            "url": f"{harness.remote.url}/events?{query}",
            "auth": auth,
            "headers": {"X-Key": header},
            "ca_file": harness.ca_file,
        }
        spec = TRANSPORTS[harness.name]
        config = msgspec.convert(fields, spec.config_type)
        said.append(repr(config))
        harness.tokens.answer = harness.give_token
        said += [repr(step) for step in await spec.probe(config, harness.egress, harness.clock, MESSAGE)]
        outcome = await harness.send(**fields)
        said += [repr(outcome), repr(harness.opened[-1])]
        harness.tokens.answer = lambda request: harness.reply(
            400, f'{{"error": "{request.headers["authorization"]}"}}'.encode()
        )
        said.append(repr(await harness.send(**fields)))
    everything = "\n".join(said) + caplog.text
    assert "[hidden]" in everything
    secrets = [PASSWORD, BEARER, CLIENT_SECRET, header, query, "token-", "a2F0ZTpw", "YWJjOmNsaWVu"]
    assert [secret for secret in secrets if secret in everything] == []


@pytest.mark.parametrize("echo", ["Token header-key-5150", "header-key-5150", "header-key-5150?"])
async def test_a_key_in_a_static_header_is_hidden_with_and_without_its_scheme(harness: HttpsHarness, echo: str) -> None:
    harness.answers(400, f"unknown key {echo}".encode())
    outcome = await harness.send(headers={"Authorization": "Token header-key-5150"})
    assert isinstance(outcome, Failed)
    assert harness.remote.requests[0].headers["authorization"] == "Token header-key-5150"
    assert "[hidden]" in outcome.detail
    assert "header-key" not in outcome.detail
