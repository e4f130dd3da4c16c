"""What ``decode`` and ``translate`` read: a file with what a provider's request would hold, without any hub.

A body is one JSON array, one JSON value, or JSON Lines; an array in a line is a bulk of its own. Only text that is none
of these is refused as a whole, with the place; an item that cannot be read never costs the others.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from postroad.errors import ConfigError, NotFound, PostroadError, WireError
from postroad.model.events import Event, Header
from postroad.protocols import FORMATS, SOURCES
from postroad.protocols.base import Item, SourceProtocol

_Struct = TypeVar("_Struct")
_Named = TypeVar("_Named")
_LISTED = 10
"""Reasons that an error message names at most."""

_SPACE = b" \t\r\n"


class Reading(msgspec.Struct, frozen=True):
    """One item of a file: its bytes, and what was read from them or why it could not be."""

    raw: bytes
    outcome: Item | WireError


class Source(msgspec.Struct, frozen=True):
    """A protocol and the settings that its items are read with."""

    protocol: SourceProtocol
    settings: Any

    def read(self, body: bytes) -> list[Reading]:
        """Every item of a body, in order. Raises ``PostroadError`` for a body that holds none that could be told."""
        return [self._reading(raw) for raw in _split(body, self.protocol.name)]

    def events(self, item: Item, received_us: int | None) -> tuple[Event, ...]:
        """What the item says, received at that instant; ``None``: when it was recorded. Subject and provider are 0."""
        received_us = item.recorded_us if received_us is None else received_us
        header = Header(
            subject_id=0, provider_id=0, recorded_us=item.recorded_us, received_us=received_us, late=item.late
        )
        return self.protocol.events(item, header, self.settings)

    def _reading(self, raw: bytes | WireError) -> Reading:
        if isinstance(raw, WireError):
            return Reading(b"", raw)
        try:
            return Reading(raw, self.protocol.read(raw, self.settings))
        except WireError as error:
            return Reading(raw, error)


def source(name: str, settings: str) -> Source:
    """The protocol of that name, with settings given as JSON. Raises ``NotFound`` or ``ConfigError``."""
    protocol = named(SOURCES, name, "is read")
    return Source(protocol, from_json(settings, protocol.settings_type, "--settings"))


def named(protocols: Mapping[str, _Named], name: str, what: str) -> _Named:
    """One of the protocols. Raises ``NotFound`` with the names of those there are."""
    try:
        return protocols[name]
    except KeyError as exc:
        raise NotFound(f"no protocol {name!r} {what} here; known: {', '.join(protocols)}") from exc


def from_json(text: str, struct: type[_Struct], option: str) -> _Struct:
    """An option's JSON as a struct. Raises ``ConfigError`` that names the option and the field."""
    try:
        return msgspec.json.decode(text, type=struct)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise ConfigError(f"{exc}", field=option) from exc


def quarantined(readings: Sequence[Reading]) -> PostroadError | None:
    """The error that sums up what would be quarantined, items counted from 1; ``None`` if nothing would be."""
    reasons = [
        f"item {n}: {one.outcome}" for n, one in enumerate(readings, start=1) if isinstance(one.outcome, WireError)
    ]
    if not reasons:
        return None
    more = f"; and {len(reasons) - _LISTED} more" if len(reasons) > _LISTED else ""
    return PostroadError(
        f"{len(reasons)} of {len(readings)} would be quarantined: {'; '.join(reasons[:_LISTED])}{more}"
    )


def _split(body: bytes, protocol: str) -> list[bytes | WireError]:
    """The bytes of each item, or why a line is none."""
    if not body.strip(_SPACE):
        raise PostroadError("the input is empty: expected a JSON array, a JSON object or JSON Lines")
    found = _elements(body, protocol)
    if not isinstance(found, WireError):
        return [*found]
    lines = [line for line in body.splitlines() if line.strip(_SPACE)]
    if len(lines) < 2 or isinstance(_elements(lines[0], protocol), WireError):
        raise PostroadError(f"the input is not JSON{_place(body)}") from found
    items: list[bytes | WireError] = []
    for line in lines:
        elements = _elements(line, protocol)
        items += [elements] if isinstance(elements, WireError) else elements
    return items


def _elements(text: bytes, protocol: str) -> list[bytes] | WireError:
    """The elements of a bulk, or the one value that the text is; the error if it is no JSON."""
    text = text.strip(_SPACE)
    try:
        if text.startswith(b"["):
            return FORMATS[protocol].split(text)
        _parse(text)
    except (ValueError, RecursionError):
        return WireError("not_json")
    except WireError as error:
        return error
    return [text]


def _parse(text: bytes) -> None:
    """Raises ``ValueError`` (which a ``JSONDecodeError`` is) or ``RecursionError`` for what is no JSON."""
    json.loads(text.decode(), parse_int=str, parse_float=str, parse_constant=_refuse)


def _refuse(_: str) -> None:
    raise ValueError("not JSON")


def _place(body: bytes) -> str:
    """Where the text stops being JSON, as far as that can be told."""
    try:
        _parse(body)
    except json.JSONDecodeError as error:
        return f": line {error.lineno}, column {error.colno}: {error.msg}"
    except UnicodeDecodeError as error:
        before = body[: error.start]
        line, at = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        return f": line {line}, byte {at}: not UTF-8"
    except RecursionError:
        return ": nested too deeply"
    except ValueError:
        pass  # a word such as NaN, whose place the standard library does not tell
    return ""
