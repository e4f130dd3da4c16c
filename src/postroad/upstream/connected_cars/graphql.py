"""One question to the GraphQL endpoint, and its answer.

Arguments are written into the question, as the vendor's page does: the names of its input types, which variables would
need, are not published. An answer stands under the name of the operation, whatever the page's samples show.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from postroad.clock import Clock
from postroad.egress.failures import EgressFailed
from postroad.egress.tokens import SharedToken, TokenFailed
from postroad.errors import EgressRefused
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream
from postroad.upstream.connected_cars.problem import Problem, of_status, quoted
from postroad.upstream.connected_cars.service_account import Post, SignInFailed

T = TypeVar("T")

TRIES = 5
"""Of one question, as long as the problem may pass."""
FIRST_WAIT_S = 1.0
MAX_WAIT_S = 60.0
"""Between two tries; when they ask for more, the question is given up, and whoever asked it comes back later."""

_AUTH_ERRORS = frozenset({"auth-error", "UNAUTHENTICATED"})


class _Extensions(msgspec.Struct):
    code: str | None = None


class _Error(msgspec.Struct):
    message: str = ""
    type: str | None = None
    extensions: _Extensions | None = None


class _Envelope(msgspec.Struct):
    data: dict[str, msgspec.Raw] | None = None
    errors: list[_Error] = []


class GraphQL:
    """The endpoint of one provider."""

    def __init__(
        self,
        config: ConnectedCarsUpstream,
        post: Post,
        token: SharedToken,
        *,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        """``random`` gives numbers from 0 to 1, for waits."""
        self._config = config
        self._post = post
        self._token = token
        self._clock = clock
        self._random = random

    async def ask(
        self, kind: str, operation: str, arguments: Mapping[str, Any], fields: str, type_: type[T]
    ) -> T | Problem:
        """Ask, and try again while it may help.

        Args:
            kind: ``query`` or ``mutation``.
            operation: its name, and that of its only field.
            arguments: of the field: numbers, text, lists and mappings.
            fields: which to return, in braces; nothing for a scalar.
            type_: of what stands under the operation's name.
        """
        inner = ", ".join(f"{name}: {literal(value)}" for name, value in arguments.items() if value is not None)
        question = f"{kind} {operation} {{ {operation}{f'({inner})' if inner else ''} {fields} }}"
        body = msgspec.json.encode({"operationName": operation, "query": question})
        for attempt in range(TRIES):
            answer = await self._signed_in(operation, body, type_)
            if not isinstance(answer, Problem) or not answer.passing or attempt == TRIES - 1:
                return answer
            wait_s = FIRST_WAIT_S * 2**attempt * (0.5 + self._random() / 2)
            wait_s = max(wait_s, answer.retry_after_s or 0.0)
            if wait_s > MAX_WAIT_S:
                return answer
            await self._clock.sleep(wait_s)
        raise AssertionError  # the last try returns

    async def _signed_in(self, operation: str, body: bytes, type_: type[T]) -> T | Problem:
        """Ask with a token; if it is refused, once more at once with a fresh one."""
        first = True
        while True:
            try:
                token = await self._token.get()
                answer = await self._once(operation, body, type_, token)
            except SignInFailed as exc:
                return exc.problem
            except TokenFailed as exc:
                return Problem(kind="credentials", operation=operation, detail=str(exc))
            except EgressFailed as exc:
                return Problem(kind="unreachable", operation=operation, detail=str(exc))
            except EgressRefused as exc:
                return Problem(kind="forbidden_here", operation=operation, detail=str(exc))
            if not (first and isinstance(answer, Problem) and answer.kind == "credentials" and answer.status != 403):
                return answer
            self._token.invalidate(token)
            first = False

    async def _once(self, operation: str, body: bytes, type_: type[T], token: str) -> T | Problem:
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "X-Organization-Namespace": self._config.namespace,
        }
        answer = await self._post(self._config.graphql_url, body, headers)
        bad = of_status(operation, answer, self._clock.now_us(), (token,))
        if bad is not None:
            return bad
        try:
            read = msgspec.json.decode(answer.body, type=_Envelope)
            said = None if read.data is None else read.data.get(operation)
            if read.errors:
                return _problem(operation, read.errors, partial=said not in (None, b"null"), token=token)
            if said is None:
                return _unreadable(operation, f"the answer holds nothing under {operation}")
            return msgspec.json.decode(said, type=type_)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Without the decoder's words: they can quote the answer.
            return _unreadable(operation, "the answer is not what was asked for")


def literal(value: Any) -> str:
    """A value as GraphQL writes it; keys of mappings are names, and without quotes. ``None`` in a mapping is left out.

    Text is written as JSON in ASCII, which is GraphQL's way too.
    """
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {literal(v)}" for key, v in value.items() if v is not None) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(literal, value)) + "]"
        case _:
            return json.dumps(value)


def _problem(operation: str, errors: list[_Error], *, partial: bool, token: str) -> Problem:
    codes = {error.type for error in errors} | {e.extensions.code for e in errors if e.extensions is not None}
    detail = quoted([error.message for error in errors], (token,))
    if codes & _AUTH_ERRORS:
        return Problem(kind="credentials", operation=operation, detail=detail)
    return Problem(kind="partial" if partial else "refused", operation=operation, detail=detail)


def _unreadable(operation: str, detail: str) -> Problem:
    return Problem(kind="unreadable", operation=operation, detail=detail, status=200)
