"""The landing page of Connected Cars' older push: where a user arrives who has just connected a car.

The vendor sends the browser here with ``?userId=&carId=``, unsigned: anybody can make such a URL. So the page believes
nothing of it. It notes the visit, and says "connected" only once the account feed has linked the two ids. A stranger
learns no more than that, and only of a pair that he knows already.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from postroad.errors import StoreUnavailable
from postroad.ingest.http.limits import RateLimit

PATH: Final = "/in/connected_cars_legacy/landing"
MAX_ID_CHARS: Final = 64

Visit = Callable[[str, str], Literal["connected", "waiting"]]
"""Note a visit of a user and a car, by normalised ids; blocks. Raises ``StoreUnavailable``."""
Page = tuple[str, Callable[[Request], Awaitable[Response]]]

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HTML: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>
"""


def landing_page(visit: Visit, *, exists: Callable[[], bool], rate: RateLimit | None) -> Page:
    """The page as ``build_app`` takes it. ``exists``: whether any provider speaks the protocol; else it is not there.

    ``rate`` bounds all visits together: each is a write to the registry, and nobody need sign in for it.
    """

    async def page(request: Request) -> Response:
        if not exists():
            raise HTTPException(404)
        ids = [_id(request, name) for name in ("userId", "carId")]
        if None in ids:
            return _told(400, "This link is not complete", "Please go back to where you came from, and try again.")
        wait_s = rate.take("landing") if rate is not None else 0
        try:
            came = "busy" if wait_s else await asyncio.to_thread(visit, str(ids[0]), str(ids[1]))
        except StoreUnavailable:
            came = "busy"
        if came == "busy":
            return _told(503, "Please try again", "Load this page again in a few seconds.")
        if came == "connected":
            return _told(200, "Connected", "Your car is connected. You can close this page.")
        return _told(200, "Received", "Waiting for confirmation. Load this page again in a minute.")

    return PATH, page


def _id(request: Request, name: str) -> str | None:
    """An id of the query, normalised; ``None`` if it is not there once, and well formed."""
    values = request.query_params.getlist(name)
    if len(values) != 1:
        return None
    value = values[0]
    good = 0 < len(value) <= MAX_ID_CHARS and value.isascii() and value.isprintable()
    return value.lower() if good else None


def _told(status: int, title: str, text: str) -> Response:
    html = _HTML.format(title=title, text=text)
    return Response(html, status, headers=_HEADERS, media_type="text/html; charset=utf-8")
