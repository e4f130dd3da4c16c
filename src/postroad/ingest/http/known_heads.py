"""Heads of requests that were parsed before.

A provider sends the same head over and over: same path, same token, a handful of body lengths. What a head means does
not depend on when it comes, so one that is known, byte for byte, need not be parsed again. Only what surely means the
same next time is remembered: a whole request in one piece, taken the short way, over a connection that stays open.
"""

import msgspec

from postroad.ingest.http.answers import Headers
from postroad.ingest.http.entrance import Entrance

END = b"\r\n\r\n"
MAX_HEADS = 1024
MAX_HEAD_BYTES = 2048


class KnownHead(msgspec.Struct, frozen=True):
    """What the parser made of a head."""

    entrance: Entrance
    headers: Headers
    body_bytes: int


class KnownHeads:
    """Shared by all connections of a server: the head's bytes are all that its meaning depends on."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._known: dict[bytes, KnownHead] = {}
        self.find = self._known.get
        """What is known of a head (without the empty line), or ``None``."""

    def learn(self, data: bytes, entrance: Entrance, headers: Headers, body: bytes) -> None:
        """Remember the head of ``data``, which was one whole request with ``body``; or not, if it was anything else.

        What follows the first empty line is as long as the body only if ``data`` is one head and a plain body: a
        chunked body is longer in transit, and so is what holds a second request.
        """
        head, end, rest = data.partition(END)
        if end and len(rest) == len(body) and len(head) <= MAX_HEAD_BYTES:
            if len(self._known) >= MAX_HEADS:
                self._known.clear()  # in place: ``find`` is bound to it
            self._known[head] = KnownHead(entrance, headers, len(body))
