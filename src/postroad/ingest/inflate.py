"""Inflation of request bodies, bounded: a small body must not become a large one unasked."""

import zlib

_GZIP = zlib.MAX_WBITS | 16


class TooLarge(Exception):
    """The body would inflate past the limit. Caught by the entrance and answered 413; never leaves ingest."""


def gunzip(body: bytes, limit_bytes: int) -> bytes | None:
    """The inflated body, or ``None`` if it is not whole gzip. Raises ``TooLarge`` past ``limit_bytes``."""
    pieces, size, rest = [], 0, body
    while rest:  # a gzip file may hold several members
        inflater = zlib.decompressobj(_GZIP)
        try:
            piece = inflater.decompress(rest, limit_bytes - size + 1)
        except zlib.error:
            return None
        size += len(piece)
        if size > limit_bytes:
            raise TooLarge
        if not inflater.eof:
            return None
        pieces.append(piece)
        rest = inflater.unused_data
    return b"".join(pieces)
