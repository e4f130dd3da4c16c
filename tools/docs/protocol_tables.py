"""The tables of protocols' pages, made from their wire structs and filled into the prose that people wrote.

A page has ``<!-- table: NAME -->``, the table, and ``<!-- end -->``; what stands between them is made anew.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import drivequant
import msgspec
from pieces import Undocumented, described, table

from postroad.model.catalogue import OCCURRENCES, SIGNALS
from postroad.protocols import connected_cars_legacy as legacy

FOLDER = Path(__file__).parents[2] / "docs" / "protocols"
_PLACE = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->\n", re.DOTALL)
_UNITS = {"deg": "degrees", "celsius": "°C", "percent": "%"}


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
    if "items" in schema:
        items = schema["items"]
        return "list of scopes" if items.get("enum") == sorted(legacy.SCOPES) else "list"
    names = {"string": "text", "array": "array", "integer": "whole number"}
    words = [names.get(schema["type"], schema["type"])]
    words += [f"from {schema['minimum']:g}"] if "minimum" in schema else []
    words += [f"to {schema['maximum']:g}"] if "maximum" in schema else []
    words += [f"of {schema['minLength']} to {schema['maxLength']} characters"] if "maxLength" in schema else []
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
    makers = {"connected-cars-legacy.md": legacy_tables, "drivequant.md": drivequant.page_tables}
    return {name: filled((FOLDER / name).read_text(encoding="utf-8"), make()) for name, make in makers.items()}
