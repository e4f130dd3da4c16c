"""A request, before it is sent."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec import UNSET

BASE: Final = "/api/v1"
_NO_SEGMENTS: Final = ("", ".", "..")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked."""

    method: str
    path: str
    """Below the hub's address, quoted."""
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    content: bytes | None = None

    @property
    def target(self) -> str:
        """The path with the query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def behind(self, cursor: str | None) -> "Request":
        """The same for the page behind a cursor; ``None``: for the first."""
        if cursor is None:
            return self
        return msgspec.structs.replace(self, query={**self.query, "cursor": cursor})

    def keyed(self, key: str) -> "Request":
        """The same with an idempotency key, unless it has one."""
        return msgspec.structs.replace(self, headers={"Idempotency-Key": key, **self.headers})


def request(
    method: str,
    path: str,
    *segments: str | int,
    query: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    text: tuple[str, str] | None = None,
    if_match: str | None = None,
    if_none_match: str | None = None,
    idempotency_key: str | None = None,
) -> Request:
    """Make a request.

    Args:
        method: of HTTP.
        path: below ``/api/v1``, with ``{}`` where a segment belongs.
        segments: what belongs there.
        query: parameters; those that are ``None`` are not sent.
        body: the fields of a JSON body; those that are ``UNSET`` are not sent, ``None`` is sent as null.
        text: a body that is no JSON: its media type, and the text.
        if_match: an entity tag: change only what still is so.
        if_none_match: an entity tag, or ``*``: change only what is not so, or is not there.
        idempotency_key: of a change that may have been asked for before.

    Raises:
        ValueError: A segment would lead elsewhere.
    """
    given = {"If-Match": if_match, "If-None-Match": if_none_match, "Idempotency-Key": idempotency_key}
    headers = {name: value for name, value in given.items() if value is not None}
    content = None
    if text is not None:
        headers["Content-Type"], content = text[0], text[1].encode()
    elif body is not None:
        headers["Content-Type"] = "application/json"
        content = msgspec.json.encode({name: value for name, value in body.items() if value is not UNSET})
    return Request(
        method=method,
        path=BASE + path.format(*map(_segment, segments)),
        query={name: _said(value) for name, value in (query or {}).items() if value is not None},
        headers=headers,
        content=content,
    )


def address(url: str) -> str:
    """The hub's address, ready for a path behind it. Raises ``ValueError`` for what is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("base_url: not the address of a hub: https://HOST[:PORT]")
    if parts.username is not None or parts.password is not None:
        raise ValueError("base_url: holds a name or password; a token is given by itself")
    return url.rstrip("/").removesuffix(BASE)


def _segment(value: str | int) -> str:
    text = str(value)
    if text in _NO_SEGMENTS:
        raise ValueError("a name or id is empty, or dots that lead elsewhere")
    return quote(text, safe="")


def _said(value: Any) -> str:
    """Of a query parameter."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(msgspec.to_builtins(value))
