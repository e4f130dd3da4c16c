"""Static headers that an operator adds: which names and values may stand there."""

import re
from collections.abc import Iterable, Mapping

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")

WEBHOOK_ID = "webhook-id"
WEBHOOK_TIMESTAMP = "webhook-timestamp"
WEBHOOK_SIGNATURE = "webhook-signature"
"""What a signed request carries (Standard Webhooks)."""

SIGNED = (WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE)

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
        "http2-settings",
        "keep-alive",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-request-id",
        WEBHOOK_ID,
        WEBHOOK_SIGNATURE,
        WEBHOOK_TIMESTAMP,
    )
)
"""Set by the hub, or by HTTP for one hop (RFC 9110 section 7.6.1): another value would break the request or its sense.
The signature's are refused even where nothing is signed: a request must not look as if it were."""


def check_headers(headers: Mapping[str, str], *, also: Iterable[str] = ()) -> None:
    """Raise ``ValueError`` naming a header that is malformed, there twice, or not to be set.

    Not to be set are those of ``OURS``, of ``also`` (in lower case), and every ``proxy-...``.
    """
    forbidden = OURS.union(also)
    seen: set[str] = set()
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a header name (RFC 9110 section 5.1)")
        if name.lower() in forbidden or name.lower().startswith("proxy-"):
            raise ValueError(f"the header {name} is set by the hub and cannot be configured")
        if name.lower() in seen:
            raise ValueError(f"the header {name} is there twice: capitals make no difference")
        seen.add(name.lower())
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the value of header {name} is empty or holds more than visible ASCII")


def lost_signature(headers: Mapping[str, str], *, max_bytes: int) -> str | None:
    """Why a message must not go where a header of more than ``max_bytes`` is left out; ``None``: it may.

    Whoever checks signatures could tell a message without one from nobody's.
    """
    if any(len(headers.get(name, "").encode()) > max_bytes for name in SIGNED):
        return f"its signatures are longer than the {max_bytes} bytes of an attribute: let old secrets expire"
    return None
