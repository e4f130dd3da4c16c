"""Azure's HTTP SDKs on the hub's own egress: what they send goes through its guard, its TLS and its bounds."""

from typing import Any
from urllib.parse import urlencode

from azure.core.pipeline.transport import AsyncHttpResponse, AsyncHttpTransport, HttpRequest

from postroad.egress.client import Answer, Pool, Timeouts


class EgressResponse(AsyncHttpResponse):
    """An ``Answer`` as the SDKs read it."""

    def __init__(self, request: HttpRequest, answer: Answer) -> None:
        super().__init__(request, answer)
        self.answer = answer
        self.status_code = answer.status
        self.headers = dict(answer.headers)
        self.content_type = answer.headers.get("content-type")
        self.reason = ""

    def body(self) -> bytes:
        """See ``AsyncHttpResponse``."""
        return self.answer.body

    async def load_body(self) -> None:
        """It is there already."""


class EgressHttp(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """An SDK's transport. It raises ``EgressFailed`` and ``EgressRefused``, which the SDKs let pass."""

    def __init__(self, pool: Pool, timeouts: Timeouts) -> None:
        self._pool = pool
        self._timeouts = timeouts

    async def open(self) -> None:
        """The pool is open."""

    async def close(self) -> None:
        """The pool is its owner's to close."""

    async def __aexit__(self, *_args: object) -> None:
        """See ``close``."""

    async def send(self, request: HttpRequest, **_options: Any) -> AsyncHttpResponse:
        """See ``AsyncHttpTransport``."""
        data: Any = request.data
        if isinstance(data, dict):  # a form
            data = urlencode(data)
        body = data if isinstance(data, bytes) else str(data or "").encode()
        answer = await self._pool.post(request.url, body, dict(request.headers), self._timeouts)
        return EgressResponse(request, answer)
