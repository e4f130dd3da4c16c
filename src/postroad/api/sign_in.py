"""Where service accounts sign in: an assertion becomes an access token, as Connected Cars' auth service has it.

``POST /auth/login/serviceAccountConverter`` with ``{"token": <assertion>}`` is answered ``{"token", "level",
"expires"}``; ``expires`` is a lifetime in seconds. Errors are ``{"message", "type"}``, and a ``type`` stays what it is.
The header ``X-Organization-Namespace`` is passed over: the account itself says whose it is.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from postroad.access.assertions import account_of
from postroad.access.service_keys import SIGN_IN_PATH
from postroad.clock import Clock
from postroad.ingest.access_tokens import AccessTokens
from postroad.ingest.http.app import Page
from postroad.ingest.http.limits import RateLimit, client_key
from postroad.ingest.http.reading import body_of
from postroad.metrics.counts import Counts
from postroad.registry.records import RegistryView

BODY_LIMIT_BYTES: Final = 8 * 1024
LEVEL: Final = "AM1"
"""What the vendor calls it that one factor was shown."""


class Failure(NamedTuple):
    """An answer to who does not get a token."""

    status: int
    type: str
    message: str


BAD_REQUEST: Final = Failure(400, "bad_request", 'The body is not {"token": "<JWT>"}')
REFUSED: Final = Failure(401, "jwt_verify_error", "The assertion is not one by which anybody may sign in")
TOO_LARGE: Final = Failure(413, "request_too_large", "The body is too long to be an assertion")
TOO_MANY: Final = Failure(429, "too_many_requests", "Too many requests; try again later")
FAILURES: Final = (BAD_REQUEST, REFUSED, TOO_LARGE, TOO_MANY)


class _Shown(msgspec.Struct):
    token: str


class _Granted(msgspec.Struct, frozen=True):
    token: str
    level: str
    expires: int


class _Error(msgspec.Struct, frozen=True):
    message: str
    type: str


class SignIn:
    """``page`` is for the hub's HTTP server."""

    def __init__(
        self,
        tokens: AccessTokens,
        *,
        view: Callable[[], RegistryView],
        address_rate: RateLimit | None,
        clock: Clock,
        counts: Counts,
    ) -> None:
        """``tokens`` are those of service accounts; ``address_rate`` bounds what one address may ask."""
        self._tokens = tokens
        self._view = view
        self._rate = address_rate
        self._clock = clock
        self._counts = counts

    def page(self) -> Page:
        """Another method is answered 405."""
        return Page(SIGN_IN_PATH, self._answer, "POST")

    async def _answer(self, request: Request) -> Response:
        if self._rate is not None and request.client is not None:
            wait_s = self._rate.take(client_key(request.client.host))
            if wait_s:
                return _failed(TOO_MANY, retry_after_s=wait_s)
        body = await body_of(request, most_bytes=BODY_LIMIT_BYTES)
        if body is None:
            return _failed(TOO_LARGE)
        try:
            shown = msgspec.json.decode(body, type=_Shown)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return _failed(BAD_REQUEST)
        account = account_of(shown.token, self._view().service_accounts, self._clock.now_us() // 1_000_000)
        if account is None:
            self._counts.unauthorized.add()
            return _failed(REFUSED)
        granted = _Granted(self._tokens.issue(account.id), LEVEL, self._tokens.lifetime_s)
        return _json(200, granted)


def _failed(failure: Failure, *, retry_after_s: int = 0) -> Response:
    response = _json(failure.status, _Error(failure.message, failure.type))
    if retry_after_s:
        response.headers["retry-after"] = str(retry_after_s)
    return response


def _json(status: int, value: _Granted | _Error) -> Response:
    body = msgspec.json.encode(value)
    return Response(body, status, media_type="application/json", headers={"cache-control": "no-store"})
