"""How the client asks. Its operations are in client.py."""

import ssl
import time
from collections.abc import Callable, Iterator
from random import Random, SystemRandom
from types import TracebackType
from typing import Self, TypeVar

import httpx

from postroad.client.answers import Page, value_of
from postroad.client.errors import ApiError, NoAnswer
from postroad.client.request import Request, address
from postroad.client.retries import Retries, Tries
from postroad.client.sending import options, ready, refused, unanswered

T = TypeVar("T")


class ClientBase:
    """Asks a hub, and waits for its answer. Close it, or use it in a ``with`` block; threads may share it."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout_s: float = 30.0,
        retries: Retries | None = None,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], None] = time.sleep,
        random: Random | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Make it; nothing is asked yet.

        Args:
            base_url: the hub's address: ``https://hub.example``.
            token: an API key, the token of a provider or integration, or the access token of a service account.
            timeout_s: how long to wait for a connection, and for each piece of an answer.
            retries: when to ask again.
            tls: whom to trust; usually those whom the machine trusts.
            sleep: waits some seconds before asking again.
            random: of idempotency keys and waits.
            transport: by which to ask, instead of sockets.

        Raises:
            ValueError: The address or the token cannot be one.
        """
        self._address = address(base_url)
        self._retries = retries or Retries()
        self._sleep = sleep
        self._random = random or SystemRandom()
        self._http = httpx.Client(transport=transport, **options(token, timeout_s, tls))

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address!r})"

    def _ask(self, request: Request, type_: type[T]) -> T:
        response = self._exchange(request)
        return value_of(response.content, response.headers, type_)

    def _do(self, request: Request) -> None:
        self._exchange(request)

    def _pages(self, request: Request, type_: type[Page[T]]) -> Iterator[T]:
        cursor: str | None = None
        while True:
            page = self._ask(request.behind(cursor), type_)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def _exchange(self, request: Request) -> httpx.Response:
        request = ready(request, self._random)
        tries = Tries(self._retries, self._random)
        while True:
            error: ApiError | NoAnswer | None
            try:
                response = self._send(request)
            except NoAnswer as exc:
                error = exc
            else:
                error = refused(response)
                if error is None:
                    return response
            self._sleep(tries.wait_s(error))

    def _send(self, request: Request) -> httpx.Response:
        try:
            return self._http.request(
                request.method, self._address + request.target, headers=request.headers, content=request.content
            )
        except httpx.RequestError as exc:
            raise unanswered(exc) from exc
