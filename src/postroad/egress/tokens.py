"""OAuth 2.0 access tokens by the client credentials grant (RFC 6749 section 4.4), cached and shared."""

import asyncio
import base64
import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec

from postroad.clock import Clock
from postroad.egress.client import Answer
from postroad.egress.failures import EgressFailed
from postroad.errors import EgressRefused, PostroadError

UNSTATED_LIFETIME_S = 300.0
"""Of a token whose answer says nothing about it: short, since nobody will tell us when it ends."""
MARGIN_S = 60.0
MARGIN_SHARE = 0.1
"""A token is renewed before its end by the smaller of ``MARGIN_S`` and this share of its lifetime."""
FAILURE_S = 5.0
"""How long a failure answers for the endpoint, so that one that is down is not hammered."""

_ERROR_CODES = frozenset(
    (
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    )
)
"""RFC 6749 section 5.2. Others are not repeated to people: an answer may echo what it was sent."""
_SENDABLE = re.compile(r"[\x21-\x7e]+")

Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[Answer]]
"""Send a body to a URL with these headers; raises as ``Pool.post`` does."""


class TokenFailed(PostroadError):
    """No token could be had. The message says why, without a secret."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the token endpoint."""

    token_url: str
    client_id: str
    client_secret: str
    scope: str | None = None
    headers: Mapping[str, str] = {}
    params: Mapping[str, str] = {}
    """More form fields, such as ``audience``."""
    query: Mapping[str, str] = {}
    """More parameters in the query of the URL, behind those that it has."""
    plain: bool = False
    """Id and secret go into basic authentication as they are, not form-urlencoded (RFC 6749 section 2.3.1) first."""

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Grant(client_id={self.client_id!r})"


class _TokenAnswer(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105  # the name of a kind of token, not a token
    expires_in: Any = None


class _Cached(msgspec.Struct, frozen=True):
    """How the last request ended. A failure is a value: nobody may be left to fetch it from the task."""

    result: str | TokenFailed | EgressRefused
    until_s: float


Fetch = Callable[[], Awaitable[tuple[str, float]]]
"""Ask for a token: the token and its lifetime in seconds. Raises ``TokenFailed`` or ``EgressRefused``."""


class SharedToken:
    """The current token of one way to get it. Any number may wait for it; one request is made."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._cached: _Cached | None = None
        self._renewal: asyncio.Task[_Cached] | None = None

    async def get(self) -> str:
        """The token, from memory while it is good. Raises ``TokenFailed``, or ``EgressRefused`` for its URL."""
        cached = self._cached
        if cached is None or self._clock.monotonic_s() >= cached.until_s:
            renewal = self._renewal = self._renewal or asyncio.create_task(self._renew())
            # Waited for from outside: one who is cancelled must not take the token from those who wait beside it.
            await asyncio.wait([renewal])
            if renewal.cancelled():
                raise TokenFailed("closed while waiting for a token")
            cached = renewal.result()
        if isinstance(cached.result, str):
            return cached.result
        raise cached.result.with_traceback(None)  # raised again and again: its traceback must not grow

    def invalidate(self, token: str) -> None:
        """Forget ``token`` if it is still the current one; another has renewed it already if it is not."""
        if self._cached is not None and self._cached.result == token:
            self._cached = None

    async def close(self) -> None:
        """End a request that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    async def _renew(self) -> _Cached:
        started = self._clock.monotonic_s()
        try:
            token, lifetime_s = await self._fetch()
            self._cached = _Cached(token, started + lifetime_s - min(MARGIN_S, MARGIN_SHARE * lifetime_s))
        except (TokenFailed, EgressRefused) as exc:
            self._cached = _Cached(exc, self._clock.monotonic_s() + FAILURE_S)
        finally:
            self._renewal = None
        return self._cached


class TokenSource(SharedToken):
    """The current access token of one grant."""

    def __init__(self, grant: Grant, post: Post, clock: Clock) -> None:
        super().__init__(self._request, clock)
        self._grant = grant
        self._post = post

    def __repr__(self) -> str:
        """Without the token."""
        return f"TokenSource({self._grant!r})"

    async def _request(self) -> tuple[str, float]:
        grant = self._grant
        form = {"grant_type": "client_credentials", **grant.params}
        if grant.scope is not None:
            form["scope"] = grant.scope
        client = (grant.client_id, grant.client_secret)
        headers = {
            **grant.headers,
            "Accept": "application/json",
            "Authorization": basic(*(client if grant.plain else map(quote_plus, client))),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        try:
            answer = await self._post(_with_query(grant), urlencode(form).encode(), headers)
        except EgressFailed as exc:
            raise TokenFailed(f"the token endpoint cannot be used: {exc}") from exc
        return read_answer(answer)


def _with_query(grant: Grant) -> str:
    if not grant.query:
        return grant.token_url
    return f"{grant.token_url}{'&' if '?' in grant.token_url else '?'}{urlencode(grant.query)}"


def basic(user: str, password: str) -> str:
    """The value of ``Authorization`` for HTTP basic authentication (RFC 7617), in UTF-8.

    For a token endpoint both parts are form-urlencoded first (RFC 6749 section 2.3.1), unless it reads them plain.
    """
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def read_answer(answer: Answer) -> tuple[str, float]:
    """Token and lifetime in seconds, from the token endpoint's answer (RFC 6749 section 5). Raises ``TokenFailed``."""
    if answer.status != 200:
        raise TokenFailed(f"the token endpoint answered {answer.status}{_error_code(answer.body)}")
    try:
        read = msgspec.json.decode(answer.body, type=_TokenAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        # From None in effect: a decoder's message can quote the answer.
        raise TokenFailed("the token endpoint's answer holds no access_token in JSON") from exc
    if read.token_type.lower() != "bearer":
        raise TokenFailed("the token endpoint gave a token that is not of type Bearer")
    if not _SENDABLE.fullmatch(read.access_token):
        raise TokenFailed("the token endpoint gave a token that cannot be sent in a header")
    return read.access_token, _lifetime_s(read.expires_in)


def _lifetime_s(expires_in: object) -> float:
    """Seconds; some endpoints write them as a string, and some nothing."""
    try:
        seconds = float(expires_in)  # type: ignore[arg-type]  # anything may stand there: that is what is caught
    except (TypeError, ValueError, OverflowError):
        return UNSTATED_LIFETIME_S
    return max(0.0, seconds) if math.isfinite(seconds) else UNSTATED_LIFETIME_S


def _error_code(body: bytes) -> str:
    try:
        code = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f" {code}" if isinstance(code, str) and code in _ERROR_CODES else ""
