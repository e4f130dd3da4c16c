"""``postroad translate``: what one protocol would send of another's request, without a hub."""

from collections.abc import Iterable, Sequence
from typing import BinaryIO

import click

from postroad.cli.instants import Instant
from postroad.cli.output import messages, print_lines
from postroad.cli.reading import Reading, Source, from_json, named, quarantined, source
from postroad.cli.unsaid import NO_WORD, Unsaid, unsaid
from postroad.cli.writing import Writer
from postroad.errors import ConfigError, WireError
from postroad.protocols import TARGETS
from postroad.protocols.base import Outgoing
from postroad.protocols.parcel import unpacked


@click.command("translate", short_help="Show what one protocol would send of another's request.")
@click.argument("file", type=click.File("rb"))
@click.option("--from", "source_name", required=True, metavar="PROTOCOL", help="How FILE is to be read.")
@click.option("--to", "target_name", required=True, metavar="PROTOCOL", help="What is to be written.")
@click.option("--settings", default="{}", show_default=True, help="Decoding settings of the first, as JSON.")
@click.option("--options", default="{}", show_default=True, help="Translation options of the second, as JSON.")
@click.option(
    "--bulk",
    is_flag=True,
    help="Print the body of one request instead of a line an event, where requests carry more than one.",
)
@click.option("--received", "received_us", type=Instant(), help="When it was received. Default: when it was recorded.")
def command(
    file: BinaryIO,
    source_name: str,
    target_name: str,
    settings: str,
    options: str,
    bulk: bool,
    received_us: int | None,
) -> None:
    """Print what --to would send of FILE (- is standard input), a request's body in the protocol --from.

    One line of JSON an event; what it does not say itself may be filled from items before it, as in a hub. The ids are
    made up: items stand at the positions 1, 2, 3 of a log, and vehicles, fleets, drivers and users have the numbers
    1, 2, 3, each in order of appearance. What cannot be said is told on standard error, with the reason as far as it is
    known. Exit code 1 if the hub would put an item into quarantine.
    """
    way_in = source(source_name, settings)
    target = named(TARGETS, target_name, "is written")
    writer = Writer(target, from_json(options, target.options_type, "--options"))
    readings = way_in.read(file.read())
    written, missing = translate(way_in, readings, writer, received_us)
    bodies = [unpacked(one.body).body for one in written]
    if bulk and all(contract.item_ceiling == 1 for contract in target.contracts.values()):
        raise ConfigError(f"{target_name} has no bulks: each event is a request of its own", field="--bulk")
    print_lines([target.bulk(bodies)] if bulk else bodies)
    for line in _report(missing):
        messages().print(line)
    if (error := quarantined(readings)) is not None:
        raise error


def translate(
    way_in: Source, readings: Sequence[Reading], writer: Writer, received_us: int | None
) -> tuple[list[Outgoing], list[Unsaid]]:
    """Everything that the target would send, in order, and what it does not say. Item ``n`` is at position ``n``."""
    written: list[Outgoing] = []
    missing: list[Unsaid] = []
    for position, reading in enumerate(readings, start=1):
        item = reading.outcome
        if isinstance(item, WireError):
            continue
        events = way_in.events(item, received_us)
        address = writer.address(item, position)
        kind = way_in.protocol.kinds[item.kind]
        for event in events:
            for one in writer.write(event, address):
                if one.incomplete:
                    wire_type = next(name for name, slot in writer.target.slots.items() if slot == one.slot)
                    missing.append(Unsaid(wire_type, f"it is incomplete: nobody knows its {one.incomplete}"))
                else:
                    written.append(one)
            missing += unsaid(event, kind, address, writer)
            writer.learn(event, address)
        if not events:
            missing.append(Unsaid(kind, NO_WORD))
    return written, missing


def _report(missing: Iterable[Unsaid]) -> list[str]:
    """A line for each thing that was not said, in order of appearance, with the number of times."""
    counts: dict[Unsaid, int] = {}
    for one in missing:
        counts[one] = counts.get(one, 0) + 1
    return [f"not said: {one.what} ({count}x): {one.why}" for one, count in counts.items()]
