"""The reference of Connected Cars' event types, made from the wire structs and the catalogue of signals."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from postroad.model.catalogue import OCCURRENCES, SIGNALS
from postroad.protocols import connected_cars as cc

WORDS = {
    inspect.BoolType: "boolean",
    inspect.FloatType: "decimal",
    inspect.StrType: "text",
    inspect.NoneType: "null",
}
ADMIN = {
    **dict.fromkeys(("access_granted_to_fleet", "access_granted_to_vehicle"), "event `access_changed`"),
    **dict.fromkeys(("access_removed_from_fleet", "access_removed_from_vehicle"), "event `access_changed`"),
    **dict.fromkeys(("vehicle_added_to_fleet", "vehicle_removed_from_fleet"), "event `membership_changed`"),
}


class Column(msgspec.Struct):
    """What a field is, as a row of a table says it."""

    type: str
    unit: str
    granularity: str
    meaning: str


def column(field: inspect.Field) -> Column:
    """Read a field of a struct, from the outermost annotation to the bare type."""
    extra: dict[str, Any] = {}
    meaning, words, declared = "", (), field.type
    while isinstance(declared, inspect.Metadata):
        schema = declared.extra_json_schema or {}
        extra |= declared.extra or {}
        meaning = meaning or schema.get("description", "")
        words = words or schema.get("examples", ())
        declared = declared.type
    types = declared.types if isinstance(declared, inspect.UnionType) else (declared,)
    named = []
    for one in types:
        while isinstance(one, inspect.Metadata):
            extra = (one.extra or {}) | extra
            one = one.type
        named.append(name_of(one))
    absent = not field.required and "null" not in named
    listed = ", ".join(f"`{word}`" for word in words)
    return Column(
        " or ".join([*named, *(["absent"] if absent or field.default is msgspec.UNSET else [])]),
        extra.get("unit", ""),
        extra.get("granularity", ""),
        ": ".join(part for part in (meaning, listed) if part),
    )


def name_of(declared: inspect.Type) -> str:
    """A type in words; an integer with its width."""
    if isinstance(declared, inspect.IntType):
        if declared.le is None or declared.ge is None:
            return "integer"
        widths = {2**15 - 1: "16-bit integer", 2**31 - 1: "32-bit integer", 2**63 - 1: "64-bit integer"}
        return widths.get(declared.le, f"integer, {declared.ge} to {declared.le}")
    if isinstance(declared, inspect.StructType):
        return "object of " + ", ".join(f"`{field.encode_name}`" for field in declared.fields)
    return WORDS[type(declared)]


def own_fields(name: str) -> Iterator[inspect.Field]:
    """The fields of a type that not every vehicle event has."""
    common = {field.encode_name for field in inspect.type_info(cc.VehicleEvent).fields} - {"vehicleId"}
    if name not in cc.ADMIN_TYPES:
        common.add("vehicleId")
    for field in inspect.type_info(cc.EVENT_TYPES[name]).fields:
        if field.encode_name not in common:
            yield field


def becomes(name: str) -> str:
    """What the type says in the common language."""
    signals = [s for s in SIGNALS for called in s.names.get("connected_cars", ()) if called.split(".")[0] == name]
    parts = [f"`{signal.name}`" for signal in signals]
    parts += [f"occurrence `{kind.tag}`" for kind in OCCURRENCES if name in kind.names.get("connected_cars", ())]
    return ", ".join(parts) or ADMIN[name]


def page(name: str) -> str:
    """Which of the vendor's pages has the type."""
    return "2026-03" if name in cc.NEWER_TYPES else "2023-08"


def said(name: str) -> str:
    """The first paragraph of a struct's description."""
    text = " ".join((cc.EVENT_TYPES[name].__doc__ or "").split("\n\n")[0].split())
    return re.sub(r"``(.+?)``", r"`\1`", text)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rows]) + "\n"


def types_page() -> str:
    """Every type with its fields, units, granularity, slot and signals."""
    simple, others = [], []
    for name in cc.EVENT_TYPES:
        fields = list(own_fields(name))
        (simple if [field.encode_name for field in fields] == ["value"] else others).append(name)
    text = (
        "# Connected Cars event types\n\nThe 46 vehicle event types and 6 admin types of the vendor's page of August "
        "2023, and 6 of its page of March 2026. [The protocol](../protocols/connected-cars.md) says how they are "
        "sent. *Becomes* is the signal or occurrence of the common language; *slot* is the type's number within an "
        "outgoing id. Where no granularity stands the vendor states none. A field that may be null may be absent.\n\n"
        "## Fields of every vehicle event\n\n" + fields_table(list(inspect.type_info(cc.VehicleEvent).fields))
    )
    text += "\nAdmin events have `id`, `time` and `organizationKey` of these.\n\n## Types of one value\n\n"
    rows = []
    for name in sorted(simple, key=cc.SLOTS.__getitem__):
        (field,) = own_fields(name)
        one = column(field)
        kind = one.type.removeprefix("64-bit ")
        rows.append(
            [str(cc.SLOTS[name]), f"`{name}`", kind, one.unit, one.granularity, said(name), becomes(name), page(name)]
        )
    text += table(["slot", "`type`", "`value`", "unit", "granularity", "says", "becomes", "page"], rows)
    for name in sorted(others, key=cc.SLOTS.__getitem__):
        text += f"\n## `{name}`\n\n{said(name)} Slot {cc.SLOTS[name]}, page {page(name)}. Becomes: {becomes(name)}.\n\n"
        text += fields_table(list(own_fields(name)))
    return text + (
        f"\n## Any other type\n\nAn event of a type that is not listed here is kept whole, and sent on whole to a "
        f"subscription that has `{cc.OTHER}` among its types. Slot {cc.SLOTS[cc.OTHER]}.\n"
    )


def fields_table(fields: Sequence[inspect.Field]) -> str:
    """A row for each field."""
    rows = []
    for field in fields:
        one = column(field)
        rows.append([f"`{field.encode_name}`", one.type, one.unit, one.granularity, one.meaning])
    return table(["field", "type", "unit or format", "granularity", "meaning"], rows)
