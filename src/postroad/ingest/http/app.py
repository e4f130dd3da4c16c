"""The ordinary way in: an ASGI application for everything that does not take the short way of ``protocol``."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from postroad.ingest.http.answers import Answer
from postroad.ingest.http.entrance import Entrance
from postroad.ingest.http.limits import RateLimit, client_key
from postroad.ingest.http.reading import body_of


class Page(NamedTuple):
    """What is answered beside the entrances; another method gets 405."""

    path: str
    handler: Callable[[Request], Awaitable[Response]]
    method: str = "GET"


def respond(answer: Answer) -> Response:
    """An ``Answer`` as Starlette sends it."""
    response = Response(answer.body, answer.status)
    response.raw_headers = list(answer.headers)
    return response


class _EntranceEndpoint:
    """An entrance as an ASGI application: any method, so that a wrong one gets the protocol's own 405."""

    def __init__(self, entrance: Entrance, address_rate: RateLimit | None) -> None:
        self._entrance = entrance
        self._rate = address_rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await respond(await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Answer:
        entrance = self._entrance
        if request.method != entrance.method:
            return entrance.wrong_method
        if self._rate is not None and request.client and (wait_s := self._rate.take(client_key(request.client.host))):
            return entrance.unavailable(wait_s)
        if (refusal := entrance.refuses(request.headers.raw)) is not None:
            return refusal
        body = await body_of(request, most_bytes=entrance.body_limit_bytes)
        if body is None:
            return entrance.too_large
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def done(answer: Answer) -> None:
            if not answered.done():
                answered.set_result(answer)

        entrance.receive(request.headers.raw, body, done)
        return await answered


def build_app(
    entrances: Sequence[Entrance],
    *,
    not_found: Answer,
    server_error: Answer,
    pages: Sequence[Page] = (),
    address_rate: RateLimit | None = None,
) -> ASGIApp:
    """The application: entrances at their paths, ``pages`` at theirs, ``not_found`` for the rest."""
    routes = [
        Route(path, _EntranceEndpoint(entrance, address_rate)) for entrance in entrances for path in entrance.paths
    ]
    routes += [Route(page.path, page.handler, methods=[page.method]) for page in pages]

    async def unknown(_request: Request, _error: Exception) -> Response:
        return respond(not_found)

    async def failed(_request: Request, _error: Exception) -> Response:
        return respond(server_error)

    app = Starlette(routes=routes, exception_handlers={404: unknown, 500: failed})
    app.router.redirect_slashes = False
    return app
