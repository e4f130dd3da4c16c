"""The explorer at ``/graphql/graphiql/``: GraphiQL, from this hub alone.

It is the same for everybody and knows nothing: whoever has a token puts it in, in the browser, and it stays there until
the page is left. Everything that it loads comes with Postroad (``vendor``, licences beside it), so it works where
there is no way out, and nobody else learns that it is used.
"""

import hashlib
import secrets
from functools import cache
from importlib import resources
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from postroad.api.graphql.server import PATH
from postroad.ingest.http.app import Page

EXPLORER_PATH: Final = f"{PATH}/graphiql/"

_SCRIPT: Final = "text/javascript; charset=utf-8"
_STYLE: Final = "text/css; charset=utf-8"
_OURS: Final = {"explorer.js": _SCRIPT, "explorer.css": _STYLE}
_VENDORED: Final = {
    "react.production.min.js": _SCRIPT,
    "react-dom.production.min.js": _SCRIPT,
    "graphiql.min.js": _SCRIPT,
    "graphiql.min.css": _STYLE,
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'{nonce}; font-src data:; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY.format(nonce=""),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def explorer_pages() -> list[Page]:
    """The page and what it loads, as ``build_app`` takes them."""
    return [
        Page(EXPLORER_PATH.rstrip("/"), _to_the_page),
        Page(EXPLORER_PATH, _page),
        Page(EXPLORER_PATH + "{name}", _asset),
    ]


async def _to_the_page(_request: Request) -> Response:
    return RedirectResponse("graphiql/", headers=_HEADERS)


async def _page(_request: Request) -> Response:
    nonce = secrets.token_urlsafe(16)  # for the one style that GraphiQL makes by itself, behind its dialogs
    html = _file("explorer.html").replace(b"{nonce}", nonce.encode())
    policy = _POLICY.format(nonce=f" 'nonce-{nonce}'")
    headers = _HEADERS | {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    media_type = (_OURS | _VENDORED).get(name)
    if media_type is None:
        raise HTTPException(404)
    body = _file(name) if name in _OURS else _file("vendor", name)
    headers = _HEADERS | {"ETag": _tag(body)}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


@cache
def _tag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


@cache
def _file(*path: str) -> bytes:
    return resources.files("postroad.api.graphql").joinpath(*path).read_bytes()
