"""A customer of DriveQuant: hosts the six push endpoints, and what they ask for, basic authentication or tokens.

Source   DriveQuant "Push services": a POST of one JSON object to a URL for each service; any 2xx is success; one
         authentication for all, basic or OAuth 2.0, where the token endpoint wants basic authentication and may want
         more headers and parameters. 401 or 403 of a push endpoint asks for a new token.
Inferred That a token is asked for by POST, with ``grant_type=client_credentials`` in the form; what it is answered.
Answers  200 once a push is in ``pushes``; 400 for what is no JSON object; the status of a trouble, or none at all.
"""

import asyncio
import hmac
import secrets
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import aiohttp.web
import msgspec

from postroad.clock import Clock
from postroad.protocols.drivequant.slots import SLOTS
from postroad.simulate.web_server import WebServer

PATHS: Mapping[str, str] = {service: f"/dq/{service.replace('_', '-')}" for service in SLOTS}
"""Of the push endpoints, by service."""
TOKEN_PATH = "/dq/token"  # noqa: S105 - a path, not a password
MAX_BODY_BYTES = 16 * 1024 * 1024
SLOW_S = 1.5
"""How long a slow endpoint says nothing; a sender may give up before."""

Trouble = Literal["slow", "down"] | int
"""A status: refused with it. ``slow``: taken, but the answer comes late. ``down``: the connection breaks."""

_OBJECT = msgspec.json.Decoder(dict[str, Any])


class Basic(msgspec.Struct, frozen=True, kw_only=True):
    """Pushes carry a user name and a password."""

    username: str
    password: str


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Pushes carry a token of the token endpoint."""

    client_id: str
    client_secret: str
    headers: Mapping[str, str] = {}
    """What a token request must carry beside."""
    params: Mapping[str, str] = {}
    """The same, in its form or its query."""
    lifetime_s: float = 3600.0
    tells_lifetime: bool = True
    """Whether a token comes with ``expires_in``."""
    refusal: Literal[401, 403] = 401
    """Of a push whose token is not good."""


class Push(NamedTuple):
    """What was taken."""

    service: str
    body: dict[str, Any]
    raw: bytes
    received_us: int


class DriveQuantCustomer(WebServer):
    """The customer's web server.

    Attributes:
        pushes: what was taken, in order, repeats included.
        trouble: service -> what is wrong with its endpoint; none for those that are well.
        attempts: push requests by service, whatever became of them.
        unauthorized: push requests without a token or password that is good, by service.
        tokens_issued: how many tokens were given out.
        arrived: set with each push request; whoever waits clears it.
    """

    def __init__(
        self, auth: Basic | Tokens, *, clock: Clock, new_token: Callable[[], str] = secrets.token_urlsafe
    ) -> None:
        """``clock`` dates pushes and lets tokens expire."""
        super().__init__()
        self.pushes: list[Push] = []
        self.trouble: dict[str, Trouble] = {}
        self.attempts: Counter[str] = Counter()
        self.unauthorized: Counter[str] = Counter()
        self.tokens_issued = 0
        self.arrived = asyncio.Event()
        self._auth = auth
        self._clock = clock
        self._new_token = new_token
        self._expiry_s: dict[str, float] = {}

    def application(self) -> aiohttp.web.Application:
        """See ``WebServer``."""
        app = aiohttp.web.Application(client_max_size=MAX_BODY_BYTES)
        for service, path in PATHS.items():
            app.router.add_post(path, partial(self._push, service))
        if isinstance(self._auth, Tokens):
            app.router.add_post(TOKEN_PATH, partial(self._token, self._auth))
        return app

    def revoke_tokens(self) -> None:
        """From now on no token given out so far is valid."""
        self._expiry_s.clear()

    def bodies(self, service: str) -> list[dict[str, Any]]:
        """What a service's endpoint took, in order."""
        return [push.body for push in self.pushes if push.service == service]

    async def _token(self, wanted: Tokens, request: aiohttp.web.Request) -> aiohttp.web.Response:
        if not _same(request, _basic(wanted.client_id, wanted.client_secret)):
            return aiohttp.web.json_response({"error": "invalid_client"}, status=401)
        form = await request.post()
        said = {**request.query, **form}
        missing = [name for name, value in wanted.params.items() if said.get(name) != value]
        missing += [name for name, value in wanted.headers.items() if request.headers.get(name) != value]
        if form.get("grant_type") != "client_credentials" or missing:
            return aiohttp.web.json_response({"error": "invalid_request"}, status=400)
        token = self._new_token()
        self._expiry_s[token] = self._clock.monotonic_s() + wanted.lifetime_s
        self.tokens_issued += 1
        answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer"}
        if wanted.tells_lifetime:
            answer["expires_in"] = wanted.lifetime_s
        return aiohttp.web.json_response(answer, headers={"Cache-Control": "no-store"})

    async def _push(self, service: str, request: aiohttp.web.Request) -> aiohttp.web.Response:
        self.attempts[service] += 1
        try:
            return await self._answer(service, request)
        finally:
            self.arrived.set()

    async def _answer(self, service: str, request: aiohttp.web.Request) -> aiohttp.web.Response:
        trouble = self.trouble.get(service)
        if trouble == "down":
            if request.transport is not None:
                request.transport.abort()
            return aiohttp.web.Response(status=503)
        if isinstance(trouble, int):
            return aiohttp.web.Response(status=trouble)
        if not self._is_authorized(request):
            self.unauthorized[service] += 1
            return aiohttp.web.Response(status=self._auth.refusal if isinstance(self._auth, Tokens) else 401)
        raw = await request.read()
        try:
            body = _OBJECT.decode(raw)
        except msgspec.DecodeError:
            return aiohttp.web.json_response({"error": "not a JSON object"}, status=400)
        self.pushes.append(Push(service, body, raw, self._clock.now_us()))
        if trouble == "slow":
            await asyncio.sleep(SLOW_S)
        return aiohttp.web.Response(status=200)

    def _is_authorized(self, request: aiohttp.web.Request) -> bool:
        if isinstance(self._auth, Basic):
            return _same(request, _basic(self._auth.username, self._auth.password))
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and self._expiry_s.get(token, float("-inf")) > self._clock.monotonic_s()


def _basic(user: str, password: str) -> bytes:
    return b"Basic " + b64encode(f"{user}:{password}".encode())


def _same(request: aiohttp.web.Request, authorization: bytes) -> bool:
    return hmac.compare_digest(request.headers.get("Authorization", "").encode(), authorization)
