"""The stored form of a batch. Costly to change: files in the field hold it; ``docs/formats/log.md`` spells it out.

Beside its narrow columns a row holds two blobs. ``columns``, what routing reads of each item, little-endian::

    u8 version = 1 | u8 width of a subject | u8 width of a length | u8 width of an offset, 0 for no offsets
    subjects | kinds (u8 each) | flags (u8 each) | lengths | offsets (us after received_us)

where a width is the fewest of 1, 2, 4, 8 bytes that holds the largest value. ``body``, the items' bytes as they came:
raw (codec 0), or zstd (codec 1) where that is smaller. ``checksum`` is the CRC-32 of columns, stored body, and all
that the row says beside them, so that damage is noticed rather than delivered.
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Sequence
from typing import Any

import zstandard
from msgspec import structs

from postroad.errors import StoreCorrupt
from postroad.log.interface import (
    DEDUP_KEY_BYTES,
    ERASED,
    MAX_ITEM_BYTES,
    MAX_PART_BYTES,
    MAX_PART_ITEMS,
    UNASSIGNED,
    UNREADABLE,
    Batch,
    Part,
)

COLUMNS_VERSION = 1
RAW, ZSTD = 0, 1
COMPRESS_FROM_BYTES = 1024
"""Below this a frame's own overhead eats most of the gain."""

MAX_INT = 2**63 - 1
_TYPECODES = {array(code).itemsize: code for code in "QIHB"}
_CODES_64 = [_TYPECODES[next(width for width in (1, 2, 4, 8) if bits <= 8 * width)] for bits in range(65)]
"""By the number of bits of a column's largest value, the array that holds the column."""
_CODES_32 = _CODES_64[:33]
_PREFIX = struct.Struct("<BBBB")
_FIXED = struct.Struct("<7qB")

BatchRow = tuple[int, int, int, str, int, int, int, int, int, int, int, bytes, bytes, bytes]
"""``position, count, provider_id, protocol, revision, received_us, stored_us, stored_size, size, codec, checksum,
part_key, columns, body``: a row of ``batch`` without ``body_end``."""


def pack_columns(part: Part) -> bytes:
    """The ``columns`` blob of ``part``.

    Raises ``ValueError``, naming the defect, for what is not a part that a log can hold: every engine asks this
    before it queues, so that a malformed part fails alone.
    """
    _check_sizes(part)
    if ERASED in part.kinds:
        raise ValueError(f"kind {ERASED} is that of tombstones, which are not appended")
    return packed_columns(part)


def packed_columns(part: Part) -> bytes:
    """The ``columns`` blob of what the log may hold, tombstones too. Raises ``ValueError`` for numbers too large."""
    try:
        subjects, lengths = _narrow(part.subjects, _CODES_64), _narrow(part.lengths, _CODES_32)
        offsets = _narrow(part.received_offsets_us, _CODES_32) if part.received_offsets_us else None
    except (IndexError, OverflowError, TypeError) as exc:
        raise ValueError(f"a subject, length or offset is out of range: {exc}") from exc
    prefix = _PREFIX.pack(COLUMNS_VERSION, subjects.itemsize, lengths.itemsize, offsets.itemsize if offsets else 0)
    tail = _little(offsets) if offsets else b""
    return b"".join((prefix, _little(subjects), part.kinds, part.flags, _little(lengths), tail))


def check_position(position: int) -> None:
    """Raise ``ValueError`` unless ``position`` is one that a log could give."""
    if not 0 <= position <= MAX_INT:
        raise ValueError(f"{position} is not a position")


def tombstoned(batch: Batch, indexes: Sequence[int]) -> Batch:
    """The batch with tombstones at these indexes, and all else as it was."""
    subjects, lengths, kinds, flags = (
        list(batch.subjects),
        list(batch.lengths),
        bytearray(batch.kinds),
        bytearray(batch.flags),
    )
    items = list(batch.items())
    for index in indexes:
        subjects[index], lengths[index], items[index] = UNASSIGNED, 0, b""
        kinds[index], flags[index] = ERASED, 0
    return structs.replace(
        batch,
        subjects=subjects,
        kinds=bytes(kinds),
        flags=bytes(flags),
        lengths=lengths,
        body=b",".join(items),
        request_id="",
        decoded=None,
    )


def without_keys(keys: bytes, indexes: Sequence[int]) -> bytes:
    """The dedup keys of a part with zeros in the place of these items'."""
    kept = bytearray(keys)
    for index in indexes:
        kept[index * DEDUP_KEY_BYTES : (index + 1) * DEDUP_KEY_BYTES] = bytes(DEDUP_KEY_BYTES)
    return bytes(kept)


def _check_sizes(part: Part) -> None:
    count = len(part)
    offsets, keys = len(part.received_offsets_us), len(part.dedup_keys)
    if not 0 < count <= MAX_PART_ITEMS:
        raise ValueError(f"a part has 1 to {MAX_PART_ITEMS} items, not {count}")
    most_bytes = MAX_PART_BYTES if count > 1 else MAX_ITEM_BYTES
    if len(part.body) > most_bytes:
        raise ValueError(f"a part of {count} items has at most {most_bytes} bytes, not {len(part.body)}")
    if not (len(part.subjects) == len(part.flags) == len(part.lengths) == count and offsets in (0, count)):
        raise ValueError(f"a column does not have one value for each of {count} items")
    if keys not in (0, count * DEDUP_KEY_BYTES):
        raise ValueError(f"dedup_keys has {keys} bytes for {count} items")
    if sum(part.lengths) + count - 1 != len(part.body):
        raise ValueError(f"lengths and separators do not add up to a body of {len(part.body)} bytes")
    if max(abs(part.provider_id), abs(part.revision), abs(part.received_us)) > MAX_INT:
        raise ValueError("provider_id, revision and received_us are 64-bit integers")
    part.protocol.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
    part.request_id.encode()
    _check_quarantine(part)


def _check_quarantine(part: Part) -> None:
    if len(part.unreadable) != part.kinds.count(UNREADABLE):
        raise ValueError(
            f"{part.kinds.count(UNREADABLE)} items are unreadable, {len(part.unreadable)} reasons are given"
        )
    previous = -1
    for one in part.unreadable:
        if not previous < one.index < len(part) or part.kinds[one.index] != UNREADABLE:
            raise ValueError(f"a reason is given for item {one.index}, which is readable, or out of order")
        one.reason.encode()
        previous = one.index
    if part.resolves is not None:
        check_position(part.resolves)


def _narrow(values: Sequence[int], codes: Sequence[str]) -> "array[int]":
    return array(codes[max(values).bit_length()], values)


def _little(values: "array[int]") -> bytes:
    if sys.byteorder == "big":
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


class RowPacker:
    """Makes rows of parts. Holds a compressor, so it belongs to one thread."""

    def __init__(self) -> None:
        # The row knows the size: a frame that names its own could ask a reader for any amount of memory.
        self._compressor = zstandard.ZstdCompressor(level=1, write_content_size=False, write_checksum=False)

    def pack(self, part: Part, columns: bytes, position: int, stored_us: int) -> BatchRow:
        """The row of ``part`` at ``position``; ``columns`` as ``pack_columns`` gave them."""
        codec, body = RAW, part.body
        if len(body) >= COMPRESS_FROM_BYTES:
            compressed = self._compressor.compress(body)
            if len(compressed) < len(body):
                codec, body = ZSTD, compressed
        count, size, key = len(part), len(part.body), part.key
        fixed = (position, count, part.provider_id, part.revision, part.received_us, stored_us, size, codec)
        checksum = _checksum(fixed, part.protocol, key, columns, body)
        return (
            *(position, count, part.provider_id, part.protocol, part.revision, part.received_us, stored_us),
            *(len(body), size, codec, checksum, key, columns, body),
        )


class RowUnpacker:
    """Makes batches of rows. Holds a decompressor, so it belongs to one thread."""

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor()

    def unpack(self, row: BatchRow) -> Batch:
        """The batch of a row. Raises ``StoreCorrupt`` if any bit of it is not as it was written."""
        position, count, provider, protocol, revision, received, stored, _, size, codec, checksum, key, *blobs = row
        columns, body = blobs
        fixed = (position, count, provider, revision, received, stored, size, codec)
        if _checksum(fixed, protocol, key, columns, body) != checksum:
            raise StoreCorrupt(f"the batch at position {position} is not as it was written")
        if codec == ZSTD:
            try:
                body = self._decompressor.decompress(body, max_output_size=size)
            except zstandard.ZstdError as exc:
                raise StoreCorrupt(f"the batch at position {position} cannot be decompressed") from exc
        elif codec != RAW:
            raise StoreCorrupt(f"the batch at position {position} has the unknown codec {codec}")
        return Batch(
            position=position,
            stored_us=stored,
            provider_id=provider,
            protocol=protocol,
            revision=revision,
            received_us=received,
            body=body,
            key=key,
            **unpack_columns(columns, count, position),
        )


def unpack_columns(columns: bytes, count: int, position: int) -> dict[str, Any]:
    """The fields of a ``Part`` that ``pack_columns`` packed. ``position`` is for the error only."""
    version, subject_width, length_width, offset_width = _PREFIX.unpack_from(columns)
    if version != COLUMNS_VERSION:
        raise StoreCorrupt(f"the batch at position {position} has columns of the unknown version {version}")
    fields: dict[str, Any] = {}
    start = _PREFIX.size
    for name, width in (
        ("subjects", subject_width),
        ("kinds", 0),
        ("flags", 0),
        ("lengths", length_width),
        *([("received_offsets_us", offset_width)] if offset_width else []),
    ):
        end = start + count * (width or 1)
        fields[name] = _wide(columns[start:end], width) if width else columns[start:end]
        start = end
    return fields


def _wide(packed: bytes, width: int) -> "array[int]":
    values = array(_TYPECODES[width], packed)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _checksum(fixed: tuple[int, ...], protocol: str, key: bytes, columns: bytes, body: bytes) -> int:
    crc = zlib.crc32(columns, zlib.crc32(body))
    return zlib.crc32(key, zlib.crc32(protocol.encode(), zlib.crc32(_FIXED.pack(*fixed), crc)))
