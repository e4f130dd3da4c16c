"""From bytes to messages: a body to the bytes of each, and the bytes of one to its struct.

The common case is one typed decode. What that refuses is read member by member: there the other spellings are, and
null for what is absent, and the field to blame.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import msgspec

from postroad.clock import to_us
from postroad.errors import WireError
from postroad.protocols.connected_cars_legacy.account import AccountMessage, CarRemove
from postroad.protocols.connected_cars_legacy.car import CarMessage
from postroad.protocols.connected_cars_legacy.fields import Id, facts
from postroad.protocols.connected_cars_legacy.messages import STRUCTS, Documented, Message, UnknownMessage

_LAST_US = to_us(dt.datetime.max.replace(tzinfo=dt.UTC))
_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for bytes it does not take. (A ``ValidationError`` is a ``DecodeError``.)"""

_Members = dict[str, msgspec.Raw]
_BODY = msgspec.json.Decoder(list[msgspec.Raw])
_MESSAGE = msgspec.json.Decoder(Documented)
_MEMBERS = msgspec.json.Decoder(_Members)
_TEXT = msgspec.json.Decoder(str)
_ID = msgspec.json.Decoder(Id)
_ONE_KEY_OBJECTS = msgspec.json.Decoder(list[dict[str, str | None]])
_FIELDS: dict[type[msgspec.Struct], dict[str, msgspec.json.Decoder[Any]]] = {
    struct: {field.name: msgspec.json.Decoder(field.type) for field in msgspec.structs.fields(struct)}
    for struct in STRUCTS.values()
}


def split(body: bytes) -> list[bytes]:
    """The bytes of each message of a request's body. Raises ``WireError`` if the body as a whole cannot be read.

    ``not_json``, or ``invalid`` for anything but an array. UTF-8 is checked here, once for all of them.
    """
    check_utf8(body)
    try:
        return [bytes(raw) for raw in _BODY.decode(body)]
    except msgspec.ValidationError as exc:
        raise WireError("invalid") from exc
    except _REFUSALS as exc:
        raise WireError("not_json") from exc


def check_utf8(raw: bytes) -> None:
    """The decoder checks only the text it keeps; what is stored must be UTF-8 throughout. Raises ``WireError``."""
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as exc:
            raise WireError("not_json") from exc


def decode_message(raw: bytes) -> Message:
    """One message of either feed. Raises ``WireError``, nothing else, whatever the bytes.

    Unknown fields are tolerated. Of a key given twice the last one counts; of several spellings of one field, that of
    the vendor's samples.
    """
    try:
        message: Message = _MESSAGE.decode(raw)
    except _REFUSALS:
        message = _read_members(raw)
    for path, value in _ids(message):
        if not (value.isascii() and value.isprintable()):
            raise WireError("invalid", path)
    return message


def undocumented(raw: bytes) -> dict[str, msgspec.Raw]:
    """The members of a message that its struct does not know, each as it was sent. Raises ``WireError``.

    They stay in the stored bytes; they are not sent on, since nobody knows the scope that they need.
    """
    message = decode_message(raw)
    if isinstance(message, UnknownMessage):
        return message.members
    known = {key for field in facts(type(message)) for key in (field.key, *field.other_keys)} | {"type"}
    return {key: value for key, value in _MEMBERS.decode(raw).items() if key not in known}


def instant_us(moment: dt.datetime) -> int:
    """Microseconds since 1970, UTC; without a zone it is UTC. Raises ``WireError`` outside of 1970 to 9999."""
    us = to_us(moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC))
    if not 0 <= us <= _LAST_US:
        raise WireError("invalid", "time")
    return us


def _ids(message: Message) -> Iterator[tuple[str, str]]:
    if isinstance(message, CarMessage | CarRemove):
        yield "carId", message.car_id
    if isinstance(message, AccountMessage):
        yield "userId", message.user_id
        for number, car in enumerate(getattr(message, "cars", ())):
            yield f"cars[{number}].carId", car.car_id
    if isinstance(message, UnknownMessage):
        yield from ((name, value) for name, value in (("carId", message.car_id), ("userId", message.user_id)) if value)


def _read_members(raw: bytes) -> Message:
    try:
        members = _MEMBERS.decode(raw)
    except msgspec.ValidationError as exc:
        raise WireError("invalid") from exc
    except _REFUSALS as exc:
        raise WireError("not_json") from exc
    given = {key: value for key, value in members.items() if bytes(value) != b"null"}
    name = _value(_TEXT, given, "type")
    if name is None:
        raise WireError("missing", "type")
    struct = STRUCTS.get(name)
    return _unknown(name, given, members) if struct is None else _documented(struct, given)


def _documented(struct: type[Documented], given: _Members) -> Documented:
    values: dict[str, Any] = {}
    for field in facts(struct):
        key = next((key for key in (field.key, *field.other_keys) if key in given), None)
        if key is not None:
            values[field.name] = _value(_FIELDS[struct][field.name], given, key)
        elif field.required:
            raise WireError("missing", field.key)
    return struct(**values)


def _unknown(name: str, given: _Members, members: _Members) -> UnknownMessage:
    message = UnknownMessage(
        type=name,
        user_id=_value(_ID, given, "userId"),
        car_id=_value(_ID, given, "carId"),
        time=_value(None, given, "time"),
        members=members,
    )
    if message.user_id is None and message.car_id is None:
        raise WireError("missing", "carId")
    return message


def _value(decoder: msgspec.json.Decoder[Any] | None, given: _Members, key: str) -> Any:
    """One member; None if it is not there. ``time`` and ``description`` have more than one shape."""
    if key not in given:
        return None
    raw = given[key]
    try:
        if key == "time":
            return _time(_TEXT.decode(raw))
        if key == "description" and bytes(raw)[:1] == b"[":
            return {language: text for one in _ONE_KEY_OBJECTS.decode(raw) for language, text in one.items()}
        return decoder.decode(raw) if decoder else None
    except (*_REFUSALS, ValueError) as exc:
        raise WireError("invalid", key) from exc


def _time(text: str) -> dt.datetime:
    """Any ISO 8601 spelling of an instant; a bare date is none. Raises ``ValueError``."""
    try:
        return msgspec.convert(text, dt.datetime)
    except msgspec.ValidationError:
        if len(text) <= len("2017-01-01"):
            raise
        return dt.datetime.fromisoformat(text)
