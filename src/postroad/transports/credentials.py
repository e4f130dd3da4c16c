"""Authentication at work: the ``Authorization`` of each request, and what to do when it is refused."""

from collections.abc import Collection
from typing import Protocol

from postroad.clock import Clock
from postroad.egress.client import Pool, Timeouts
from postroad.egress.tokens import Grant, TokenSource, basic
from postroad.transports.auth import Auth, BasicAuth, BearerAuth, ClientCredentialsAuth, NoAuth


class Credentials(Protocol):
    """What the transport asks of any kind of authentication."""

    async def authorization(self) -> str | None:
        """The header's value, or ``None`` for none. Raises ``TokenFailed`` or ``EgressRefused``."""

    def refused(self, authorization: str | None, status: int) -> bool:
        """Told that ``authorization`` was answered with ``status``: true if asking again gives a fresh one."""

    async def close(self) -> None:
        """End what is under way."""


class Static:
    """The same value for ever."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    async def authorization(self) -> str | None:
        """See ``Credentials``."""
        return self._value

    def refused(self, authorization: str | None, status: int) -> bool:  # noqa: ARG002  # nothing to renew
        """See ``Credentials``."""
        return False

    async def close(self) -> None:
        """See ``Credentials``."""


class Bearer:
    """A token that is fetched, cached and renewed."""

    def __init__(self, source: TokenSource, renew_on: Collection[int]) -> None:
        self._source = source
        self._renew_on = renew_on

    async def authorization(self) -> str | None:
        """See ``Credentials``."""
        return f"Bearer {await self._source.get()}"

    def refused(self, authorization: str | None, status: int) -> bool:
        """See ``Credentials``."""
        if authorization is None or status not in self._renew_on:
            return False
        self._source.invalidate(authorization.removeprefix("Bearer "))
        return True

    async def close(self) -> None:
        """See ``Credentials``."""
        await self._source.close()


def credentials_for(auth: Auth, pool: Pool, clock: Clock, timeouts: Timeouts) -> Credentials:
    """What ``auth`` configures, sending by ``pool``."""
    match auth:
        case NoAuth():
            return Static(None)
        case BasicAuth(username=username, password=password):
            return Static(basic(username, password))
        case BearerAuth(token=token):
            return Static(f"Bearer {token}")
        case ClientCredentialsAuth():
            grant = Grant(
                token_url=auth.token_url,
                client_id=auth.client_id,
                client_secret=auth.client_secret,
                scope=auth.scope,
                headers=auth.headers,
                params=auth.params,
                query=auth.query,
                plain=auth.client_encoding == "plain",
            )
            source = TokenSource(grant, lambda url, body, headers: pool.post(url, body, headers, timeouts), clock)
            return Bearer(source, auth.renew_on)
