"""The live page: ``/`` shows the hub's figures and its vehicles on a map, ``/live.json`` is where it has them from.

Where vehicles are is personal data, and the page asks for no password. So by default it exists only for a browser on
the same machine: anybody else is answered 404, as for any page that there is not. A client counts as being on this
machine when all of this holds:

- its address is a loopback address;
- the request was not passed on by a proxy (no ``Forwarded``, ``X-Forwarded-For``, ``X-Real-IP`` or ``Via``), or else a
  proxy on this machine would show the page to the whole world;
- it asks for a loopback host, so that a web site whose name is made to point at 127.0.0.1 cannot read it either.
"""

import asyncio
import base64
import hashlib
import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib import resources

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from postroad.api.figures import Figures
from postroad.clock import Clock
from postroad.errors import PostroadError
from postroad.ingest.http.app import Page
from postroad.settings import LivePageAccess

FRESH_S = 0.5
"""An answer this young is given again: many viewers cost no more than one."""

_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def live_pages(source: Callable[[], Awaitable[Figures]], *, access: LivePageAccess, clock: Clock) -> Sequence[Page]:
    """The pages as ``build_app`` takes them; none where they are off."""
    if access == "off":
        return ()
    live = _Live(source, for_all=access == "on", clock=clock)
    return (Page("/", live.page), Page("/live.json", live.data))


class _Live:
    def __init__(self, source: Callable[[], Awaitable[Figures]], *, for_all: bool, clock: Clock) -> None:
        self._source = source
        self._for_all = for_all
        self._clock = clock
        self._looking = asyncio.Lock()
        self._looked_s = float("-inf")
        self._answer = b""

    async def page(self, request: Request) -> Response:
        self._admit(request)
        html, policy = _document()
        headers = _HEADERS | {"Content-Security-Policy": policy}
        return Response(html, media_type="text/html; charset=utf-8", headers=headers)

    async def data(self, request: Request) -> Response:
        self._admit(request)
        try:
            async with self._looking:
                if self._clock.monotonic_s() - self._looked_s >= FRESH_S:
                    self._answer = msgspec.json.encode(await self._source())
                    self._looked_s = self._clock.monotonic_s()
        except PostroadError as exc:
            body = msgspec.json.encode({"error": str(exc)})
            return Response(body, 503, media_type="application/json", headers=_HEADERS)
        return Response(self._answer, media_type="application/json", headers=_HEADERS)

    def _admit(self, request: Request) -> None:
        if not (self._for_all or is_local(request)):
            raise HTTPException(404)


def is_local(request: Request) -> bool:
    """Whether a browser on this machine asks, as far as that can be told; see the module."""
    if request.client is None or not _is_loopback(request.client.host):
        return False
    if any(name in request.headers for name in _PASSED_ON):
        return False
    host = request.url.hostname or ""
    return host == "localhost" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


@cache
def _document() -> tuple[bytes, str]:
    """The page, and the policy that lets exactly its own style and script work and nothing else."""
    html = resources.files("postroad.api").joinpath("live.html").read_text(encoding="utf-8")
    style, script = (_sha256(re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)) for tag in ("style", "script"))
    policy = (
        f"default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return html.encode(), policy


def _sha256(texts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
