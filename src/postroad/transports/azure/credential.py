"""Tokens of Microsoft Entra ID by ``azure-identity``: needs the extra ``azure``.

The tokens of a secret and of a workload come through the hub's own egress. What machines and environments offer
(``managed``, ``default``) is at addresses that egress refuses by good right, such as 169.254.169.254, and partly
without TLS: that the SDK asks for over connections of its own.
"""

import asyncio
from os import environ
from types import TracebackType
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError
from msgspec import structs

from postroad.egress.client import EgressClient, Pool, Timeouts
from postroad.errors import PostroadError
from postroad.transports.azure.identity import (
    ClientSecretIdentity,
    DefaultIdentity,
    Identity,
    ManagedIdentity,
    WorkloadIdentity,
)
from postroad.transports.azure.pipeline import EgressHttp
from postroad.transports.later import imported

TIMEOUTS = Timeouts(10.0, 5.0)
_OF_A_WORKLOAD = {
    "tenant_id": "AZURE_TENANT_ID",
    "client_id": "AZURE_CLIENT_ID",
    "token_file": "AZURE_FEDERATED_TOKEN_FILE",
}
"""Field -> where in the environment the SDK looks for it."""


class Credential(AsyncTokenCredential):
    """What the SDKs ask for tokens. It is made at the first question, when what is missing can be said."""

    def __init__(self, identity: Identity, egress: EgressClient, *, ca_file: str | None) -> None:
        """``ca_file``: of the destination, trusted here too. To be closed."""
        self._identity = identity
        self._egress = egress
        self._ca_file = ca_file
        self._making = asyncio.Lock()
        self._made: AsyncTokenCredential | None = None
        self._pool: Pool | None = None

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """See ``AsyncTokenCredential``. Raises ``AzureError``, and what egress does."""
        try:
            async with self._making:
                if self._made is None:
                    await imported("azure.identity.aio")
                    self._made = self._make()
            return await self._made.get_token(*scopes, **options)
        except (AzureError, PostroadError):
            raise
        except Exception as exc:  # ValueError for a field that is nowhere, OSError of a token file, and the like
            raise ClientAuthenticationError(f"no token could be asked for: {exc}") from exc

    async def close(self) -> None:
        """Let go of connections."""
        if self._made is not None:
            await self._made.close()
        if self._pool is not None:
            await self._pool.close()

    async def __aenter__(self) -> Self:
        """See ``AsyncTokenCredential``."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """See ``close``."""
        await self.close()

    def _make(self) -> AsyncTokenCredential:
        """The SDK's own. Raises ``ValueError``."""
        from azure.identity import aio

        match identity := self._identity:
            case DefaultIdentity():
                return aio.DefaultAzureCredential()
            case ManagedIdentity(client_id=client_id):
                return aio.ManagedIdentityCredential(client_id=client_id)
            case WorkloadIdentity():
                _require_whole(identity)
                return aio.WorkloadIdentityCredential(
                    tenant_id=identity.tenant_id,
                    client_id=identity.client_id,
                    token_file_path=identity.token_file,
                    **self._over_egress(),
                )
            case ClientSecretIdentity():
                return aio.ClientSecretCredential(
                    identity.tenant_id, identity.client_id, identity.client_secret, **self._over_egress()
                )

    def _over_egress(self) -> dict[str, Any]:
        """Options of a credential; its own retries are off, since delivery has its own."""
        self._pool = self._pool or self._egress.pool(ca_file=self._ca_file)
        return {"transport": EgressHttp(self._pool, TIMEOUTS), "retry_total": 0}


def _require_whole(identity: WorkloadIdentity) -> None:
    """In a shorter sentence than the SDK's. Raises ``ValueError``."""
    said = structs.asdict(identity)
    lacking = [name for field, name in _OF_A_WORKLOAD.items() if not (said[field] or environ.get(name))]
    if lacking:
        raise ValueError(f"the environment lacks {', '.join(lacking)}, and the config names none")
