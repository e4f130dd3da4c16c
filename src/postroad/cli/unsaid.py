"""What a target protocol does not say of an event, and why, as far as that can be told from outside.

A fact is said if the output without it would be another one: that is asked of the translation itself. Why it is not
said, if the protocol has no way to say it, is what the table of translation says.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect
from msgspec.structs import replace

from postroad.cli.writing import Address, Writer
from postroad.model.documents import Document
from postroad.model.events import AccessChanged, Event, HarshManoeuvre, MembershipChanged, Report
from postroad.protocols import FACTS

NO_WORD = "the common language has no word for it"


class Unsaid(msgspec.Struct, frozen=True):
    """A fact that is lost."""

    what: str
    """``reading``, ``occurrence`` or ``position`` and its name in the catalogue; or the kind of the event."""
    why: str


class _Fact(msgspec.Struct, frozen=True):
    what: str
    name: str
    """In the table of translation."""
    without: Event | None
    """The event without it; ``None``: the event is the fact."""
    obstacle: str = ""
    """Why it may be unsaid, if it is."""


def unsaid(event: Event, kind: str, address: Address, writer: Writer) -> Iterator[Unsaid]:
    """The facts of the event that the writer does not say. The kind is its item's."""
    written = writer.write(event, address)
    if written and isinstance(event, Report | Document | AccessChanged | MembershipChanged):
        original = event.original
        if original is not None and original.protocol == writer.target.name:
            return  # sent on as it was said
    facts = list(_facts(event, address))
    if not (facts or written):
        yield Unsaid(kind, NO_WORD)
    for fact in facts:
        if written == _write(fact, address, writer, writer.options):
            yield Unsaid(fact.what, _why(event, fact, address, writer))


def _write(fact: _Fact, address: Address, writer: Writer, options: Any) -> list[Any]:
    return [] if fact.without is None else writer.write(fact.without, address, options)


def _facts(event: Event, address: Address) -> Iterator[_Fact]:
    if not isinstance(event, Report):
        nobody = isinstance(event, Document) and address.driver_id is None and address.vehicle_id is None
        tag = str(event.__struct_config__.tag)
        name = f"{tag}.{event.of}" if isinstance(event, AccessChanged) else tag
        yield _Fact(tag, name, None, "whom it is about is not said" if nobody else "")
        return
    for n, one in enumerate(event.occurrences):
        others = event.occurrences[:n] + event.occurrences[n + 1 :]
        obstacle = _weakness(one) if isinstance(one, HarshManoeuvre) else ""
        tag = str(one.__struct_config__.tag)
        yield _Fact(f"occurrence {tag}", tag, replace(event, occurrences=others), obstacle)
    for signal in event.readings:
        others_read = {name: value for name, value in event.readings.items() if name != signal}
        yield _Fact(f"reading {signal}", f"reading.{signal}", replace(event, readings=others_read))
    place = event.position
    if place is not None:
        repeated = "" if place.fix is not False else "it is an older one, repeated"
        yield _Fact("position", "position.latitude_deg", replace(event, position=None), repeated)
        for field in ("altitude_m", "speed_kmh", "heading_deg", "horizontal_error_m", "hdop"):
            if getattr(place, field) is not None:
                without = replace(event, position=replace(place, **{field: None}))
                yield _Fact(f"position {field}", f"position.{field}", without, repeated)


def _weakness(harsh: HarshManoeuvre) -> str:
    if harsh.magnitude_g is None:
        return "its strength in g is not known"
    return "to which side is not known" if harsh.kind == "turn" else "it is too weak to be reported"


def _why(event: Event, fact: _Fact, address: Address, writer: Writer) -> str:
    for what, options in _other_options(writer.options):
        if writer.write(event, address, options) != _write(fact, address, writer, options):
            return f"it needs {what}"
    if fact.obstacle:
        return fact.obstacle
    table = FACTS[writer.target.name]
    way = table.way(fact.name)
    if way is None:
        return table.why(fact.name)
    if not way.write and way.note:
        return way.note
    return f"{writer.target.name} has a word for it, but not for this value, this source and these options"


def _other_options(options: Any) -> Iterator[tuple[str, Any]]:
    """Options that differ in one field, each with its description: every choice of a field that has few.

    Of a field that is not given, its examples.
    """
    for field in inspect.type_info(type(options)).fields:  # type: ignore[attr-defined]  # a struct has them
        value = getattr(options, field.name)
        kind = field.type
        examples: list[str] = []
        while isinstance(kind, inspect.Metadata):
            examples = (kind.extra_json_schema or {}).get("examples", examples)
            kind = kind.type
        for example in examples if value is None else ():
            yield f"the option {field.name}", replace(options, **{field.name: example})
        if isinstance(kind, inspect.BoolType):
            yield f"the option {field.name}", replace(options, **{field.name: not value})
        elif isinstance(kind, inspect.LiteralType):
            for choice in kind.values:
                yield f"the option {field.name} {choice}", replace(options, **{field.name: choice})
        elif isinstance(kind, inspect.FrozenSetType) and isinstance(kind.item_type, inspect.LiteralType):
            for choice in kind.item_type.values:
                yield f"{choice} in the option {field.name}", replace(options, **{field.name: value | {choice}})
