"""The query of a request as the struct that its route declares."""

import functools
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import inspect

from postroad.api.rest.problems import MALFORMED, Refused

_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_BOOLEANS: Final = {"true": True, "false": False}


def query_of(given: Mapping[str, str], type_: type[msgspec.Struct]) -> msgspec.Struct:
    """Read a query as strictly as a body: what the document does not allow is refused.

    msgspec's own lenient way would take ``null`` for a filter that was left out, and ``1`` for a date.

    Raises ``Refused``.
    """
    of_text = _texts(type_)
    plain = {name: text if name in of_text else _value(text) for name, text in given.items()}
    try:
        return msgspec.convert(plain, type_)
    except msgspec.ValidationError as exc:
        raise Refused(MALFORMED, f"query: {_words(exc)}") from exc


def _value(text: str) -> Any:
    if _NUMBER.fullmatch(text):
        return int(text)
    return _BOOLEANS.get(text, text)


@functools.cache
def _texts(type_: type[msgspec.Struct]) -> frozenset[str]:
    """The fields that are texts, or instants, which are said as texts."""
    info = inspect.type_info(type_)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - for the type checker
    return frozenset(field.encode_name for field in info.fields if not _is_value(field.type))


def _is_value(type_: inspect.Type) -> bool:
    match type_:
        case inspect.Metadata(type=inner):
            return _is_value(inner)
        case inspect.UnionType(types=members):
            return any(_is_value(one) for one in members)
        case _:
            return isinstance(type_, (inspect.IntType, inspect.BoolType))


def _words(error: msgspec.ValidationError) -> str:
    what, _, where = str(error).partition(" - at `$.")
    return f"{where.removesuffix('`')}: {what}" if where else what
