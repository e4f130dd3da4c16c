"""Both clients, asking what a test says."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import httpx
import pytest

from postroad.client import AsyncClient, Client

TOKEN = "pop_" + "s3cret" * 7

Answer = Callable[[httpx.Request], httpx.Response]


class Halves(Random):
    """Half of everything, and the same bits each time but the first."""

    def __init__(self) -> None:
        super().__init__(7)

    def random(self) -> float:
        return 0.5


class Asking:
    """One of the clients before a hub that is a function."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self.options: dict[str, Any] = {}

    def __call__(self, answer: Answer, operation: Callable[[Any], Any]) -> Any:
        """What an operation gives; of an iterator all items, as a list."""

        def answered(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return answer(request)

        options = {"random": Halves(), "transport": httpx.MockTransport(answered), **self.options}
        if self.kind == "waiting":
            with Client("https://hub.example/", TOKEN, sleep=self.waits.append, **options) as client:
                result = operation(client)
                return list(result) if hasattr(result, "__next__") else result
        return asyncio.run(self._on_a_loop(operation, options))

    async def _on_a_loop(self, operation: Callable[[Any], Any], options: dict[str, Any]) -> Any:
        async with AsyncClient("https://hub.example/", TOKEN, sleep=self._sleep, **options) as client:
            result = operation(client)
            return [item async for item in result] if hasattr(result, "__anext__") else await result

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture(params=["waiting", "on a loop"])
def asking(request: pytest.FixtureRequest) -> Asking:
    return Asking(request.param)


@pytest.fixture
def token() -> str:
    return TOKEN
