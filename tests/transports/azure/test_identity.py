"""An identity in place of a key. Who gives its tokens is a stand-in: there is no server of Microsoft Entra ID here."""

from typing import Any

import pytest
from msgspec import structs

from postroad.transports.base import Delivered, Failed

ENDPOINT = "sb://customer.servicebus.windows.net/"


class Credential:
    """What azure-identity gives, without asking anybody."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.scopes: list[str] = []
        self.closed = False

    async def get_token(self, *scopes: str, **_options: Any) -> Any:
        from azure.core.credentials import AccessToken

        self.scopes += scopes
        return AccessToken(self.token, 4_000_000_000)

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def credential(monkeypatch: pytest.MonkeyPatch) -> Credential:
    pytest.importorskip("azure.servicebus")
    from servers.event_grid import JWT

    credential = Credential(JWT)
    for module in ("event_grid_publishing", "event_hubs_receiving", "event_hubs_sending", "service_bus_sending"):
        monkeypatch.setattr(f"postroad.transports.azure.{module}.credential_of", lambda _identity: credential)
    return credential


def by_identity(site: Any) -> dict[str, Any]:
    fields = {"identity": {"type": "default"}}
    if site.server.transport == "event_grid":
        return {**fields, "topic_key": None}
    return {**fields, "connection_string": None, "endpoint": ENDPOINT, **ENTITIES[site.server.transport]}


ENTITIES = {"service_bus": {"queue": "telematics"}, "event_hubs": {"event_hub": "telematics"}}
SCOPES = {
    "service_bus": "https://servicebus.azure.net//.default",
    "event_hubs": "https://eventhubs.azure.net//.default",
    "event_grid": "https://eventgrid.azure.net/.default",
}


async def test_an_identity_s_token_is_shown_and_its_credential_closed(site: Any, credential: Credential) -> None:
    transport = site.open(**by_identity(site))
    outcome = await site.send(b"[1]")
    assert isinstance(outcome, Delivered), outcome
    assert set(credential.scopes) == {SCOPES[site.server.transport]}
    await transport.close()
    assert credential.closed


async def test_a_token_that_is_not_taken_is_said_and_not_shown(site: Any, credential: Credential) -> None:
    credential.token = "eyJhbGciOiJub25lIn0.e30.of-a-stranger"
    site.open(**by_identity(site))
    outcome = await site.send(b"[1]")
    assert isinstance(outcome, Failed)
    assert outcome.reason == "credentials"
    assert credential.token not in outcome.detail


async def test_an_identity_receives(inbox: Any, credential: Credential) -> None:
    await inbox.site.send(b"[1]")
    inbox.start(**by_identity(inbox.site))
    await inbox.log.until(lambda: inbox.log.bodies == [b"[1]"])
    await inbox.stop()
    assert credential.closed


def test_each_identity_has_a_credential_of_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    aio = pytest.importorskip("azure.identity.aio")
    from postroad.transports.azure import identity

    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", "/nowhere")
    said = [
        (identity.DefaultIdentity(), aio.DefaultAzureCredential),
        (identity.ManagedIdentity(client_id="c"), aio.ManagedIdentityCredential),
        (identity.WorkloadIdentity(tenant_id="t", client_id="c"), aio.WorkloadIdentityCredential),
        (identity.ClientSecretIdentity(tenant_id="t", client_id="c", client_secret="s"), aio.ClientSecretCredential),
    ]
    for written, expected in said:
        assert isinstance(identity.credential_of(written), expected), structs.asdict(written).keys()
