"""What both clients need of httpx."""

import ssl
from collections.abc import Generator
from random import Random
from typing import Any

import httpx

import postroad
from postroad.client.answers import problem_of
from postroad.client.errors import ApiError, NoAnswer
from postroad.client.request import Request


class Bearer(httpx.Auth):
    """Shows a token. Kept apart from the headers, so that no repr shows it and no ``.netrc`` replaces it."""

    def __init__(self, token: str) -> None:
        """Raises ``ValueError`` for what cannot stand in a header."""
        if not token or not token.isascii() or not token.isprintable():
            raise ValueError("token: not one of a hub")
        self._shown = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See ``httpx.Auth``."""
        request.headers["Authorization"] = self._shown
        yield request


def options(token: str, timeout_s: float, tls: ssl.SSLContext | None) -> dict[str, Any]:
    """Of an httpx client."""
    return {
        "auth": Bearer(token),
        "timeout": timeout_s,
        "verify": True if tls is None else tls,
        "headers": {"User-Agent": f"postroad-client/{postroad.__version__}", "Accept": "application/json"},
    }


def ready(request: Request, random: Random) -> Request:
    """The request as it is sent each time: a change has one idempotency key, however often it is asked."""
    return request if request.method == "GET" else request.keyed(f"{random.getrandbits(128):032x}")


def refused(response: httpx.Response) -> ApiError | None:
    """What the hub refused with; ``None``: it did not."""
    if response.is_success:
        return None
    return problem_of(response.status_code, response.reason_phrase, response.headers, response.content)


def unanswered(error: httpx.RequestError) -> NoAnswer:
    """Says what went wrong without what was sent."""
    return NoAnswer(f"no answer of the hub: {type(error).__name__}")
