"""The careful reader, for what the fast decode refuses: it keeps what is not known, and finds the field to blame.

Taken here: unknown types and fields, ids given as text, and the two meanings of ``type`` in one object.
"""

import json
import re
from typing import Any

import msgspec
from msgspec.structs import fields

from postroad.errors import WireError
from postroad.protocols.connected_cars.said import Said
from postroad.protocols.connected_cars.wire import EVENT_TYPES
from postroad.protocols.connected_cars.wire.fields import WireEvent
from postroad.protocols.connected_cars.wire.other import OtherEvent
from postroad.protocols.connected_cars.wire.trouble import CODE_FORMATS

_Members = dict[str, msgspec.Raw]
_Table = dict[str, tuple[str, msgspec.json.Decoder[Any], bool]]
"""Field on the wire -> its name in the struct, its decoder, whether it is required."""

_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for bytes it does not take. (A ``ValidationError`` is a ``DecodeError``.)"""
_MEMBERS = msgspec.json.Decoder(_Members)
_TEXT = msgspec.json.Decoder(str)
_IDS = frozenset({"id", "vehicleId", "fleetId"})
_NUMBER_AS_TEXT = re.compile(rb'"(-?[0-9]{1,19})"')

_SECOND_TYPE = {"can_dtc": "sourceType", "can_mil_lamp": "lampType"}
"""Event type -> what its second ``type`` is called since."""
_DTC_MARKS = ("code", "txId", "transport")


def _table(struct: type[msgspec.Struct]) -> _Table:
    return {f.encode_name: (f.name, msgspec.json.Decoder(f.type), f.required) for f in fields(struct)}


_TABLES = {name: _table(struct) for name, struct in EVENT_TYPES.items()}
_OTHER = _table(OtherEvent)


def read_carefully(raw: bytes) -> Said:
    """Decode field by field. Raises ``WireError``, nothing else."""
    try:
        members = _MEMBERS.decode(raw)
    except _REFUSALS as exc:
        raise WireError("not_json") from exc
    name = _sort_out_types(raw, members)
    struct: type[WireEvent | OtherEvent] = EVENT_TYPES.get(name, OtherEvent)
    table = _TABLES.get(name, _OTHER)
    values: dict[str, Any] = {}
    for field, (attribute, decoder, required) in table.items():
        if field in members:
            values[attribute] = _value(field, members.pop(field), decoder)
        elif required:
            raise WireError("missing", field)
    if struct is not OtherEvent:
        del members["type"]
    return Said(struct(**values), members)


def _value(field: str, raw: msgspec.Raw, decoder: msgspec.json.Decoder[Any]) -> Any:
    text = bytes(raw)
    if field in _IDS and (number := _NUMBER_AS_TEXT.fullmatch(text)):
        text = number[1].lstrip(b"0") or b"0"
    try:
        return decoder.decode(text)
    except _REFUSALS as exc:
        raise WireError("missing" if text == b"null" else "invalid", field) from exc


def _sort_out_types(raw: bytes, members: _Members) -> str:
    """The event's type. A second ``type`` is put into ``members`` under the name that it has had since.

    The page of 2023 has ``type`` twice in one object, which leaves it to the parser which of the two counts: the
    event's is the one that is an event's. Where a parser on the way has dropped it, the format of a trouble code still
    tells what the event was.
    """
    if "type" not in members:
        raise WireError("missing", "type")
    types = _types(raw, members["type"])
    name = next((one for one in types if one in EVENT_TYPES), types[-1])
    if len(types) > 1 and name in _SECOND_TYPE:
        second = next((one for one in types if one != name), None)
        if second is not None:
            members.setdefault(_SECOND_TYPE[name], msgspec.Raw(msgspec.json.encode(second)))
    elif name in CODE_FORMATS and all(mark in members for mark in _DTC_MARKS):
        members.setdefault(_SECOND_TYPE["can_dtc"], members["type"])
        name = "can_dtc"
    members["type"] = msgspec.Raw(msgspec.json.encode(name))
    return name


def _types(raw: bytes, last: msgspec.Raw) -> list[str]:
    """Every value of ``type``, in order. Only the standard library's reader shows a key that is given twice."""
    try:
        if raw.count(b'"type"') == 1:  # nearly always, and much faster
            return [_TEXT.decode(last)]
        pairs = json.loads(raw, object_pairs_hook=list, parse_int=str, parse_float=str)
    except (*_REFUSALS, ValueError) as exc:
        raise WireError("invalid", "type") from exc
    found = [value for key, value in pairs if key == "type"]
    if not all(isinstance(value, str) for value in found):
        raise WireError("invalid", "type")
    return found
