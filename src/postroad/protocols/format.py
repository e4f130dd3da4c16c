"""A protocol's bodies, for tools that look at them where no hub is: cut up, written out again, described."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from postroad.errors import WireError
from postroad.protocols.base import Item


class Format(msgspec.Struct, frozen=True):
    """What a body is made of. Every protocol's folder has one, as ``FORMAT``."""

    body: Any
    """The type of a request's whole body: a struct, a list of a union of structs, or a tuple of structs of which it is
    one."""
    types: Mapping[str, type[msgspec.Struct]]
    """Wire type -> its struct."""
    split: Callable[[bytes], list[bytes]]
    """The bytes of each element of a body that is a JSON array. Raises ``WireError`` when it is none."""
    restate: Callable[[Item, bytes], bytes]
    """An item that was read from these bytes, as one JSON object: the typed struct, and beside its fields those that
    it does not know. Reading that again gives the same facts."""


_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])


def split_array(body: bytes) -> list[bytes]:
    """``Format.split`` for a protocol that has no bulks of its own: of what somebody wrote down."""
    try:
        body.decode()  # the decoder does not look into what it leaves as it is
        return [bytes(element) for element in _ELEMENTS.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise WireError("not_json") from exc
