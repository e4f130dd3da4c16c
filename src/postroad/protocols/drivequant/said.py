"""A body as it was said: its struct, and beside it all of its bytes.

The struct holds what is documented or inferred; the bytes hold every member, also those that nobody knows and those
whose value is not what it is thought to be. So nothing is lost, and numbers keep their digits.
"""

import msgspec

from postroad.protocols.drivequant.wire import Push

encode_push = msgspec.json.Encoder().encode
"""A struct as JSON: of what was made here. What is not known is left out."""


class Said(msgspec.Struct, frozen=True):
    """What one request said."""

    push: Push
    raw: bytes
    """The body, without white space between its tokens."""


def encode(said: Said) -> bytes:
    """One JSON object with every fact of what was said. ``read`` gives the same back."""
    return said.raw
