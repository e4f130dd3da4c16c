"""Who the hub is to Microsoft Entra ID: the ``identity`` of an Azure destination, in place of a key.

Structs as an operator writes them, and the credential of ``azure-identity`` that each stands for. That SDK asks for its
tokens over connections of its own, beside the hub's egress.
"""

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from postroad.transports.auth import Secret

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_Text = Annotated[str, Meta(min_length=1)]


class DefaultIdentity(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="default"
):
    """Whatever the hub's surroundings offer: environment variables, workload identity, managed identity, in turn."""


class ManagedIdentity(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="managed"
):
    """The identity that Azure gives the machine or the app that the hub runs on."""

    client_id: Annotated[_Text | None, Meta(description="Of a user-assigned one; without it the system's.")] = None


class WorkloadIdentity(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="workload"
):
    """A federated identity of Kubernetes. What is not given is taken from ``AZURE_...`` of the environment."""

    tenant_id: Annotated[_Text | None, Meta(description="The Entra tenant.")] = None
    client_id: Annotated[_Text | None, Meta(description="The application.")] = None
    token_file: Annotated[_Text | None, Meta(description="Where Kubernetes keeps the token that is exchanged.")] = None


class ClientSecretIdentity(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="client_secret"
):
    """A service principal with a secret."""

    tenant_id: Annotated[_Text, Meta(description="The Entra tenant.")]
    client_id: Annotated[_Text, Meta(description="The application.")]
    client_secret: Annotated[Secret, Meta(min_length=1, description="Its secret.")]

    def __repr__(self) -> str:
        """Without the secret."""
        return f"ClientSecretIdentity(tenant_id={self.tenant_id!r}, client_id={self.client_id!r})"


Identity = DefaultIdentity | ManagedIdentity | WorkloadIdentity | ClientSecretIdentity


def credential_of(identity: Identity) -> "AsyncTokenCredential":
    """What the SDKs ask for tokens; to be closed. It asks nobody yet.

    Raises:
        ModuleNotFoundError: azure-identity is not installed.
        ValueError: ``WorkloadIdentity`` finds less in the environment than it needs.
    """
    from azure.identity import aio

    match identity:
        case DefaultIdentity():
            return aio.DefaultAzureCredential()
        case ManagedIdentity(client_id=client_id):
            return aio.ManagedIdentityCredential(client_id=client_id)
        case WorkloadIdentity():
            return aio.WorkloadIdentityCredential(
                tenant_id=identity.tenant_id, client_id=identity.client_id, token_file_path=identity.token_file
            )
        case ClientSecretIdentity():
            return aio.ClientSecretCredential(identity.tenant_id, identity.client_id, identity.client_secret)
