"""What an HTTP entrance is to the server: somebody who takes a whole request and answers once, now or later."""

from typing import Protocol

from postroad.ingest.http.answers import Answer, Headers, Send


class Entrance(Protocol):
    """One URL of one protocol. Everything happens on the event loop; nothing here may block."""

    paths: tuple[str, ...]
    method: str
    body_limit_bytes: int
    too_large: Answer
    wrong_method: Answer

    def unavailable(self, retry_after_s: int) -> Answer:
        """503, to be tried again after that many seconds."""

    def refuses(self, headers: Headers) -> Answer | None:
        """Asked before a body is read: the answer that the request gets whatever its body, or ``None`` to read it."""

    def receive(self, headers: Headers, body: bytes, send: Send) -> None:
        """Take the request in; call ``send`` exactly once, when its fate is known."""
