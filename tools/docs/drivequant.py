"""The reference of DriveQuant's bodies and the tables of its page, made from the wire structs."""

from collections.abc import Iterator

import msgspec
from msgspec import inspect
from pieces import described, table

from postroad.protocols import drivequant as dq
from postroad.protocols.drivequant.events import CHANGE_GROUPS

_WORDS = {
    inspect.BoolType: "boolean",
    inspect.FloatType: "number",
    inspect.IntType: "whole number",
    inspect.StrType: "text",
    inspect.DictType: "map",
    inspect.StructType: "object",
}


def bodies_page() -> str:
    """Every member of every service's body."""
    text = (
        "# DriveQuant bodies\n\nThe members of the bodies that [DriveQuant](../protocols/drivequant.md) pushes, as far "
        "as the vendor publishes or its open SDKs show them. All but the identifiers marked as required may be absent "
        "or null, and any member that is not listed is kept. An instant is text: `2025-01-30T07:23:22.000+0000`.\n"
    )
    for service, struct in dq.PUSHES.items():
        text += f"\n## `{service}`\n\n{described(service, struct.__doc__)}\n\n"
        text += table(["member", "type", "unit or range", "meaning"], list(_rows(struct, "")))
    return text


def page_tables() -> dict[str, str]:
    """Tables of the protocol's page."""
    return {
        "services": table(
            ["Service", "Kind, slot", "Contract", "What it tells"],
            [
                [
                    f"`{service}`",
                    str(dq.SLOTS[service]),
                    f"[`{dq.CONTRACTS[service].name}`](../reference/contracts.md)",
                    described(service, (struct.__doc__ or "").split("\n\n")[0]),
                ]
                for service, struct in dq.PUSHES.items()
            ],
        ),
        "changes": table(
            ["Members of", "Name of a change"],
            [[f"`{group}`", f"`{prefix}.` and the member's name"] for group, prefix in CHANGE_GROUPS.items()]
            + [["`smartphoneData`", "`phone.` and the member's name"], ["`status`", "`status`"]],
        ),
        "settings": _choices(dq.DriveQuantSettings),
        "options": _choices(dq.Options),
    }


def _choices(struct: type[msgspec.Struct]) -> str:
    properties = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"]
    rows = []
    for name, one in properties.items():
        values = ", ".join(f"`{value}`" for value in one.get("enum", ("true", "false")))
        default = msgspec.json.encode(one["default"]).decode()
        rows.append([f"`{name}`", values, f"`{default}`", described(name, one.get("description"))])
    return table(["Name", "Values", "Default", "Meaning"], rows)


def _rows(struct: type[msgspec.Struct], path: str) -> Iterator[list[str]]:
    """A row for each member, those of its objects below it."""
    for field in inspect.type_info(struct).fields:
        name = path + field.encode_name
        facts: dict[str, str] = {}
        kind, inner = _kind(field.type, facts)
        required = ", required" if field.required else ""
        unit = facts.get("x-unit", "instant" if "x-format" in facts else "")
        yield [f"`{name}`", kind + required, unit, described(name, facts.get("description"))]
        if inner is not None:
            yield from _rows(inner, f"{name}{'[]' if kind.startswith('list') else ''}.")


def _kind(declared: inspect.Type, facts: dict[str, str]) -> tuple[str, type[msgspec.Struct] | None]:
    """What a member is, in words, and the struct that it is made of; what is said about it goes into ``facts``."""
    while isinstance(declared, inspect.Metadata | inspect.UnionType):
        if isinstance(declared, inspect.Metadata):
            for name, fact in (declared.extra_json_schema or {}).items():
                facts.setdefault(name, fact)
            declared = declared.type
        else:
            declared = next(one for one in declared.types if not isinstance(one, inspect.NoneType))
    if isinstance(declared, inspect.ListType):
        kind, inner = _kind(declared.item_type, facts)
        return f"list of {kind}s", inner
    return _WORDS[type(declared)], declared.cls if isinstance(declared, inspect.StructType) else None
