"""``postroad decode``: what a provider's request says, without a hub."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, BinaryIO

import click
import msgspec

from postroad.cli.instants import Instant
from postroad.cli.output import print_lines
from postroad.cli.reading import Reading, Source, quarantined, source
from postroad.clock import from_us
from postroad.errors import WireError
from postroad.model.accounts import AccountChange
from postroad.model.events import Event, Identifier
from postroad.protocols import FORMATS
from postroad.protocols.base import UNTIMED_US


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What is printed of an item that can be read."""

    kind: str
    """In the protocol's words."""
    identifier: Identifier
    """Of the vehicle, fleet or user: whose number or name, and which, as the hub compares it."""
    recorded: datetime | None
    """``None``: the item has no time."""
    late: bool
    dedup: str | None
    """Hexadecimal: items of one provider with the same key are one. ``None``: a repeat cannot be told."""
    wire: msgspec.Raw
    """What was said, in the protocol's words, its unknown fields too."""
    events: tuple[dict[str, Any], ...]
    """What it says in the common language."""


class Refusal(msgspec.Struct, frozen=True):
    """What is printed of an item that the hub would put into quarantine."""

    error: str
    """``missing``, ``invalid`` or ``not_json``."""
    field: str | None
    """The path of the field to blame."""


@click.command("decode", short_help="Show what a provider's request says.")
@click.argument("protocol")
@click.argument("file", type=click.File("rb"))
@click.option("--settings", default="{}", show_default=True, help="Decoding settings, as JSON.")
@click.option("--received", "received_us", type=Instant(), help="When it was received. Default: when it was recorded.")
def command(protocol: str, file: BinaryIO, settings: str, received_us: int | None) -> None:
    """Print what FILE (- is standard input) says in PROTOCOL: one line of JSON an item, with its events.

    FILE holds what a request's body would: a JSON array, one object, or JSON Lines. Exit code 1 if the hub would put
    an item into quarantine; its line says why.
    """
    way_in = source(protocol, settings)
    readings = way_in.read(file.read())
    print_lines(lines(way_in, readings, received_us))
    if (error := quarantined(readings)) is not None:
        raise error


def lines(way_in: Source, readings: Sequence[Reading], received_us: int | None) -> Iterator[bytes]:
    """The line of each item, in order."""
    for reading in readings:
        yield msgspec.json.encode(_line(way_in, reading, received_us))


def _line(way_in: Source, reading: Reading, received_us: int | None) -> Line | Refusal:
    item = reading.outcome
    if isinstance(item, WireError):
        return Refusal(item.code, item.field)
    protocol = way_in.protocol
    return Line(
        kind=protocol.kinds[item.kind],
        identifier=Identifier(item.namespace, item.identifier),
        recorded=None if item.recorded_us == UNTIMED_US else from_us(item.recorded_us),
        late=item.late,
        dedup=item.dedup.hex() or None,
        wire=msgspec.Raw(FORMATS[protocol.name].restate(item, reading.raw)),
        events=tuple(map(_plain, way_in.events(item, received_us))),
    )


def _plain(event: Event) -> dict[str, Any]:
    """The event without what only a hub can fill in, and without what stands in ``wire`` already."""
    if isinstance(event, AccountChange):
        plain = msgspec.to_builtins(event)
    else:
        plain = msgspec.to_builtins(msgspec.structs.replace(event, original=None))
        del plain["original"]
    header = event.header
    return {**plain, "header": {name: getattr(header, name) for name in ("recorded_us", "received_us", "late")}}
