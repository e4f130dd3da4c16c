"""Bulks: one request's body, a JSON array of events, taken apart and put together.

Nothing of the array is decoded twice: it is cut into the bytes of its elements, each of which is read by itself, so
that one bad event never costs the others. Limits of size are the entrance's.
"""

import json
from collections.abc import Sequence
from typing import Final

import msgspec

from postroad.errors import WireError
from postroad.protocols.base import Item
from postroad.protocols.connected_cars.read import check_utf8, read
from postroad.protocols.connected_cars.settings import ConnectedCarsSettings

MAX_ITEMS: Final = 10_000
"""Events in one request: what a receiver should take. The vendor states it for its older feed only."""
MAX_BYTES: Final = 16 * 1024 * 1024
"""Of one request: what a receiver should take. The vendor states none."""

_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_SPACE: Final = " \t\n\r"


class Element(msgspec.Struct, frozen=True):
    """One element of a bulk: its bytes, and what was read from them or why it could not be."""

    raw: bytes
    outcome: Item | WireError


def split_bulk(body: bytes) -> list[bytes]:
    """The bytes of each element, in order. Raises ``WireError`` (``not_json``) when the body is no JSON array.

    Cuts only; 10,000 events take a few milliseconds. An element may still turn out unreadable.
    """
    check_utf8(body)  # once for all: the decoder does not look into what it leaves as it is
    try:
        return [bytes(element) for element in _ELEMENTS.decode(body)]
    except (msgspec.DecodeError, RecursionError):
        return _split_carefully(body.decode())


def read_bulk(body: bytes, settings: ConnectedCarsSettings) -> list[Element]:
    """Read a bulk. Raises ``WireError`` (``not_json``) only when the body as a whole is no JSON array.

    In one go, which for a full bulk is long for an event loop: an entrance calls ``split_bulk``, then ``read_element``
    in slices.
    """
    return [read_element(raw, settings) for raw in split_bulk(body)]


def read_element(raw: bytes, settings: ConnectedCarsSettings) -> Element:
    """Read one element; never raises ``WireError``."""
    try:
        return Element(raw, read(raw, settings))
    except WireError as error:
        return Element(raw, error)


def _split_carefully(text: str) -> list[bytes]:
    """Cut where the fast reader gives up on what is JSON all the same, such as half a surrogate pair in one element."""
    scan = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse).raw_decode
    elements: list[bytes] = []
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise WireError("not_json")
    mark = ","
    while mark == ",":
        start = _skip(text, at + 1)
        try:
            _, end = scan(text, start)
        except (ValueError, RecursionError) as exc:
            raise WireError("not_json") from exc
        elements.append(text[start:end].encode())
        at = _skip(text, end)
        mark = text[at : at + 1]
    if mark != "]" or _skip(text, at + 1) != len(text):
        raise WireError("not_json")
    return elements


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def join_bulk(bodies: Sequence[bytes]) -> bytes:
    """One request's body: a JSON array of events, also of one."""
    return b"[" + b",".join(bodies) + b"]"
