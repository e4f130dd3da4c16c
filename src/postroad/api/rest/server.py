"""REST over HTTP: a request from its socket to its answer.

In this order: is there such a path; who asks; how often; what for; may it be answered now. What comes then is
``exchange``, in a few threads of its own: what is being answered may take long, events may not. A change is answered
once the hub works by it.
"""

import logging
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from postroad.access.confirmed import Confirmation
from postroad.access.principals import Principal
from postroad.api.authenticator import caller
from postroad.api.rest import problems
from postroad.api.rest.exchange import BASE, IDEMPOTENCY_KEY, Answered, Asked, Exchange, refused
from postroad.api.rest.openapi import encoded_document
from postroad.api.rest.problems import Refused, not_now, nothing_here
from postroad.api.rest.resources import ROUTES
from postroad.api.rest.routes import Route
from postroad.api.workers import Workers
from postroad.ingest.http.app import Page
from postroad.ingest.http.limits import RateLimit
from postroad.ingest.http.reading import address_of, body_of, media_type_of
from postroad.registry.records import RegistryView

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
DOCUMENT: Final = "/openapi.json"
THREADS: Final = 4

Authenticate = Callable[[str | None, RegistryView], Principal | None]
"""Who shows this ``Authorization`` header."""

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_log = logging.getLogger(__name__)


class _Anything(StringConvertor):
    """Starlette's ``path`` stops at a line feed."""

    regex = r"(?s:.*)"


register_url_convertor("anything", _Anything())


class RestServer:
    """``pages`` are for the hub's HTTP server. ``close`` it when that has stopped."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        authenticate: Authenticate,
        view: Callable[[], RegistryView],
        refresh: Callable[[], Coroutine[Any, Any, None]],
        confirmed: Confirmation,
        rate: RateLimit | None,
    ) -> None:
        """Make it.

        Args:
            exchange: carries out requests.
            authenticate: who asks; ``None`` for nobody that is known.
            view: the one by which the hub works.
            refresh: have the hub work by what was changed: awaited before a change is answered.
            confirmed: whether ``view`` is certain to be the newest; without that nobody is answered.
            rate: of each caller; of those that are not known, of each address.
        """
        self._exchange = exchange
        self._authenticate = authenticate
        self._view = view
        self._confirmed = confirmed
        self._rate = rate
        self._paths = _paths()
        self._workers = Workers("rest", THREADS, refresh=refresh)
        self._keys_under_way: set[tuple[str, str]] = set()

    @property
    def pages(self) -> Sequence[Page]:
        """As ``build_app`` takes them."""
        return [Page(BASE + "{path:anything}", self._answer, method) for method in METHODS]

    async def close(self) -> None:
        """Wait for what is under way."""
        await self._workers.close()

    async def _answer(self, request: Request) -> Response:
        try:
            answered = await self._answered(request)
        except Refused as exc:
            answered = refused(exc)
        response = Response(answered.body, answered.status, headers={**_HEADERS, **answered.headers})
        if not answered.body:
            del response.headers["Content-Length"]
        return response

    async def _answered(self, request: Request) -> Answered:
        path = request.path_params["path"]
        method = "GET" if request.method == "HEAD" else request.method
        if (method, path) == ("GET", DOCUMENT):
            return Answered(200, encoded_document(), {"Content-Type": "application/json"})
        view = self._view()
        principal = self._authenticate(request.headers.get("authorization"), view)
        if self._rate is not None and (wait_s := self._rate.take(caller(principal, address_of(request)))):
            raise Refused(
                problems.TOO_MANY_REQUESTS, "Wait as long as Retry-After says", headers={"Retry-After": str(wait_s)}
            )
        if principal is None:
            raise Refused(
                problems.UNAUTHENTICATED, "Show a token: Authorization: Bearer", headers={"WWW-Authenticate": "Bearer"}
            )
        route, arguments = self._route(method, path)
        asked = Asked(
            route=route,
            arguments=arguments,
            query=_query(request),
            media_type=_media_type(request, route),
            body=await _read(request, route.max_body_bytes),
            principal=principal,
            address=address_of(request),
            view=view,
            if_match=request.headers.get("if-match"),
            if_none_match=request.headers.get("if-none-match"),
            idempotency_key=_idempotency_key(request, route),
        )
        if self._workers.full or not self._confirmed.holds:
            raise not_now()
        return await self._alone(asked)

    async def _alone(self, asked: Asked) -> Answered:
        """Carry out a request unless one with the same idempotency key is under way."""
        if asked.idempotency_key is None:
            return await self._workers.carry_out(self._exchange.carry_out, asked)
        key = (asked.principal.key, asked.idempotency_key)
        if key in self._keys_under_way:
            raise Refused(
                problems.CONFLICT,
                "A request with this Idempotency-Key is under way: try again",
                headers={"Retry-After": "1"},
            )
        self._keys_under_way.add(key)
        try:
            return await self._workers.carry_out(self._exchange.carry_out, asked)
        finally:
            self._keys_under_way.discard(key)

    def _route(self, method: str, path: str) -> tuple[Route, Mapping[str, int | str]]:
        """Raises ``Refused`` for a path that there is not, or a method that it does not have."""
        for pattern, routes in self._paths:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            route = routes.get(method)
            if route is None:
                allow = ", ".join(sorted({*routes, *(["HEAD"] if "GET" in routes else [])}))
                raise Refused(problems.METHOD_NOT_ALLOWED, f"There is {allow}", headers={"Allow": allow})
            if (arguments := route.arguments(found.groupdict())) is not None:
                return route, arguments
            break
        raise nothing_here()


def _paths() -> Sequence[tuple[re.Pattern[str], Mapping[str, Route]]]:
    """What each path looks like, and its routes by their methods: first those that say more of a path by name."""
    by_path: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        by_path.setdefault(route.path, {})[route.method] = route
    named_first = sorted(by_path, key=lambda path: [segment.startswith("{") for segment in path.split("/")])
    return [(next(iter(by_path[path].values())).pattern, by_path[path]) for path in named_first]


def _query(request: Request) -> Mapping[str, str]:
    """Raises ``Refused`` for what is no query, or says something twice."""
    try:
        pairs = parse_qsl(
            request.scope["query_string"].decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(request.scope["query_string"]),
            errors="strict",
            max_num_fields=50,
        )
    except ValueError as exc:
        raise Refused(problems.MALFORMED, "The query cannot be read") from exc
    if len(dict(pairs)) != len(pairs):
        raise Refused(problems.MALFORMED, "The query says something twice")
    return dict(pairs)


def _media_type(request: Request, route: Route) -> str:
    given = media_type_of(request)
    if (route.body is not None or route.takes_text) and given not in route.media_types:
        wanted = " or ".join(route.media_types)
        raise Refused(problems.UNSUPPORTED_MEDIA_TYPE, f"The body is to be {wanted}", headers={"Accept": wanted})
    return given


def _idempotency_key(request: Request, route: Route) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None or route.manner == "read":
        return None
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Refused(problems.MALFORMED, "Idempotency-Key: 1 to 255 visible ASCII characters")
    return key


async def _read(request: Request, most_bytes: int) -> bytes:
    """The body. Raises ``Refused`` as soon as it is too large."""
    body = await body_of(request, most_bytes=most_bytes)
    if body is None:
        raise Refused(problems.TOO_LARGE, f"The body is at most {most_bytes} bytes")
    return body
