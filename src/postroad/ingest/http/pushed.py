"""Where services push messages to: ``/in/<transport>/<provider's id>``, for providers that declare one that does.

Each transport authenticates its service by itself and answers its handshakes; a stranger is answered 401, and learns
from that neither which providers there are nor what they declare.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from postroad.errors import PostroadError
from postroad.ingest.http.app import Page
from postroad.logs import wide
from postroad.registry.records import Provider, RegistryView
from postroad.registry.records import Receiver as Declared
from postroad.transports.receiving import Push, PushAnswer, PushRequest, PushSpec, Take, Tell

STRANGER: Final = PushAnswer(status=401)
TOO_LARGE: Final = PushAnswer(status=413)
FAILED: Final = PushAnswer(status=503)
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
    ) -> None:
        """See ``ReceiverKeeper``."""
        self._specs = specs
        self._open = open_push
        self._take_for = take_for
        self._tell = tell
        self._limit_bytes = body_limit_bytes
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
            Page(f"/in/{transport}/{{provider:int}}", self._handler(transport), method)
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
        provider_id = int(request.path_params["provider"])
        declared, push = self._opened.get(provider_id, (None, None))
        if declared is None or push is None or declared.transport != transport:
            return STRANGER
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > self._limit_bytes:
                    return TOO_LARGE
        except ClientDisconnect:
            return TOO_LARGE  # nobody reads it
        asked = PushRequest(
            method=request.method,
            headers={name.lower(): value for name, value in request.headers.items()},
            query=dict(request.query_params),
            body=bytes(body),
        )
        return await push.answer(asked, self._take_for(provider_id))
