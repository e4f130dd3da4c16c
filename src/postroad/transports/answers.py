"""What an HTTP answer means for an attempt. Pure functions."""

import json
import re
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import quote, quote_plus

from postroad.clock import to_us
from postroad.egress.client import Answer
from postroad.transports.base import Reason

MAX_RETRY_AFTER_S = 86_400.0
MAX_DETAIL_CHARS = 200
_TELLING_CHARS = 4
"""A shorter part of a secret tells nothing of it."""

_NOT_PRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f]+")


def reason_of(status: int) -> Reason | None:
    """Why ``status`` is a failure, or ``None`` if it confirms."""
    match status:
        case 401 | 403:
            return "credentials"
        case 413:
            return "too_large"
        case 429:
            return "throttled"
        case _ if 200 <= status <= 299:
            return None
        case _ if 300 <= status <= 399:
            return "redirected"
        case _ if 400 <= status <= 499:
            return "rejected"
        case _ if 500 <= status <= 599:
            return "server_error"
        case _:
            return "unexpected"


def retry_after_s(value: str | None, now_us: int) -> float | None:
    """Seconds to wait by a ``Retry-After`` header (RFC 9110 section 10.2.3), bounded; ``None`` if it says nothing."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), MAX_RETRY_AFTER_S)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)  # "-0000" reads as naive; HTTP's dates are always GMT
    return min(max((to_us(when) - now_us) / 1e6, 0.0), MAX_RETRY_AFTER_S)


def excerpt(answer: Answer, secrets: Iterable[str]) -> str:
    """The first characters of an answer's body, on one line, without ``secrets`` that the remote side echoes."""
    coding = answer.headers.get("content-encoding", "identity").lower()
    if coding != "identity":
        return f"({len(answer.body)} bytes, compressed)"
    text = _NOT_PRINTABLE.sub(" ", answer.body.decode("utf-8", "replace")).strip()
    return mask(text, secrets, MAX_DETAIL_CHARS)


def mask(text: str, secrets: Iterable[str], limit: int) -> str:
    """The first ``limit`` characters of ``text`` with each secret replaced by ``[hidden]``.

    A secret is blanked out at its own length first, so that one which is cut by the limit leaves no part of itself.
    It is known in JSON and in a URL as well. ``text`` holds no NUL.
    """
    spellings = {
        spelling
        for secret in secrets
        for spelling in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1])
    }
    for spelling in sorted(filter(None, spellings), key=len, reverse=True):
        text = text.replace(spelling, "\0" * len(spelling))
    return re.sub("\0+", "[hidden]", text[:limit])[:limit]


def mask_cut(text: str, secrets: Iterable[str]) -> str:
    """``mask`` for a text that may have been cut within a secret: the part that it ends in is hidden as well."""
    known = tuple(secrets)
    for secret in known:
        for length in range(len(secret) - 1, _TELLING_CHARS - 1, -1):
            if text.endswith(secret[:length]):
                text = f"{text[:-length]}[hidden]"
    return mask(text, known, MAX_DETAIL_CHARS)
