"""The same as base.py on an event loop. Its operations are in async_client.py."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
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


class AsyncClientBase:
    """Asks a hub from an event loop. Close it, or use it in an ``async with`` block."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout_s: float = 30.0,
        retries: Retries | None = None,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Random | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
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
        self._http = httpx.AsyncClient(transport=transport, **options(token, timeout_s, tls))

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address!r})"

    async def _ask(self, request: Request, type_: type[T]) -> T:
        response = await self._exchange(request)
        return value_of(response.content, response.headers, type_)

    async def _do(self, request: Request) -> None:
        await self._exchange(request)

    async def _pages(self, request: Request, type_: type[Page[T]]) -> AsyncIterator[T]:
        cursor: str | None = None
        while True:
            page = await self._ask(request.behind(cursor), type_)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _exchange(self, request: Request) -> httpx.Response:
        request = ready(request, self._random)
        tries = Tries(self._retries, self._random)
        while True:
            error: ApiError | NoAnswer | None
            try:
                response = await self._send(request)
            except NoAnswer as exc:
                error = exc
            else:
                error = refused(response)
                if error is None:
                    return response
            await self._sleep(tries.wait_s(error))

    async def _send(self, request: Request) -> httpx.Response:
        try:
            return await self._http.request(
                request.method, self._address + request.target, headers=request.headers, content=request.content
            )
        except httpx.RequestError as exc:
            raise unanswered(exc) from exc
