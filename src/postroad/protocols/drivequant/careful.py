"""The careful reader, for what the fast decode refuses: of an object it takes what fits and leaves the rest.

Most of the vendor's types are inferred, so a value of another type must not cost the message: the member is unknown
then, and stands in the bytes that are kept. Only the identifier that a message cannot do without is demanded.
"""

from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from postroad.errors import WireError

_Struct = TypeVar("_Struct", bound=msgspec.Struct)

_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for bytes it does not take. (A ``ValidationError`` is a ``DecodeError``.)"""
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_NUMBER = msgspec.json.Decoder(float)


class _Misfit(Exception):
    """A value is not of its type, however leniently it is read."""


def read_carefully(raw: bytes | msgspec.Raw, struct: type[_Struct]) -> _Struct:
    """Decode member by member. Raises ``WireError``, nothing else."""
    try:
        members = _MEMBERS.decode(raw)
    except _REFUSALS as exc:
        raise WireError("not_json") from exc
    values: dict[str, Any] = {}
    for field in _fields(struct):
        value = members.get(field.encode_name)
        if value is None or bytes(value) == b"null":
            if field.required:
                raise WireError("missing", field.encode_name)
            continue
        try:
            values[field.name] = _fitted(value, _bare(field.type))
        except _Misfit as exc:
            if field.required:
                raise WireError("invalid", field.encode_name) from exc
    return struct(**values)


@cache
def _fields(struct: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    described = inspect.type_info(struct)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - for the type checker
    return described.fields


def _bare(declared: inspect.Type) -> inspect.Type:
    """The type without what is said about it, and without null."""
    while True:
        if isinstance(declared, inspect.Metadata):
            declared = declared.type
        elif isinstance(declared, inspect.UnionType):
            declared = next(one for one in declared.types if not isinstance(one, inspect.NoneType))
        else:
            return declared


def _fitted(raw: msgspec.Raw, declared: inspect.Type) -> Any:
    """The value, read leniently. Raises ``_Misfit``."""
    try:
        match declared:
            case inspect.StructType():
                return _object(raw, declared.cls)
            case inspect.ListType():
                return [_element(one, declared.item_type) for one in _ELEMENTS.decode(raw)]
            case inspect.DictType(value_type=inspect.StrType()):
                return {name: _text(value) for name, value in _MEMBERS.decode(raw).items() if _is_text(value)}
            case inspect.StrType():
                return _text(raw)
            case inspect.IntType():
                return _whole(raw)
            case inspect.FloatType():
                return _NUMBER.decode(raw)
            case inspect.BoolType():
                return msgspec.json.decode(raw, type=bool)
            case _:
                return msgspec.json.decode(raw, type=dict[str, Any])
    except (*_REFUSALS, WireError) as exc:
        raise _Misfit from exc


def _object(raw: msgspec.Raw, struct: type[_Struct]) -> _Struct:
    try:
        return msgspec.json.decode(raw, type=struct)
    except msgspec.ValidationError:
        return read_carefully(raw, struct)


def _element(raw: msgspec.Raw, declared: inspect.Type) -> Any:
    """Of a list; null where the list may hold null."""
    return None if bytes(raw) == b"null" and isinstance(declared, inspect.UnionType) else _fitted(raw, _bare(declared))


def _whole(raw: msgspec.Raw) -> int:
    """A whole number, also one that is written with a fraction of nothing."""
    try:
        return msgspec.json.decode(raw, type=int)
    except msgspec.ValidationError:
        number = _NUMBER.decode(raw)
        if not number.is_integer():
            raise
        return int(number)


def _text(raw: msgspec.Raw) -> str:
    """A text; a number as its digits, for ids that are numbers at some customer's."""
    return bytes(raw).decode() if _is_number(raw) else msgspec.json.decode(raw, type=str)


def _is_number(raw: msgspec.Raw) -> bool:
    return bytes(raw)[:1] in b"-0123456789"


def _is_text(raw: msgspec.Raw) -> bool:
    return bytes(raw)[:1] == b'"' or _is_number(raw)
