"""What entrances whose protocol says nothing of bodies answer: small JSON, ``{"error": ...}``, of a closed set."""

import msgspec

from postroad.errors import WireError
from postroad.ingest.http.answers import JSON, Answer

STORED = Answer(200, b"{}")
NOT_FOUND = Answer(404, b'{"error": "not_found"}')
METHOD_NOT_ALLOWED = Answer(405, b'{"error": "method_not_allowed"}', (JSON, (b"allow", b"POST")))
TOO_LARGE = Answer(413, b'{"error": "too_large"}')
TOO_MANY_ITEMS = Answer(413, b'{"error": "too_many_items"}')
SERVER_ERROR = Answer(500, b'{"error": "internal"}')
UNAUTHORIZED = Answer(
    401, b'{"error": "unauthorized"}', (JSON, (b"www-authenticate", b"Bearer"), (b"www-authenticate", b"Basic"))
)


def unavailable(retry_after_s: int) -> Answer:
    """503, to be tried again after that many seconds."""
    return Answer(503, b'{"error": "unavailable"}', (JSON, (b"retry-after", str(retry_after_s).encode())))


def refused(error: WireError) -> Answer:
    """400: the body as a whole cannot be read."""
    body = {"error": error.code} if error.field is None else {"error": error.code, "field": error.field}
    return Answer(400, msgspec.json.encode(body))
