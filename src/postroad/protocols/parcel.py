"""An event with what must be in the receiver's storage before he is told of it.

Source   RFC 7464, JSON text sequences: a record separator before each text, a line feed after it. No JSON has a bare
record separator in it, so that a parcel is never taken for an event of a protocol, nor the reverse, whatever is sent.

A protocol writes a parcel in place of an event's body, so that it waits, is parked, becomes a dead letter and is
redriven as one; the sender takes it apart.
"""

from typing import Final

import msgspec

_SEPARATOR: Final = b"\x1e"
_encode = msgspec.json.Encoder().encode


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be stored."""

    key: str
    """Where: segments of ``A-Z a-z 0-9 _ . -`` between slashes, none of them beginning with a dot."""
    edition: int
    """Of what stands under the key: a greater one is newer."""
    body: bytes
    """JSON."""


class Parcel(msgspec.Struct, frozen=True):
    """What goes out as one."""

    body: bytes
    """The event, as its protocol has it."""
    copied: Copied | None
    """None: nothing is to be stored."""


class _Label(msgspec.Struct, frozen=True):
    key: str
    edition: int


_label = msgspec.json.Decoder(_Label).decode


def packed(body: bytes, copied: Copied) -> bytes:
    """One body of both."""
    label = _encode(_Label(copied.key, copied.edition))
    return b"".join(b"\x1e%b\n" % text for text in (label, body, copied.body))


def unpacked(body: bytes) -> Parcel:
    """The inverse; any other body stands for itself."""
    if not body.startswith(_SEPARATOR):
        return Parcel(body, None)
    _, label, event, copy = body.split(_SEPARATOR)
    where = _label(label)
    return Parcel(event[:-1], Copied(key=where.key, edition=where.edition, body=copy[:-1]))
