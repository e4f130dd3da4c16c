"""Answers ready to be written: made once, sent often."""

import http
from collections.abc import Callable, Sequence

JSON = (b"content-type", b"application/json")
PLAIN = ((b"content-type", b"text/plain; charset=utf-8"),)


class Answer:
    """A whole HTTP response.

    Attributes:
        status: the status code.
        headers: names in lower case, without ``content-length``.
        body: the body.
        wire: the response as HTTP/1.1 bytes for a connection that stays open.
    """

    __slots__ = ("body", "headers", "status", "wire")

    def __init__(self, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = (JSON,)) -> None:
        """Build the bytes once."""
        self.status = status
        self.body = body
        self.headers = (*headers, (b"content-length", str(len(body)).encode()))
        lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}".encode()]
        lines += [name + b": " + value for name, value in self.headers]
        self.wire = b"\r\n".join(lines) + b"\r\n\r\n" + body

    def closing(self) -> bytes:
        """The same as ``wire``, telling the client that the connection ends."""
        head, _, body = self.wire.partition(b"\r\n\r\n")
        return head + b"\r\nconnection: close\r\n\r\n" + body


Send = Callable[[Answer], None]
"""Called exactly once per request."""

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case."""


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a header, or ``None``."""
    for key, value in headers:
        if key == name:
            return value
    return None
