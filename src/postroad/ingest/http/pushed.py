"""Where services push messages to: ``/in/<transport>/<provider's id>``, for providers that declare one that does.

Each transport authenticates its service by itself and answers its handshakes; a stranger is answered 401, and learns
from that neither which providers there are nor what they declare.

Order of checks: the address's rate, who it is (as far as the head can prove it, so that a stranger's body is not read),
body, and with the first message of it the provider's rate. A provider over its rate has its messages come again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from postroad.errors import PostroadError
from postroad.ingest.http.app import Page
from postroad.ingest.http.limits import RateLimit, client_key
from postroad.ingest.http.reading import address_of, body_of
from postroad.logs import wide
from postroad.metrics.counts import Counts
from postroad.registry.records import Provider, RegistryView
from postroad.registry.records import Receiver as Declared
from postroad.transports.receiving import (
    STRANGER,
    Push,
    PushAnswer,
    PushHead,
    PushRequest,
    PushSpec,
    Received,
    Take,
    Tell,
    Verdict,
)

TOO_LARGE: Final = PushAnswer(status=413)
FAILED: Final = PushAnswer(status=503)
MAX_ID_CHARS: Final = 18
"""Of a provider's id in a path: as many digits as a 64-bit number surely holds."""
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_log = logging.getLogger(__name__)

OpenPush = Callable[[Provider, Tell], Push]
"""Open what a provider declares, its secrets unsealed. Raises ``PostroadError`` if it cannot be opened now."""


class Pushes:
    """Keeps a way in open for each provider that declares one. ``use`` views, then serve ``pages``."""

    def __init__(
        self,
        specs: Mapping[str, PushSpec],
        *,
        open_push: OpenPush,
        take_for: Callable[[int], Take],
        tell: Callable[[int, str | None], None],
        body_limit_bytes: int,
        counts: Counts,
        address_rate: RateLimit | None = None,
        provider_rate: RateLimit | None = None,
    ) -> None:
        """See ``ReceiverKeeper``. ``provider_rate``: by provider, over all its entrances."""
        self._specs = specs
        self._open = open_push
        self._take_for = take_for
        self._tell = tell
        self._limit_bytes = body_limit_bytes
        self._counts = counts
        self._address_rate = address_rate
        self._provider_rate = provider_rate
        self._opened: dict[int, tuple[Declared, Push | None]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def use(self, view: RegistryView) -> None:
        """Take in for whom this view declares, as it declares."""
        wanted = {
            id_: provider
            for id_, provider in view.providers.items()
            if provider.receiver is not None and provider.receiver.transport in self._specs
        }
        for id_, (declared, push) in list(self._opened.items()):
            if id_ not in wanted or wanted[id_].receiver != declared:
                del self._opened[id_]
                self._close(push)
            if id_ not in wanted:
                self._tell(id_, None)
        for id_, provider in wanted.items():
            if id_ not in self._opened and provider.receiver is not None:
                self._opened[id_] = (provider.receiver, self._try_open(provider))

    def pages(self) -> list[Page]:
        """As ``build_app`` takes them."""
        return [
            Page(f"/in/{transport}/{{provider}}", self._handler(transport), method)
            for transport, spec in self._specs.items()
            for method in spec.methods
        ]

    async def close(self) -> None:
        """Close all."""
        for _, push in self._opened.values():
            self._close(push)
        self._opened.clear()
        await asyncio.gather(*self._closing)

    def _try_open(self, provider: Provider) -> Push | None:
        def tell(wrong: str | None) -> None:
            self._tell(provider.id, wrong)

        try:
            return self._open(provider, tell)
        except PostroadError as exc:
            tell(str(exc))
            return None

    def _close(self, push: Push | None) -> None:
        if push is not None:
            task = asyncio.get_running_loop().create_task(push.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _handler(self, transport: str) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            return await self._respond(transport, request)

        return handle

    async def _respond(self, transport: str, request: Request) -> Response:
        try:
            answer = await self._answer(transport, request)
        except Exception:  # noqa: BLE001 - whatever it is, the service is told to try again and the others go on
            _log.exception("A push could not be taken in", extra=wide(transport=transport))
            answer = FAILED
        response = Response(answer.body, answer.status, {**_HEADERS, **answer.headers})
        if answer.body and "content-type" not in response.headers:
            response.headers["content-type"] = "application/json"
        return response

    async def _answer(self, transport: str, request: Request) -> PushAnswer:
        if wait_s := self._address_wait_s(request):
            return PushAnswer(status=503, headers={"Retry-After": str(wait_s)})
        provider_id = _number(request.path_params["provider"])
        declared, push = self._opened.get(provider_id, (None, None))
        if declared is None or declared.transport != transport:
            return self._stranger()
        if push is None:
            return FAILED  # some services never send again what was answered 401
        head = PushHead(
            method=request.method,
            headers={name.lower(): value for name, value in request.headers.items()},
            query=dict(request.query_params),
        )
        if (refusal := await push.refuses(head)) is not None:
            return self._stranger() if refusal is STRANGER else refusal
        body = await body_of(request, most_bytes=min(self._limit_bytes, self._specs[transport].max_body_bytes))
        if body is None:
            return TOO_LARGE
        asked = PushRequest(method=head.method, headers=head.headers, query=head.query, body=body)
        answer = await push.answer(asked, self._paced(provider_id))
        return self._stranger() if answer is STRANGER else answer

    def _stranger(self) -> PushAnswer:
        self._counts.unauthorized.add()
        return STRANGER

    def _address_wait_s(self, request: Request) -> int:
        address = address_of(request)
        return 0 if self._address_rate is None or address is None else self._address_rate.take(client_key(address))

    def _paced(self, provider_id: int) -> Take:
        """Take in what one request brings, all of it at the price of one of the provider's requests, or nothing."""
        take, rate = self._take_for(provider_id), self._provider_rate
        if rate is None:
            return take
        wait_s: int | None = None

        async def paced(received: Received) -> Verdict:
            nonlocal wait_s
            if wait_s is None:
                wait_s = rate.take(provider_id)
            return "later" if wait_s else await take(received)

        return paced


def _number(text: str) -> int:
    """A provider's id as a path has it; 0, which is nobody's, for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_ID_CHARS else 0
