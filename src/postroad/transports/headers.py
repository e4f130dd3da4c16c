"""Static headers that an operator adds: which names and values may stand there."""

import re
from collections.abc import Iterable, Mapping

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")

OURS = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-request-id",
    )
)
"""Set by the hub, or by HTTP itself: another value would break the request or its meaning."""


def check_headers(headers: Mapping[str, str], *, also: Iterable[str] = ()) -> None:
    """Raise ``ValueError`` naming a header that is malformed or not to be set (``OURS``, ``proxy-...``, ``also``)."""
    forbidden = OURS.union(also)
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a header name (RFC 9110 section 5.1)")
        if name.lower() in forbidden or name.lower().startswith("proxy-"):
            raise ValueError(f"the header {name} is set by the hub and cannot be configured")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the value of header {name} is empty or holds more than visible ASCII")
