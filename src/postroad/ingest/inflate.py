"""Inflation of request bodies, bounded: a small body must not become a large one unasked."""

import zlib

_GZIP = zlib.MAX_WBITS | 16
_AT_ONCE_BYTES = 4096
"""With each member ``zlib`` copies what it was given behind it: all of a body of many small ones would be copied for
each."""


class TooLarge(Exception):
    """The body would inflate past the limit. Caught by the entrance and answered 413; never leaves ingest."""


def gunzip(body: bytes, limit_bytes: int) -> bytes | None:
    """The inflated body, or ``None`` if it is not whole gzip. Raises ``TooLarge`` past ``limit_bytes``."""
    pieces, size, inflater = [], 0, zlib.decompressobj(_GZIP)
    for start in range(0, len(body), _AT_ONCE_BYTES):
        rest = body[start : start + _AT_ONCE_BYTES]
        while rest:
            if inflater.eof:  # a gzip file may hold several members
                inflater = zlib.decompressobj(_GZIP)
            try:
                piece = inflater.decompress(rest, limit_bytes - size + 1)
            except zlib.error:
                return None
            size += len(piece)
            if size > limit_bytes:
                raise TooLarge
            pieces.append(piece)
            rest = inflater.unused_data
    return b"".join(pieces) if inflater.eof else None
