"""An identity in place of a key: ``azure-identity`` gets its tokens over a socket, from a stand-in of Entra ID."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.cloud import require
from fixtures.cloud_azure import EventGridOut, StartAzure
from fixtures.remote import Remote
from postroad.protocols.contract import Contract
from postroad.transports.base import Delivered, Failed

ENDPOINT = "sb://customer.servicebus.windows.net/"
ENTITIES = {"service_bus": {"queue": "telematics"}, "event_hubs": {"event_hub": "telematics"}}
SCOPES = {
    "service_bus": "https://servicebus.azure.net//.default",
    "event_hubs": "https://eventhubs.azure.net//.default",
    "event_grid": "https://eventgrid.azure.net/.default",
}
MACHINES = {"managed", "default"}


class Tenant:
    """Who gives tokens, and what the hub's surroundings say of it."""

    def __init__(self, entra: Any, token_file: Path) -> None:
        self.entra = entra
        self._token_file = token_file

    def identity(self, kind: str) -> dict[str, str]:
        """``identity`` of a config."""
        from servers.entra import CLIENT, CLIENT_SECRET, TENANT

        if kind == "client_secret":
            return {"type": kind, "tenant_id": TENANT, "client_id": CLIENT, "client_secret": CLIENT_SECRET}
        if kind == "workload":
            return {"type": kind, "tenant_id": TENANT, "client_id": CLIENT, "token_file": str(self._token_file)}
        return {"type": kind}


@pytest.fixture
async def tenant(
    request: pytest.FixtureRequest, tmp_path: Path, server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Tenant]:
    """Over TLS for what goes by egress; an app asks for its managed identity without."""
    require("azure.identity")
    from servers.entra import ASSERTION, HEADER, Entra
    from servers.event_grid import JWT

    remote = Remote()
    kind = getattr(request.node, "callspec", None) and request.node.callspec.params.get("kind")
    await remote.start(None if kind in MACHINES else server_context)
    for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(f"AZURE_{name}", raising=False)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", remote.url)
    if kind in MACHINES:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{remote.port}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    token_file = tmp_path / "token"
    token_file.write_text(ASSERTION)
    yield Tenant(Entra(remote, JWT), token_file)
    await remote.close()


def by(site: Any, identity: dict[str, str]) -> dict[str, Any]:
    """Fields of a config."""
    if site.server.transport == "event_grid":
        return {"identity": identity, "topic_key": None}
    entity = ENTITIES[site.server.transport]
    return {"identity": identity, "connection_string": None, "endpoint": ENDPOINT, **entity}


async def test_an_identity_s_token_is_shown(site: Any, tenant: Tenant) -> None:
    transport = site.open(**by(site, tenant.identity("client_secret")))
    outcome = await site.send(b"[1]")
    assert isinstance(outcome, Delivered), outcome
    assert set(tenant.entra.scopes) == {SCOPES[site.server.transport]}
    await transport.close()
    assert tenant.entra.remote.open == 0


async def test_a_token_that_is_not_taken_is_said_and_not_shown(site: Any, tenant: Tenant) -> None:
    tenant.entra.token = "eyJhbGciOiJub25lIn0.e30.of-a-stranger"
    site.open(**by(site, tenant.identity("client_secret")))
    outcome = await site.send(b"[1]")
    assert isinstance(outcome, Failed)
    assert outcome.reason == "credentials"
    assert tenant.entra.token not in outcome.detail


async def test_a_secret_that_entra_does_not_take_is_said_and_not_shown(site: Any, tenant: Tenant) -> None:
    site.open(**by(site, tenant.identity("client_secret") | {"client_secret": "another~s3cret"}))
    outcome = await site.send(b"[1]")
    assert isinstance(outcome, Failed)
    assert outcome.reason == "credentials"
    assert "AADSTS7000215" in outcome.detail
    assert "another" not in outcome.detail


async def test_when_entra_is_asked_again_is_delivery_s_to_say(site: Any, tenant: Tenant) -> None:
    from servers.entra import said

    answer, tenant.entra.remote.answer = tenant.entra.remote.answer, lambda _request: said(503, {"error": "busy"})
    site.open(**by(site, tenant.identity("client_secret")))
    outcome = await site.send(b"[1]")
    assert isinstance(outcome, Failed)
    assert Contract(name="any", order="none").action(outcome.status, outcome.reason) in ("retry", "renew")
    assert len(tenant.entra.remote.requests) == 1
    tenant.entra.remote.answer = answer
    assert isinstance(await site.send(b"[1]"), Delivered)


async def test_nothing_is_sent_while_entra_cannot_be_reached_and_that_is_said(
    site: Any, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://127.0.0.1:1")
    site.open(**by(site, tenant.identity("client_secret")))
    outcome = await site.send(b"[1]")
    assert isinstance(outcome, Failed)
    assert outcome.reason == "connect"


async def test_a_workload_whose_surroundings_say_nothing_fails_and_says_what_is_missing(
    site: Any, tenant: Tenant
) -> None:
    site.open(**by(site, {"type": "workload"}))
    for _ in range(2):
        outcome = await site.send(b"[1]")
        assert isinstance(outcome, Failed)
        assert outcome.reason == "credentials"
        assert "AZURE_TENANT_ID" in outcome.detail
    assert tenant.entra.remote.requests == []


@pytest.mark.parametrize("kind", ["workload", "managed", "default"])
async def test_each_other_identity_is_given_a_token(
    start_azure: StartAzure, make_site: Any, tenant: Tenant, kind: str
) -> None:
    site = make_site(await start_azure(EventGridOut))
    site.open(**by(site, tenant.identity(kind)))
    outcome = await site.send(b"[1]")
    assert isinstance(outcome, Delivered), outcome
    assert tenant.entra.scopes == [SCOPES["event_grid"]]
    await site.close()


async def test_a_workload_whose_token_file_is_not_there_says_so(
    start_azure: StartAzure, make_site: Any, tenant: Tenant
) -> None:
    site = make_site(await start_azure(EventGridOut))
    site.open(**by(site, tenant.identity("workload") | {"token_file": "/nowhere/at/all"}))
    outcome = await site.send(b"[1]")
    assert isinstance(outcome, Failed)
    assert outcome.reason == "credentials"
    await site.close()


async def test_an_identity_receives(inbox: Any, tenant: Tenant) -> None:
    await inbox.site.send(b"[1]")
    inbox.start(**by(inbox.site, tenant.identity("client_secret")))
    await inbox.log.until(lambda: inbox.log.bodies == [b"[1]"])
    await inbox.stop()
    assert tenant.entra.remote.open == 0


async def test_a_receiver_whose_surroundings_say_nothing_tells_what_is_missing(inbox: Any, tenant: Tenant) -> None:
    inbox.start(**by(inbox.site, {"type": "workload"}))
    await inbox.trouble.wait()
    assert inbox.told[-1].startswith("credentials: ")
    assert tenant.entra.remote.requests == []
    assert "AZURE_TENANT_ID" in inbox.told[-1]
