"""A customer: receives Connected Cars data streams over HTTPS, with an OAuth 2.0 token endpoint, and checks each event.

Source   Connected Cars "Push integration (data streams)", delivery contract, common fields, and the vehicle event
         types that can come of a GPS unit. Delivery is at least once; the whole bulk is accepted or not.
Answers  200 once a bulk is in ``record``; 401 without a valid token. On request 503, or no answer at all; or whatever
         ``steer`` says of a bulk.
Unknown  An event that breaks the documented shape is counted and its bulk still answered with 200: one bad event must
         not make the sender repeat the good ones for ever. What it held is then missing in the record.
"""

import asyncio
import hmac
import secrets
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import aiohttp.web
import msgspec

from postroad.clock import Clock
from postroad.simulate.record import Record
from postroad.simulate.streams import VehicleEvent, decode_bulk
from postroad.simulate.web_server import WebServer

EVENTS_PATH = "/events"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password
MAX_BODY_BYTES = 16 * 1024 * 1024

SILENT_S = 1.5
"""A customer that is silent breaks the connection after this long; a sender may give up before."""

Trouble = Literal["unavailable", "answer_lost", "cut", "silent"]
"""``unavailable``: 503, nothing taken. ``answer_lost``: taken, but the connection breaks before the answer. ``cut``:
nothing taken, the connection breaks. ``silent``: nothing taken, and no answer comes."""

Steer = Callable[[Sequence[VehicleEvent]], int | Trouble | None]
"""What becomes of a bulk: refused with a status, a trouble, or taken as ever (``None``)."""


class CustomerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may ask for a token, and what the customer answers when one is not valid."""

    client_id: str
    client_secret: str
    token_lifetime_s: Annotated[int, msgspec.Meta(gt=0)] = 3600
    unauthorized_status: Literal[401, 403] = 401
    """For an event request without a valid token."""


class Customer(WebServer):
    """The customer's web server.

    Attributes:
        record: what was delivered.
        trouble: set it to make the customer fail, set it to None to let it recover.
        steer: asked for each bulk that came with a valid token, while there is no ``trouble``.
        tokens_issued: how many tokens were given out.
        unauthorized: event requests without a valid token.
        unavailable: event requests answered with 503.
    """

    def __init__(
        self,
        settings: CustomerSettings,
        *,
        clock: Clock,
        record: Record | None = None,
        new_token: Callable[[], str] = secrets.token_urlsafe,
    ) -> None:
        """``clock`` dates deliveries and lets tokens expire."""
        super().__init__()
        self.record = record or Record()
        self.trouble: Trouble | None = None
        self.steer: Steer | None = None
        self.tokens_issued = 0
        self.unauthorized = 0
        self.unavailable = 0
        self._settings = settings
        self._clock = clock
        self._new_token = new_token
        self._basic = b"Basic " + b64encode(f"{settings.client_id}:{settings.client_secret}".encode())
        self._expiry_s: dict[str, float] = {}

    def application(self) -> aiohttp.web.Application:
        """See ``WebServer``."""
        app = aiohttp.web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post(EVENTS_PATH, self._events)
        app.router.add_post(TOKEN_PATH, self._token)
        return app

    def revoke_tokens(self) -> None:
        """From now on no token given out so far is valid."""
        self._expiry_s.clear()

    async def _token(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        """RFC 6749, section 4.4: client credentials, the client authenticated by HTTP basic."""
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), self._basic):
            return aiohttp.web.json_response({"error": "invalid_client"}, status=401)
        form = await request.post()
        if form.get("grant_type") != "client_credentials":
            return aiohttp.web.json_response({"error": "unsupported_grant_type"}, status=400)
        token = self._new_token()
        self._expiry_s[token] = self._clock.monotonic_s() + self._settings.token_lifetime_s
        self.tokens_issued += 1
        return aiohttp.web.json_response(
            {"access_token": token, "token_type": "Bearer", "expires_in": self._settings.token_lifetime_s},
            headers={"Cache-Control": "no-store"},
        )

    async def _events(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        if self.trouble == "unavailable":
            self.unavailable += 1
            return aiohttp.web.Response(status=503)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or self._expiry_s.get(token, float("-inf")) <= self._clock.monotonic_s():
            self.unauthorized += 1
            return aiohttp.web.Response(status=self._settings.unauthorized_status)
        events, malformed = decode_bulk(await request.read())
        answer = self.trouble or (self.steer(events) if self.steer is not None else None)
        if answer == "unavailable":
            answer = 503
        if isinstance(answer, int):
            return aiohttp.web.Response(status=answer)
        if answer == "silent":
            await asyncio.sleep(SILENT_S)
        if answer in (None, "answer_lost"):
            self.record.add(events, malformed, self._clock.now_us())
        if answer is not None and request.transport is not None:
            request.transport.abort()
        return aiohttp.web.Response(status=200)
