"""Suggestions for names that are almost right."""

import copy
import difflib
import re
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from msgspec import inspect

_A_VALUE = "[...]"
"""How msgspec writes a step into a mapping that may have any keys."""
_STEP = re.compile(r"\.(?P<field>[^.\[]+)|\[(?P<index>[^\]]*)\]")


def did_you_mean(name: str, choices: Collection[str]) -> str:
    """The end of a sentence about an unknown name: the nearest choice, or else all of them."""
    near = difflib.get_close_matches(name, choices, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there is {', '.join(sorted(choices))}" if choices else ""


def field_names(type_: type, path: str) -> set[str]:
    """The keys that may stand in the mapping at ``path`` (msgspec's notation) within a ``type_``."""
    types = list(structs_and_more(inspect.type_info(type_)))
    for step in _STEP.finditer(path):
        types = [inner for outer in types for inner in _inside(outer, step["field"])]
    names = {field.encode_name for info in types if isinstance(info, inspect.StructType) for field in info.fields}
    return names | {info.tag_field for info in types if isinstance(info, inspect.StructType) and info.tag_field}


def with_keys(path: str, data: Any, type_: type) -> str:
    """A path to what does not fit in ``data``, with the keys that msgspec's notation leaves out."""
    before, value, after = path.partition(_A_VALUE)
    if not value:
        return path
    whole = copy.deepcopy(data)
    mapping = whole
    for step in _STEP.finditer(before):
        mapping = mapping[step["field"] if step["field"] is not None else int(step["index"])]
    for key, alone in [*mapping.items()]:
        mapping.clear()
        mapping[key] = alone
        try:
            msgspec.convert(whole, type_)
        except msgspec.ValidationError:
            return with_keys(f"{before}.{key}{after}", data, type_)
    return path


def structs_and_more(info: inspect.Type) -> Iterator[inspect.Type]:
    """A type without what is wrapped around it: annotations opened, unions spread."""
    match info:
        case inspect.Metadata(type=inner):
            yield from structs_and_more(inner)
        case inspect.UnionType(types=members):
            for member in members:
                yield from structs_and_more(member)
        case _:
            yield info


def _inside(info: inspect.Type, field: str | None) -> Iterator[inspect.Type]:
    match info:
        case inspect.StructType(fields=fields):
            for candidate in fields:
                if candidate.encode_name == field:
                    yield from structs_and_more(candidate.type)
        case inspect.DictType(value_type=value):
            yield from structs_and_more(value)
        case inspect.CollectionType(item_type=item):
            yield from structs_and_more(item)
        case inspect.VarTupleType(item_type=item):
            yield from structs_and_more(item)
