"""``postroad schema``: a protocol's wire structs as JSON Schema."""

import inspect
from typing import Any, Literal

import click
import msgspec

from postroad.cli.output import print_json
from postroad.cli.reading import named
from postroad.errors import NotFound
from postroad.protocols import FORMATS, SOURCES, TARGETS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@click.command("schema", short_help="Print a protocol's JSON Schema.")
@click.argument("protocol")
@click.option(
    "--direction", type=click.Choice(["in", "out"]), default="in", show_default=True, help="Taken in, or sent on."
)
@click.option("--type", "wire_type", help="One event or message only, by its type on the wire.")
def command(protocol: str, direction: Literal["in", "out"], wire_type: str | None) -> None:
    """Print the JSON Schema (2020-12) of a request's body in PROTOCOL, or of one of its types.

    Titles are the names of the structs in `postroad.protocols`; `x-unit` and `x-granularity` stand beside numbers.
    """
    print_json(schema(protocol, direction, wire_type))


def schema(protocol: str, direction: Literal["in", "out"], wire_type: str | None = None) -> dict[str, Any]:
    """The schema. Raises ``NotFound`` for what there is none of."""
    named(SOURCES if direction == "in" else TARGETS, protocol, "is read" if direction == "in" else "is written")
    shape = FORMATS[protocol]
    if wire_type is not None and wire_type not in shape.types:
        raise NotFound(f"{protocol} has no type {wire_type!r}; it has: {', '.join(shape.types)}")
    wanted = shape.body if wire_type is None else shape.types[wire_type]
    choices = wanted if isinstance(wanted, tuple) else (wanted,)
    bodies, components = msgspec.json.schema_components(choices, ref_template="#/$defs/{name}")
    body = bodies[0] if len(bodies) == 1 else {"anyOf": bodies}
    for component in components.values():
        component.pop("additionalProperties", None)  # what is not known is kept, not refused
        component["description"] = inspect.cleandoc(component["description"])
    title = f"{protocol}, {direction}" + (f": {wire_type}" if wire_type else "")
    return {"$schema": DIALECT, "title": title, **body, "$defs": components}
