"""Asking again: when, and when not any more.

Every request may be repeated: what reads changes nothing, and what changes has an idempotency key.
"""

from random import Random
from typing import Final

import msgspec

from postroad.client.errors import ApiError, NoAnswer

_PASSING: Final = (429, 502, 503, 504)
"""What may go well a little later: the hub's word, or that of a proxy before it."""
_UNDER_WAY: Final = 409
"""With ``Retry-After``: the same request was asked before, and is being carried out."""


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """How often to ask again, and how long to wait between."""

    attempts: int = 5
    """In all; 1: never ask again."""
    first_s: float = 0.5
    """The longest wait before the second attempt; doubles with each, and a random part of it is waited."""
    most_s: float = 30.0
    """The longest of all waits. If the hub asks for a longer one, that is the caller's to decide."""


class Tries:
    """The attempts at one request."""

    def __init__(self, retries: Retries, random: Random) -> None:
        """``random`` picks how much of a wait is waited."""
        self._retries = retries
        self._random = random
        self._failed = 0

    def wait_s(self, error: ApiError | NoAnswer) -> float:
        """How long to wait before asking again. Raises ``error`` if there is no use in that."""
        self._failed += 1
        retries = self._retries
        asked_s = error.retry_after_s if isinstance(error, ApiError) else None
        if self._failed >= retries.attempts or not _passes(error) or (asked_s or 0.0) > retries.most_s:
            raise error
        usual_s = min(retries.most_s, retries.first_s * 2.0 ** (self._failed - 1)) * self._random.random()
        return min(retries.most_s, (asked_s or 0.0) + usual_s)


def _passes(error: ApiError | NoAnswer) -> bool:
    match error:
        case NoAnswer():
            return True
        case ApiError(status=status):
            return status in _PASSING or (status == _UNDER_WAY and error.retry_after_s is not None)
