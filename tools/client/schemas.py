"""Schemas of the document as Python: annotations, and structs."""

import builtins
import inspect
import keyword
import textwrap
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_PAGE_FIELDS = {"items", "next_cursor"}
_WIDTH = 110
_NO_LITERALS = (list, dict)


class Unsupported(Exception):
    """The document says something in a way that the generator does not know."""


class Schemas:
    """The named schemas of a document, and which of them the client needs."""

    def __init__(self, components: Mapping[str, Schema]) -> None:
        """``components`` by their names."""
        self._components = components
        self._needed: dict[str, None] = {}

    def annotation(self, schema: Schema) -> str:
        """What a value of it is in Python. Structs that it names are needed from then on."""
        match schema:
            case {"$ref": str(reference)}:
                return self._named(reference.rpartition("/")[2])
            case {"anyOf": [*members]}:
                return union(*(self.annotation(one) for one in members))
            case {"enum": [*values]}:
                return f"Literal[{', '.join(repr(value) for value in values)}]"
            case {"const": value}:
                return f"Literal[{value!r}]"
            case {"type": "array", "prefixItems": [*members]}:
                return f"tuple[{', '.join(self.annotation(one) for one in members)}]"
            case {"type": "array"}:
                return f"Sequence[{self.annotation(schema.get('items', {}))}]"
            case {"type": "object"} if "properties" not in schema:
                values = schema.get("additionalProperties", {})
                return f"Mapping[str, {self.annotation(values if isinstance(values, dict) else {})}]"
            case {"type": "string", "format": "date-time"}:
                return "datetime"
            case {"type": "string"} if "contentEncoding" not in schema and "format" not in schema:
                return "str"
            case {"type": "integer"}:
                return "int"
            case {"type": "number"}:
                return "float"
            case {"type": "boolean"}:
                return "bool"
            case {"type": "null"}:
                return "None"
            case _ if not schema.keys() - {"description", "default", "title"}:
                return "Any"
        raise Unsupported(str(dict(schema)))

    def item_of_page(self, schema: Schema) -> str | None:
        """Of what the page is that a schema describes; ``None``: it is no page."""
        whole = self.resolved(schema)
        if whole.get("properties", {}).keys() != _PAGE_FIELDS:
            return None
        return self.annotation(whole["properties"]["items"]["items"])

    def resolved(self, schema: Schema) -> Schema:
        """The schema that a reference means."""
        reference = schema.get("$ref")
        return schema if reference is None else self._components[reference.rpartition("/")[2]]

    def structs(self) -> str:
        """The source of all structs that were named, and of those that they name; these first."""
        sources: dict[str, str] = {}
        for name in sorted(self._needed):
            self._write(name, sources)
        return "\n\n".join(sources.values())

    def _write(self, name: str, sources: dict[str, str]) -> None:
        if name in sources:
            return
        before, self._needed = self._needed, {}
        source = self._struct(name, self._components[name])
        inner, self._needed = self._needed, before
        if name in inner:
            raise Unsupported(f"{name} holds itself")
        for other in sorted(inner):
            self._write(other, sources)
        sources[name] = source

    def _named(self, name: str) -> str:
        schema = self._components[name]
        if "properties" not in schema and schema.get("type") != "object":
            return self.annotation(schema)  # an enumeration
        self._needed.setdefault(name)
        return name

    def _struct(self, name: str, schema: Schema) -> str:
        if name in dir(builtins):
            raise Unsupported(f"a struct called {name}")
        required = schema.get("required", ())
        lines = [f"class {name}(Representation, frozen=True, kw_only=True):", docstring(schema["description"])]
        for field, said in schema["properties"].items():
            if keyword.iskeyword(field):
                raise Unsupported(f"{name}.{field} is a word of Python's")
            lines.append(f"    {field}: {self._field(said, is_required=field in required)}")
            if "description" in said:
                lines.append(docstring(said["description"]))
        return "\n".join(lines) + "\n"

    def _field(self, schema: Schema, *, is_required: bool) -> str:
        annotation = self.annotation(schema)
        if is_required:
            return annotation
        if "default" not in schema:
            return f"{union(annotation, 'UnsetType')} = UNSET"
        default = schema["default"]
        if isinstance(default, _NO_LITERALS) and default:
            return f"{annotation} = msgspec.field(default_factory=lambda: {default!r})"
        return f"{annotation} = {default!r}"


def union(*annotations: str) -> str:
    """One annotation of several, ``None`` last."""
    is_nullable = any(one == "None" or one.endswith(" | None") for one in annotations)
    others = dict.fromkeys(one.removesuffix(" | None") for one in annotations if one != "None")
    return " | ".join([*others, *(["None"] if is_nullable else [])])


def docstring(text: str, indent: str = "    ", more: str = "") -> str:
    """A docstring of a description, with ``more`` below it."""
    said = "\n\n".join(map(_filled, inspect.cleandoc(text).split("\n\n")))
    said = said.replace("\\", "\\\\").replace('"""', "'''")
    said = said if said.endswith((".", "`", "!", "?")) else said + "."
    body = "\n\n".join(part for part in (said, more) if part)
    closing = "\n" if "\n" in body else ""
    return "\n".join(indent + line if line else "" for line in f'"""{body}{closing}"""'.splitlines())


def _filled(paragraph: str) -> str:
    return paragraph if paragraph.startswith(("-", "|")) else textwrap.fill(paragraph, _WIDTH)
