"""Who the hub is for Google without a key of its own: what the machine's environment says. Everything over sockets."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.cloud import require
from fixtures.remote import Remote, Reply, Request, StartRemote
from fixtures.until import until
from postroad.clock import SystemClock
from postroad.egress.client import EgressClient
from postroad.transports import RECEIVERS, TRANSPORTS
from postroad.transports.base import Delivered, Failed, Message, Outcome, Transport
from postroad.transports.receiving import Received, ReceiverMeans, Verdict
from servers.google_keys import Key

MESSAGE = Message(body=b'[{"id":1}]', content_type="application/json", request_id="bulk-1")
TOPIC = "projects/proj-1/topics/events"
SUBSCRIPTION = "projects/proj-1/subscriptions/hub"
WAYS = ("metadata server", "key file", "federation", "federation, impersonating")
KEY, OTHER = Key(), Key()


class Site:
    """A topic with a subscription that take the tokens that were given out, and a machine that has none yet."""

    def __init__(
        self, server: Any, tokens: Any, metadata: Remote, out: Remote, egress: EgressClient, ca_file: str, folder: Path
    ) -> None:
        self.server = server
        self.tokens = tokens
        self.metadata = metadata
        self.out = out
        """All that the SDK would ask of the internet comes here."""
        self._egress = egress
        self._ca_file = ca_file
        self._folder = folder
        self._patch = pytest.MonkeyPatch()
        self._opened: list[Transport] = []

    def is_known_by(self, way: str) -> None:
        """Set the machine up so."""
        from servers.google_tokens import SUBJECT_TOKEN

        self.subject_file.write_text(SUBJECT_TOKEN)
        match way:
            case "metadata server":
                self.metadata.answer = self.tokens.answer
            case "key file":
                self.credentials_file(self.tokens.key_file())
            case _:
                file = self.tokens.federation_file(str(self.subject_file), impersonating="impersonating" in way)
                self.credentials_file(file)

    def credentials_file(self, said: object) -> None:
        file = self._folder / "credentials.json"
        file.write_text(json.dumps(said))
        self._patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    @property
    def subject_file(self) -> Path:
        return self._folder / "subject-token"

    def config(self, **fields: str) -> dict[str, Any]:
        return fields | {"endpoint": f"localhost:{self.server.port}", "ca_file": self._ca_file, "timeout_s": 10}

    def open(self) -> Transport:
        spec = TRANSPORTS["pubsub"]
        config = msgspec.convert(self.config(topic=TOPIC), spec.config_type)
        self._opened.append(spec.open(config, self._egress, SystemClock()))
        return self._opened[-1]

    async def send(self) -> Outcome:
        return await self.open().send(MESSAGE)

    async def close(self) -> None:
        for transport in self._opened:
            await transport.close()
        for thread in threading.enumerate():  # of the SDK's, asking beside: none asks when nobody catches it any more
            if "RegionalAccessBoundary" in type(thread).__name__:
                await asyncio.to_thread(thread.join)
        await asyncio.to_thread(self.server.close)
        self._patch.undo()


@pytest.fixture
async def site(
    authority: Any,
    ca_file: str,
    egress: EgressClient,
    start_remote: StartRemote,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[Site]:
    require("google.pubsub_v1")
    import grpc
    from google.auth.compute_engine import _metadata

    from servers.google_tokens import GoogleTokens
    from servers.pubsub import PubSubServer

    tokens_remote, metadata, out = await start_remote(), await start_remote(None), await start_remote(None)
    tokens = GoogleTokens(KEY, tokens_remote.url)
    tokens_remote.answer = tokens.answer
    metadata.answer = out.answer = lambda _request: Reply(404)
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "CLOUDSDK_CONFIG": str(tmp_path / "none"),
        "GCE_METADATA_IP": f"127.0.0.1:{metadata.port}",
        "REQUESTS_CA_BUNDLE": ca_file,
        "HTTPS_PROXY": f"http://127.0.0.1:{out.port}",
        "NO_PROXY": "127.0.0.1,localhost",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", f"127.0.0.1:{metadata.port}")  # read when it is imported
    issued = authority.issue_cert("localhost")
    pair = (issued.private_key_pem.bytes(), b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    server = PubSubServer(tokens=tokens.given, credentials=grpc.ssl_server_credentials([pair]))
    server.add_topic(TOPIC)
    server.add_subscription(SUBSCRIPTION, TOPIC)
    server.start()
    site = Site(server, tokens, metadata, out, egress, ca_file, tmp_path)
    yield site
    await site.close()


@pytest.mark.parametrize("way", WAYS)
async def test_a_token_is_asked_for_once_and_again_when_it_expires(site: Site, way: str) -> None:
    site.is_known_by(way)
    site.tokens.lasts = timedelta(minutes=1)  # less than the SDK leaves itself
    transport = site.open()
    assert isinstance(await transport.send(MESSAGE), Delivered)
    site.tokens.lasts = timedelta(hours=1)
    for _ in range(2):
        assert isinstance(await transport.send(MESSAGE), Delivered)
    assert site.server.shown == ["token-1", "token-2", "token-2"] == [*site.tokens.given, "token-2"]
    assert len(site.server.topics[TOPIC]) == 3


@pytest.mark.parametrize("way", WAYS)
async def test_who_is_refused_a_token_is_told_so_and_sends_once_it_is_given(
    site: Site, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    from servers.google_tokens import SUBJECT_TOKEN

    site.is_known_by(way)
    site.tokens.refuses = True
    transport = site.open()
    outcome = await transport.send(MESSAGE)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status, outcome.detail) == ("credentials", None, "no token could be had")
    assert [secret for secret in (SUBJECT_TOKEN, "federated-1", "eyJ") if secret in caplog.text] == []
    assert site.server.requests == 0
    site.tokens.refuses = False
    assert isinstance(await transport.send(MESSAGE), Delivered)


@pytest.mark.parametrize("way", WAYS)
async def test_a_subscription_is_pulled_from_with_them(site: Site, egress: EgressClient, way: str) -> None:
    site.is_known_by(way)
    taken: list[bytes] = []

    async def take(received: Received) -> Verdict:
        taken.append(received.body)
        return "stored"

    means = ReceiverMeans(
        clock=SystemClock(),
        random=lambda: 0.0,
        egress=egress,
        checkpoints=None,  # type: ignore[arg-type]  # the service keeps the place
        tell=lambda _said: None,
    )
    spec = RECEIVERS["pubsub"]
    receiver = spec.open(msgspec.convert(site.config(subscription=SUBSCRIPTION), spec.config_type), means)
    site.server.put(TOPIC, b"[1]")
    running = asyncio.create_task(receiver.run(take))
    try:
        await until(lambda: len(site.server.subscriptions[SUBSCRIPTION].acknowledged) == 1)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert taken == [b"[1]"]
    assert set(site.server.shown) == {"token-1"}


async def test_a_key_file_of_somebody_else_is_refused(site: Site) -> None:
    site.credentials_file(site.tokens.key_file() | {"private_key": OTHER.pem})
    outcome = await site.send()
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.detail) == ("credentials", "no token could be had")
    assert site.tokens.given == []


async def test_a_workload_shows_the_token_that_is_in_its_file_by_then(site: Site) -> None:
    site.is_known_by("federation")
    good = site.subject_file.read_text()
    site.subject_file.write_text("of-somebody-else")
    transport = site.open()
    outcome = await transport.send(MESSAGE)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "credentials"
    site.subject_file.write_text(good)
    assert isinstance(await transport.send(MESSAGE), Delivered)


async def test_a_token_that_the_service_does_not_take_is_told_with_its_status(site: Site) -> None:
    site.is_known_by("metadata server")
    transport = site.open()
    assert isinstance(await transport.send(MESSAGE), Delivered)
    site.tokens.given.clear()
    outcome = await transport.send(MESSAGE)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("credentials", 401)
    assert "token-1" not in outcome.detail


@pytest.mark.parametrize(
    "said",
    [None, "no object", {"type": "service_account"}, {"type": "external_account"}, {"type": "unheard-of"}],
    ids=str,
)
async def test_a_machine_without_credentials_says_so_and_has_them_as_soon_as_they_are_there(
    site: Site, said: object
) -> None:
    if said is not None:
        site.credentials_file(said)
    transport = site.open()
    outcome = await transport.send(MESSAGE)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("credentials", None)
    assert "this machine has no default credentials for Google" in outcome.detail
    site.is_known_by("key file")
    assert isinstance(await transport.send(MESSAGE), Delivered)


@pytest.mark.parametrize("way", WAYS)
async def test_what_the_sdk_asks_google_besides_holds_up_nothing(site: Site, way: str) -> None:
    answered = asyncio.Event()

    async def much_later(_request: Request) -> Reply:
        await answered.wait()
        return Reply(403)

    site.out.answer = much_later
    site.is_known_by(way)
    try:
        assert isinstance(await site.send(), Delivered)
        await site.out.arrived.wait()
        assert {request.path for request in site.out.requests} == {"iamcredentials.googleapis.com:443"}
    finally:
        answered.set()
