"""The documented bodies. Where the vendor's page shows none for a status, the text is ours in the same shape."""

from collections.abc import Mapping

import msgspec

from postroad.errors import WireError


def _body(status: bool, description: str) -> bytes:
    return b'{"status": %s, "description": %s}' % (b"true" if status else b"false", msgspec.json.encode(description))


SAVED = _body(True, "Successfully saved.")
INVALID_JSON = _body(False, "Invalid JSON body")

BY_STATUS: Mapping[int, bytes] = {
    200: SAVED,
    401: _body(False, "Provider unauthorized"),
    404: _body(False, "Not found"),
    405: _body(False, "Method not allowed"),
    413: _body(False, "Request body too large"),
    500: _body(False, "Internal server error"),
    503: _body(False, "Service unavailable"),
}
"""The body for each status that has only one. A 400 has many: see ``refusal``."""


def parameter_required(name: str) -> bytes:
    """The 400 for a field that is not there; ``name`` as in ``event.type``."""
    return _body(False, f"Parameter {name} is required")


def parameter_invalid(name: str) -> bytes:
    """The 400 for a field of the wrong type or out of range."""
    return _body(False, f"Parameter {name} is invalid")


def refusal(error: WireError) -> bytes:
    """The body of the 400 that answers what ``read`` refused."""
    if error.field is None:
        return INVALID_JSON
    return parameter_required(error.field) if error.code == "missing" else parameter_invalid(error.field)
