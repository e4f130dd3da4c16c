"""What every request to the consent page must show, and what every answer says.

A visitor has a cookie with a random token from the first page on; signing in replaces it. A form carries a token that
is made of that cookie, and that only who was shown the page can know. A form that another site's page has sent is
refused as well, by what browsers say of where a request comes from (Fetch Metadata, ``Origin``).
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from postroad.errors import ConfigError

PATH: Final = "/consent"
"""All of it is below."""
_TOKEN_BYTES: Final = 32
_TOKEN_CHARS: Final = 43
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Goes by where owners' browsers reach the hub."""

    def __init__(self, url: str, *, random: Callable[[int], bytes]) -> None:
        """``url`` as the setting ``consent.url``; ``random`` gives that many random bytes. Raises ``ConfigError``."""
        self._origin, self._secure = _origin(url)
        self._random = random
        self._cookie = "__Host-postroad" if self._secure else "postroad"

    def new_token(self) -> str:
        """A token that nobody can guess."""
        return base64.urlsafe_b64encode(self._random(_TOKEN_BYTES)).rstrip(b"=").decode()

    def token_of(self, request: Request) -> str | None:
        """The visitor's token, if the request shows one that may be one."""
        token = request.cookies.get(self._cookie, "")
        good = len(token) == _TOKEN_CHARS and token.isascii() and token.replace("-", "a").replace("_", "a").isalnum()
        return token if good else None

    def keep_token(self, response: Response, token: str) -> None:
        """Have the browser show this token from now on, until it is closed."""
        response.set_cookie(self._cookie, token, path="/", secure=self._secure, httponly=True, samesite="lax")

    def is_from_here(self, request: Request) -> bool:
        """Whether one of our own pages sent the request.

        These pages say nothing of where they are (``no-referrer``), so that their ``Origin`` is ``null``; then the
        browser's ``Sec-Fetch-Site`` must say it, which no page can set.
        """
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None and site != "same-origin":
            return False
        if origin is None or origin == "null":
            return site is not None
        return origin == self._origin


def form_token(token: str) -> str:
    """What a form on a visitor's page carries."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def is_form_token(shown: str, token: str) -> bool:
    """Whether a form carries what the visitor's own page gave it."""
    return hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), form_token(token).encode())


def headers(*, form_to: str | None = None) -> Mapping[str, str]:
    """What every answer says; ``form_to``: an origin to which a form may lead in the end, beside our own."""
    targets = "'self'" if form_to is None else f"'self' {form_to}"
    policy = f"default-src 'none'; style-src 'self'; form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
    return {**_HEADERS, "Content-Security-Policy": policy}


def _origin(url: str) -> tuple[str, bool]:
    """The origin as a browser writes it, and whether it is one of TLS."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise ConfigError("is no URL", field="consent.url") from exc
    host = f"[{host}]" if ":" in host else host
    plain = parts.scheme == "http" and host in _LOOPBACK
    bare = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
    if not host or not host.isascii() or not bare or not (plain or parts.scheme == "https"):
        raise ConfigError("is to be like https://connect.example, without a path", field="consent.url")
    named = "" if port in (None, 80 if plain else 443) else f":{port}"
    return f"{parts.scheme}://{host}{named}", not plain
