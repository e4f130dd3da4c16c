"""From the bytes of a message, or of a whole body, to items."""

from collections.abc import Sequence

import msgspec

from postroad.errors import WireError
from postroad.model.identifiers import LEGACY_CAR_ID, LEGACY_USER_ID, normalise
from postroad.protocols.base import UNTIMED_US, Item
from postroad.protocols.connected_cars_legacy.account import AccountMessage
from postroad.protocols.connected_cars_legacy.decode import check_utf8, decode_message, instant_us, split
from postroad.protocols.connected_cars_legacy.messages import KINDS, STRUCTS, Message, UnknownMessage
from postroad.protocols.connected_cars_legacy.options import LegacySettings

_KIND: dict[type[msgspec.Struct], int] = {struct: KINDS.index(name) for name, struct in STRUCTS.items()}
_KEY = msgspec.msgpack.Encoder()


def read(raw: bytes, settings: LegacySettings) -> Item:  # noqa: ARG001 - the seam has them; here they only change events
    """Decode and validate one message of either feed. Raises ``WireError``, nothing else, whatever the bytes."""
    check_utf8(raw)
    return _item(raw)


def read_bulk(body: bytes, settings: LegacySettings) -> tuple[list[bytes], list[Item | WireError]]:
    """The bytes of each message of a body, and beside them what each says or why it cannot be read.

    Raises ``WireError`` if the body as a whole cannot be read: only then may a bulk be refused.
    """
    raws = split(body)
    return raws, read_split(raws, settings)


def read_split(raws: Sequence[bytes], settings: LegacySettings) -> list[Item | WireError]:  # noqa: ARG001 - as in read
    """What each message says or why it cannot be read, of a slice of what ``split`` gave: their UTF-8 is checked."""
    return [_item_or_error(raw) for raw in raws]


def _item_or_error(raw: bytes) -> Item | WireError:
    try:
        return _item(raw)
    except WireError as error:
        return WireError(error.code, error.field)  # a new one: that which was raised holds on to its frames


def _item(raw: bytes) -> Item:
    message = decode_message(raw)
    kind = _KIND.get(type(message), 0)
    if isinstance(message, AccountMessage):
        return Item(kind, UNTIMED_US, False, LEGACY_USER_ID, normalise(LEGACY_USER_ID, message.user_id), b"", message)
    if isinstance(message, UnknownMessage):
        return _unknown_item(kind, message)
    recorded_us = instant_us(message.time)
    car = normalise(LEGACY_CAR_ID, message.car_id)
    return Item(kind, recorded_us, False, LEGACY_CAR_ID, car, _dedup(kind, recorded_us, car, message), message)


def _unknown_item(kind: int, message: UnknownMessage) -> Item:
    """About the user if it names one, else about the car. Without a documented key, no repeat is recognised."""
    recorded_us = UNTIMED_US if message.time is None else instant_us(message.time)
    namespace, value = (LEGACY_CAR_ID, message.car_id) if message.user_id is None else (LEGACY_USER_ID, message.user_id)
    return Item(kind, recorded_us, False, namespace, normalise(namespace, value or ""), b"", message)


def _dedup(kind: int, recorded_us: int, car: str, message: Message) -> bytes:
    """Everything the message says: a car that says the same of the same instant again has said nothing new.

    The feed has no message ids, and a bulk is sent again whole after any failure. Account messages have no time, so
    that signing up, leaving and signing up again would look like a repeat: they have no key.
    """
    payload = msgspec.structs.astuple(message)[2:]
    return _KEY.encode((KINDS[kind], car, recorded_us, payload))
