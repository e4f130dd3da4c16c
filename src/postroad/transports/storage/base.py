"""What a storage promises. ``tests/contract/test_storages.py`` holds each of them to it."""

import re
from typing import Final, Protocol

from postroad.errors import PostroadError
from postroad.transports.base import Copy, Reason

_KEY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
MAX_KEY_CHARS: Final = 900
"""S3 takes 1,024 bytes, of which a prefix may use the rest."""


class StorageFailed(PostroadError):
    """It is not known to be stored.

    Attributes:
        reason: as of an attempt.
        detail: a short sentence for people, without a secret.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class Storage(Protocol):
    """Where copies are kept by their keys."""

    name: str
    """For people; without a secret."""

    async def put(self, copy: Copy) -> None:
        """Return once the copy, or a newer edition that was there before, is durable under its key.

        Never called for one key twice at the same time. A reader finds the edition before or this one, nothing between.
        Raises ``StorageFailed``; cancellation passes through.
        """

    async def close(self) -> None:
        """Let go of connections and threads."""


def check_key(key: str) -> None:
    """Raise ``StorageFailed`` for a key that could leave its place, or that not every storage takes."""
    if len(key) > MAX_KEY_CHARS or not _KEY.fullmatch(key):
        raise StorageFailed("rejected", "the storage does not take such a key")
