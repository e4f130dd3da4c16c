"""From JSON values to structs: in any case of the keys, null for what is absent, and what no struct knows left out.

The vendor's own programs write the same fields as ``TimeStart`` and ``timeStart``, and add new ones without a version.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from postroad.errors import WireError

_Struct = TypeVar("_Struct", bound=msgspec.Struct)

_ALIASES: Final[Mapping[str, str]] = {"uri": "url", "url": "uri", "waypoints": "points"}
"""Other names of fields; of a struct that has no field of the first name itself."""

_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)
"""What a decoder raises for bytes it does not take. (A ``ValidationError`` is a ``DecodeError``.)"""
_PLACE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_LACKS = re.compile(r"missing required field `(?P<name>\w+)`")


class _Field(msgspec.Struct, frozen=True):
    name: str
    """On the wire."""
    struct: type[msgspec.Struct] | None
    """Of its value, or of each element of it."""


def json_of(raw: bytes) -> Any:
    """The value that the bytes are. Raises ``WireError`` (``not_json``)."""
    try:
        raw.decode()
        return msgspec.json.decode(raw)
    except _REFUSALS as exc:
        raise WireError("not_json") from exc


def shaped(value: Any, struct: type[_Struct], place: str = "") -> _Struct:
    """The struct that a JSON value is. Raises ``WireError`` that names the field, below ``place``."""
    if not isinstance(value, dict):
        raise WireError("invalid", place or None)
    try:
        return msgspec.convert(_folded(value, struct), struct)
    except msgspec.ValidationError as exc:
        raise _blame(str(exc), place) from exc


def member(value: Any, *names: str) -> Any:
    """What stands at the end of a path of keys, in any case; None where there is nothing."""
    for name in names:
        if not isinstance(value, dict):
            return None
        wanted = name.casefold()
        value = next((one for key, one in value.items() if key.casefold() == wanted), None)
    return value


def undocumented(value: Any, struct: type[msgspec.Struct], place: str = "") -> dict[str, Any]:
    """What a JSON value has that the struct does not know: path -> value, as in ``Points[2].Colour``."""
    return dict(_unknown(value, struct, place))


def _unknown(value: Any, struct: type[msgspec.Struct], place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _unknown(one, struct, f"{place}[{number}]")
        return
    table, tag = _table(struct), struct.__struct_config__.tag_field
    for key, one in value.items() if isinstance(value, dict) else ():
        path = f"{place}.{key}" if place else key
        field = table.get(key.casefold())
        if field is None and key != tag:
            yield path, one
        elif field is not None and field.struct is not None:
            yield from _unknown(one, field.struct, path)


def _folded(value: dict[str, Any], struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields that the struct knows, under its names. Of two spellings of one field, that of the struct counts."""
    table, config = _table(struct), struct.__struct_config__
    found: dict[str, Any] = {} if config.tag_field is None else {config.tag_field: config.tag}
    for key, one in value.items():
        field = table.get(key.casefold())
        if field is None or one is None or (field.name in found and key != field.name):
            continue
        inner = field.struct
        if inner is not None and isinstance(one, list):
            one = [_folded(each, inner) if isinstance(each, dict) else each for each in one]
        elif inner is not None and isinstance(one, dict):
            one = _folded(one, inner)
        found[field.name] = one
    return found


@cache
def _table(struct: type[msgspec.Struct]) -> dict[str, _Field]:
    """Key in small letters -> field."""
    of_struct = inspect.type_info(struct).fields  # type: ignore[attr-defined]  # a struct has them
    table = {one.encode_name.casefold(): _Field(one.encode_name, _struct_in(one.type)) for one in of_struct}
    aliases = {alias: table[name] for alias, name in _ALIASES.items() if name in table and alias not in table}
    return table | aliases


def _struct_in(declared: inspect.Type) -> type[msgspec.Struct] | None:
    """The struct that a field's value is, or holds."""
    match declared:
        case inspect.Metadata(type=inner) | inspect.VarTupleType(item_type=inner):
            return _struct_in(inner)
        case inspect.UnionType(types=types):
            return next((found for one in types if (found := _struct_in(one)) is not None), None)
        case inspect.StructType(cls=struct):
            return struct
    return None


def _blame(message: str, place: str) -> WireError:
    """The code and the path that a refusal names; never the value."""
    found, lacks = _PLACE.search(message), _LACKS.search(message)
    path = [place, found["path"] if found else "", lacks["name"] if lacks else ""]
    return WireError("missing" if lacks else "invalid", ".".join(part for part in path if part) or None)
