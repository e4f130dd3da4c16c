"""The URL of a service: where the browser of an owner goes who has shared a vehicle, with the ids of the two.

Source: Connected Cars "Push integration (legacy)", user consents: ``${serviceUrl}?userId=${userId}&carId=${carId}``.
"""

from typing import Final
from urllib.parse import urlencode, urlsplit

MAX_CHARS: Final = 1_000


def problem(url: str) -> str | None:
    """What is wrong with a URL that an operator declares; None: nothing."""
    if len(url) > MAX_CHARS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return f"has at most {MAX_CHARS} printable characters of ASCII, without spaces and backslashes"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme != "https" or not parts.hostname or port == 0:
        return "is one that begins with https:// and a host"
    if "@" in parts.netloc:
        return "holds no user and no password: it is shown to everybody"
    if parts.fragment or url.endswith("#"):
        return "has no fragment: what is added would not be sent"
    return None


def with_ids(url: str, *, user_id: str, car_id: str) -> str:
    """Where to send the browser. A query that the URL has already is kept."""
    parts = urlsplit(url)
    ids = urlencode({"userId": user_id, "carId": car_id})
    return parts._replace(query=f"{parts.query}&{ids}" if parts.query else ids).geturl()


def origin(url: str) -> str:
    """Scheme, host and port of a URL that has no problem, as a content security policy writes them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"
