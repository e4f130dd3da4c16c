"""DriveQuant as the hub meets it: a platform that pushes to six URLs, and pushes again what was not taken.

Each push is on a clock of its own: once a day, thirty times in all; a crash each minute of its first half hour, and
then daily; a deleted driver for ever. Any 2xx is taken for good. With OAuth 2.0, a token is had once and used until a
push is answered 401, whatever its answer said of its lifetime. What the vendor does not publish is an option here.
"""

import asyncio
import base64
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec

from postroad.clock import Clock

DAY_S: Final = 86_400.0


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """When a service's push is tried again."""

    attempts: int | None = 30
    """In all; ``None``: until it is taken."""
    urgent_for_s: float = 0.0
    urgent_every_s: float = 60.0
    then_every_s: float = DAY_S


POLICIES: Final[Mapping[str, Policy]] = {
    "trip": Policy(),
    "trip_deleted": Policy(),
    "diagnosis": Policy(),
    "crash": Policy(attempts=60, urgent_for_s=1800.0),
    "crash_report": Policy(),
    "driver_deleted": Policy(attempts=None),
}
"""By service: thirty urgent attempts and thirty daily ones of a crash."""


class Basic(msgspec.Struct, frozen=True):
    """HTTP basic authentication."""

    username: str
    password: str

    def __repr__(self) -> str:
        """Without the password."""
        return f"Basic(username={self.username!r})"

    @property
    def header(self) -> str:
        """The value of ``Authorization``."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


class OAuth(msgspec.Struct, frozen=True, kw_only=True):
    """OAuth 2.0: where a token is had, and with what."""

    token_url: str
    client: Basic
    headers: Mapping[str, str] = {}
    params: Mapping[str, str] = {}
    """Of the query."""
    form: Mapping[str, str] | None = None
    """``None``: the request has no body."""
    renew_on: frozenset[int] = frozenset((401,))
    at_once: bool = True
    """The push that showed that a token has expired is repeated with the new one; else it waits as any other."""


class Push(msgspec.Struct):
    """One body on its way."""

    service: str
    body: bytes
    began_s: float
    statuses: list[int | str] = []
    """What became of each attempt: a status code, or the name of an error of the connection."""
    taken: bool = False
    token: str | None = None
    """That the last attempt showed."""


class DriveQuantPlatform:
    """One customer's configuration: the URL below which its six endpoints are, and one way of authentication."""

    def __init__(
        self,
        base_url: str,
        auth: Basic | OAuth,
        *,
        session: aiohttp.ClientSession,
        clock: Clock,
        policies: Mapping[str, Policy] = POLICIES,
    ) -> None:
        """``base_url`` is followed by ``/`` and the service's name."""
        self.given_up: list[Push] = []
        self.answers: Counter[tuple[str, int | str]] = Counter()
        self.tokens_had = 0
        self._base_url = base_url
        self._auth = auth
        self._session = session
        self._clock = clock
        self._policies = policies
        self._token: str | None = None
        self._renewing = asyncio.Lock()

    async def push(self, service: str, said: Mapping[str, Any] | bytes) -> Push:
        """Push a body until it is taken or given up."""
        push = self.begin(service, said)
        while not await self.attempt(push):
            wait_s = self._wait_s(push)
            if wait_s is None:
                self.given_up.append(push)
                break
            await self._clock.sleep(wait_s)
        return push

    def begin(self, service: str, said: Mapping[str, Any] | bytes) -> Push:
        """A push that was not tried yet."""
        body = said if isinstance(said, bytes) else msgspec.json.encode(said)
        return Push(service, body, self._clock.monotonic_s())

    async def attempt(self, push: Push) -> bool:
        """Try once; whether it was taken."""
        status = await self._post(push)
        if isinstance(self._auth, OAuth) and status in self._auth.renew_on:
            if push.token == self._token:  # unless another push has renewed it meanwhile
                self._token = None
            if self._auth.at_once:
                status = await self._post(push)
        push.taken = isinstance(status, int) and 200 <= status < 300
        return push.taken

    def _wait_s(self, push: Push) -> float | None:
        policy = self._policies[push.service]
        if policy.attempts is not None and len(push.statuses) >= policy.attempts:
            return None
        urgent = self._clock.monotonic_s() - push.began_s < policy.urgent_for_s
        return policy.urgent_every_s if urgent else policy.then_every_s

    async def _post(self, push: Push) -> int | str:
        outcome = await self._request(push)
        push.statuses.append(outcome)
        self.answers[push.service, outcome] += 1
        return outcome

    async def _request(self, push: Push) -> int | str:
        try:
            authorization = await self._authorization()
            push.token = self._token
            if authorization is None:
                return "no_token"
            headers = {"Authorization": authorization, "Content-Type": "application/json"}
            url = f"{self._base_url}/{push.service}"
            async with self._session.post(url, data=push.body, headers=headers, allow_redirects=False) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError) as exc:
            return type(exc).__name__

    async def _authorization(self) -> str | None:
        auth = self._auth
        if isinstance(auth, Basic):
            return auth.header
        async with self._renewing:  # pushes under way share a token
            if self._token is None:
                self._token = await self._new_token(auth)
        return None if self._token is None else f"Bearer {self._token}"

    async def _new_token(self, auth: OAuth) -> str | None:
        headers = {**auth.headers, "Authorization": auth.client.header}
        async with self._session.post(
            auth.token_url, params=dict(auth.params), data=auth.form, headers=headers
        ) as response:
            if response.status != 200:  # RFC 6749 section 5.1
                return None
            self.tokens_had += 1
            token: str = msgspec.json.decode(await response.read())["access_token"]
            return token
