"""The tables of protocols' pages, made from their wire structs and filled into the prose that people wrote.

A page has ``<!-- table: NAME -->``, the table, and ``<!-- end -->``; what stands between them is made anew.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import drivequant
import msgspec
from msgspec import inspect
from pieces import Undocumented, described, table

from postroad.model.catalogue import OCCURRENCES, SIGNALS
from postroad.protocols import connected_cars_legacy as legacy
from postroad.protocols import damoov

FOLDER = Path(__file__).parents[2] / "docs" / "protocols"
_PLACE = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->\n", re.DOTALL)
_UNITS = {"deg": "degrees", "celsius": "°C", "percent": "%", "m/s2": "m/s²"}


def filled(text: str, tables: Mapping[str, str]) -> str:
    """The page with its tables. Raises ``Undocumented`` for a table that has no place, or a place without a table."""
    places = _PLACE.findall(text)
    if sorted(places) != sorted(tables):
        raise Undocumented(f"tables {sorted(set(places) ^ set(tables))}")
    return _PLACE.sub(lambda place: f"<!-- table: {place[1]} -->\n\n{tables[place[1]]}\n<!-- end -->\n", text)


def legacy_tables() -> dict[str, str]:
    """Connected Cars' legacy push."""
    account = [struct for struct in legacy.STRUCTS.values() if issubclass(struct, legacy.AccountMessage)]
    cars = [struct for struct in legacy.STRUCTS.values() if issubclass(struct, legacy.CarMessage)]
    return {
        "account_messages": table(
            ["`type`", "Fields", "Meaning"],
            [[_type(struct), _keys(struct), described(struct.__name__, struct.__doc__)] for struct in account],
        ),
        "account_fields": table(
            ["Field", "Type", "Scope", "Meaning"],
            [
                [f"`{place}{fact.key}`", _shape(struct, fact.key), _code(fact.scope), fact.meaning]
                for place, struct in (("", legacy.UserSignup), ("cars[].", legacy.Car))
                for fact in legacy.facts(struct)
            ],
        ),
        "car_messages": table(
            ["`type`", "Fields", "Scope", "Meaning"],
            [
                [_type(struct), _keys(struct), _code(struct.scope), described(struct.__name__, struct.__doc__)]
                for struct in cars
            ],
        ),
        "car_fields": table(
            ["Field", "Also", "Type, range (**ours**)", "Unit", "Meaning", "In the common language"],
            [
                [
                    f"`{struct.__struct_config__.tag}.{fact.key}`",
                    ", ".join(map(_code, fact.other_keys)),
                    _shape(struct, fact.key),
                    _UNITS.get(fact.unit, fact.unit),
                    fact.meaning,
                    _common(str(struct.__struct_config__.tag), fact.key),
                ]
                for struct in cars
                for fact in legacy.facts(struct)
                if fact.name not in legacy.CarMessage.__struct_fields__
            ],
        ),
        "scopes": table(["Scope", "Without it"], [[_code(scope), _gated(scope)] for scope in legacy.SCOPES]),
        "settings": _choices(legacy.LegacySettings),
        "options": _choices(legacy.Options),
        "numbers": table(
            ["`type`", "Kind", "Slot"],
            [
                [_code(kind), str(number), str(legacy.SLOTS.get(kind, "never sent"))]
                for number, kind in enumerate(legacy.KINDS)
            ],
        ),
    }


def damoov_tables() -> dict[str, str]:
    """Damoov notifications and datasets."""
    return {
        "events": table(
            ["`Event`", "Dataset", "`Details`", "Meaning"],
            [
                [_code(name), _code(damoov.DATASET_OF.get(name)), _detail_keys(struct), described(name, struct.__doc__)]
                for name, struct in damoov.EVENTS.items()
            ],
        ),
        "envelope": _fields(damoov.Notification),
        "details": "\n".join(_nested(damoov.EVENTS.values())),
        "processed_track": "\n".join(_nested([damoov.RichTrack])),
        "received_track": "\n".join(_nested([damoov.RawTrack])),
        "accident": "\n".join(_nested([damoov.DrivingEvent])),
        "accident_extra": "\n".join(_nested([damoov.AccidentExtra])),
        "urls": table(
            ["Dataset", "Path"], [[_code(kind), _code(path.format(id="{id}"))] for kind, path in damoov.PATHS.items()]
        ),
        "settings": _choices(damoov.DamoovSettings),
        "fetch": _choices(damoov.FetchSettings),
        "options": _choices(damoov.Options),
        "numbers": table(
            ["Kind of item", "Kind", "Slot"],
            [
                [_code(kind), str(number), str(damoov.SLOTS.get(kind, "never sent"))]
                for number, kind in enumerate(damoov.KINDS)
            ],
        ),
    }


def _detail_keys(struct: type[msgspec.Struct]) -> str:
    details = next(field.type for field in msgspec.structs.fields(struct) if field.name == "details")
    return ", ".join(_code(field.encode_name) for field in msgspec.structs.fields(_bare(details)))


def _nested(structs: Iterable[type[msgspec.Struct]]) -> Iterator[str]:
    """A table of each struct, and of each that it holds, once; a notification's own fields have a table already."""
    seen: dict[type[msgspec.Struct], None] = {}
    waiting = list(structs)
    while waiting:
        struct = waiting.pop(0)
        waiting += [inner for field in msgspec.structs.fields(struct) for inner in _structs_in(field.type)]
        if struct not in seen and not issubclass(struct, damoov.Notification):
            seen[struct] = None
            yield f"**{struct.__name__}**: {described(struct.__name__, struct.__doc__)}\n\n{_fields(struct)}"


def _fields(struct: type[msgspec.Struct]) -> str:
    rows = []
    for field in inspect.type_info(struct).fields:  # type: ignore[attr-defined]  # a struct has them
        one = _properties(struct)[field.encode_name]
        unit = one.get("x-unit", "")
        rows.append(
            [
                _code(field.encode_name),
                _words(one),
                _UNITS.get(unit, unit),
                described(f"{struct.__name__}.{field.name}", one.get("description")),
                "inferred" if one.get("x-inferred") else "",
            ]
        )
    return table(["Field", "Type, range", "Unit", "Meaning", ""], rows)


def _bare(annotation: Any) -> Any:
    """A type without what is said about it."""
    return _bare(annotation.__origin__) if get_origin(annotation) is Annotated else annotation


def _structs_in(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    annotation = _bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    for inner in get_args(annotation):
        yield from _structs_in(inner)


def _choices(struct: type[msgspec.Struct]) -> str:
    """Settings or options."""
    rows = [
        [
            f"`{name}`",
            _words(one),
            f"`{msgspec.json.encode(one['default']).decode()}`",
            described(name, one["description"]),
        ]
        for name, one in _properties(struct).items()
        if not isinstance(one["default"], dict)  # a section of settings has a table of its own
    ]
    return table(["Name", "Values", "Default", "Meaning"], rows)


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _type(struct: type[msgspec.Struct]) -> str:
    return _code(str(struct.__struct_config__.tag))


def _keys(struct: type[msgspec.Struct]) -> str:
    return ", ".join(_code(fact.key) for fact in legacy.facts(struct))


def _properties(struct: type[msgspec.Struct]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"]
    return found


def _shape(struct: type[msgspec.Struct], key: str) -> str:
    return _words(_properties(struct)[key])


def _words(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(map(_words, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "type" not in schema and "items" not in schema:
        return "anything"
    if "$ref" in schema.get("items", {}):
        return f"list of {_words(schema['items'])}"
    if "items" in schema:
        items = schema["items"]
        return "list of scopes" if items.get("enum") == sorted(legacy.SCOPES) else "list"
    names = {"string": "text", "array": "array", "integer": "whole number"}
    words = [names.get(schema["type"], schema["type"])]
    words += [f"from {schema['minimum']:g}"] if "minimum" in schema else []
    words += [f"to {schema['maximum']:g}"] if "maximum" in schema else []
    if "maxLength" in schema:
        least = schema.get("minLength")
        words.append(
            f"of {least} to {schema['maxLength']} characters" if least else f"of up to {schema['maxLength']} characters"
        )
    return " ".join(words)


def _common(message: str, key: str) -> str:
    """The signal, or else the occurrence, that the catalogue gives for a field."""
    signals = [one.name for one in SIGNALS if f"{message}.{key}" in one.names.get("connected_cars_legacy", ())]
    kinds = [one.tag for one in OCCURRENCES if message in one.names.get("connected_cars_legacy", ())]
    if not signals + kinds:
        raise Undocumented(f"{message}.{key} in the catalogue")
    return ", ".join(map(_code, signals or kinds))


def _gated(scope: str) -> str:
    """What is left out without the scope: messages, or fields of others."""
    structs = (*legacy.STRUCTS.values(), legacy.Car)
    messages = [_type(struct) for struct in legacy.STRUCTS.values() if struct.scope == scope]
    fields = [_code(fact.key) for struct in structs for fact in legacy.facts(struct) if fact.scope == scope]
    return f"no {', '.join(messages or fields)}"


def pages() -> dict[str, str]:
    """File name -> text of each page that has made tables. Raises ``Undocumented``."""
    makers = {
        "connected-cars-legacy.md": legacy_tables,
        "damoov.md": damoov_tables,
        "drivequant.md": drivequant.page_tables,
    }
    return {name: filled((FOLDER / name).read_text(encoding="utf-8"), make()) for name, make in makers.items()}
