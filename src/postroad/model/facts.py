"""Every fact that an event can hold, by name: what is translated, one by one.

Names are made from the structs themselves, so that a field that is added is a fact at once: ``position.speed_kmh``,
``reading.odometer_km``, ``ignition.on``, ``trip.path.speed_kmh``. The name of a kind alone (``panic_button``, ``trip``)
is the fact that there was one.
"""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo

from postroad.model.accounts import AccountChange
from postroad.model.catalogue import READINGS
from postroad.model.documents import DeviceStatus, Document
from postroad.model.events import AccessChanged, Event, MembershipChanged, Occurrence, Position, Report

NO_FACTS: Final = frozenset(
    {"header", "original", "key", "revision", "issued", "to_hub", "derived", "of"}
    | {"driver", "vehicle", "fleet", "trip_key", "identifier", "user_identifier", "vehicle_identifier"}
)
"""Fields that say who, which or whence: a receiver is told these in the hub's own ids, or not at all. (The
``identifier`` of ``driver_identified`` is a fact all the same: it is what the reader has read.)"""

STATUS_GROUPS: Final = ("battery", "event", "network", "permission", "phone", "sensor", "setting", "status", "trips")
"""What stands before the point in a name of ``DeviceStatus.changes``: a fact each."""

_TIMED = (Report, AccessChanged, MembershipChanged, DeviceStatus)
"""Events whose only time is that of their header."""


class Fact(msgspec.Struct, frozen=True):
    """One fact."""

    name: str
    kind: str
    """Tag of the event that holds it."""
    group: str
    """What it is part of: a fact that is ``required`` is there whenever another one of its group is."""
    type: Any
    required: bool = False


def facts_of(event: Event) -> dict[str, tuple[Any, ...]]:
    """The facts that an event holds, each with its values: as many as there are points, manoeuvres or occurrences."""
    found: dict[str, list[Any]] = {}
    for name, value in _held(event):
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _held(event: Event) -> Iterator[tuple[str, Any]]:
    tag = str(event.__struct_config__.tag)
    if isinstance(event, _TIMED) and not (isinstance(event, Report) and _is_empty(event)):
        yield f"{tag}.recorded_us", event.header.recorded_us
    match event:
        case Report():
            yield from _held_by_report(event)
        case AccessChanged():
            yield f"{tag}.{event.of}", event.granted
        case _:
            yield tag, True
            yield from _values(tag, event)


def _is_empty(report: Report) -> bool:
    """Whether it holds nothing but, perhaps, an original that the common language has no words for."""
    return report.position is None and not report.readings and not report.occurrences


def _held_by_report(report: Report) -> Iterator[tuple[str, Any]]:
    if report.header.late:
        yield "report.late", True
    if report.from_can:
        yield "report.from_can", True
    if report.position is not None:
        yield from _values("position", report.position)
    for signal, value in report.readings.items():
        yield f"reading.{signal}", value
    for occurrence in report.occurrences:
        tag = str(occurrence.__struct_config__.tag)
        yield tag, True
        yield from _values(tag, occurrence, all_fields=True)


def _values(prefix: str, struct: msgspec.Struct, *, all_fields: bool = False) -> Iterator[tuple[str, Any]]:
    for field in struct.__struct_fields__:
        if field in NO_FACTS and not all_fields:
            continue
        name, value = f"{prefix}.{field}", getattr(struct, field)
        if isinstance(value, msgspec.Struct):
            yield from _values(name, value)
        elif isinstance(value, tuple):
            yield from ((name, True),) if not value and field == "manoeuvres" else ()  # looked for, and none found
            for one in value:
                yield name, True
                yield from _values(name, one)
        elif field == "scores":
            yield from ((f"{name}.{score}", number) for score, number in value.items())
        elif field == "changes":
            yield from ((f"{name}.{what.partition('.')[0]}", (what, said)) for what, said in value.items())
        elif value is not None and value != {} and not (field == "withdrawn" and not value):
            yield name, value


def _declared() -> Iterator[Fact]:
    yield Fact("report.recorded_us", "report", "report", int)
    yield Fact("report.late", "report", "report", bool)
    yield Fact("report.from_can", "report", "report", bool)
    yield from _fields("report", "position", Position)
    for signal in READINGS.values():
        yield Fact(f"reading.{signal.name}", "report", "reading", signal.type)
    for occurrence in get_args(Occurrence):
        tag = str(occurrence.__struct_config__.tag)
        yield Fact(tag, "report", tag, bool, required=True)
        yield from _fields("report", tag, occurrence, all_fields=True)
    for of in ("vehicle", "fleet"):
        yield Fact(f"access_changed.{of}", "access_changed", f"access_changed.{of}", bool, required=True)
    for event in (MembershipChanged, *get_args(AccountChange), *get_args(Document)):
        tag = str(event.__struct_config__.tag)
        yield Fact(tag, tag, tag, bool, required=True)
        yield from _fields(tag, tag, event)
    for timed in _TIMED[1:]:
        tag = str(timed.__struct_config__.tag)
        yield Fact(f"{tag}.recorded_us", tag, tag, int)


def _fields(kind: str, prefix: str, struct: Any, *, all_fields: bool = False) -> Iterator[Fact]:
    for field in msgspec.structs.fields(struct):
        if field.name in NO_FACTS and not all_fields:
            continue
        name, inner, required = f"{prefix}.{field.name}", _bare(field.type), _required(field)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            if get_origin(_given(field.type)) is tuple:
                yield Fact(name, kind, name, bool, required=True)
            yield from _fields(kind, name, inner)
        elif field.name == "scores":
            words = get_args(get_args(field.type)[0])
            yield from (Fact(f"{name}.{score}", kind, name, float) for score in words)
        elif field.name == "changes":
            yield from (Fact(f"{name}.{group}", kind, name, tuple) for group in STATUS_GROUPS)
        else:
            yield Fact(name, kind, prefix, inner, required)


def _required(field: FieldInfo) -> bool:
    return field.default is NODEFAULT and field.default_factory is NODEFAULT


def _given(annotation: Any) -> Any:
    """A type without ``None``."""
    if get_origin(annotation) in (Union, UnionType):
        [annotation] = [one for one in get_args(annotation) if one is not NoneType]
    return annotation


def _bare(annotation: Any) -> Any:
    """What there is one of, or many."""
    annotation = _given(annotation)
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0]
    return str if get_origin(annotation) is Literal else annotation


FACTS: Final[Mapping[str, Fact]] = {fact.name: fact for fact in _declared()}
"""Every fact, by name, in the order in which a person wants to see them."""
