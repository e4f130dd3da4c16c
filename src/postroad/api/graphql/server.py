"""GraphQL over HTTP: ``POST /graphql`` with ``{"query", "operationName"?, "variables"?}`` as JSON, by somebody known.

Statuses are those of the source's own server: 400 for what the schema does not know, 401 and 403 for who may not, 413
for a body above 750 KiB; other errors of a field are answered 200, beside what could be answered. Nothing is told to
who is not known, also nothing of the schema. There is no ``GET``, no list of operations in one request, no upload.

Everything but reading the body happens in a few threads: what is being answered may take long, events may not.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import TimeoutError as TimedOut
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from graphql import (
    GraphQLError,
    GraphQLSchema,
    execute_sync,
    get_operation_ast,
    get_variable_values,
    specified_rules,
    validate,
)
from starlette.requests import Request
from starlette.responses import Response

from postroad.access.confirmed import Confirmation
from postroad.access.principals import Principal
from postroad.api.authenticator import caller
from postroad.api.graphql import errors, limits
from postroad.api.graphql.errors import Refused, bad_input
from postroad.api.graphql.index import Indexes, ViewIndex
from postroad.api.graphql.operations import Call, Operations
from postroad.api.graphql.schema import make_schema
from postroad.api.graphql.variables import with_numbers
from postroad.api.workers import Workers
from postroad.clock import Clock
from postroad.ingest.http.app import Page
from postroad.ingest.http.limits import RateLimit
from postroad.ingest.http.reading import address_of, body_of, media_type_of
from postroad.registry.records import RegistryView

PATH: Final = "/graphql"
THREADS: Final = 2
TIME_LIMIT_S: Final = 10.0
"""Of one operation; what is under way then is ended, what is to come is not begun."""

Authenticate = Callable[[str | None, RegistryView], Principal | None]
"""Who shows this ``Authorization`` header."""

T = TypeVar("T")

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_log = logging.getLogger(__name__)


class _Asked(msgspec.Struct, frozen=True, rename="camel"):
    """A body."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None


class _Answered(NamedTuple):
    status: int
    body: bytes
    changed: bool = False
    """Whether the registry was."""


class GraphQLServer:
    """``page`` is for the hub's HTTP server. ``close`` it when that has stopped."""

    def __init__(
        self,
        operations: Operations,
        *,
        authenticate: Authenticate,
        view: Callable[[], RegistryView],
        refresh: Callable[[], Coroutine[Any, Any, None]],
        confirmed: Confirmation,
        rate: RateLimit | None,
        clock: Clock,
    ) -> None:
        """Make it.

        Args:
            operations: what can be asked.
            authenticate: who asks; ``None`` for nobody that is known.
            view: the one by which the hub works.
            refresh: have the hub work by what was changed: awaited before a mutation is answered.
            confirmed: whether ``view`` is certain to be the newest; without that nobody is answered.
            rate: of each caller; of those that are not known, of each address.
            clock: for how long an operation takes.
        """
        self._schema = make_schema(operations.resolvers())
        self._authenticate = authenticate
        self._view = view
        self._indexes = Indexes(view)
        self._confirmed = confirmed
        self._rate = rate
        self._clock = clock
        self._workers = Workers("graphql", THREADS, refresh=refresh)

    @property
    def page(self) -> Page:
        """As ``build_app`` takes it; another method is answered 405."""
        return Page(PATH, self._answer, "POST")

    async def close(self) -> None:
        """Wait for what is under way."""
        await self._workers.close()

    async def _answer(self, request: Request) -> Response:
        principal = self._authenticate(request.headers.get("authorization"), self._view())
        if self._rate is not None and (wait_s := self._rate.take(caller(principal, address_of(request)))):
            return _problem(429, "Too many requests", "too_many_requests", {"Retry-After": str(wait_s)})
        if principal is None:
            message = "Failed with: the token is missing or not valid"
            return _problem(401, message, "auth-error", {"WWW-Authenticate": "Bearer"}, "UNAUTHENTICATED")
        if media_type_of(request) != "application/json":
            return _problem(415, "The body is to be application/json")
        body = await body_of(request, most_bytes=limits.MAX_BODY_BYTES)
        if body is None:
            return _json(413, {"error": "server_error", "message": "Request Entity Too Large"})
        if self._workers.full or not self._confirmed.holds:
            return _problem(503, errors.NOT_NOW, extra={"Retry-After": "1"}, code="INTERNAL")
        loop = asyncio.get_running_loop()
        answered = await self._workers.carry_out(self._carry_out, body, principal, address_of(request), loop)
        return Response(answered.body, answered.status, media_type="application/json", headers=_HEADERS)

    def _carry_out(
        self, body: bytes, principal: Principal, address: str | None, loop: asyncio.AbstractEventLoop
    ) -> _Answered:
        ends_s = self._clock.monotonic_s() + TIME_LIMIT_S

        def wait(coroutine: Coroutine[Any, Any, T]) -> T:
            future = asyncio.run_coroutine_threadsafe(coroutine, loop)
            try:
                return future.result(TIME_LIMIT_S)
            except TimedOut:
                future.cancel()
                raise Refused("INTERNAL", errors.NOT_NOW) from None

        call = Call(
            principal,
            self._indexes.now(),
            address=address,
            wait=wait,
            in_time=lambda: self._clock.monotonic_s() < ends_s,
        )
        data, found = _execute(self._schema, body, call)
        errors.note_unexpected(found)
        answer: dict[str, Any] = {} if data is None and any(not one.path for one in found) else {"data": data}
        if found:
            answer["errors"] = [errors.shown(error) for error in found]
        return _Answered(errors.status_of(found) if found else 200, msgspec.json.encode(answer), call.changed)


def _execute(schema: GraphQLSchema, body: bytes, call: Call) -> tuple[Any, Sequence[GraphQLError]]:
    """What a body is answered: data, and errors. Those without a path mean that nothing was carried out."""
    try:
        asked = _decoded(body)
        variables = asked.variables or {}
        limits.check_variables(variables)
        document = limits.read(asked.query)
        if invalid := validate(schema, document, specified_rules, max_errors=limits.MAX_ERRORS):
            return None, invalid
        operation = get_operation_ast(document, asked.operation_name)
        if operation is None:
            return None, [bad_input("`operationName` names none of the operations, or there are several")]
        variables = with_numbers(variables, operation, schema)
        coerced = get_variable_values(schema, operation.variable_definitions or (), variables, limits.MAX_ERRORS)
        if isinstance(coerced, list):
            return None, coerced
        limits.check_cost(schema, document, operation, coerced, _sizes(call.index))
    except GraphQLError as exc:
        return None, [exc]
    except RecursionError:
        return None, [bad_input("This is nested too deeply")]
    result = execute_sync(
        schema, document, context_value=call, variable_values=variables, operation_name=asked.operation_name
    )
    return result.data, result.errors or []


def _decoded(body: bytes) -> _Asked:
    """Raises ``Refused``, without the decoder's words: they can quote the body."""
    if body.lstrip()[:1] == b"[":
        raise bad_input("One operation in a request")
    try:
        return msgspec.json.decode(body, type=_Asked)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise bad_input("The body is to be JSON: an object with `query`, a text, and `variables`, an object") from None


def _sizes(index: ViewIndex) -> Mapping[tuple[str, str], limits.Size]:
    return {("Query", "integrationTopics"): lambda: len(index.view.subscriptions)}


def _problem(
    status: int, message: str, type_: str | None = None, extra: Mapping[str, str] | None = None, code: str = ""
) -> Response:
    error: dict[str, Any] = {"message": message}
    if type_ is not None:
        error["type"] = type_
    error["extensions"] = {"code": code or "BAD_USER_INPUT"}
    return _json(status, {"errors": [error]}, extra or {})


def _json(status: int, value: Mapping[str, Any], extra: Mapping[str, str] = {}) -> Response:
    headers = {**_HEADERS, **extra}
    return Response(msgspec.json.encode(value), status, media_type="application/json", headers=headers)
