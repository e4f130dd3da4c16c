"""One request's body read: a JSON array of items, cut up and read in slices, or a single item.

Cutting goes piece by piece. A piece ends at a comma that looks like one between two elements, and that it is one needs
no trust: what stands before it must parse as whole elements, and then no other reading of the array is possible.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import msgspec

from postroad.errors import WireError
from postroad.ingest.slices import Slices
from postroad.log.interface import MAX_ITEM_BYTES, MAX_PART_BYTES
from postroad.protocols.base import Item
from postroad.registry.records import Provider

PIECE_BYTES: Final = 256 * 1024
"""Cut at once; a fraction of a millisecond."""
MAX_ELEMENT_BYTES: Final = MAX_PART_BYTES
"""A longer item of a bulk is kept cut off, as unreadable."""

_BETWEEN_OBJECTS = re.compile(rb"\}[ \t\r\n]*(,)[ \t\r\n]*\{")
_COMMA = re.compile(rb"(,)")
_SPACE: Final = b" \t\r\n"

Split = Callable[[bytes], list[bytes]]
"""The bytes of each element of a JSON array; raises ``WireError`` when the body as a whole cannot be read."""
Read = Callable[[bytes, Any], Item | WireError]
"""What one item says by these settings, or why it cannot be read; that it is UTF-8 was checked."""


class TooManyItems(Exception):
    """The bulk holds more items than the limit. Caught by the entrance and answered 413; never leaves ingest."""


class Bulk(msgspec.Struct, frozen=True):
    """The items of one request, in order: the bytes of each, and what they say or why they could not be read."""

    raws: Sequence[bytes]
    outcomes: Sequence[Item | WireError]


Around = Callable[[Provider, Bulk, int], AbstractAsyncContextManager[Bulk]]
"""Entered with a bulk that was read, and when it arrived: gives what of it is to be stored.

It is left once that is durable, or is not. Raises ``StoreUnavailable``.
"""


async def read_bulk(body: bytes, settings: Any, *, split: Split, read: Read, max_items: int, slices: Slices) -> Bulk:
    """Cut and read a body.

    Raises:
        WireError: The body as a whole is no JSON array.
        TooManyItems: It holds more than ``max_items``.
    """
    raws = await split_in_pieces(body, split, max_items=max_items, slices=slices)
    outcomes: list[Item | WireError] = []
    for index, raw in enumerate(raws):
        if len(raw) > MAX_ELEMENT_BYTES:
            raws[index] = raw[:MAX_ELEMENT_BYTES]
            outcomes.append(WireError("too_large"))
        else:
            outcomes.append(read(raw, settings))
        if slices.over():
            await slices.pause()
    return Bulk(raws, outcomes)


async def read_single(body: bytes, settings: Any, *, read: Read) -> Bulk:
    """A body that is one item, as a bulk of one. Raises ``WireError`` for what is no JSON at all."""
    try:
        body.decode()
        msgspec.json.decode(body, type=msgspec.Raw)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as exc:
        raise WireError("not_json") from exc
    if len(body) > MAX_ITEM_BYTES:
        return Bulk([body[:MAX_ITEM_BYTES]], [WireError("too_large")])
    return Bulk([body], [read(body, settings)])


async def split_in_pieces(body: bytes, split: Split, *, max_items: int, slices: Slices) -> list[bytes]:
    """The bytes of each element, in order. Raises as ``read_bulk`` does."""
    inner = _inside(body)
    if inner is None or len(inner) <= PIECE_BYTES:
        raws = split(body)
        if len(raws) > max_items:
            raise TooManyItems
        return raws
    raws, start, piece_bytes = [], 0, PIECE_BYTES
    while start < len(inner):
        end = _cut(inner, start + piece_bytes)
        piece = inner[start:end]
        found = _whole_elements(piece, split)
        if found is None:
            if end == len(inner):
                raise WireError("not_json")
            piece_bytes *= 2  # that comma stood within an element; twice as far on, all tries cost no more than one
        else:
            raws += found
            if len(raws) > max_items:
                raise TooManyItems
            if end == len(inner) - 1:  # a comma, and nothing behind it
                raise WireError("not_json")
            start, piece_bytes = end + 1, PIECE_BYTES
        await slices.pause()
    return raws


def _inside(body: bytes) -> memoryview | None:
    """What stands between the brackets of an array; ``None`` for what cannot be one."""
    first, last = 0, len(body) - 1
    while first <= last and body[first] in _SPACE:
        first += 1
    while last > first and body[last] in _SPACE:
        last -= 1
    if first >= last or body[first] != ord("[") or body[last] != ord("]"):
        return None
    return memoryview(body)[first + 1 : last]


def _cut(inner: memoryview, near: int) -> int:
    """Where a comma stands at or after ``near`` that probably separates elements; the end if there is none."""
    found = _BETWEEN_OBJECTS.search(inner, near, near + PIECE_BYTES) or _COMMA.search(inner, near)
    return found.start(1) if found is not None else len(inner)


def _whole_elements(piece: memoryview, split: Split) -> list[bytes] | None:
    """The elements of a piece; ``None`` if it is not some whole elements."""
    try:
        return split(b"[" + piece + b"]") or None
    except WireError:
        return None
