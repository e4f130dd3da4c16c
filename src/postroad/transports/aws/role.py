"""Credentials of a role that the hub assumes, and assumes again before they expire.

Source   Amazon's documentation of AssumeRole; external ids are for roles of somebody else's account.
"""

from collections.abc import Callable
from typing import Any, Final

from aiobotocore.credentials import AioAssumeRoleCredentialFetcher, AioCredentials, AioDeferredRefreshableCredentials
from aiobotocore.session import AioSession
from botocore.exceptions import NoCredentialsError

from postroad.transports.aws.config import AwsAccess

SESSION_NAME: Final = "postroad"
"""What the account's trail calls us beside the role."""


class RoleProvider:
    """In the place of the SDK's chain of providers; the chain still says who it is that assumes the role."""

    def __init__(
        self, session: AioSession, role_arn: str, config: AwsAccess, create_client: Callable[..., Any]
    ) -> None:
        """``session``'s own chain gives the credentials that assume the role, if ``config`` has none.

        ``create_client`` makes the client of STS as the SDK's session does.
        """
        self._chain = session.get_component("credential_provider")
        self._role_arn = role_arn
        self._config = config
        self._create_client = create_client

    async def load_credentials(self) -> AioDeferredRefreshableCredentials:
        """Asks STS nothing yet. Raises ``NoCredentialsError``, and what the chain raises."""
        config = self._config
        if config.access_key is not None and config.secret_key is not None:
            source: AioCredentials | None = AioCredentials(config.access_key, config.secret_key, config.session_token)
        else:
            source = await self._chain.load_credentials()
        if source is None:
            raise NoCredentialsError
        fetcher = AioAssumeRoleCredentialFetcher(
            self._create_client,
            source,
            self._role_arn,
            extra_args={
                "RoleSessionName": SESSION_NAME,
                **({} if config.external_id is None else {"ExternalId": config.external_id}),
            },
        )
        return AioDeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
