"""The careful reader, for what the fast decode refuses: it finds the field to blame, or takes what is leniently legal.

The order is part of the protocol: required fields in the order of the vendor's table, the first one missing is named;
then those inside ``event``; then types and ranges, in the order of the table again.
"""

from typing import Any

import msgspec
from msgspec.structs import fields

from postroad.errors import WireError
from postroad.protocols.drivetech import times
from postroad.protocols.drivetech.wire import EVENT_TYPES, Injection, StrictInjection, WireEvent

_Members = dict[str, msgspec.Raw]
_Decoders = dict[str, msgspec.json.Decoder[Any]]

_MEMBERS = msgspec.json.Decoder(_Members)
_TEXT = msgspec.json.Decoder(str)
_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for bytes it does not take. (A ``ValidationError`` is a ``DecodeError``.)"""


def _decoders(struct: type[msgspec.Struct]) -> _Decoders:
    return {field.name: msgspec.json.Decoder(field.type) for field in fields(struct)}


def _required(struct: type[msgspec.Struct], order: _Decoders) -> tuple[str, ...]:
    required = {field.name for field in fields(struct) if field.required}
    return tuple(name for name in order if name in required)


_TABLE = _decoders(Injection)
_EVENT_TABLES = {name: _decoders(event) for name, event in EVENT_TYPES.items()}
_REQUIRED = {False: _required(Injection, _TABLE), True: _required(StrictInjection, _TABLE)}
_EVENT_REQUIRED = {name: _required(event, _EVENT_TABLES[name]) for name, event in EVENT_TYPES.items()}

_AS_IT_STANDS = frozenset({"plate", "state", "driver_id", "status"})
"""Never coerced. A ``status`` says different things as a boolean and as a number."""
_BOOLEANS = {b"0": b"false", b"1": b"true"}


def read_carefully(raw: bytes, *, strict: bool) -> Injection:
    """Decode field by field. Of a key given twice the last one counts, as in the fast decode. Raises ``WireError``."""
    members = _members(raw, WireError("not_json"))
    _require(members, _REQUIRED[strict], "")
    event = _event_members(members["event"])
    values: dict[str, Any] = {}
    for name, decoder in _TABLE.items():
        if name == "event":
            values[name] = _event(event, strict=strict)
        elif name in members:
            value = members[name]
            values[name] = _datetime(value) if name == "datetime" else _value(value, decoder, name, strict=strict)
    return (StrictInjection if strict else Injection)(**values)


def _members(raw: bytes | msgspec.Raw, refusal: WireError) -> _Members:
    """The members of an object, null ones left out, each as its own bytes."""
    try:
        members = _MEMBERS.decode(raw)
    except _REFUSALS as exc:
        raise refusal from exc
    return {name: value for name, value in members.items() if bytes(value) != b"null"}


def _require(members: _Members, names: tuple[str, ...], path: str) -> None:
    for name in names:
        if name not in members or bytes(members[name]) == b'""':
            raise WireError("missing", path + name)


def _event_members(raw: msgspec.Raw) -> _Members | None:
    """The members of ``event``, the required ones being there; None when it is no object: blamed in its turn."""
    try:
        members = _members(raw, WireError("invalid", "event"))
    except WireError:
        return None
    _require(members, ("type",), "event.")
    _require(members, _EVENT_REQUIRED.get(_event_type(members), ()), "event.")
    return members


def _event_type(members: _Members) -> str:
    try:
        return _TEXT.decode(members["type"])
    except _REFUSALS:
        return ""


def _event(members: _Members | None, *, strict: bool) -> WireEvent:
    if members is None:
        raise WireError("invalid", "event")
    name = _event_type(members)
    if name not in EVENT_TYPES:
        raise WireError("invalid", "event.type")
    values = {
        field: _value(members[field], decoder, f"event.{field}", strict=strict)
        for field, decoder in _EVENT_TABLES[name].items()
        if field in members
    }
    return EVENT_TYPES[name](**values)


def _datetime(raw: msgspec.Raw) -> Any:
    try:
        text = _TEXT.decode(raw)
    except _REFUSALS as exc:
        raise WireError("invalid", "datetime") from exc
    moment = times.parse(text)
    times.instant_us(moment)
    return moment


def _value(raw: msgspec.Raw, decoder: msgspec.json.Decoder[Any], path: str, *, strict: bool) -> Any:
    """One member by its declared type; leniently also a number or boolean as text, and a boolean as 0 or 1."""
    try:
        return decoder.decode(raw)
    except _REFUSALS as exc:
        if strict or path.removeprefix("event.") in _AS_IT_STANDS:
            raise WireError("invalid", path) from exc
    try:
        return decoder.decode(_BOOLEANS.get(bytes(raw)) or _TEXT.decode(raw).encode())
    except _REFUSALS as exc:
        raise WireError("invalid", path) from exc
