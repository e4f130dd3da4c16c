"""Who the hub is to Microsoft Entra ID: the ``identity`` of an Azure destination, in place of a key.

Structs as an operator writes them; what the SDKs ask for tokens then is in ``credential``, since it needs the extra.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from postroad.transports.auth import Secret

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
